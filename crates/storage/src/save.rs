//! A save: what stood where a step was about to write, and whether it may be put back. Where saves lie is `machine`'s
//! business.

use crate::facts::{Device, Facts};
use crate::plan::{Guard, overwrite};
use cmd::{Cmd, Line};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Reads areas of a device, and prints each on a line of its own, in base64.
const READ: &str = include_str!("save/read.sh");
/// Writes areas to a device.
const WRITE: &str = include_str!("save/write.sh");

/// Bytes that a disk writes at once or not at all, at least.
const SECTOR: usize = 512;

/// Bytes of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Area {
    /// First byte.
    pub offset: u64,
    /// How many.
    pub length: u64,
}

/// An area that was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// Where.
    #[serde(flatten)]
    pub area: Area,
    /// SHA-256 of what stood there before the step.
    pub before: String,
    /// SHA-256 of what the step left there; none if it did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
}

/// What one step wrote over on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Save {
    /// Version of this schema: 1.
    pub version: u32,
    /// Its name: when it was made, and on what.
    pub name: String,
    /// The machine.
    pub machine: String,
    /// What the step did.
    pub step: String,
    /// By what the device is found again.
    pub known: String,
    /// The device in words.
    pub device: String,
    /// Its partition table, as `sfdisk --dump` prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Is everything that the step wrote within the areas?
    pub whole: bool,
    /// Has it been put back?
    #[serde(default)]
    pub back: bool,
    /// The areas.
    pub areas: Vec<Kept>,
}

/// Why a save is not put back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The step wrote more than was saved.
    #[error(
        "the step ({0}) wrote in more places than were saved, as what makes a filesystem or removes thin volumes does: what was there is gone"
    )]
    Partial(String),
    /// It has been put back.
    #[error("it has been put back already")]
    Back,
    /// The device is not known well enough.
    #[error("{0} has neither serial number nor WWN, so that nobody can tell whether it is the same disk")]
    Nameless(String),
    /// The device is not there, or more than one is.
    #[error("{0} is not there")]
    Absent(String),
    /// Several devices call themselves the same.
    #[error("several devices call themselves {0}")]
    Several(String),
    /// Something uses it.
    #[error("{0}")]
    Used(String),
    /// Something else was written.
    #[error(
        "bytes {offset} to {end} of {device} are neither as they were before the step nor as it left them: something was written over them since"
    )]
    Written {
        /// The device.
        device: String,
        /// First byte.
        offset: u64,
        /// Last byte.
        end: u64,
    },
}

impl Save {
    /// The device that it is of, if it may be written to: there, the same, and nothing on it in use.
    pub fn device<'f>(&self, facts: &'f Facts) -> Result<&'f Device, Unfit> {
        if self.back {
            return Err(Unfit::Back);
        }
        if !self.whole {
            return Err(Unfit::Partial(self.step.clone()));
        }
        if !self.known.contains(", ") {
            return Err(Unfit::Nameless(self.device.clone()));
        }
        let found: Vec<&Device> =
            facts.devices.iter().filter(|device| overwrite::known(facts, device) == self.known).collect();
        match found[..] {
            [] => Err(Unfit::Absent(self.device.clone())),
            [device] => facts.used(device).map_or(Ok(device), |user| Err(Unfit::Used(user))),
            _ => Err(Unfit::Several(self.device.clone())),
        }
    }

    /// Which areas are to be written, given what is in them `now`, in their order; those that are as they were need not be.
    /// `held` has what an area of this number held before the step and behind it, where both are known: of one that was being
    /// put back when that was cut, some sectors are the one and some the other.
    pub fn areas_to_write(
        &self,
        now: &[Vec<u8>],
        held: impl Fn(usize) -> Option<[Vec<u8>; 2]>,
    ) -> Result<Vec<usize>, Unfit> {
        let mut write = Vec::new();
        for (at, kept) in self.areas.iter().enumerate() {
            let digest = now.get(at).map(|bytes| digest(bytes));
            if digest.as_ref() == Some(&kept.before) {
                continue;
            }
            let is_mixed = || held(at).is_some_and(|held| now.get(at).is_some_and(|now| is_mixed(now, &held)));
            if digest.is_none() || kept.left.is_none() || (digest != kept.left && !is_mixed()) {
                let Area { offset, length } = kept.area;
                return Err(Unfit::Written { device: self.device.clone(), offset, end: offset + length - 1 });
            }
            write.push(at);
        }
        // The table comes last: no partition shows before what it holds is there.
        write.reverse();
        Ok(write)
    }
}

/// Is each sector as one of the two has it?
fn is_mixed(now: &[u8], held: &[Vec<u8>; 2]) -> bool {
    let is_held = |at: usize, sector: &[u8]| {
        held.iter().any(|bytes| bytes.chunks(SECTOR).nth(at).is_some_and(|known| known == sector))
    };
    held.iter().all(|bytes| bytes.len() == now.len())
        && now.chunks(SECTOR).enumerate().all(|(at, sector)| is_held(at, sector))
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The command that prints these areas of the device at `path`, one a line, in base64.
pub fn read(path: &str, areas: &[Area]) -> Cmd {
    let words = areas.iter().flat_map(|area| [area.offset.to_string(), area.length.to_string()]);
    Cmd::new("sh").args(["-c", READ, "read.sh", path]).args(words)
}

/// Has the kernel read the partition table of the disk at `path` again; fails if a partition is in use. Whoever only looks at
/// one takes a lock on the disk, as udev does, and is waited for: <https://systemd.io/BLOCK_DEVICE_LOCKING>.
pub fn reread(path: &str) -> Cmd {
    // Not by its path: where a disk was pulled out, flock(1) would make a file of that name.
    let script = "exec 9<\"$1\" && flock --exclusive --timeout=20 9 && exec blockdev --rereadpt \"$1\"";
    Cmd::new("sh").args(["-c", script, "reread", path])
}

/// The lines that write areas, given in base64, to the device at `path`: first it is asked whether it is still the
/// device that `guards` know, and whether nothing uses it.
pub fn write(device: &Device, areas: &[(Area, String)]) -> Vec<Line> {
    let path = device.path.as_str();
    let partitioned = device.kind == crate::facts::DeviceKind::Disk;
    let guards = overwrite::identity(device).into_iter().map(Guard::into);
    let before = partitioned.then(|| reread(path)).map(Line::Run);
    let writes = areas.iter().map(|(area, bytes)| {
        let words = [path.to_owned(), area.offset.to_string()];
        Line::Run(Cmd::new("sh").args(["-c", WRITE, "write.sh"]).args(words).input(bytes.as_str()))
    });
    let settle = Cmd::new("udevadm").args(["settle", "--timeout=100"]);
    let after = partitioned.then(|| reread(path)).into_iter().chain([settle]).map(Line::Run);
    guards.chain(before).chain(writes).chain(after).collect()
}

#[cfg(test)]
mod tests {
    use super::{Area, Kept, SECTOR, Save, Unfit, digest};

    fn save() -> Save {
        Save {
            version: 1,
            name: "n".into(),
            machine: "nas".into(),
            step: "wipe".into(),
            known: "serial 1, 9 bytes".into(),
            device: "disk".into(),
            table: None,
            whole: true,
            back: false,
            areas: Vec::new(),
        }
    }

    #[test]
    fn only_what_the_step_left_is_written_over() {
        let area = |offset| Area { offset, length: 3 };
        let kept =
            |offset, left: Option<&[u8]>| Kept { area: area(offset), before: digest(b"old"), left: left.map(digest) };
        let save = |left| Save { areas: vec![kept(0, left), kept(6, left)], ..save() };
        let written = |offset| Err(Unfit::Written { device: "disk".into(), offset, end: offset + 2 });
        for (case, left, now, expected) in [
            ("both, the table last", Some(&b"new"[..]), ["new", "new"], Ok(vec![1, 0])),
            ("cut while it was put back", Some(b"new"), ["new", "old"], Ok(vec![0])),
            ("as it was", None, ["old", "old"], Ok(vec![])),
            ("written over since", Some(b"new"), ["new", "xyz"], written(6)),
            ("the step did not end", None, ["new", "old"], written(0)),
            ("not read", Some(b"new"), ["", ""], written(0)),
        ] {
            let now: Vec<Vec<u8>> = now.iter().map(|text| text.as_bytes().to_vec()).collect();
            assert_eq!(save(left).areas_to_write(&now, |_| None), expected, "{case}");
        }
    }

    #[test]
    fn an_area_that_was_half_put_back_is_put_back() {
        let area = |byte: u8| vec![byte; 4 * SECTOR];
        let held = [area(1), area(2)];
        let kept = Kept {
            area: Area { offset: 0, length: 4 * SECTOR as u64 },
            before: digest(&held[0]),
            left: Some(digest(&held[1])),
        };
        let save = Save { areas: vec![kept], ..save() };
        let mixed = |bytes: [u8; 4]| bytes.iter().flat_map(|byte| vec![*byte; SECTOR]).collect::<Vec<u8>>();
        let mut torn = mixed([1, 1, 2, 2]);
        torn[SECTOR / 2] = 2;
        for (case, now, is_known, fits) in [
            ("half of it", mixed([1, 1, 2, 2]), true, true),
            ("in no order", mixed([2, 1, 2, 1]), true, true),
            ("what the step left is not known", mixed([1, 1, 2, 2]), false, false),
            ("another sector among them", mixed([1, 3, 2, 2]), true, false),
            ("a sector of both", torn, true, false),
        ] {
            let known = || is_known.then(|| held.clone());
            assert_eq!(save.areas_to_write(&[now], |_| known()).is_ok(), fits, "{case}");
        }
    }
}
