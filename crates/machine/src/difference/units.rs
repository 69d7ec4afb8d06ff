//! What becomes of a machine's units, as `switch-to-configuration dry-activate` says it in NixOS' words.

use schemars::JsonSchema;
use serde::Serialize;

/// What a switch does to units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Units {
    /// They are stopped; those that stay stand in `start` again.
    pub stop: Vec<String>,
    /// They are started.
    pub start: Vec<String>,
    /// They are restarted.
    pub restart: Vec<String>,
    /// They read their configuration again.
    pub reload: Vec<String>,
    /// They have changed, and go on as they are until the machine starts again.
    pub untouched: Vec<String>,
}

impl Units {
    /// Reads what `dry-activate` prints: lines such as `would restart the following units: a.service, b.service`.
    pub fn read(text: &str) -> Self {
        let mut units = Self::default();
        for line in text.lines() {
            let Some((what, names)) = line.trim().split_once(" units: ") else { continue };
            let list = match what {
                "would stop the following" => &mut units.stop,
                "would start the following" => &mut units.start,
                "would restart the following" => &mut units.restart,
                "would reload the following" => &mut units.reload,
                "would NOT stop the following changed" | "would NOT restart the following changed" => {
                    &mut units.untouched
                }
                _ => continue,
            };
            list.extend(names.split(", ").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
        }
        units
    }

    /// Does nothing happen to any unit?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::Units;

    #[test]
    fn the_words_of_nixos_are_read() {
        let said = "\
would stop the following units: nginx.service, old.timer
would NOT stop the following changed units: systemd-journal-flush.service
would activate the configuration...
would restart systemd
would reload the following units: dbus.service
would restart the following units: nscd.service, sshd.service
would start the following units: nginx.service
";
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = Units {
            stop: names(&["nginx.service", "old.timer"]),
            start: names(&["nginx.service"]),
            restart: names(&["nscd.service", "sshd.service"]),
            reload: names(&["dbus.service"]),
            untouched: names(&["systemd-journal-flush.service"]),
        };
        assert_eq!(Units::read(said), expected);
        assert!(Units::read("would activate the configuration...\nwould restart systemd\n").is_empty());
    }
}
