//! Looks at a device by lsblk and its names below `/dev/disk/by-id`, and opens it so that nobody else can have it.

use super::stick::{BY_ID, Layer, Stick};
use cmd::Cmd;
use machine::{RunError, ask_local, run_local};
use serde::Deserialize;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a device cannot be looked at or opened.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There is no such device.
    #[error("cannot look at {}: {source}", path.display())]
    Access {
        /// As it was named.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else has that name.
    #[error("{} is no block device", .0.display())]
    NoDevice(PathBuf),
    /// lsblk failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// lsblk said something else than what is known of it.
    #[error("what lsblk says of {0} makes no sense: {1}")]
    Sense(String, String),
    /// Something holds it, though nothing shows.
    #[error("{0} is held by the kernel or another program: it is mounted, part of something, or being written")]
    Busy(String),
}

const SOON: Duration = Duration::from_mins(1);

/// Looks at the device that `asked` names.
pub async fn look(asked: &Path) -> Result<Stick, LookError> {
    let access = |source| LookError::Access { path: asked.to_owned(), source };
    let device = fs::canonicalize(asked).map_err(access)?;
    if !fs::metadata(&device).map_err(access)?.file_type().is_block_device() {
        return Err(LookError::NoDevice(asked.to_owned()));
    }
    let mut stick = facts(&device.to_string_lossy()).await?;
    stick.asked = asked.display().to_string();
    stick.by_id = asked.parent() == Some(Path::new(BY_ID));
    stick.names = names(Path::new(BY_ID), &device);
    Ok(stick)
}

/// Opens the device that was looked at: exclusively, so that the kernel refuses it to everybody else and to us if anything
/// uses it, and past the page cache. What is open is looked at once more and has to be `stick` still.
pub async fn open(stick: &Stick) -> Result<Option<File>, LookError> {
    use rustix::fs::OFlags;
    let path = PathBuf::from(&stick.asked);
    let access = |source| LookError::Access { path: path.clone(), source };
    let flags = OFlags::EXCL | OFlags::DIRECT;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened = File::options().read(true).write(true).custom_flags(flags).open(&path);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => LookError::Busy(stick.asked.clone()),
        _ => access(error),
    })?;
    let number = file.metadata().map_err(access)?.rdev();
    let number = format!("/sys/dev/block/{}:{}", rustix::fs::major(number), rustix::fs::minor(number));
    let name = fs::canonicalize(&number).map_err(access)?;
    let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let now = facts(&format!("/dev/{name}")).await?;
    Ok(stick.is_still(&now).then_some(file))
}

/// The names of `device` in `dir`, in order.
fn names(dir: &Path, device: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| fs::canonicalize(path).is_ok_and(|at| at == device))
        .map(|path| path.display().to_string())
        .collect();
    names.sort();
    names
}

async fn facts(device: &str) -> Result<Stick, LookError> {
    let columns = "KNAME,TYPE,SIZE,RM,RO,TRAN,MODEL,SERIAL,PTTYPE,FSTYPE,LABEL,MOUNTPOINTS";
    let lsblk = Cmd::new("lsblk").args(["--json", "--bytes", "--tree", "--output", columns, device]);
    let mut stick = read(device, &run_local(&lsblk, SOON).await?.stdout)?;
    // lsblk knows of contents what udev has noted; where it has noted nothing, the device itself is asked.
    for layer in stick.layers.iter_mut().filter(|layer| layer.content.is_none() && layer.table.is_none()) {
        let blkid = Cmd::new("blkid").args(["--probe", "--output", "export", &format!("/dev/{}", layer.kernel)]);
        // Nothing found and nothing readable are told alike: who may not read it will not write it either.
        let said = ask_local(&blkid, SOON).await?.stdout;
        let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
        (layer.content, layer.label, layer.table) = (value("TYPE="), value("LABEL="), value("PTTYPE="));
    }
    Ok(stick)
}

#[derive(Deserialize)]
struct Said {
    blockdevices: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    kname: String,
    r#type: String,
    size: u64,
    rm: bool,
    ro: bool,
    tran: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    pttype: Option<String>,
    fstype: Option<String>,
    label: Option<String>,
    #[serde(default)]
    mountpoints: Vec<Option<String>>,
    #[serde(default)]
    children: Vec<Self>,
}

/// Reads what lsblk (util-linux 2.37 and later) printed.
fn read(device: &str, text: &str) -> Result<Stick, LookError> {
    let sense = |why: String| LookError::Sense(device.to_owned(), why);
    let mut said: Said = serde_json::from_str(text).map_err(|error| sense(error.to_string()))?;
    let (Some(node), true) = (said.blockdevices.pop(), said.blockdevices.is_empty()) else {
        return Err(sense("not one device".into()));
    };
    let mut layers = Vec::new();
    flatten(&node, &mut layers);
    let plain = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(Stick {
        kernel: node.kname,
        kind: node.r#type,
        bytes: node.size,
        removable: node.rm,
        read_only: node.ro,
        transport: plain(node.tran),
        model: plain(node.model),
        serial: plain(node.serial),
        layers,
        ..Stick::default()
    })
}

fn flatten(node: &Node, layers: &mut Vec<Layer>) {
    layers.push(Layer {
        kernel: node.kname.clone(),
        kind: node.r#type.clone(),
        bytes: node.size,
        table: node.pttype.clone().filter(|_| node.r#type != "part"),
        content: node.fstype.clone(),
        label: node.label.clone(),
        mounts: node.mountpoints.iter().flatten().cloned().collect(),
    });
    node.children.iter().for_each(|child| flatten(child, layers));
}

#[cfg(test)]
mod tests {
    use super::{LookError, look, names, read};
    use crate::medium::stick::Objection;
    use std::path::Path;

    #[test]
    fn what_lsblk_prints_is_read() {
        let stick = read("/dev/sdb", include_str!("lsblk-stick.json")).unwrap();
        assert_eq!(stick.title(), "Ultra, 14.3GiB, serial 4C530001230415117295");
        assert_eq!(
            stick.contents(),
            ["sdb 14.3GiB: dos partition table", "sdb1 200MiB: LVM2_member", "dm-0 196MiB: ext4 «old»"]
        );
        let kinds: Vec<_> = stick
            .objections(1, Some("4C530001230415117295"))
            .into_iter()
            .filter(|it| !matches!(it, Objection::NotById(_)))
            .map(|it| it.to_string())
            .collect();
        assert_eq!(kinds, ["dm-0 is mounted on /media/old", "dm-0 is a volume of LVM that is active"]);
        for odd in ["", "{}", "{\"blockdevices\":[]}"] {
            assert!(matches!(read("/dev/sdb", odd), Err(LookError::Sense(..))), "{odd}");
        }
    }

    #[test]
    fn names_that_lead_to_the_device() {
        let dir = tempfile::tempdir().unwrap();
        for (name, target) in [("usb-b", "/dev/null"), ("usb-a", "/dev/null"), ("ata", "/dev/zero"), ("gone", "/none")]
        {
            std::os::unix::fs::symlink(target, dir.path().join(name)).unwrap();
        }
        let found = names(dir.path(), Path::new("/dev/null"));
        let found: Vec<_> = found.iter().map(|name| name.rsplit('/').next().unwrap()).collect();
        assert_eq!(found, ["usb-a", "usb-b"]);
    }

    #[tokio::test]
    async fn what_is_no_device_is_not_looked_at() {
        let error = look(Path::new("/dev/null")).await.unwrap_err().to_string();
        assert_eq!(error, "/dev/null is no block device");
        let error = look(Path::new("/dev/no-such")).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot look at /dev/no-such: "), "{error}");
    }
}
