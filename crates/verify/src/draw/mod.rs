//! The storage stack as a picture: what is drawn ([`Diagram`]), where it goes (`layout`), and the drawing (`svg`). A
//! whole fleet in one picture is `fleet`'s.

mod fleet;
mod layout;
mod stack;
mod svg;

pub use fleet::fleet;
pub use svg::svg;

use schemars::JsonSchema;
use serde::Serialize;

/// What is drawn: parts, what lies on what, and how each fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagram {
    /// The parts; disks are drawn in the order that lets the fewest lines cross.
    pub parts: Vec<Part>,
    /// What lies on what.
    pub links: Vec<Link>,
}

/// One box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Part {
    /// The node's name, such as `disk.sata1`; of parts of one name only the first is drawn.
    pub id: String,
    /// What it is.
    pub kind: PartKind,
    /// Its name, a few characters.
    pub title: String,
    /// Its size, as text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub size: String,
    /// What else to know of it: a serial number, a level, a format.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Parts of one frame are drawn together under its name: a volume group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// How it fares.
    pub health: Health,
    /// How it fares in words: `missing`, `5 of 6 members`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// A disk.
    Disk,
    /// A partition.
    Partition,
    /// An md array.
    Array,
    /// An LVM logical volume.
    Volume,
    /// An opened LUKS container.
    Crypt,
    /// A filesystem and where it is mounted, or swap space; always drawn last.
    Filesystem,
}

/// How a part fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nobody looked.
    #[default]
    Unknown,
    /// All is well.
    Good,
    /// It works, but has lost something, or is being mended.
    Degraded,
    /// It is not there, or does not work.
    Missing,
}

/// A line between two parts, by their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Link {
    /// What carries.
    pub from: String,
    /// What lies on it, or is cached by it.
    pub to: String,
    /// Set if `from` caches `to`: with what, such as `dm-writecache`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
}
