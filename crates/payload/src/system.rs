//! One machine's system as plain data, and which data no system can be made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// What the system closure of one machine is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// The machine's name on the network.
    pub hostname: String,
    /// The administrator: in `wheel`, sudo without a password, no password of its own.
    pub user: String,
    /// The administrator's public keys, as lines of an `authorized_keys` file.
    pub keys: Vec<String>,
    /// The machine's address.
    pub address: Ipv4Addr,
    /// Bits of the network in the address, 24 for a /24.
    pub prefix: u8,
    /// Where packets leave the network.
    pub gateway: Option<Ipv4Addr>,
    /// The md arrays.
    pub arrays: Vec<Array>,
    /// The LVM volume groups, by name.
    pub volume_groups: Vec<String>,
    /// The filesystems; one of them is `/`.
    pub mounts: Vec<Mount>,
    /// The filesystems without a device.
    #[serde(default)]
    pub nodev: Vec<Nodev>,
    /// The swap areas.
    pub swaps: Vec<Swap>,
    /// Where GRUB goes: whole disks, best as `/dev/disk/by-id/…`.
    pub grub_devices: Vec<String>,
    /// More words for the kernel's command line. `debug_shell=ttyS1` asks for a root shell on that serial line.
    pub kernel_params: Vec<String>,
    /// A word on this generation for the boot menu.
    pub label: String,
    /// What is wrong with it on purpose.
    #[serde(default)]
    pub variant: Variant,
}

/// How a stand-in differs from the plain one, so that a deployment, and its going wrong, can be rehearsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Nothing is different.
    #[default]
    Plain,
    /// As good as the plain one; its demo service says something else.
    Second,
    /// Its demo service fails.
    FailingUnit,
    /// Its network gets an address that nobody can reach.
    CutsNetwork,
    /// Its first process ends, and the kernel panics.
    Panics,
}

/// An md array that the system assembles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Array {
    /// Its name below `/dev/md`.
    pub name: String,
    /// Its UUID as mdadm writes it: `a:b:c:d`, eight hexadecimal digits each.
    pub uuid: String,
}

/// A filesystem that the system mounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The filesystem's UUID.
    pub uuid: String,
    /// Its type as mount(8) knows it: `ext4`, `xfs`, `vfat`.
    pub format: String,
    /// Where it is mounted.
    pub path: String,
    /// Options of mount(8); `defaults` if there is none.
    pub options: Vec<String>,
}

/// A filesystem without a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodev {
    /// What mount(8) takes for its device.
    pub device: String,
    /// Its type as mount(8) knows it: `tmpfs`.
    pub format: String,
    /// Where it is mounted.
    pub path: String,
    /// Options of mount(8); `defaults` if there is none.
    pub options: Vec<String>,
}

/// A swap area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// Its UUID.
    pub uuid: String,
}

/// No system can be made of this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A value cannot stand where it belongs.
    #[error("{what} {value:?} {why}")]
    Value {
        /// What the value is.
        what: &'static str,
        /// The value.
        value: String,
        /// Why it cannot be.
        why: &'static str,
    },
    /// Something is missing that a machine cannot do without.
    #[error("the system has no {0}")]
    Missing(&'static str),
}

impl System {
    /// The filesystem mounted on `/`.
    pub fn root(&self) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.path == "/")
    }

    /// Refuses values that would say something else than themselves in the files that carry them: a colon in a name
    /// of `/etc/passwd`, a line break in a key. A checked fleet has none of these.
    pub fn check(&self) -> Result<(), Unfit> {
        // RFC 1123, 2.1: letters, digits and hyphens, 63 at most.
        every("host name", [&self.hostname], "is no host name", |text| {
            text.len() <= 63 && edged(text) && chars(text, "-")
        })?;
        // useradd(8): `[a-z_][a-z0-9_-]*`, 32 at most.
        every("user", [&self.user], "is no user name of its own", |text| {
            text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                && text.len() <= 32
                && chars(text, "_-")
                && !text.contains(|c: char| c.is_ascii_uppercase())
                && !crate::accounts::TAKEN.contains(&text)
        })?;
        every("key", &self.keys, "is no public key of one line", |text| {
            text.contains(' ') && !text.contains(char::is_control)
        })?;
        every("array", self.arrays.iter().map(|array| &array.name), "is no name below /dev/md", |text| {
            chars(text, "_-.") && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        })?;
        every("array UUID", self.arrays.iter().map(|array| &array.uuid), "is not a:b:c:d", |text| {
            let mut parts = text.split(':');
            let hex = |part: &str| part.len() == 8 && part.bytes().all(|b| b.is_ascii_hexdigit());
            parts.by_ref().take(4).filter(|part| hex(part)).count() == 4 && parts.next().is_none()
        })?;
        every("volume group", &self.volume_groups, "is no name of LVM's", |text| {
            chars(text, "_-.+") && !text.starts_with(['-', '.'])
        })?;
        let uuids = self.mounts.iter().map(|mount| &mount.uuid).chain(self.swaps.iter().map(|swap| &swap.uuid));
        every("filesystem UUID", uuids, "is no UUID", |text| chars(text, "-"))?;
        let devices = self.nodev.iter().map(|nodev| &nodev.device);
        every("mount source", devices, "is nothing to mount from", |text| {
            !text.is_empty() && !text.starts_with('-') && !text.contains(|c: char| c.is_control() || c.is_whitespace())
        })?;
        let formats = self.nodev.iter().map(|nodev| &nodev.format);
        let formats = self.mounts.iter().map(|mount| &mount.format).chain(formats);
        every("filesystem type", formats, "is no type of mount(8)", |text| chars(text, "_-."))?;
        let paths = self.nodev.iter().map(|nodev| &nodev.path);
        let paths = self.mounts.iter().map(|mount| &mount.path).chain(paths);
        every("mount point", paths, "is no absolute path", |text| {
            text.starts_with('/') && !text.contains(char::is_control) && !text.split('/').any(|part| part == "..")
        })?;
        let options = self.nodev.iter().flat_map(|nodev| &nodev.options);
        let options = self.mounts.iter().flat_map(|mount| &mount.options).chain(options);
        every("mount option", options, "is no single option of mount(8)", |text| {
            !text.is_empty() && !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == ',')
        })?;
        every("GRUB device", &self.grub_devices, "is no device path", |text| {
            text.starts_with("/dev/") && !text.contains(char::is_control)
        })?;
        every("kernel parameter", &self.kernel_params, "is no single word", |text| {
            !text.is_empty() && !text.contains(|c: char| c.is_control() || c.is_whitespace())
        })?;
        every("label", [&self.label], "is not one line", |text| text.is_empty() || !text.contains(char::is_control))?;
        if self.prefix > 32 {
            let value = self.prefix.to_string();
            return Err(Unfit::Value { what: "prefix", value, why: "is more than 32 bits" });
        }
        for (missing, what) in [
            (self.root().is_none(), "filesystem for /"),
            (self.keys.is_empty(), "key: nobody could log in"),
            (self.grub_devices.is_empty(), "device for GRUB"),
        ] {
            if missing {
                return Err(Unfit::Missing(what));
            }
        }
        Ok(())
    }
}

/// Only ASCII letters, digits and `more`, and not empty.
fn chars(text: &str, more: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// A letter or digit at both ends.
fn edged(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn every<'a>(
    what: &'static str,
    values: impl IntoIterator<Item = &'a String>,
    why: &'static str,
    fits: impl Fn(&str) -> bool,
) -> Result<(), Unfit> {
    match values.into_iter().find(|value| !fits(value)) {
        Some(value) => Err(Unfit::Value { what, value: value.clone(), why }),
        None => Ok(()),
    }
}
