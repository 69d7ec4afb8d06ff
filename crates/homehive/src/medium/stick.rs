//! A device that a medium is to be written to, as facts, and what speaks against writing it. Pure: looking at the device
//! is another file's business.

use std::fmt;
use storage::Size;

/// Where names that follow a device, and not the order in which it was found, are kept.
pub const BY_ID: &str = "/dev/disk/by-id";

/// A block device, looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stick {
    /// As it was named on the command line.
    pub asked: String,
    /// Was it named below [`BY_ID`]?
    pub by_id: bool,
    /// Its kernel name, `sdb`; it means this device now, and another one tomorrow.
    pub kernel: String,
    /// Its names below [`BY_ID`].
    pub names: Vec<String>,
    /// What it is: `disk`, `part`, `loop`, `lvm`, `raid1`, … as lsblk says.
    pub kind: String,
    /// Bytes.
    pub bytes: u64,
    /// Does the kernel call it removable?
    pub removable: bool,
    /// Is it write-protected?
    pub read_only: bool,
    /// How it is attached: `usb`, `sata`, `nvme`, …
    pub transport: Option<String>,
    /// The model it calls itself.
    pub model: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// What lies on it, itself first.
    pub layers: Vec<Layer>,
}

/// The device itself, a partition, or what is made of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// Its kernel name.
    pub kernel: String,
    /// `disk`, `part`, `crypt`, `lvm`, `raid1`, …
    pub kind: String,
    /// Bytes.
    pub bytes: u64,
    /// Which partition table it holds.
    pub table: Option<String>,
    /// Which filesystem, or other content.
    pub content: Option<String>,
    /// The content's label.
    pub label: Option<String>,
    /// Where it is mounted; `[SWAP]` if it is swapped to.
    pub mounts: Vec<String>,
}

/// One thing that speaks against writing a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It was not named by id; these are its names.
    NotById(Vec<String>),
    /// It is a partition, or something made of others.
    NotWhole(String),
    /// It neither is removable nor hangs on USB.
    NotRemovable(Option<String>),
    /// It is write-protected.
    ReadOnly,
    /// The running system lies on it.
    System(String),
    /// It is mounted, swapped to, or part of something that runs.
    Used { layer: String, how: String, remedy: String },
    /// The image is larger.
    TooSmall { image: u64, device: u64 },
    /// Its content may be destroyed only when it is named.
    Unnamed { word: String, given: Option<String> },
}

/// Where the running system shows.
const SYSTEM: [&str; 6] = ["/", "/usr", "/nix", "/nix/store", "/boot", "/boot/efi"];

impl Stick {
    /// The word that names its content for destruction: its serial number, else the last part of its name.
    pub fn word(&self) -> String {
        let named = || self.names.first().map_or(self.asked.as_str(), String::as_str);
        self.serial.clone().unwrap_or_else(|| named().rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// Everything that speaks against writing `image` bytes to it; `wipe` is the word of consent that was given.
    pub fn objections(&self, image: u64, wipe: Option<&str>) -> Vec<Objection> {
        let mut found = Vec::new();
        if !self.by_id {
            found.push(Objection::NotById(self.names.clone()));
        }
        // A loop device is a whole one, but never a removable one.
        if !["disk", "loop"].contains(&self.kind.as_str()) {
            found.push(Objection::NotWhole(self.kind.clone()));
        }
        if !self.removable && self.transport.as_deref() != Some("usb") {
            found.push(Objection::NotRemovable(self.transport.clone()));
        }
        if self.read_only {
            found.push(Objection::ReadOnly);
        }
        for (at, layer) in self.layers.iter().enumerate() {
            found.extend(layer.used(at == 0));
        }
        if image > self.bytes {
            found.push(Objection::TooSmall { image, device: self.bytes });
        }
        let word = self.word();
        if wipe != Some(word.as_str()) {
            found.push(Objection::Unnamed { word, given: wipe.map(str::to_owned) });
        }
        found
    }

    /// Is `other` the same device, holding the same? Asked again when the device is open and nobody else can have it.
    pub fn is_still(&self, other: &Self) -> bool {
        let marks = |it: &Self| (it.kernel.clone(), it.bytes, it.model.clone(), it.serial.clone(), it.layers.clone());
        marks(self) == marks(other)
    }

    /// What it is, in one line.
    pub fn title(&self) -> String {
        let model = self.model.as_deref().unwrap_or("no model");
        let serial = self.serial.as_deref().map_or_else(|| "no serial number".into(), |it| format!("serial {it}"));
        format!("{model}, {}, {serial}", Size(self.bytes))
    }

    /// What is on it, a line each.
    pub fn contents(&self) -> Vec<String> {
        let told: Vec<String> = self.layers.iter().filter_map(Layer::contents).collect();
        if told.is_empty() { vec!["nothing that any tool knows".into()] } else { told }
    }
}

impl Layer {
    fn used(&self, whole: bool) -> Vec<Objection> {
        let mut found: Vec<_> = self.mounts.iter().map(|place| self.mounted(place)).collect();
        if !whole && self.kind != "part" {
            let (how, remedy) = match self.kind.as_str() {
                "lvm" => ("is a volume of LVM that is active", format!("lvchange --activate n /dev/{}", self.kernel)),
                "crypt" => ("is an open LUKS container", format!("cryptsetup close /dev/{}", self.kernel)),
                kind if kind.starts_with("raid") || kind == "linear" => {
                    ("is an array that runs", format!("mdadm --stop /dev/{}", self.kernel))
                }
                _ => ("is made of it and is in use", format!("give /dev/{} up first", self.kernel)),
            };
            found.push(Objection::Used { layer: self.kernel.clone(), how: how.into(), remedy });
        }
        found
    }

    fn mounted(&self, place: &str) -> Objection {
        if SYSTEM.contains(&place) {
            return Objection::System(place.to_owned());
        }
        let (how, remedy) = match place {
            "[SWAP]" => ("is used as swap".to_owned(), format!("swapoff /dev/{}", self.kernel)),
            place => (format!("is mounted on {place}"), format!("umount {}", cmd::quote(place))),
        };
        Objection::Used { layer: self.kernel.clone(), how, remedy }
    }

    fn contents(&self) -> Option<String> {
        let label = self.label.as_deref().map_or_else(String::new, |label| format!(" «{label}»"));
        let content = match (&self.content, &self.table) {
            (Some(content), _) => format!("{content}{label}"),
            (None, Some(table)) => format!("{table} partition table"),
            (None, None) if self.kind == "part" => "a partition of unknown content".to_owned(),
            (None, None) => return None,
        };
        Some(format!("{} {}: {content}", self.kernel, Size(self.bytes)))
    }
}

impl Objection {
    /// What would mend it, if anything does.
    pub fn remedy(&self) -> String {
        match self {
            Self::NotById(names) => match names.first() {
                Some(name) => format!("name it {name}"),
                None => format!("sticks have names there: ls -l {BY_ID}"),
            },
            Self::NotWhole(_) => "name the whole stick".into(),
            Self::NotRemovable(_) => "name a stick; no word allows this".into(),
            Self::ReadOnly => "move its switch, or take another one".into(),
            Self::System(_) => "take another one; no word allows this".into(),
            Self::Used { remedy, .. } => remedy.clone(),
            Self::TooSmall { .. } => "take a larger one".into(),
            Self::Unnamed { word, .. } => format!("to destroy all that is on it: --wipe {}", cmd::quote(word)),
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotById(_) => f.write_str("it was not named by id, and kernel names change hands from boot to boot"),
            Self::NotWhole(kind) => write!(f, "it is no whole device ({kind})"),
            Self::NotRemovable(transport) => {
                let how = transport.as_deref().map_or_else(String::new, |how| format!(" ({how})"));
                write!(f, "it is not removable{how}, so it is no stick")
            }
            Self::ReadOnly => f.write_str("it is write-protected"),
            Self::System(place) => write!(f, "the running system lies on it ({place})"),
            Self::Used { layer, how, .. } => write!(f, "{layer} {how}"),
            Self::TooSmall { image, device } => {
                write!(f, "the image has {image} bytes, and it takes no more than {device}")
            }
            Self::Unnamed { word, given: Some(given) } => write!(f, "--wipe names {given}, and this is {word}"),
            Self::Unnamed { given: None, .. } => f.write_str("what is on it would be destroyed, and nobody named it"),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::{Layer, Objection, Stick};

    type Spoil = fn(&mut Stick);

    pub fn stick() -> Stick {
        let name = "/dev/disk/by-id/usb-SanDisk_Ultra_4C53-0:0";
        Stick {
            asked: name.into(),
            by_id: true,
            kernel: "sdb".into(),
            names: vec![name.into()],
            kind: "disk".into(),
            bytes: 16 << 30,
            removable: true,
            read_only: false,
            transport: Some("usb".into()),
            model: Some("Ultra".into()),
            serial: Some("4C53".into()),
            layers: vec![
                Layer { kernel: "sdb".into(), kind: "disk".into(), table: Some("dos".into()), ..Layer::default() },
                Layer {
                    kernel: "sdb1".into(),
                    kind: "part".into(),
                    bytes: 16 << 30,
                    content: Some("vfat".into()),
                    label: Some("PHOTOS".into()),
                    ..Layer::default()
                },
            ],
        }
    }

    fn on(kind: &str) -> Layer {
        Layer { kernel: "dm-0".into(), kind: kind.into(), ..Layer::default() }
    }

    #[test]
    fn only_a_stick_that_was_named_twice_is_written() {
        assert_eq!(stick().objections(1 << 30, Some("4C53")), []);
        let rows: [(&str, Spoil, &str); 12] = [
            ("a kernel name", |it| it.by_id = false, "name it /dev/disk/by-id/usb-SanDisk_Ultra_4C53-0:0"),
            ("a partition", |it| it.kind = "part".into(), "name the whole stick"),
            (
                "a disk inside",
                |it| (it.removable, it.transport) = (false, Some("sata".into())),
                "name a stick; no word allows this",
            ),
            ("write-protected", |it| it.read_only = true, "move its switch, or take another one"),
            ("the system's", |it| it.layers[1].mounts = vec!["/".into()], "take another one; no word allows this"),
            ("mounted", |it| it.layers[1].mounts = vec!["/media/my photos".into()], "umount '/media/my photos'"),
            ("swap", |it| it.layers[1].mounts = vec!["[SWAP]".into()], "swapoff /dev/sdb1"),
            ("LVM", |it| it.layers.push(on("lvm")), "lvchange --activate n /dev/dm-0"),
            ("LUKS", |it| it.layers.push(on("crypt")), "cryptsetup close /dev/dm-0"),
            ("md", |it| it.layers.push(on("raid1")), "mdadm --stop /dev/dm-0"),
            ("small", |it| it.bytes = 1 << 29, "take a larger one"),
            ("another serial", |it| it.serial = Some("77".into()), "to destroy all that is on it: --wipe 77"),
        ];
        for (case, spoil, remedy) in rows {
            let mut it = stick();
            spoil(&mut it);
            let found = it.objections(1 << 30, Some("4C53"));
            assert_eq!(found.iter().map(Objection::remedy).collect::<Vec<_>>(), [remedy], "{case}: {found:?}");
        }
    }

    #[test]
    fn either_mark_makes_a_stick() {
        for (removable, transport, good) in
            [(true, None, true), (false, Some("usb"), true), (true, Some("sata"), true), (false, None, false)]
        {
            let it = Stick { removable, transport: transport.map(str::to_owned), ..stick() };
            assert_eq!(it.objections(1, Some("4C53")).is_empty(), good, "{removable} {transport:?}");
        }
    }

    #[test]
    fn consent_names_this_very_device() {
        let said = |it: &Stick, wipe| it.objections(1, wipe).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(said(&stick(), None), ["what is on it would be destroyed, and nobody named it"]);
        assert_eq!(said(&stick(), Some("4C54")), ["--wipe names 4C54, and this is 4C53"]);
        let nameless = Stick { serial: None, ..stick() };
        assert!(
            nameless.objections(1, Some("usb-SanDisk_Ultra_4C53-0:0")).is_empty(),
            "its name, where it has no serial"
        );
    }

    #[test]
    fn what_is_on_it_is_told() {
        assert_eq!(stick().contents(), ["sdb 0.0B: dos partition table", "sdb1 16GiB: vfat «PHOTOS»"]);
        assert_eq!(Stick { layers: Vec::new(), ..stick() }.contents(), ["nothing that any tool knows"]);
        assert_eq!(stick().title(), "Ultra, 16GiB, serial 4C53");
    }

    #[test]
    fn another_device_under_the_same_name_is_not_it() {
        let rows: [Spoil; 4] = [
            |it| it.bytes += 512,
            |it| it.serial = None,
            |it| it.kernel = "sdc".into(),
            |it| it.layers[1].label = Some("TAXES".into()),
        ];
        assert!(stick().is_still(&Stick { asked: "/dev/sdb".into(), ..stick() }));
        for change in rows {
            let mut other = stick();
            change(&mut other);
            assert!(!stick().is_still(&other), "{other:?}");
        }
    }
}
