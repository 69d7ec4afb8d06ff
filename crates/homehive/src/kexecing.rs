//! From whatever Linux a machine runs into the installer: looked at first, started by kexec, found again by the
//! installer's pinned host key.

use crate::failure::Failure;
use crate::finding::find;
use crate::hostkeys::{HostKeys, INSTALLER, reveal};
use crate::labs;
use crate::load::Loaded;
use crate::medium::{build, key};
use crate::reach;
use crate::rendering;
use crate::verbs::Context;
use fleet::HostName;
use machine::cpio::Archive;
use machine::kexec::{Installer, Link, Survey, start, survey};
use machine::{Address, Machine};
use std::time::Duration;

/// What is to be done.
#[derive(Debug)]
pub struct Order<'a> {
    /// Options and story.
    pub context: &'a Context,
    /// The fleet.
    pub loaded: &'a Loaded,
    /// The machine's name.
    pub name: &'a HostName,
    /// The machine as it answers now.
    pub machine: &'a Machine,
    /// Where else it may answer afterwards, as the user named it.
    pub candidates: &'a [String],
    /// The command that goes on once a failure's reason is mended.
    pub again: &'a str,
}

/// What no installer is smaller than: enough to refuse a machine before anything is built for it.
const LEAST: u64 = 150 << 20;
/// Shutting down, starting, and an initial RAM disk of half a gigabyte to unpack; emulated as well.
const FOUND: Duration = Duration::from_mins(15);

const LOST: &str = "look at its screen for its address, then the same command with --host ADDR; or boot it from the medium. \
                    It is on nobody's disk yet: a reset brings back what it ran";
/// What the fleet's installers are built for, whatever the machine is that homehive runs on.
const BUILT_FOR: &str = "x86_64";

/// Starts the installer; the machine as it answers then.
pub async fn kexec(order: &Order<'_>) -> Result<Machine, Failure> {
    let name = order.name.to_string();
    let again = order.again;
    let failed = |doing: &str, error: &dyn std::fmt::Display| {
        Failure::failed(format!("{name}: {doing}"), error, format!("mend that, then {again}"))
    };
    order.context.story.stage(&name, "is asked whether it can start the installer");
    let seen = survey(order.machine).await.map_err(|error| failed("not looked at", &error))?;
    refuse(&name, &seen, LEAST)?;
    let keys = HostKeys::of(&order.loaded.dir());
    let admins: Vec<String> = order.loaded.fleet.admin.keys.iter().map(ToString::to_string).collect();
    let made = keys.ensure(INSTALLER, admins.iter().map(String::as_str));
    made.map_err(|error| failed("the installer's host key", &error))?;
    let candidates = candidates(order)?;

    let Made { value: installer, files } = if order.context.global.in_lab {
        labs::kexec_installer(order.context, &name).await?
    } else {
        of_fleet(order, &seen.links).await?
    };
    let size = installer.size().map_err(|error| failed("the installer", &error))?;
    refuse(&name, &seen, size)?;
    let carried = seen.links.iter().map(|link| {
        let addresses = link.addresses.iter().map(|(address, bits)| format!("{address}/{bits}"));
        format!("{} {} {}", link.name, link.mac, addresses.collect::<Vec<_>>().join(" "))
    });
    order.context.story.note(&name, format!("its network is carried over: {}", carried.collect::<Vec<_>>().join("; ")));
    start(order.machine, &installer, &order.context.story).await.map_err(|error| failed("not started", &error))?;
    drop(files);
    order.machine.close().await;
    find(&name, &candidates, FOUND, &order.context.story, LOST).await
}

/// An installer, and the files that it is made of as long as it is needed.
pub struct Made {
    /// The installer.
    pub value: Installer,
    /// Files that were made for it; they go with it.
    pub files: Option<tempfile::TempDir>,
}

fn refuse(name: &str, seen: &Survey, size: u64) -> Result<(), Failure> {
    let obstacles = seen.obstacles(BUILT_FOR, size);
    if obstacles.is_empty() {
        return Ok(());
    }
    let lines = obstacles.iter().map(|it| format!("\n  {it}\n    {}", it.remedy())).collect::<Vec<_>>().concat();
    Err(Failure::Refused(format!("{name} cannot start the installer; nothing was done{lines}")))
}

/// Where it may answer: where it answers now, the fleet's address, and what the user names.
fn candidates(order: &Order<'_>) -> Result<Vec<Address>, Failure> {
    let mut found: Vec<Address> = Vec::new();
    let before = order.machine.address().map(|address| (address.host.clone(), address.port));
    for address in reach::installer_at(order.loaded, order.name, before, order.candidates)? {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// The fleet's own installer, built by Nix from the rendered tree.
async fn of_fleet(order: &Order<'_>, links: &[Link]) -> Result<Made, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::failed("no installer", error, format!("mend that, then {}", order.again))
    };
    let secret = HostKeys::of(&order.loaded.dir()).secret(INSTALLER, &reach::unlocking(order.loaded)?);
    let secret = secret.map_err(|error| failed(&error))?;
    let dir = rendering::bring(order.loaded, order.again)?;
    order.context.story.stage("installer", "is built by Nix, which takes long the first time");
    let built = build::build(&dir, "packages.x86_64-linux.installer-kexec").await;
    let built = built.and_then(|built| build::kexec(&built)).map_err(|error| failed(&error))?;
    let value = Installer {
        kernel: built.kernel,
        initrd: vec![built.initrd],
        behind: behind(reveal(&secret), links),
        command_line: built.command_line,
    };
    Ok(Made { value, files: None })
}

/// What the rendered installer looks for in its initial RAM disk: its host key, and the network that is carried over.
fn behind(secret: &str, links: &[Link]) -> Vec<u8> {
    let mut archive = Archive::new();
    archive.directory("installer-key", 0o700);
    archive.file(&format!("installer-key/{}", key::FILE), 0o600, format!("{}\n", secret.trim_end()).as_bytes());
    archive.directory("installer-key/network", 0o755);
    for (at, link) in links.iter().enumerate() {
        archive.file(&format!("installer-key/network/05-carried-{at}.network"), 0o644, link.networkd().as_bytes());
    }
    archive.finish()
}
