//! What answered last at a machine's address.

use super::System;
use fleet::HostName;
use std::path::{Path, PathBuf};

/// Whether the installation medium was what answered last: then its key is tried first. A key that is refused costs a
/// handshake, and sshd shuts out who comes too often and leaves at once (`PerSourcePenalties`).
#[derive(Debug)]
pub(super) struct OnMedium(PathBuf);

impl OnMedium {
    pub(super) fn of(dir: &Path, name: &HostName) -> Self {
        Self(dir.join(".homehive/on-medium").join(name.as_ref()))
    }

    pub(super) fn is_marked(&self) -> bool {
        self.0.exists()
    }

    /// Keeps what answered. That it cannot be written is no matter: the other key is tried then.
    pub(super) fn mark(&self, system: System) {
        let _ = match system {
            System::Installer if !self.is_marked() => {
                self.0.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&self.0, ""))
            }
            System::Installed if self.is_marked() => std::fs::remove_file(&self.0),
            _ => Ok(()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{OnMedium, System};

    /// What some other Linux was tells nothing of the next time.
    #[test]
    fn what_answered_last_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let medium = OnMedium::of(dir.path(), &"one".parse().unwrap());
        for (system, marked) in [
            (System::Installed, false),
            (System::Other, false),
            (System::Installer, true),
            (System::Installer, true),
            (System::Other, true),
            (System::Installed, false),
        ] {
            medium.mark(system);
            assert_eq!(medium.is_marked(), marked, "{system:?}");
        }
    }
}
