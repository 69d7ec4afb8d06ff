//! Hybrid tables and attributes of partitions on a loop device, with the real tools: what is planned is what is found, boot
//! code and GPT stay as they are, and what changes the GPT later leaves the MBR alone.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "what a plan is worth is what real tools do"
)]

mod common;

use cmd::{Cmd, Word};
use common::loops::Loop;
use common::wish;
use std::io::Write as _;
use std::process::{Command, Stdio};
use storage::facts::{Content, Device, Facts, MbrEntry, Partition};
use storage::health::health;
use storage::plan;
use storage::plan::{Action, Consent, Plan, TableAction};
use storage::tree::MbrType;

const MIB: u64 = 1 << 20;
const SIZE: u64 = 64 * MIB;
const TREE: &str = r#"
[disk.d]
serial = "LOOP"
[disk.d.content]
type = "gpt"
efi_gpt_partition_first = false
partitions.fw = { size = "8MiB", priority = 1, type = "efi", attributes = [60, 0], hybrid = { mbr_partition_type = "0x0c" } }
partitions.boot = { size = "16MiB", priority = 2, hybrid = { mbr_bootable_flag = true } }
"#;

/// The machine with this disk, and what is on it as sfdisk tells.
fn seen(device: &Loop) -> Facts {
    let mut facts = common::facts("blank");
    facts.devices.clear();
    facts.mounts.clear();
    let content = Content::Blank;
    let disk: Device = serde_json::from_value(serde_json::json!({
        "name": "sda", "path": device.0, "kind": "disk", "size": SIZE, "sector": 512, "serial": "LOOP", "removable": false,
        "rotational": false, "read_only": false, "links": [], "parents": [], "content": content
    }))
    .unwrap();
    facts.devices.push(disk);
    let Some(dump) = sfdisk(device, &[]) else { return facts };
    let number = |value: &serde_json::Value| value.as_u64().unwrap() * 512;
    let nested = sfdisk(device, &["--label-nested", "dos"]).unwrap();
    let mbr: Vec<MbrEntry> = nested["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| MbrEntry {
            number: entry["node"].as_str().unwrap().rsplit('p').next().unwrap().parse().unwrap(),
            kind: entry["type"].as_str().unwrap().parse().unwrap(),
            active: entry["bootable"].as_bool().unwrap_or_default(),
            start: number(&entry["start"]),
            size: number(&entry["size"]),
        })
        .collect();
    let hybrid = mbr.iter().any(|entry| entry.kind != MbrType::GPT);
    facts.devices[0].content = Content::Table {
        label: "gpt".into(),
        uuid: Some(dump["id"].as_str().unwrap().parse().unwrap()),
        id: None,
        first: number(&dump["firstlba"]),
        end: number(&dump["lastlba"]) + 512,
        mbr: if hybrid { mbr } else { Vec::new() },
    };
    for (at, entry) in (1..).zip(dump["partitions"].as_array().unwrap()) {
        let mut partition = facts.devices[0].clone();
        partition.name = format!("sda{at}");
        partition.path = format!("{}p{at}", device.0);
        (partition.kind, partition.serial) = (storage::facts::DeviceKind::Partition, None);
        (partition.parents, partition.content) = (vec!["sda".into()], Content::Blank);
        partition.size = number(&entry["size"]);
        partition.partition = Some(Partition {
            number: at,
            start: number(&entry["start"]),
            size: number(&entry["size"]),
            kind: entry["type"].as_str().unwrap().to_owned(),
            uuid: Some(entry["uuid"].as_str().unwrap().parse().unwrap()),
            name: None,
            bootable: false,
            attributes: attributes(entry["attrs"].as_str().unwrap_or_default()),
        });
        facts.devices.push(partition);
    }
    facts
}

/// The bits that these tests set.
fn attributes(text: &str) -> Vec<u8> {
    let all = [(0, "RequiredPartition"), (2, "LegacyBIOSBootable"), (60, "GUID:60"), (63, "GUID:63")];
    let words: Vec<&str> = text.split_whitespace().collect();
    let bits: Vec<u8> = all.iter().filter(|(_, word)| words.contains(word)).map(|(bit, _)| *bit).collect();
    assert_eq!(bits.len(), words.len(), "{text}");
    bits
}

fn sfdisk(device: &Loop, words: &[&str]) -> Option<serde_json::Value> {
    let output = Command::new("sfdisk").args(words).args(["--json", &device.0]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    Some(said["partitiontable"].clone())
}

/// Runs the steps that write tables.
fn run(plan: &Plan, device: &Loop) -> Vec<String> {
    let tables = plan.steps.iter().filter(|step| matches!(step.what, Action::Table(_)));
    tables
        .map(|step| {
            step.commands()
                .iter()
                .filter(|cmd| !["udevadm", "partx"].contains(&program(cmd)))
                .for_each(|cmd| one(cmd, device));
            step.describe()
        })
        .collect()
}

fn program(cmd: &Cmd) -> &str {
    if let Some(Word::Text(text)) = cmd.words.first() { text } else { "" }
}

fn one(cmd: &Cmd, device: &Loop) {
    let words = cmd.words.iter().map(|word| match word {
        Word::Text(text) => text.clone(),
        Word::Device { .. } => device.0.clone(),
    });
    let words: Vec<String> = words.collect();
    let mut child = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(cmd.input.clone().unwrap_or_default().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{cmd}");
}

fn bytes(device: &Loop, from: usize, to: usize) -> Vec<u8> {
    std::fs::read(&device.0).unwrap()[from..to].to_vec()
}

#[test]
fn the_mbr_is_as_planned_and_stays() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(SIZE).unwrap();
    let Some(device) = Loop::over(file.path().to_str().unwrap()) else {
        return eprintln!("SKIPPED: no loop device is to be had here (root alone can)");
    };
    let made = |text: &str| {
        let wish = wish(text);
        let facts = seen(&device);
        let plan = plan(&wish, &facts, &Consent::default());
        assert!(plan.refusals.is_empty(), "{}", plan.to_text());
        plan
    };
    // A table without it first, with a boot loader in front.
    let plain = TREE.replace("efi_gpt_partition_first = false", "");
    let plain = plain.replace(", hybrid = { mbr_partition_type = \"0x0c\" }", "");
    let plain = plain.replace(", hybrid = { mbr_bootable_flag = true }", "");
    assert_eq!(run(&made(&plain), &device), ["partition disk.d (GPT): fw (8MiB), boot (16MiB)"]);
    let code = [0xeb; 400];
    std::io::Write::write_all(&mut std::fs::OpenOptions::new().write(true).open(&device.0).unwrap(), &code).unwrap();
    let behind = bytes(&device, 512, usize::try_from(SIZE).unwrap());

    let mbr_told = || health(&wish(TREE), &seen(&device)).iter().any(|it| it.text.contains("its MBR does not name"));
    assert!(mbr_told(), "the status of a disk whose MBR is plain");
    let later = made(TREE);
    let hybrid =
        later.steps.iter().find(|step| matches!(step.what, Action::Table(TableAction::Hybrid { saved: true, .. })));
    assert!(hybrid.is_some(), "{}", later.to_text());
    let wished = wish(TREE);
    let over = later.overwrites(&wished, &seen(&device));
    let areas: Vec<_> =
        over.iter().flatten().flat_map(|over| &over.areas).map(|area| (area.offset, area.length)).collect();
    assert_eq!(areas, [(0, 512)]);
    assert_eq!(run(&later, &device), ["name fw, boot in the MBR of disk.d, too"]);
    assert_eq!(bytes(&device, 0, 400), code, "the boot loader's code");
    assert!(bytes(&device, 512, usize::try_from(SIZE).unwrap()) == behind, "what is not the MBR");
    let Content::Table { mbr, .. } = &seen(&device).devices[0].content else { panic!() };
    let entry = |number, kind, active, start, size| MbrEntry { number, kind: MbrType(kind), active, start, size };
    let expected = [
        entry(1, 0x0c, false, MIB, 8 * MIB),
        entry(2, 0x83, true, 9 * MIB, 16 * MIB),
        entry(3, 0xee, false, 512, MIB - 512),
    ];
    assert_eq!(mbr[..], expected);
    assert_eq!(run(&made(TREE), &device), [""; 0], "a second plan");
    assert!(!mbr_told(), "the status of a disk whose MBR is as declared");

    // What grows and adds partitions keeps it; the grown one is told of again. The GPT first is another order.
    let larger = TREE.replace("efi_gpt_partition_first = false", "").replace("attributes = [60, 0]", "attributes = []");
    let larger = larger.replace("size = \"16MiB\"", "size = \"24MiB\", attributes = [2]")
        + "partitions.rest = { size = \"4MiB\", priority = 3, attributes = [63] }\n";
    let steps = run(&made(&larger), &device);
    let expected = [
        "clear the attributes of disk.d.fw",
        "set the attributes of disk.d.boot: LegacyBIOSBootable",
        "grow partition disk.d.boot to 24MiB",
        "add partition disk.d.rest",
        "name fw, boot in the MBR of disk.d, too",
    ];
    assert_eq!(steps, expected);
    assert_eq!(run(&made(&larger), &device), [""; 0], "a second plan");
    let verified = Command::new("sfdisk").args(["--verify", &device.0]).output().unwrap();
    assert!(String::from_utf8_lossy(&verified.stdout).contains("No errors"), "{verified:?}");

    // Not declared any more: told of, and left alone. What names nothing that is declared is refused.
    let wished = wish(&plain);
    let facts = seen(&device);
    let left = plan(&wished, &facts, &Consent::default());
    assert!(left.notes.iter().any(|note| note.text.contains("hybrid one")), "{}", left.to_text());
    let wished = wish(TREE);
    let mut facts = facts;
    if let Content::Table { mbr, .. } = &mut facts.devices[0].content {
        mbr[1].start = 40 * MIB;
    }
    let refused = plan(&wished, &facts, &Consent::default());
    assert!(
        refused.refusals.iter().any(|it| it.reason.contains("entry 2 of its hybrid MBR (0x0c")),
        "{}",
        refused.to_text()
    );
}
