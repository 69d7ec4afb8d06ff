//! What happens in a lab, as it happens; drawing it is the caller's business.

use std::time::Duration;

/// Something worth telling a person who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The guest image is not in the cache and is being built: this step begins.
    ImageStep {
        /// What is being done, in the present tense: `collects the packages`.
        what: &'static str,
    },
    /// Another process builds the same image; its end is waited for.
    ImageWait,
    /// The guest image was built.
    ImageBuilt {
        /// How long it took.
        took: Duration,
    },
    /// A machine's QEMU runs.
    Started {
        /// The machine.
        machine: String,
        /// Where its sshd will listen on 127.0.0.1.
        ssh_port: u16,
    },
    /// A machine's sshd answers.
    Answers {
        /// The machine.
        machine: String,
        /// How long after the wait began.
        took: Duration,
    },
    /// A machine is off.
    Off {
        /// The machine.
        machine: String,
    },
}

/// Whoever wants to know.
pub type Observer<'a> = &'a (dyn Fn(Event) + Send + Sync);
