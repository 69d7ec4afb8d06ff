//! What fuzzers have found worth keeping, through the same targets without a fuzzer: nothing panics.

#![expect(clippy::disallowed_methods, reason = "tests read files and may fall")]

#[path = "../../../fuzz/src/inputs.rs"]
mod inputs;

#[test]
fn the_corpus_holds() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    for (target, run) in inputs::TARGETS {
        let files: Vec<_> =
            std::fs::read_dir(format!("{corpus}/{target}")).unwrap().map(|it| it.unwrap().path()).collect();
        assert!(!files.is_empty(), "{target} has no corpus");
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            assert!(std::panic::catch_unwind(|| run(&bytes)).is_ok(), "{target} falls over {}", file.display());
        }
    }
}
