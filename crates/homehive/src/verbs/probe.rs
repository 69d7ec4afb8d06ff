//! `probe`: what a machine is and what its disks hold.

use super::Context;
use crate::answer;
use crate::args::Probe;
use crate::failure::Failure;
use crate::load::Loaded;
use crate::reach;
use fleet::{HostName, Proposal};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use storage::Size;
use storage::facts::{Content, DeviceKind, Facts};

/// The answer of `probe --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProbeAnswer {
    /// What was found.
    #[serde(flatten)]
    pub facts: Facts,
    /// With `--propose`: lines for the fleet file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposed>,
    /// With `--nix`: the text of a `hardware-configuration.nix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware_configuration: Option<String>,
}

/// What of the answer is no fact of the machine.
pub const ADDED: [&str; 2] = ["proposal", "hardware_configuration"];

/// Lines for the fleet file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Proposed {
    /// What is proposed.
    #[serde(flatten)]
    pub lines: Proposal,
    /// The same as text.
    pub toml: String,
}

pub async fn run(context: &Context, probe: &Probe) -> Result<(), Failure> {
    // A machine of the fleet is known by its pinned key; any other by the user's own known hosts.
    // Without a fleet file, or with a broken one, a machine can still be looked at; in the lab there is always one.
    let loaded = if context.global.in_lab {
        Some(Loaded::for_verb(&context.global)?)
    } else {
        Loaded::read(&context.global.fleet).ok()
    };
    let named = loaded.as_ref().and_then(|loaded| Some((loaded, loaded.machine(&probe.host).ok()?)));
    let machine = match named {
        Some((loaded, ref name)) => reach::reach(loaded, name, None, &context.story).await?.machine,
        None if context.global.in_lab => {
            return Err(Failure::usage(format!("the lab has no machine `{}`", probe.host), "see: homehive lab status"));
        }
        None => reach::anywhere(&probe.host, &context.story).await?,
    };
    let facts = machine.look().await.map_err(|error| {
        Failure::failed(&probe.host, error, format!("mend that, then homehive probe {}", probe.host))
    })?;
    let proposal = match &probe.propose {
        Some(name) => {
            let said = Some(name.as_str()).filter(|name| !name.is_empty());
            Some(propose(&facts, probe, said, named.map(|(_, name)| name))?)
        }
        None => None,
    };
    let nix = match &probe.nix {
        Some(file) => Some((
            Some(file.as_path()).filter(|file| *file != Path::new("-")),
            nixos::scanned(&facts).map_err(|error| Failure::Bug(error.to_string()))?,
        )),
        None => None,
    };
    if let Some((Some(path), file)) = &nix {
        write(path, &file.text)?;
    }
    if context.global.json {
        let hardware_configuration = nix.map(|(_, file)| file.text);
        answer::json("probe", &ProbeAnswer { facts, proposal, hardware_configuration });
        return Ok(());
    }
    match (&proposal, &nix) {
        (Some(_), Some((None, _))) => {
            let help = "give --nix a FILE, or ask for one of them";
            return Err(Failure::usage("both would be printed on standard output", help));
        }
        (Some(proposed), _) => {
            answer::text(&proposed.toml);
            let next = "say what each disk is to hold (`content`), or `homehive disks import` a device tree of disko's";
            answer::aside(format_args!("next: {next}; then {}", context.again("check")));
        }
        (None, Some((None, file))) => answer::text(&file.text),
        (None, Some((Some(path), _))) => answer::text(&format!("wrote {}", path.display())),
        (None, None) => answer::text(&text(&facts)),
    }
    Ok(())
}

/// The proposal under the name that was said, that the fleet knows it by, or that the machine gives itself.
fn propose(facts: &Facts, probe: &Probe, said: Option<&str>, known: Option<HostName>) -> Result<Proposed, Failure> {
    let name = match (said, known) {
        (Some(name), _) => name.parse::<HostName>().map_err(|error| {
            let help = "write a host name: small letters, digits and `-`";
            Failure::usage(format!("`{name}`: {error}"), help)
        })?,
        (None, Some(name)) => name,
        (None, None) => {
            let own = facts.machine.hostname.split('.').next().unwrap_or_default().to_lowercase();
            own.parse().map_err(|error| {
                let help = "say the machine's name: --propose NAME";
                Failure::usage(format!("it calls itself `{}`: {error}", facts.machine.hostname), help)
            })?
        }
    };
    let place = probe.host.rsplit_once('@').map_or(probe.host.as_str(), |(_, place)| place);
    let address: Option<Ipv4Addr> = place.split(':').next().and_then(|place| place.parse().ok());
    let lines = Proposal::of(facts, name.as_ref(), address);
    let toml = lines.to_toml(facts);
    Ok(Proposed { lines, toml })
}

/// Writes a file that is not there yet, or whose text it is already.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if std::fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = made.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::Refused(format!(
            "{} is there already, and says something else\n  move it away, or name another file",
            path.display()
        )),
        _ => Failure::usage(format!("cannot write {}: {error}", path.display()), "name another file"),
    })
}

fn text(facts: &Facts) -> String {
    let machine = &facts.machine;
    let mut text = String::new();
    let boot = if machine.efi { "EFI" } else { "BIOS" };
    let _ = writeln!(
        text,
        "{}: {} {}, {} × {}, {} memory, booted by {boot}",
        machine.hostname,
        machine.arch,
        machine.kernel,
        machine.cpus,
        if machine.cpu.is_empty() { "processor" } else { &machine.cpu },
        Size(machine.memory)
    );
    for nic in &machine.nics {
        let _ = writeln!(text, "  {:8} {} {}", nic.name, nic.mac, if nic.up { "up" } else { "down" });
    }
    for device in facts.devices.iter().filter(|device| device.kind == DeviceKind::Disk) {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let _ = writeln!(
            text,
            "\n{:10} {:>9}  {}  serial {}  wwn {}  {}",
            device.name,
            Size(device.size),
            or_dash(&device.model),
            or_dash(&device.serial),
            or_dash(&device.wwn),
            or_dash(&device.transport),
        );
        if let Some(link) = device.links.iter().find(|link| link.contains("/by-id/")) {
            let _ = writeln!(text, "           {link}");
        }
        branch(facts, &device.name, 1, &mut text);
    }
    text
}

/// What lies on a device, indented; arrays and volumes are shown below each device they lie on.
fn branch(facts: &Facts, name: &str, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    if let Some(device) = facts.device(name) {
        let _ = writeln!(text, "{indent}{}", content(&device.content));
    }
    for child in facts.children(name).filter(|_| depth < 8) {
        let _ = writeln!(text, "{indent}└ {} {}", child.name, Size(child.size));
        branch(facts, &child.name, depth + 1, text);
    }
    for mount in facts.mounts.iter().filter(|mount| mount.device == name) {
        let _ = writeln!(text, "{indent}mounted at {}", mount.target);
    }
}

fn content(content: &Content) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    match content {
        Content::Blank => "blank".into(),
        Content::Unknown => "unknown content".into(),
        Content::Unreadable => "what cannot be read".into(),
        Content::Table { label, .. } => format!("{label} partition table"),
        Content::Filesystem { format, uuid, unfinished, .. } => {
            format!("{format} {}{}", or_none(uuid), if *unfinished { " (unfinished)" } else { "" })
        }
        Content::Swap { .. } => "swap".into(),
        Content::Member { name, level, array, .. } => format!("member of {level} {name} ({array})"),
        Content::PhysicalVolume { uuid, group, .. } => format!("physical volume of {} ({uuid})", or_none(group)),
        Content::Luks { version, uuid, .. } => {
            format!("LUKS{version} {}", uuid.map(|uuid| uuid.to_string()).unwrap_or_default())
        }
        Content::PoolMember { pool, guid, gone, .. } => {
            let gone = if *gone { " (gone)" } else { "" };
            format!("device of ZFS pool {} {}{gone}", or_none(pool), or_none(guid))
        }
        Content::Other { name } => name.clone(),
    }
}
