//! A proposal as lines of a fleet file.

use super::{Proposal, cards, driver, named};
use crate::Boot;
use crate::scaffold::quoted;
use std::fmt::Write as _;
use storage::Size;
use storage::facts::{Content, Device, Facts};

pub(super) fn write(proposal: &Proposal, facts: &Facts) -> String {
    let (name, seen) = (&proposal.machine, &facts.machine);
    let mut text = String::new();
    let guest = seen.hypervisor.as_ref().map(|word| format!(", a virtual machine ({word})")).unwrap_or_default();
    let cpu = if seen.cpu.is_empty() { "processor" } else { &seen.cpu };
    let memory = Size(seen.memory);
    remark(&mut text, &format!("{name}: {} × {cpu}, {memory} memory, {}{guest}", seen.cpus, seen.arch));
    if seen.arch != "x86_64" {
        remark(&mut text, "homehive manages x86_64 machines: this is none");
    }
    let _ = writeln!(text, "[machines.{name}]");
    let address = proposal.address.map_or_else(|| "REPLACE-WITH-ITS-ADDRESS".to_owned(), |it| it.to_string());
    let _ = writeln!(text, "address = {}", quoted(&address));
    let boot = match proposal.boot {
        Boot::Bios => "bios",
        Boot::Efi => "efi",
    };
    let _ = writeln!(text, "boot = {}", quoted(boot));
    for nic in cards(facts) {
        let mut words = vec![nic.mac.clone(), if nic.up { "up" } else { "down" }.to_owned()];
        words.extend(nic.speed.map(|speed| format!("{speed} Mb/s")));
        words.extend(nic.addresses.iter().cloned());
        words.extend(driver(facts, &nic.name).map(|driver| format!("driver {driver}")));
        remark(&mut text, &format!("{}: {}", nic.name, words.join(", ")));
    }
    match &proposal.interface {
        Some(interface) => {
            let _ = writeln!(text, "interface = {}", quoted(&interface.to_string()));
        }
        None => remark(&mut text, "which of them is to bear the address? interface = \"…\""),
    }
    hardware(proposal, &mut text);
    for (disk, device) in named(facts) {
        text.push('\n');
        remark(&mut text, &about(device));
        for line in holds(facts, &device.name, 0) {
            remark(&mut text, &format!("  {line}"));
        }
        let _ = writeln!(text, "[machines.{name}.storage.disk.{disk}]");
        let Some(declared) = proposal.disks.get(&disk) else { continue };
        let keys = [("device", &declared.device), ("serial", &declared.serial), ("wwn", &declared.wwn)];
        for (key, value) in keys.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            let _ = writeln!(text, "{key} = {}", quoted(value));
        }
        if keys.iter().all(|(_, value)| value.is_none()) {
            remark(&mut text, "nothing tells this disk from another one: no serial number, no lasting link");
        }
    }
    text
}

fn hardware(proposal: &Proposal, text: &mut String) {
    let hardware = &proposal.hardware;
    if hardware.is_default() {
        return;
    }
    let _ = writeln!(text, "\n[machines.{}.hardware]", proposal.machine);
    for (key, modules) in [("modules", &hardware.modules), ("sensors", &hardware.sensors)] {
        let all: Vec<String> = modules.iter().map(|module| quoted(module.as_ref())).collect();
        if !all.is_empty() {
            let _ = writeln!(text, "{key} = [{}]", all.join(", "));
        }
    }
    if let Some(cpu) = hardware.cpu.and_then(|cpu| serde_json::to_string(&cpu).ok()) {
        let _ = writeln!(text, "cpu = {cpu}");
    }
}

/// A disk in one line.
fn about(device: &Device) -> String {
    let mut words = vec![Size(device.size).to_string()];
    words.extend(device.model.clone());
    words.extend(device.transport.clone());
    words.extend(device.removable.then(|| "removable".to_owned()));
    words.extend(device.rotational.then(|| "spins".to_owned()));
    words.extend(device.wwn.as_ref().map(|wwn| format!("wwn {wwn}")));
    words.extend(device.links.iter().find(|link| link.contains("/by-id/")).cloned());
    words.join(", ")
}

/// What a device holds now, and what lies on it.
fn holds(facts: &Facts, name: &str, depth: usize) -> Vec<String> {
    let indent = "  ".repeat(depth);
    let mut lines = Vec::new();
    if let Some(device) = facts.device(name) {
        let mut line = format!("{indent}{}: {}", device.name, content(&device.content));
        for mount in facts.mounts.iter().filter(|mount| mount.device == name) {
            let _ = write!(line, ", mounted at {}", mount.target);
        }
        lines.push(line);
    }
    // Arrays and volumes are told once, where they are not below a partition of many.
    for child in facts.children(name).filter(|child| child.partition.is_some() && depth < 4) {
        lines.extend(holds(facts, &child.name, depth + 1));
    }
    lines
}

fn content(content: &Content) -> String {
    match content {
        Content::Blank => "blank".into(),
        Content::Unknown => "unknown content".into(),
        Content::Unreadable => "what cannot be read".into(),
        Content::Table { label, .. } => format!("{label} partition table"),
        Content::Filesystem { format, label, .. } => {
            format!("{format}{}", label.as_ref().map(|label| format!(" {label}")).unwrap_or_default())
        }
        Content::Swap { .. } => "swap".into(),
        Content::Member { name, level, .. } => format!("member of {level} {name}"),
        Content::PhysicalVolume { group, .. } => {
            format!("physical volume of {}", group.as_deref().unwrap_or("no group"))
        }
        Content::Luks { version, .. } => format!("encrypted (LUKS{version})"),
        Content::PoolMember { pool, .. } => format!("device of ZFS pool {}", pool.as_deref().unwrap_or("unknown")),
        Content::Other { name } => name.clone(),
    }
}

/// A comment of one line, whatever a device calls itself.
fn remark(text: &mut String, line: &str) {
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(text, "# {line}");
}
