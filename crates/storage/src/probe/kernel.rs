//! What the kernel says in files under `/proc` and `/sys`, each line behind the file's name: mounts, swap space, arrays,
//! network interfaces; and what it says of the machine.

use super::hardware;
use crate::facts::{FactsError, Machine, Member, MemberState, Nic};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The files' lines.
pub(super) struct Files<'a>(BTreeMap<&'a str, Vec<&'a str>>);

/// A mount of a filesystem, by its device's number (`8:1`) and source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MountLine {
    pub number: String,
    pub source: String,
    pub root: String,
    pub target: String,
    pub format: String,
    pub read_only: bool,
    /// What stands behind `subvol=` in the options of a btrfs: the subvolume that the mounted part lies in.
    pub subvolume: Option<String>,
}

/// An array as the kernel has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ArrayLines {
    pub device: String,
    pub uuid: Option<Uuid>,
    pub level: String,
    pub metadata: Option<String>,
    pub active: bool,
    pub devices: u32,
    pub members: Vec<Member>,
    pub action: Option<String>,
    pub done: u32,
    pub left: Option<u64>,
}

impl<'a> Files<'a> {
    /// Splits `grep -H` lines.
    pub fn parse(text: &'a str) -> Result<Self, FactsError> {
        let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (path, line) in text.lines().filter_map(|line| line.split_once(':')) {
            files.entry(path).or_default().push(line);
        }
        let files = Self(files);
        match files.one("/proc/sys/kernel/hostname") {
            Some(_) if !files.lines("/proc/self/mountinfo").is_empty() => Ok(files),
            _ => Err(FactsError::Garbled { section: "files".into(), reason: "no host name or no mounts".into() }),
        }
    }

    fn lines(&self, path: &str) -> &[&'a str] {
        self.0.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn one(&self, path: &str) -> Option<&'a str> {
        self.lines(path).first().map(|line| line.trim())
    }

    /// Names under a directory, of which `file` is the last part of the path.
    fn names(&self, directory: &str, file: &str) -> Vec<&'a str> {
        self.0.keys().filter_map(|path| path.strip_prefix(directory)?.strip_suffix(file)).collect()
    }

    /// All mounts, in the kernel's order; proc(5) tells the form.
    pub fn mounts(&self) -> Vec<MountLine> {
        let lines = self.lines("/proc/self/mountinfo").iter().filter_map(|line| {
            let (own, source) = line.split_once(" - ")?;
            let own: Vec<_> = own.split(' ').collect();
            let source: Vec<_> = source.split(' ').collect();
            let [_, _, number, root, target, options, ..] = own.as_slice() else { return None };
            let [format, from, ..] = source.as_slice() else { return None };
            let subvolume =
                source.get(2).and_then(|options| options.split(',').find_map(|it| it.strip_prefix("subvol=")));
            Some(MountLine {
                number: (*number).to_owned(),
                source: plain(from),
                root: plain(root),
                target: plain(target),
                format: (*format).to_owned(),
                read_only: options.split(',').any(|option| option == "ro"),
                subvolume: subvolume.filter(|_| *format == "btrfs").map(plain),
            })
        });
        lines.collect()
    }

    /// Paths of devices and files in use as swap space.
    pub fn swaps(&self) -> Vec<String> {
        let lines = self.lines("/proc/swaps").iter().skip(1);
        lines.filter_map(|line| line.split_ascii_whitespace().next()).map(plain).collect()
    }

    /// Arrays that have been begun; the kernel's `Documentation/admin-guide/md.rst` tells what the files say.
    pub fn arrays(&self) -> Vec<ArrayLines> {
        let mut found = Vec::new();
        for device in self.names("/sys/block/", "/md/array_state") {
            let base = format!("/sys/block/{device}/md");
            let one = |file: &str| self.one(&format!("{base}/{file}"));
            let state = one("array_state").unwrap_or_default();
            if state == "clear" {
                continue;
            }
            let members = self.names(&format!("{base}/dev-"), "/state").into_iter().map(|member| {
                let flags = one(&format!("dev-{member}/state")).unwrap_or_default();
                let slot = one(&format!("dev-{member}/slot")).and_then(|slot| slot.parse().ok());
                let is = |flag: &str| flags.split(',').any(|word| word == flag);
                let state = match slot {
                    _ if is("faulty") => MemberState::Faulty,
                    _ if is("in_sync") => MemberState::InSync,
                    Some(_) if is("replacement") => MemberState::Replacing,
                    Some(_) => MemberState::Rebuilding,
                    None => MemberState::Spare,
                };
                Member { device: member.replace('!', "/"), state, slot }
            });
            let action = one("sync_action").filter(|action| !matches!(*action, "idle" | "frozen" | ""));
            // Both in sectors of 512 bytes, whatever the disks have.
            let sectors = one("sync_completed")
                .and_then(|text| text.split_once(" / "))
                .and_then(|(done, all)| Some((done.parse::<u64>().ok()?, all.parse::<u64>().ok()?)));
            let done =
                sectors.and_then(|(done, all)| u32::try_from(u128::from(done) * 1000 / u128::from(all.max(1))).ok());
            // KiB a second.
            let speed = one("sync_speed").and_then(|speed| speed.parse::<u64>().ok()).filter(|speed| *speed > 0);
            let left = sectors.zip(speed).map(|((done, all), speed)| all.saturating_sub(done) / 2 / speed);
            found.push(ArrayLines {
                device: device.to_owned(),
                uuid: one("uuid").and_then(|uuid| Uuid::try_parse(uuid).ok()),
                level: one("level").unwrap_or_default().to_owned(),
                // `none` is an array without notes, `external:…` one with a firmware's.
                metadata: one("metadata_version").filter(|word| !word.is_empty() && *word != "none").map(str::to_owned),
                active: !matches!(state, "inactive" | ""),
                devices: one("raid_disks").and_then(leading).unwrap_or_default(),
                members: members.collect(),
                done: if action.is_some() { done.unwrap_or_default().min(1000) } else { 0 },
                left: left.filter(|_| action.is_some()),
                // The file says `recover` of what /proc/mdstat, mdadm and people call recovery.
                action: action.map(|action| if action == "recover" { "recovery" } else { action }.to_owned()),
            });
        }
        found
    }

    /// The machine itself, from here and from sections `machine`, `links` and `addresses`.
    pub fn machine(&self, text: &str, links: &str, addresses: &str) -> Machine {
        let after = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.map(|rest| rest.trim().trim_start_matches(':').trim())
        };
        let nics = self.names("/sys/class/net/", "/address").into_iter().filter(|name| *name != "lo").map(|name| Nic {
            name: name.to_owned(),
            mac: self.one(&format!("/sys/class/net/{name}/address")).unwrap_or_default().to_owned(),
            up: self.one(&format!("/sys/class/net/{name}/operstate")) == Some("up"),
            // A card without link says -1, or nothing at all.
            speed: self.one(&format!("/sys/class/net/{name}/speed")).and_then(|speed| speed.parse().ok()),
            addresses: hardware::addresses(addresses, name),
        });
        let flags: Vec<&str> = after("flags").unwrap_or_default().split_ascii_whitespace().collect();
        let processors = text.lines().filter(|line| line.starts_with("processor")).count();
        Machine {
            hostname: self.one("/proc/sys/kernel/hostname").unwrap_or_default().to_owned(),
            arch: text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned(),
            kernel: self.one("/proc/sys/kernel/osrelease").unwrap_or_default().to_owned(),
            efi: text.lines().any(|line| line == "efi"),
            cpus: u32::try_from(processors).unwrap_or(u32::MAX).max(1),
            cpu: after("model name").unwrap_or_default().to_owned(),
            vendor: after("vendor_id").unwrap_or_default().to_owned(),
            kvm: hardware::kvm(&flags).map(str::to_owned),
            hypervisor: hardware::hypervisor(self, &flags).map(str::to_owned),
            memory: after("MemTotal").and_then(leading).map_or(0, |kib: u64| kib.saturating_mul(1024)),
            nics: nics.collect(),
            enrol: None,
            drivers: hardware::drivers(links),
        }
    }
}

/// The number that a text starts with; behind it may stand a unit, or what the number was (`6 (5)`).
fn leading<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// Text without the octal escapes that the kernel writes for blanks and backslashes.
fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\') {
            bytes.push(byte);
            rest = &after[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Files, plain};
    use crate::facts::MemberState;

    #[test]
    fn escapes() {
        for (text, expected) in [
            ("/a\\040b", "/a b"),
            ("/a\\", "/a\\"),
            ("\\134\\011", "\\\t"),
            ("/my\\0405", "/my 5"),
            ("/ü\\04", "/ü\\04"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    const BASE: &str = "/proc/sys/kernel/hostname:nas\n/proc/self/mountinfo:1 2 0:1 / / rw - overlay overlay rw\n";

    #[test]
    fn members() {
        for (state, slot, expected) in [
            ("in_sync", "3", MemberState::InSync),
            ("spare", "3", MemberState::Rebuilding),
            ("spare", "none", MemberState::Spare),
            ("in_sync,want_replacement", "3", MemberState::InSync),
            ("spare,replacement", "3", MemberState::Replacing),
            ("faulty", "none", MemberState::Faulty),
            ("faulty,write_error", "2", MemberState::Faulty),
            ("in_sync,write_mostly", "0", MemberState::InSync),
        ] {
            let md = "/sys/block/md127/md";
            let text = format!(
                "{BASE}{md}/array_state:active\n{md}/raid_disks:6 (5)\n{md}/dev-sda/state:{state}\n{md}/dev-sda/slot:{slot}\n"
            );
            let array = Files::parse(&text).unwrap().arrays().remove(0);
            assert_eq!((array.members[0].state, array.devices, array.active), (expected, 6, true), "{state} {slot}");
        }
    }

    #[test]
    fn progress() {
        for (action, completed, speed, expected) in [
            ("resync", "564552 / 2093056", "4096", (Some("resync"), 269, Some(186))),
            ("resync", "564552 / 2093056", "none", (Some("resync"), 269, None)),
            ("idle", "none", "none", (None, 0, None)),
            ("recover", "none", "0", (Some("recovery"), 0, None)),
            ("recover", "0 / 2093056", "0", (Some("recovery"), 0, None)),
            ("check", "9 / 0", "1", (Some("check"), 1000, Some(0))),
        ] {
            let md = "/sys/block/md0/md";
            let text = format!(
                "{BASE}{md}/array_state:clean\n{md}/sync_action:{action}\n{md}/sync_completed:{completed}\n{md}/sync_speed:{speed}\n"
            );
            let array = Files::parse(&text).unwrap().arrays().remove(0);
            assert_eq!((array.action.as_deref(), array.done, array.left), expected, "{action}");
        }
    }

    #[test]
    fn refuses_nothing_at_all() {
        assert!(Files::parse("").is_err());
    }
}
