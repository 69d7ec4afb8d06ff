//! The system profile of a machine: its generations, and how one is set. What is in a generation is others' business.

use crate::{Machine, RunError};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The profile whose generations are the system's.
pub const PROFILE: &str = "/nix/var/nix/profiles/system";

/// Asking takes moments, also emulated.
pub(crate) const SOON: Duration = Duration::from_mins(2);

/// One generation of the system profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u64,
    /// The system's store path.
    pub path: String,
    /// When it was made, in seconds since 1970.
    pub date: Option<u64>,
    /// Is it the profile's current one: what the machine is meant to run?
    pub current: bool,
    /// Is it what the machine has booted?
    pub booted: bool,
    /// Is it what the machine runs now?
    pub running: bool,
}

/// Words that make `system` the current generation of the profile `at`, in the store `store` if that is not the
/// machine's own.
pub(crate) fn set(store: Option<&str>, at: &str, system: &str) -> Cmd {
    let words = Cmd::new("nix-env");
    let words = match store {
        Some(store) => words.args(["--store", store]),
        None => words,
    };
    words.args(["-p", at, "--set", system])
}

/// The machine's generations, from old to new.
///
/// # Errors
/// The machine could not be asked.
pub async fn generations(machine: &Machine) -> Result<Vec<Generation>, RunError> {
    Ok(crate::deploy::survey(machine).await?.generations)
}

/// Reads `system-N-link EPOCH PATH`; `profile` is what the profile's link says.
pub(crate) fn read(line: &str, profile: &str, running: &str, booted: &str) -> Option<Generation> {
    let mut words = line.splitn(3, ' ');
    let (link, date, path) = (words.next()?, words.next()?, words.next()?);
    let number = number(link)?;
    Some(Generation {
        number,
        path: path.to_owned(),
        date: date.parse().ok(),
        current: link == profile,
        booted: path == booted,
        running: path == running,
    })
}

/// The number in `system-N-link`.
pub(crate) fn number(link: &str) -> Option<u64> {
    link.rsplit('/').next()?.strip_prefix("system-")?.strip_suffix("-link")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{number, read, set};

    #[test]
    fn links() {
        for (link, expected) in [
            ("system-12-link", Some(12)),
            ("/nix/var/nix/profiles/system-3-link", Some(3)),
            ("system-profiles", None),
            ("system-x-link", None),
            ("system", None),
        ] {
            assert_eq!(number(link), expected, "{link}");
        }
    }

    #[test]
    fn a_generation_knows_whether_it_is_meant_booted_running() {
        let read = |line| read(line, "system-2-link", "/nix/store/b", "/nix/store/a");
        let one = read("system-1-link 1700000000 /nix/store/a").unwrap();
        assert_eq!(
            (one.number, one.date, one.current, one.booted, one.running),
            (1, Some(1_700_000_000), false, true, false)
        );
        let two = read("system-2-link ? /nix/store/b").unwrap();
        assert_eq!((two.date, two.current, two.booted, two.running), (None, true, false, true));
        assert_eq!(read("system-2-link 12"), None);
    }

    #[test]
    fn words() {
        let below = set(Some("local?root=/mnt"), "/mnt/nix/var/nix/profiles/system", "/nix/store/x");
        assert_eq!(
            below.to_string(),
            "nix-env --store 'local?root=/mnt' -p /mnt/nix/var/nix/profiles/system --set /nix/store/x"
        );
    }
}
