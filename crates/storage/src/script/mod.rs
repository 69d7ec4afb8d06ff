//! The plan for blank disks as one standalone POSIX shell script, for machines that homehive does not reach.
//!
//! The same steps, one after another; the script finds the disks itself and refuses what is not blank.

use crate::facts::{Content, Device, DeviceKind, Enrol, Facts, Machine};
use crate::plan::{Action, Consent, Step, StepId, plan, scripts};
use crate::wish::{Disk, Holds, Kind, Wish};
use crate::{Extent, NodeId};
use cmd::{Cmd, Word, quote};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const HEAD: &str = include_str!("head.sh");
const KEYS: &str = include_str!("keys.sh");
const FURTHER: &str = include_str!("further.sh");

/// Why there is no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A name that no node has.
    #[error("no node `{node}` is declared; known: {known}")]
    Unknown {
        /// The name.
        node: NodeId,
        /// What is declared.
        known: String,
    },
    /// A share of a disk whose size nobody declared.
    #[error("`{node}` takes {size} of `{disk}`, and a script cannot know how large that is: declare the disk's `size`")]
    Share {
        /// The partition.
        node: NodeId,
        /// Its share.
        size: Extent,
        /// The disk.
        disk: NodeId,
    },
    /// The tree cannot be made even on blank disks.
    #[error("`{node}`: {reason}; {remedy}")]
    Refused {
        /// The node.
        node: NodeId,
        /// Why.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// Something can be planned only when its ground has been laid.
    #[error("`{node}` can be planned only when what it lies on is there: use `disks apply`")]
    Unseen {
        /// The node.
        node: NodeId,
    },
}

/// The script for the whole tree, or for the chosen nodes with all that they lie on and all that lies on them alone.
pub fn script(wish: &Wish, only: &[NodeId]) -> Result<String, ScriptError> {
    let selected = select(wish, only)?;
    shares(wish, &selected)?;
    let plan = plan(wish, &blank(wish), &Consent::default());
    if let Some(refusal) = plan.refusals.iter().find(|refusal| selected.contains(&refusal.node)) {
        let (node, reason, remedy) = (refusal.node.clone(), refusal.reason.clone(), refusal.remedy.clone());
        return Err(ScriptError::Refused { node, reason, remedy });
    }
    if let Some(node) = plan.hidden.iter().find(|node| selected.contains(*node)) {
        return Err(ScriptError::Unseen { node: node.clone() });
    }
    let steps = chosen(&plan.steps, &selected);
    let disks: Vec<(&NodeId, &Disk)> = wish
        .nodes
        .iter()
        .filter(|node| selected.contains(&node.id) && node.holds.is_some())
        .filter_map(|node| if let Kind::Disk(disk) = &node.kind { Some((&node.id, disk)) } else { None })
        .collect();
    Ok(write(wish, &disks, &steps))
}

fn select(wish: &Wish, only: &[NodeId]) -> Result<BTreeSet<NodeId>, ScriptError> {
    let all = || wish.nodes.iter().map(|node| &node.id).chain(wish.nodev.iter().map(|nodev| &nodev.node)).cloned();
    if only.is_empty() {
        return Ok(all().collect());
    }
    let mut selected: BTreeSet<NodeId> = BTreeSet::new();
    for id in only {
        if all().all(|known| known != *id) {
            let known = all().map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
            return Err(ScriptError::Unknown { node: id.clone(), known });
        }
        selected.insert(id.clone());
    }
    // Upwards from what was named: whatever lies on chosen nodes alone.
    for node in &wish.nodes {
        if !node.on.is_empty() && node.on.iter().all(|below| selected.contains(below)) {
            selected.insert(node.id.clone());
        }
    }
    // Downwards: whatever any of that needs.
    for node in wish.nodes.iter().rev() {
        if selected.contains(&node.id) {
            selected.extend(node.on.iter().cloned());
        }
    }
    Ok(selected)
}

/// A share needs a size to be a share of.
fn shares(wish: &Wish, selected: &BTreeSet<NodeId>) -> Result<(), ScriptError> {
    for node in wish.nodes.iter().filter(|node| selected.contains(&node.id)) {
        let (Kind::Disk(Disk { size: None, .. }), Some(Holds::Table { partitions, .. })) = (&node.kind, &node.holds)
        else {
            continue;
        };
        for partition in partitions.iter().filter_map(|id| wish.node(id)) {
            if let Kind::Partition(it) = &partition.kind
                && let Extent::Percent(_) = it.size
            {
                return Err(ScriptError::Share { node: partition.id.clone(), size: it.size, disk: node.id.clone() });
            }
        }
    }
    Ok(())
}

/// A machine that has every declared disk, blank, what containers are enrolled with, and as large as anybody could want where no size is declared.
fn blank(wish: &Wish) -> Facts {
    let mut facts = Facts {
        version: 1,
        machine: Machine { enrol: Some(Enrol { tpm2: true, fido2: true }), ..Machine::default() },
        devices: Vec::new(),
        arrays: Vec::new(),
        groups: Vec::new(),
        pools: Vec::new(),
        mounts: Vec::new(),
        btrfs: Vec::new(),
        nodev: Vec::new(),
        swaps: Vec::new(),
    };
    for node in &wish.nodes {
        let Kind::Disk(disk) = &node.kind else { continue };
        let name = format!("disk{}", facts.devices.len());
        facts.devices.push(Device {
            path: format!("/dev/{name}"),
            name,
            kind: DeviceKind::Disk,
            size: disk.size.map_or(1 << 60, |size| size.0),
            sector: 512,
            serial: disk.serial.clone(),
            wwn: disk.wwn.clone(),
            model: disk.model.clone(),
            transport: None,
            removable: false,
            rotational: false,
            read_only: false,
            links: disk.device.iter().cloned().collect(),
            parents: Vec::new(),
            partition: None,
            content: Content::Blank,
        });
    }
    facts
}

/// The steps of chosen nodes, without those that wait for a step that is left out.
fn chosen<'a>(steps: &'a [Step], selected: &BTreeSet<NodeId>) -> Vec<&'a Step> {
    let mut kept: BTreeSet<&StepId> = BTreeSet::new();
    let mut chosen = Vec::new();
    for step in steps {
        let keep = match step.what {
            Action::Settle => step.after.iter().any(|before| kept.contains(before)),
            _ => selected.contains(&step.node) && step.after.iter().all(|before| kept.contains(before)),
        };
        if keep {
            kept.insert(&step.id);
            chosen.push(step);
        }
    }
    chosen
}

fn write(wish: &Wish, disks: &[(&NodeId, &Disk)], steps: &[&Step]) -> String {
    let names = names(disks);
    let variable = |id: &NodeId| names.get(id).map(|name| format!("\"${name}\""));
    let mut text = String::from(
        "#!/bin/sh\n# Makes, on blank disks, what the fleet declares for this machine. Written by homehive.\n",
    );
    text.push_str(HEAD);
    if steps.iter().flat_map(|step| step.commands()).any(|cmd| cmd.key.is_some()) {
        text.push_str(KEYS);
    }
    if steps.iter().flat_map(|step| step.commands()).any(|cmd| cmd.further.is_some()) {
        text.push_str(FURTHER);
    }
    for (name, script) in scripts() {
        let used = name == "wipe"
            || steps.iter().flat_map(|step| step.commands()).any(|cmd| cmd.argv().iter().any(|word| word == script));
        if used {
            let _ = write!(text, "\n{name}_sh=$(\n    cat <<'END_OF_SCRIPT'\n{script}END_OF_SCRIPT\n)\n");
        }
    }
    text.push_str("\n# The disks, by what the fleet says of them.\n");
    for (id, disk) in disks {
        let size = disk.size.map(|size| size.0.to_string());
        let said = [&disk.device, &disk.serial, &disk.wwn, &disk.model, &size];
        let said = said.map(|word| quote(word.as_deref().unwrap_or("")));
        let _ = writeln!(text, "{}=$(find_disk {} {})", names[*id], quote(id.as_str()), said.join(" "));
    }
    let paths: Vec<String> = disks.iter().filter_map(|(id, _)| variable(id)).collect();
    let _ = writeln!(text, "distinct {}", paths.join(" "));
    let each = |verb: &str, text: &mut String| {
        for (id, _) in disks {
            let _ = writeln!(text, "{verb} {} {}", quote(id.as_str()), variable(id).unwrap_or_default());
        }
    };
    each("free", &mut text);
    each("whole", &mut text);
    let mut keys: Vec<String> = Vec::new();
    for cmd in steps.iter().flat_map(|step| step.commands()) {
        for key in cmd.key.iter().chain(&cmd.further).filter(|key| !keys.contains(key)).cloned().collect::<Vec<_>>() {
            let _ = writeln!(text, "ask_key {}\n{}=$key", quote(&key), key_variable(&key));
            keys.push(key);
        }
        if let (Some(own), Some(further)) = (&cmd.key, &cmd.further) {
            let words = [quote(further), quote(own)].join(" ");
            let (own, further) = (key_variable(own), key_variable(further));
            let _ = writeln!(text, "differ {words} \"${further}\" \"${own}\"");
        }
    }
    each("clear", &mut text);
    for (at, step) in steps.iter().enumerate() {
        let _ = writeln!(text, "\nsay {}", quote(&format!("[{}/{}] {}", at + 1, steps.len(), step.describe())));
        for cmd in step.commands() {
            let words = line(&cmd, |id| {
                variable(id).or_else(|| part(wish, &names, id)).unwrap_or_else(|| quote(&path(wish, id)))
            });
            let _ = match (&cmd.key, &cmd.input) {
                (Some(key), _) => match cmd.further.as_deref().map(key_variable) {
                    Some(further) => writeln!(text, "pair \"${}\" \"${further}\" | {words}", key_variable(key)),
                    None => writeln!(text, "printf %s \"${}\" | {words}", key_variable(key)),
                },
                (None, Some(input)) => writeln!(text, "printf %s {} | {words}", quote(input)),
                (None, None) => writeln!(text, "{words} </dev/null"),
            };
        }
    }
    text.push_str("\nsay 'done'\n");
    text
}

/// The shell variable of a node's key. The shell prints it itself: it is among no process' words.
fn key_variable(node: &str) -> String {
    let plain =
        node.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("_{:x}", u32::from(c)) });
    format!("key_{}", plain.collect::<String>())
}

/// A command's words; homehive's own scripts stand in variables.
fn line(cmd: &Cmd, device: impl Fn(&NodeId) -> String) -> String {
    let words = cmd.words.iter().map(|word| match word {
        Word::Text(text) => match scripts().into_iter().find(|(_, script)| script == text) {
            Some((name, _)) => format!("\"${name}_sh\""),
            None => quote(text),
        },
        Word::Device { device: node } => device(&node.as_str().into()),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A partition of a disk that the script has found.
fn part(wish: &Wish, names: &BTreeMap<NodeId, String>, id: &NodeId) -> Option<String> {
    let node = wish.node(id)?;
    let Kind::Partition(partition) = &node.kind else { return None };
    let disk = names.get(node.on.first()?)?;
    Some(format!("\"$(part \"${disk}\" {})\"", partition.number))
}

/// Where a node that is no disk appears when it has been made.
fn path(wish: &Wish, id: &NodeId) -> String {
    wish.node(id).and_then(|node| node.path.clone()).unwrap_or_else(|| id.to_string())
}

/// A shell variable for every disk.
fn names(disks: &[(&NodeId, &Disk)]) -> BTreeMap<NodeId, String> {
    let mut names: BTreeMap<NodeId, String> = BTreeMap::new();
    for (at, (id, _)) in disks.iter().enumerate() {
        let plain: String = id.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let taken = names.values().any(|name| *name == plain);
        names.insert((*id).clone(), if taken { format!("{plain}_{at}") } else { plain });
    }
    names
}
