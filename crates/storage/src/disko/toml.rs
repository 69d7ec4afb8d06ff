//! The imported tree as lines of a fleet file; what was found stands above the lines that it is about.

use super::finding::{Finding, Kind};
use crate::NodeId;
use crate::tree::{Content, Storage};
use crate::wish::{rank, volume_rank};
use serde_json::Value;
use std::fmt::Write as _;

pub(super) fn write(storage: &Storage, findings: &[Finding], machine: &str) -> String {
    let mut text = String::new();
    let base = format!("machines.{machine}.storage");
    for (name, disk) in &storage.disk {
        let id = NodeId::disk(name);
        let head = format!("{base}.disk.{name}");
        device(&mut text, findings, &id, &head, serde_json::to_value(disk).ok(), disk.content.as_ref());
    }
    for (name, array) in &storage.mdadm {
        let id = NodeId::array(name);
        let head = format!("{base}.mdadm.{name}");
        device(&mut text, findings, &id, &head, serde_json::to_value(array).ok(), array.content.as_ref());
    }
    for (name, group) in &storage.lvm_vg {
        let id = NodeId::group(name);
        remarks(&mut text, findings, Some(&id));
        let _ = writeln!(text, "[{base}.lvm_vg.{name}]");
        let whole = serde_json::to_value(group).unwrap_or_default();
        scalars(&mut text, &whole, "lvs");
        let mut order: Vec<_> = group.lvs.iter().collect();
        order.sort_by_key(|(name, volume)| (volume_rank(volume), *name));
        for (volume, declared) in order {
            remarks(&mut text, findings, Some(&id.child(volume)));
            within(&mut text, findings, declared.content.as_ref());
            let _ = writeln!(text, "lvs.{volume} = {}", inline(&whole["lvs"][volume.as_ref()]));
        }
        text.push('\n');
    }
    for (name, pool) in &storage.zpool {
        let id = NodeId::pool(name);
        remarks(&mut text, findings, Some(&id));
        let _ = writeln!(text, "[{base}.zpool.{name}]");
        let whole = serde_json::to_value(pool).unwrap_or_default();
        scalars(&mut text, &whole, "datasets");
        for (path, dataset) in &pool.datasets {
            remarks(&mut text, findings, Some(&id.dataset(path.as_ref())));
            within(&mut text, findings, dataset.content.as_ref());
            let _ = writeln!(text, "datasets.{} = {}", bare(path.as_ref()), inline(&whole["datasets"][path.as_ref()]));
        }
        text.push('\n');
    }
    for (path, nodev) in &storage.nodev {
        remarks(&mut text, findings, Some(&NodeId::nodev(path.as_ref())));
        let _ = writeln!(text, "[{base}.nodev.{}]", bare(path.as_ref()));
        scalars(&mut text, &serde_json::to_value(nodev).unwrap_or_default(), "");
        text.push('\n');
    }
    remarks(&mut text, findings, None);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// A disk or an array: its own lines, then those of its table.
fn device(
    text: &mut String,
    findings: &[Finding],
    id: &NodeId,
    head: &str,
    whole: Option<Value>,
    content: Option<&Content>,
) {
    let whole = whole.unwrap_or_default();
    remarks(text, findings, Some(id));
    let _ = writeln!(text, "[{head}]");
    scalars(text, &whole, "content");
    match content.map(|content| (content, content.table())) {
        None => {}
        Some((_, Some((_, table)))) => {
            let _ = writeln!(text, "\n[{head}.content]");
            scalars(text, &whole["content"], "partitions");
            let mut order: Vec<_> = table.partitions.iter().collect();
            order.sort_by_key(|(name, partition)| (rank(partition), *name));
            for (partition, declared) in order {
                remarks(text, findings, Some(&id.child(partition)));
                within(text, findings, declared.content.as_ref());
                let value = &whole["content"]["partitions"][partition.as_ref()];
                let _ = writeln!(text, "partitions.{partition} = {}", inline(value));
            }
        }
        Some((content, None)) => {
            within(text, findings, Some(content));
            let _ = writeln!(text, "content = {}", inline(&whole["content"]));
        }
    }
    text.push('\n');
}

/// What was found about what is in a container.
fn within(text: &mut String, findings: &[Finding], content: Option<&Content>) {
    if let Some(Content::Luks(luks)) = content {
        remarks(text, findings, Some(&NodeId::crypt(&luks.name)));
    }
}

/// What was found about this node, as comments.
fn remarks(text: &mut String, findings: &[Finding], node: Option<&NodeId>) {
    for finding in findings.iter().filter(|finding| finding.node.as_ref() == node) {
        let Finding { kind, at, message, help, .. } = finding;
        let place = if *kind == Kind::Wrong || *kind == Kind::FillIn { "" } else { at };
        let colon = if place.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "# {}: {}{colon}{}", kind.word().to_uppercase(), line(place), line(message));
        let _ = writeln!(text, "#   {}", line(help));
    }
}

/// Text that stays within its comment.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The keys of a table that hold no table, one a line; `but` has lines of its own.
fn scalars(text: &mut String, value: &Value, but: &str) {
    for (key, value) in value.as_object().into_iter().flatten().filter(|(key, value)| *key != but && says(key, value)) {
        let _ = writeln!(text, "{key} = {}", inline(value));
    }
}

/// Is it more than what goes without saying?
fn says(key: &str, value: &Value) -> bool {
    let unsaid = matches!(key, "bootable" | "spare" | "allow_discards") && *value == Value::Bool(false);
    !value.is_null() && !unsaid
}

/// A key as TOML wants it: bare where it may be.
fn bare(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(plain) { key.to_owned() } else { inline(&Value::String(key.to_owned())) }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .filter(|(key, value)| says(key, value))
                .map(|(key, value)| format!("{} = {}", bare(key), inline(value)))
                .collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
        Value::Array(values) => format!("[{}]", values.iter().map(inline).collect::<Vec<_>>().join(", ")),
        // TOML's basic strings have the escapes of JSON; DEL alone is legal in the one and not in the other.
        Value::String(text) => Value::String(text.clone()).to_string().replace('\u{7f}', "\\u007F"),
        other => other.to_string(),
    }
}
