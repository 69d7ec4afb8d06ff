//! What holds for every text: no panic; TOML and JSON say the same; a fleet written out reads back as itself.

#![expect(clippy::unwrap_used, clippy::disallowed_types, reason = "a test, which measures time")]

use fleet::{Fleet, Format};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::sync::LazyLock;

const EXAMPLE: &str = include_str!("../../../examples/nas/fleet.toml");

/// The example as JSON.
static JSON: LazyLock<String> = LazyLock::new(|| serde_json::to_string(&parsed(EXAMPLE, Format::Toml)).unwrap());

/// Machines of all roles with disks of all kinds, as a fleet file.
fn generated(machines: usize, disks: usize) -> String {
    let head = EXAMPLE.split("[machines.nas]").next().unwrap().replace("192.168.", "10.168.").replace("/24", "/16");
    let (before, after) = head.split_once("subnet = \"10.168.1.0/16\"").unwrap();
    let mut text = format!("{before}subnet = \"10.168.0.0/16\"{after}");
    for machine in 0..machines {
        let role = if machine == 0 { "k3s-server" } else { "k3s-agent" };
        let name = format!("m{machine}");
        let address = format!("10.168.{}.{}", 2 + machine / 250, 1 + machine % 250);
        writeln!(text, "[machines.{name}]\naddress = \"{address}\"\nrole = \"{role}\"").unwrap();
        write!(
            text,
            "[machines.{name}.storage.disk.usb]\ndevice = \"/dev/disk/by-id/usb-U{machine}\"\n\
             content = {{ type = \"mbr\", partitions.boot = {{ content = {{ type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" }} }} }}\n\
             [machines.{name}.storage.mdadm.data]\nlevel = 6\ncontent = {{ type = \"lvm_pv\", vg = \"data\" }}\n\
             [machines.{name}.storage.lvm_vg.data]\npersistent = true\n\
             [machines.{name}.storage.lvm_vg.data.lvs.data]\nsize = \"end\"\n\
             content = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/data\" }}\n"
        )
        .unwrap();
        for disk in 1..disks {
            write!(
                text,
                "[machines.{name}.storage.disk.sata{disk}]\nserial = \"S{machine}-{disk}\"\n\n\
                 [machines.{name}.storage.disk.sata{disk}.content]\ntype = \"mdraid\"\nname = \"data\"\n\n"
            )
            .unwrap();
        }
    }
    text
}

fn parsed(text: &str, format: Format) -> Fleet {
    Fleet::parse(text, "fleet", format).map_err(|report| report.findings()).unwrap()
}

/// What a fleet says, in JSON and in TOML, reads back as the same fleet.
fn round_trip(fleet: &Fleet) {
    let json = serde_json::to_string_pretty(fleet).unwrap();
    assert_eq!(&parsed(&json, Format::Json), fleet);
    let toml = toml::to_string(fleet).unwrap();
    assert_eq!(&parsed(&toml, Format::Toml), fleet);
}

#[test]
fn the_examples_read_back() {
    round_trip(&parsed(EXAMPLE, Format::Toml));
    round_trip(&parsed(include_str!("../../../examples/cluster/fleet.toml"), Format::Toml));
}

#[test]
fn nesting_without_end_is_a_problem_not_a_crash() {
    for (format, text) in [
        (Format::Json, "[".repeat(200_000)),
        (Format::Json, "{\"a\":".repeat(200_000)),
        (Format::Toml, format!("a = {}", "[".repeat(200_000))),
        (Format::Toml, format!("[{}]", vec!["a"; 50_000].join("."))),
    ] {
        assert!(Fleet::parse(&text, "fleet", format).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_fleet_reads_back(machines in 1_usize..6, disks in 5_usize..9) {
        round_trip(&parsed(&generated(machines, disks), Format::Toml));
    }
}

proptest! {
    #[test]
    fn any_text_is_a_fleet_or_a_report(text in "\\PC*", json: bool) {
        let format = if json { Format::Json } else { Format::Toml };
        if let Err(report) = Fleet::parse(&text, "fleet", format) {
            prop_assert!(!report.findings().is_empty());
        }
    }

    #[test]
    fn a_damaged_example_is_a_fleet_or_a_report(at in 0_usize..6000, cut in 0_usize..40, put in "[\\PC\n]{0,8}", json: bool) {
        let (whole, format) = if json { (JSON.as_str(), Format::Json) } else { (EXAMPLE, Format::Toml) };
        let chars: Vec<char> = whole.chars().collect();
        let at = at % chars.len();
        let end = (at + cut).min(chars.len());
        let text: String = chars[..at].iter().copied().chain(put.chars()).chain(chars[end..].iter().copied()).collect();
        if let Err(report) = Fleet::parse(&text, "fleet", format) {
            prop_assert!(!report.findings().is_empty());
            for finding in report.findings() {
                prop_assert!(finding.line <= text.split('\n').count());
            }
        }
    }
}

/// In a release build well under half a second, and linear in machines: `cargo nextest run --release -p fleet large
/// --no-capture` prints the times. A debug build runs a tenth of it.
#[test]
fn a_large_fleet_is_read_in_time() {
    let machines = if cfg!(debug_assertions) { 100 } else { 1000 };
    let text = generated(machines, 8);
    let started = std::time::Instant::now();
    let fleet = parsed(&text, Format::Toml);
    let took = started.elapsed();
    println!("{machines} machines, {} lines: {took:?}", text.lines().count());
    assert_eq!(fleet.machines.len(), machines);
    // Far above what it takes, so that a busy machine does not fail it, and far below what a square would take.
    assert!(took.as_secs() < 30, "{took:?}");
    // The same with a problem in every machine.
    let text = text.replace("level = 6", "level = 6\ncolour = \"red\"");
    let started = std::time::Instant::now();
    let report = Fleet::parse(&text, "fleet", Format::Toml).unwrap_err();
    println!("with {} problems: {:?}", report.findings().len(), started.elapsed());
    assert_eq!(report.findings().len(), machines);
}
