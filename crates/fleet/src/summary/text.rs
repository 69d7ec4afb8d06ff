//! A summary as plain text.

use super::{MachineSummary, Summary};
use crate::{Loader, Network, Ranges};
use std::fmt::Write as _;
use storage::wish::draw;

impl Summary {
    /// The summary as plain text, without colour.
    pub fn to_text(&self) -> String {
        let head = [&*self.fleet, &self.domain, &self.nixpkgs].join(" · ");
        let mut text = format!("fleet {head}\nadmin {}\n", self.admin);
        text += &network(&self.network);
        for machine in &self.machines {
            text.push('\n');
            text += &one(machine);
        }
        if !self.shares.is_empty() {
            text += "\nshares\n";
            let rows = self.shares.iter().map(|share| {
                let size = share.size.map(|size| size.to_string()).unwrap_or_default();
                let place = format!("{}:{}", share.machine, share.volume);
                vec![share.name.clone(), share.kind.word().to_owned(), size, place, share.users.join(", ")]
            });
            text += &table(&rows.collect::<Vec<_>>());
        }
        if !self.services.is_empty() {
            text += "\nservices\n";
            let rows = self.services.iter().map(|service| {
                let at = service.at.clone().unwrap_or_else(|| "an address of the balancer".to_owned());
                vec![service.name.clone(), at, service.port.to_string()]
            });
            text += &table(&rows.collect::<Vec<_>>());
        }
        self.extras(&mut text);
        text
    }

    fn extras(&self, text: &mut String) {
        let mut lines = Vec::new();
        if let Some(monitoring) = &self.monitoring {
            let keep = &monitoring.retention;
            let kept = format!("{} raw, {} by 5 minutes, {} by the hour", keep.raw, keep.five_minutes, keep.one_hour);
            let mail = monitoring.mail.as_ref().map(|mail| format!(", alerts to {}", mail.to)).unwrap_or_default();
            lines.push(format!("monitoring: kept {kept}{mail}"));
        }
        if let Some(upgrades) = &self.upgrades {
            let jitter = upgrades.jitter.map(|span| format!(", up to {span} later")).unwrap_or_default();
            let reboot = upgrades.reboot_window.map(|window| format!(", reboots within {window}")).unwrap_or_default();
            lines.push(format!("upgrades: {}{jitter}{reboot}", upgrades.schedule));
        }
        let deploy = &self.deploy;
        if !deploy.is_default() {
            let order: Vec<String> = deploy.order.iter().map(ToString::to_string).collect();
            let order = if order.is_empty() { String::new() } else { format!(", first {}", order.join(", ")) };
            let (parallel, after) = (deploy.parallel, deploy.rollback_after);
            lines.push(format!("rollout: {parallel} at once{order}, a machine goes back after {after}"));
        }
        lines.extend(self.kubernetes.as_ref().map(|version| format!("Kubernetes: {version}")));
        if !lines.is_empty() {
            let _ = write!(text, "\n{}\n", lines.join("\n"));
        }
    }
}

fn network(network: &Network) -> String {
    let ranges = |ranges: &Ranges| ranges.iter().map(|range| range.to_string()).collect::<Vec<_>>().join(", ");
    let mut parts = vec![network.subnet.to_string()];
    parts.extend(network.gateway.map(|gateway| format!("gateway {gateway}")));
    for (word, given) in [("DHCP", &network.dhcp), ("balancer", &network.balancer)] {
        if !given.is_empty() {
            parts.push(format!("{word} {}", ranges(given)));
        }
    }
    let mut text = format!("network {}\n", parts.join(" · "));
    for (name, address) in &network.hosts {
        let _ = writeln!(text, "host {name} · {address}");
    }
    text
}

fn one(machine: &MachineSummary) -> String {
    let declared = &machine.declared;
    let mut head = vec![format!("machine {}", machine.name), declared.address.to_string()];
    if !declared.role.is_none() {
        head.push(declared.role.word().to_owned());
    }
    if !declared.tags.is_empty() {
        head.push(format!("tags {}", declared.tags.join(", ")));
    }
    let mut lines = vec![head.join(" · ")];
    if declared.ssh != declared.address.to_string() {
        lines.push(format!("  reached at {}", declared.ssh));
    }
    lines.extend(declared.interface.as_ref().map(|it| format!("  network interface {it}")));
    match &machine.loader {
        Some(Loader::Bios(disks)) => {
            let disks: Vec<&str> = disks.iter().map(storage::NodeId::as_str).collect();
            lines.push(format!("  boots by BIOS from {}", disks.join(", ")));
        }
        Some(Loader::Efi(partition)) => lines.push(format!("  boots by EFI from {partition}")),
        None => {}
    }
    lines.push(format!("  time zone {}", declared.timezone));
    for (word, given) in [("packages", &declared.packages), ("modules", &declared.modules)] {
        if !given.is_empty() {
            lines.push(format!("  {word} {}", given.join(", ")));
        }
    }
    lines.extend(declared.configuration.as_ref().map(|it| format!("  configuration {it}")));
    if !machine.storage.is_empty() {
        lines.push("  storage".to_owned());
        lines.extend(draw(&machine.storage).lines().map(|line| format!("    {line}")));
        lines.push("  identities".to_owned());
        let rows =
            machine.identities.iter().map(|it| vec![it.node.to_string(), it.role.to_string(), it.identity.clone()]);
        lines.extend(table(&rows.collect::<Vec<_>>()).lines().map(|line| format!("  {line}")));
    }
    lines.join("\n") + "\n"
}

/// Columns side by side, indented by two.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}
