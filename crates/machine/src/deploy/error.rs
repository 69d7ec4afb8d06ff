//! How a deployment can end badly, and what is known of the machine then.

use crate::RunError;

const AS_BEFORE: &str = "it runs and boots what it did before";
const MENU: &str = "it runs what it did before, but its boot menu could not be set back: the next start may be into the new \
                    system. If /boot is full, remove old generations there (nix-env --profile /nix/var/nix/profiles/system \
                    --delete-generations +3), then deploy again";

/// Why a machine does not run what it should, apart from having taken it back itself. Each says what is known of it.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Somebody else deploys to it.
    #[error(
        "{who} has been deploying to this machine since {since} (seconds since 1970, by its clock); nothing was changed"
    )]
    Busy {
        /// Who.
        who: String,
        /// Since when, in seconds since 1970 by the machine's clock.
        since: String,
    },
    /// The machine does not have what was to be activated.
    #[error("{path} is not on the machine, or is no system; nothing was changed")]
    NotThere {
        /// The store path.
        path: String,
    },
    /// There is no such generation.
    #[error("{what}; its generations: {known}; nothing was changed")]
    NoGeneration {
        /// Which one was asked for.
        what: String,
        /// Those that there are.
        known: String,
    },
    /// The machine's system profile has no generation: no system was installed by a profile.
    #[error("its system profile has no generation to come back to; nothing was changed")]
    NoProfile,
    /// A boot cannot be tried out there.
    #[error("a boot cannot be tried out: {why}; it runs and boots what it did before")]
    NoTrial {
        /// Why.
        why: String,
    },
    /// What comes before the switch failed; profile and boot menu were to be set back.
    #[error("{doing} failed: {log}\n    nothing was switched; {}", if *undone { AS_BEFORE } else { MENU })]
    NotBegun {
        /// What was done.
        doing: &'static str,
        /// The end of what the machine printed.
        log: String,
        /// Were profile and boot menu set back?
        undone: bool,
    },
    /// The machine started again in the middle of it, and has no word of having taken it back.
    #[error(
        "it started again while {doing}, so nothing takes the new system back any more: it runs {running}, and its \
         profile means {current}; look at it, then keep it or go back: homehive rollback"
    )]
    Restarted {
        /// What was done.
        doing: &'static str,
        /// What it runs now.
        running: String,
        /// The system that its profile means.
        current: String,
    },
    /// The machine could not be asked before anything was changed, or between steps that change nothing.
    #[error("{doing}: {source}")]
    Ask {
        /// What was done.
        doing: &'static str,
        /// Why it failed.
        source: RunError,
    },
    /// The machine has not answered since; what is known.
    #[error("{known}: {source}")]
    Lost {
        /// What is known of the machine.
        known: String,
        /// Why it cannot be reached.
        source: RunError,
    },
    /// It runs what it should, and is well, but does not boot it.
    #[error("it runs the new system and is well, but could not be made to boot it: {log}")]
    NotDefault {
        /// What the machine said.
        log: String,
    },
    /// The machine does something that the deployment does not know.
    #[error("the machine is in no state that a deployment knows: {0}; look at it: homehive generations")]
    Odd(String),
}

#[cfg(test)]
mod tests {
    use super::DeployError;

    /// That all is as before is said only where it was set back.
    #[test]
    fn what_was_not_set_back_is_said() {
        for (undone, says) in [(true, "it runs and boots what it did before"), (false, "--delete-generations")] {
            let error = DeployError::NotBegun { doing: "switching", log: "no space left".into(), undone };
            let text = error.to_string();
            assert!(text.contains(says), "{text}");
            assert_eq!(text.contains("the next start may be into the new system"), !undone, "{text}");
        }
    }
}
