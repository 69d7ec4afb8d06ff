//! What is asked again just before a disk is written to: is it still that disk, and is there still nothing on it?

use crate::NodeId;
use crate::facts::Device;
use cmd::{Cmd, Line};
use schemars::JsonSchema;
use serde::Serialize;

/// A question, and the only answer upon which a step goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Guard {
    /// What is asked.
    pub cmd: Cmd,
    /// What it must answer.
    pub output: String,
}

impl From<Guard> for Line {
    fn from(guard: Guard) -> Self {
        Self::Expect { cmd: guard.cmd, output: guard.output }
    }
}

/// Are these still the disks that the facts described? One question if serial numbers tell all of them apart.
pub(super) fn identity(mut disks: Vec<(&NodeId, &Device)>) -> Vec<Guard> {
    let serial = |disk: &(&NodeId, &Device)| disk.1.serial.clone().filter(|serial| plain(serial));
    let mut serials: Vec<_> = disks.iter().filter_map(serial).collect();
    serials.sort();
    serials.dedup();
    let together = disks.len() > 1 && serials.len() == disks.len();
    disks.sort_by_key(serial);
    let (wholes, sort): (Vec<&[_]>, &[&str]) =
        if together { (vec![&disks[..]], &["-x", "SERIAL"]) } else { (disks.chunks(1).collect(), &[]) };
    let guards = wholes.into_iter().map(|disks| {
        // Only what every one of them has, and only characters that lsblk does not rewrite.
        let has = |value: fn(&Device) -> Option<&String>| {
            disks.iter().all(|disk| value(disk.1).is_some_and(|text| plain(text)))
        };
        let (serial, wwn) = (has(|device| device.serial.as_ref()), has(|device| device.wwn.as_ref()));
        let columns = ["SIZE", if serial { ",SERIAL" } else { "" }, if wwn { ",WWN" } else { "" }].concat();
        let cmd = Cmd::new("lsblk").args(["-dnbPo", &columns]).args(sort.iter().copied());
        let cmd = disks.iter().fold(cmd, |cmd, (node, _)| cmd.device(node));
        let lines: Vec<String> = disks.iter().map(|(_, device)| line(device, serial, wwn)).collect();
        Guard { cmd, output: lines.join("\n") }
    });
    guards.collect()
}

fn line(device: &Device, serial: bool, wwn: bool) -> String {
    let mut line = format!("SIZE=\"{}\"", device.size);
    for (name, value) in
        [("SERIAL", device.serial.as_ref().filter(|_| serial)), ("WWN", device.wwn.as_ref().filter(|_| wwn))]
    {
        if let Some(value) = value {
            line.extend([" ", name, "=\"", value, "\""]);
        }
    }
    line
}

/// Is there still no signature on any of these?
pub(super) fn blank(nodes: &[NodeId]) -> Option<Guard> {
    let cmd = nodes.iter().fold(Cmd::new("wipefs").arg("--noheadings"), Cmd::device);
    (!nodes.is_empty()).then(|| Guard { cmd, output: String::new() })
}

fn plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || " -_.:".contains(c))
}
