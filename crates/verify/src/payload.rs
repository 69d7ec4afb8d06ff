//! Which kind of system a machine runs, by the marker that its closure carries.

use crate::{Ask, Reply, Side};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which kind of system closure runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// NixOS.
    Nixos,
    /// The small system of the lab, built from the distribution's packages.
    StandIn,
}

/// Says which payload runs; NixOS carries none.
const MARKER: &str = "/run/current-system/homehive-payload";

impl Payload {
    /// The questions whose answers [`Payload::read`] wants, in this order.
    pub fn asks() -> [Ask; 2] {
        ["/etc/os-release", MARKER].map(|file| Ask::run(Side::Machine, Cmd::new("cat").arg(file)))
    }

    /// Which payload the machine runs; none if its answers do not tell for certain.
    pub fn read(os_release: &Reply, marker: &Reply) -> Option<Self> {
        let (Reply::Printed(os), Reply::Printed(marker)) = (os_release, marker) else { return None };
        if marker.status == 0 {
            return (marker.stdout.trim() == "stand-in").then_some(Self::StandIn);
        }
        let id = os.stdout.lines().find_map(|line| line.strip_prefix("ID="))?;
        (id.trim().trim_matches(['"', '\'']) == "nixos").then_some(Self::Nixos)
    }

    /// The name that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nixos => "NixOS",
            Self::StandIn => "stand-in",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Payload;
    use crate::{Printed, Reply};

    #[test]
    fn is_told_by_marker_and_os_release() {
        let text = |status, text: &str| Reply::Printed(Printed { status, stdout: text.into(), stderr: String::new() });
        let nixos = text(0, "ANSI_COLOR=\"0;38;2;126;186;228\"\nBUILD_ID=\"26.05.20260712.a7fc11b\"\nID=nixos\n");
        let debian = text(0, "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n");
        let absent = text(1, "");
        for (case, os, marker, wanted) in [
            ("nixos", &nixos, &absent, Some(Payload::Nixos)),
            ("stand-in", &debian, &text(0, "stand-in\n"), Some(Payload::StandIn)),
            ("another marker", &nixos, &text(0, "something\n"), None),
            ("a Debian that was never installed by homehive", &debian, &absent, None),
            ("no answer", &nixos, &Reply::Failed("connection lost".into()), None),
            ("no os-release", &absent, &absent, None),
        ] {
            assert_eq!(Payload::read(os, marker), wanted, "{case}");
        }
    }
}
