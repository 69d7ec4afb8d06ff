//! `probe`: what a machine is and what its disks hold.

use super::Context;
use crate::answer;
use crate::args::Probe;
use crate::failure::Failure;
use crate::load::Loaded;
use crate::reach;
use std::fmt::Write as _;
use storage::Size;
use storage::facts::{Content, DeviceKind, Facts};

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
        Some((loaded, name)) => reach::reach(loaded, &name, None, &context.story).await?.machine,
        None if context.global.in_lab => {
            return Err(Failure::usage(format!("the lab has no machine `{}`", probe.host), "see: homehive lab status"));
        }
        None => reach::anywhere(&probe.host, &context.story).await?,
    };
    let facts = machine.look().await.map_err(|error| {
        Failure::failed(&probe.host, error, format!("mend that, then homehive probe {}", probe.host))
    })?;
    if context.global.json {
        answer::json("probe", &facts);
    } else {
        answer::text(&text(&facts));
    }
    Ok(())
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
        Content::Table { label, .. } => format!("{label} partition table"),
        Content::Filesystem { format, uuid, unfinished, .. } => {
            format!("{format} {}{}", or_none(uuid), if *unfinished { " (unfinished)" } else { "" })
        }
        Content::Swap { .. } => "swap".into(),
        Content::Member { name, level, array, .. } => format!("member of {level} {name} ({array})"),
        Content::PhysicalVolume { uuid, group, .. } => format!("physical volume of {} ({uuid})", or_none(group)),
        Content::Other { name } => name.clone(),
    }
}
