//! The parsers as a fuzzer calls them.

mod inputs;

/// Runs a target.
///
/// # Panics
/// There is none of this name, or what must hold does not.
pub fn run(target: &str, bytes: &[u8]) {
    let (_, run) = inputs::TARGETS.iter().find(|(name, _)| *name == target).expect("a target of this name");
    run(bytes);
}
