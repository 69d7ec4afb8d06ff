//! What each fuzz target makes of the bytes that it is given, and what must hold whatever they are: nothing panics, and no
//! plan destroys what nobody named. `crates/fleet/tests/corpus.rs` runs the same over the corpus, without a fuzzer.

use document::{Decode, Format, Path, Problems, read};
use fleet::Fleet;
use std::sync::LazyLock;
use storage::disko::{devices, import};
use storage::tree::Storage;
use storage::{Consent, Extent, Name, Size, Wish, health, identity, plan, probe};

/// Takes the bytes, and panics if what must hold does not.
pub type Target = fn(&[u8]);

/// The targets by name: the parser of which tool's output, or of which of the user's own texts.
pub const TARGETS: [(&str, Target); 15] = [
    ("fleet", fleet_file),
    ("disko", disko_tree),
    ("units", units),
    ("probe", |bytes| seen(&PAIR, &text(bytes))),
    ("lsblk", |bytes| section(&NAS, "lsblk", bytes)),
    ("links", |bytes| section(&NAS, "links", bytes)),
    ("sfdisk", |bytes| section(&NAS, "table:/dev/sdg", bytes)),
    ("wipefs", |bytes| section(&NAS, "signatures", bytes)),
    ("superblock", superblock),
    ("lvm", |bytes| section(&NAS, "lvm", bytes)),
    ("kernel", |bytes| section(&NAS, "files", bytes)),
    ("hardware", |bytes| sections(&PAIR, &["machine", "links", "addresses"], bytes)),
    ("btrfs", |bytes| sections(&PAIR, &["btrfs", "subvolumes:/dev/sdb3", "profiles:/dev/sdb3"], bytes)),
    ("luks", luks),
    ("zfs", |bytes| sections(&TANK, &ZFS, bytes)),
];

/// What `zdb`, `zpool` and `zfs` print.
const ZFS: [&str; 6] = ["zfs:/dev/nvme0n1p1", "pools", "pool-guids", "pool-properties", "datasets", "dataset-kinds"];

/// A tree, and what the probe printed on the machine that has it.
struct Machine {
    wish: LazyLock<Wish>,
    output: &'static str,
}

static NAS: Machine = Machine {
    wish: LazyLock::new(|| wish(include_str!("../../crates/storage/tests/common/nas.toml"), "home", "nas")),
    output: include_str!("../../crates/storage/tests/fixtures/complete.txt"),
};

static PAIR: Machine = Machine {
    wish: LazyLock::new(|| wish(include_str!("../../crates/storage/tests/common/pair.toml"), "pair", "one")),
    output: include_str!("../../crates/storage/tests/fixtures/btrfs/mounted.txt"),
};

static VAULT: Machine = Machine {
    wish: LazyLock::new(|| wish(include_str!("../../crates/storage/tests/common/vault.toml"), "vault", "one")),
    output: include_str!("../../crates/storage/tests/fixtures/luks/open.txt"),
};

static TANK: Machine = Machine {
    wish: LazyLock::new(|| wish(include_str!("../../crates/storage/tests/common/tank.toml"), "pools", "one")),
    output: include_str!("../../crates/storage/tests/fixtures/zfs/imported.txt"),
};

fn wish(text: &str, fleet: &str, machine: &str) -> Wish {
    let mut problems = Problems::default();
    let value = read(text, Format::Toml, &mut problems);
    let storage = Storage::decode(&value, &Path::root(), &mut problems).expect("a tree of the tests");
    Wish::new(&storage, identity::namespace(fleet, machine))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What follows from what a probe printed: facts or a refusal, a plan that destroys nothing, a verdict on every node.
fn seen(machine: &Machine, output: &str) {
    let Ok(facts) = probe::parse(output) else { return };
    let plan = plan(&machine.wish, &facts, &Consent::default());
    assert!(plan.destroyed().is_empty(), "nobody named what goes:\n{}", plan.to_text());
    assert!(!plan.to_text().is_empty() && !plan.digest().is_empty());
    assert_eq!(health(&machine.wish, &facts).len(), machine.wish.nodes.len());
}

/// The machine's output with another text in one section.
fn section(machine: &Machine, name: &str, bytes: &[u8]) {
    seen(machine, &with(machine.output, name, &text(bytes)));
}

fn with(output: &str, name: &str, text: &str) -> String {
    let (open, close) = (format!("\n%% {name}\n"), format!("\n%% {name} "));
    let start = output.find(&open).expect("a section of this name") + open.len();
    let end = start - 1 + output[start - 1..].find(&close).expect("its end");
    format!("{}{text}{}", &output[..start], &output[end..])
}

/// Several texts, each for a section, with an empty byte between them. Sections without one stay as they were.
fn sections(machine: &Machine, names: &[&str], bytes: &[u8]) {
    let parts = bytes.split(|byte| *byte == 0).map(text);
    let output = names.iter().zip(parts).fold(machine.output.to_owned(), |all, (name, text)| with(&all, name, &text));
    seen(machine, &output);
}

/// The first bytes of each disk of the array.
fn superblock(bytes: &[u8]) {
    seen(&NAS, &with(NAS.output, "heads", &dump(&["sda", "sdb"], 5120, bytes)));
}

/// The first bytes of the container: its header, and the JSON behind that.
fn luks(bytes: &[u8]) {
    seen(&VAULT, &with(VAULT.output, "luks", &dump(&["md127"], 16384, bytes)));
}

/// So many bytes of each of these devices, first those that are given and then zeroes, as head(1) and od(1) print them.
fn dump(devices: &[&str], each: usize, bytes: &[u8]) -> String {
    let mut raw = Vec::new();
    for device in devices {
        raw.extend(format!("==> /dev/{device} <==\n").bytes());
        raw.extend(bytes.iter().chain(std::iter::repeat(&0)).take(each));
        raw.push(b'\n');
    }
    let line = |(at, bytes): (usize, &[u8])| {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{:06x} {}\n", at * 16, hex.join(" "))
    };
    let dump: String = raw.chunks(16).enumerate().map(line).collect();
    format!("{dump}{:06x}\n", raw.len())
}

/// A fleet file in both of its languages: a fleet, or a report that can be printed.
fn fleet_file(bytes: &[u8]) {
    let text = text(bytes);
    for format in [Format::Toml, Format::Json] {
        match Fleet::parse(&text, "fleet", format) {
            Ok(fleet) => {
                for machine in fleet.machines.keys() {
                    let _ = fleet.wish(machine);
                }
            }
            Err(report) => assert!(!format!("{report:?}").is_empty()),
        }
    }
}

/// A device tree of disko: what becomes of it is right or the findings say why, and its lines say exactly it.
fn disko_tree(bytes: &[u8]) {
    let mut problems = Problems::default();
    let value = read(&text(bytes), Format::Json, &mut problems);
    if !problems.is_empty() {
        return;
    }
    let found = import(devices(&value).unwrap_or(&value));
    let lines = read(&found.to_toml("nas"), Format::Toml, &mut problems);
    let inner = lines.get("machines").and_then(|all| all.get("nas")).and_then(|nas| nas.get("storage"));
    let empty = read("", Format::Toml, &mut problems);
    let back = Storage::decode(inner.unwrap_or(&empty), &Path::root(), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(back, Some(found.storage));
}

/// Words for sizes and names: what is read is written the same way.
fn units(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(size) = text.parse::<Size>() {
        assert_eq!(size.exact().parse::<Size>(), Ok(size));
    }
    if let Ok(extent) = text.parse::<Extent>() {
        assert_eq!(extent.exact().parse::<Extent>(), Ok(extent));
    }
    if let Ok(name) = text.parse::<Name>() {
        assert_eq!(name.to_string(), text);
    }
}
