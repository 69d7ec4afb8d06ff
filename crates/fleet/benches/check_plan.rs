//! How long it takes to check a generated fleet and to plan the disks of all its machines, and how much memory: for
//! fleets of several sizes, each in a process of its own. How plain parsing of the same text does is the floor.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock and /proc")]

use fleet::{Fleet, Format};
use std::env;
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use storage::facts::{Content, Device, DeviceKind, Facts, Machine};
use storage::{Consent, plan};

/// Fleets of so many machines.
const SIZES: [usize; 5] = [125, 250, 500, 1000, 2000];
/// Times each is measured; the medians are shown.
const TIMES: usize = 5;
/// How the disks of every machine are called: a stick to boot from, one fast disk, an array.
const DISKS: [&str; 8] = ["usb", "nvme", "sata1", "sata2", "sata3", "sata4", "sata5", "sata6"];
/// 4 TB, as on the label.
const DISK_BYTES: u64 = 4_000_787_030_016;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["whole", machines] => machines.parse().map_err(Failure::from).and_then(whole),
        ["floor", machines] => machines.parse().map_err(Failure::from).and_then(floor),
        _ => table(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("check_plan: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures every size, one process after another, and prints the table.
fn table() -> Result<(), Failure> {
    let mut whole: Vec<Vec<[f64; 4]>> = vec![Vec::new(); SIZES.len()];
    let mut floor: Vec<Vec<[f64; 1]>> = vec![Vec::new(); SIZES.len()];
    for _ in 0..TIMES {
        for (at, machines) in SIZES.iter().enumerate() {
            whole[at].push(measure("whole", *machines)?);
            floor[at].push(measure("floor", *machines)?);
        }
    }
    println!("check + plan: medians of {TIMES} runs, 8 disks a machine");
    println!("machines   lines  parse+check s  plan s  total s  us/machine  peak MiB  plain parse s  total/plain");
    for (at, machines) in SIZES.iter().enumerate() {
        let [parse, plan, peak, steps] = [0, 1, 2, 3].map(|of| median(whole[at].iter().map(|run| run[of])));
        let plain = median(floor[at].iter().map(|run| run[0]));
        let total = median(whole[at].iter().map(|run| run[0] + run[1]));
        let lines = text(*machines).lines().count();
        let each = total * 1e6 / f64::from(u32::try_from(*machines)?);
        println!(
            "{machines:8}  {lines:6}  {parse:13.3}  {plan:6.3}  {total:7.3}  {each:10.0}  {peak:8.1}  {plain:13.3}  {:11.2}",
            total / plain
        );
        // What was measured is the real thing: more steps than disks.
        if steps < f64::from(u32::try_from(*machines * DISKS.len())?) {
            return Err(format!("{machines} machines got only {steps} steps").into());
        }
    }
    Ok(())
}

/// Runs this program again for one measurement; it prints its numbers on a line.
fn measure<const N: usize>(what: &str, machines: usize) -> Result<[f64; N], Failure> {
    let output = Command::new(env::current_exe()?).args([what, &machines.to_string()]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let line = String::from_utf8(output.stdout)?;
    let numbers = line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    numbers.try_into().map_err(|_| format!("{what} {machines} printed `{}`", line.trim_end()).into())
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Seconds to read and check, seconds to plan, peak MiB, steps in all plans.
fn whole(machines: usize) -> Result<(), Failure> {
    let text = text(machines);
    let start = Instant::now();
    let fleet = Fleet::parse(&text, "fleet.toml", Format::Toml).map_err(|report| format!("{report:?}"))?;
    let parse = start.elapsed();
    let (mut planning, mut steps) = (Duration::ZERO, 0);
    for (at, name) in fleet.machines.keys().enumerate() {
        let facts = facts(at);
        let start = Instant::now();
        let wish = fleet.wish(name).ok_or("a machine without a wish")?;
        let plan = plan(&wish, &facts, &Consent::default());
        black_box(plan.digest());
        planning += start.elapsed();
        if let Some(refusal) = plan.refusals.first() {
            return Err(format!("{name}: {}: {}", refusal.node, refusal.reason).into());
        }
        steps += plan.steps.len();
    }
    println!("{} {} {} {steps}", parse.as_secs_f64(), planning.as_secs_f64(), peak()?);
    Ok(())
}

/// Seconds to parse the text as TOML and nothing more.
fn floor(machines: usize) -> Result<(), Failure> {
    let text = text(machines);
    let start = Instant::now();
    black_box(toml::de::DeTable::parse(&text)?);
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}

/// The most memory that this process has had, in MiB: `VmHWM` of `proc_pid_status`(5).
fn peak() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
}

fn serial(machine: usize, disk: &str) -> String {
    format!("BENCH-{machine:05}-{disk}").to_uppercase()
}

/// A fleet of NAS, each with a share; the first is the cluster's server.
fn text(machines: usize) -> String {
    let mut text = String::from(
        r#"[fleet]
name = "bench"
domain = "home.arpa"
nixpkgs = "github:NixOS/nixpkgs/nixos-26.05"
timezone = "Europe/London"

[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop"]

[network]
subnet = "10.0.0.0/16"
gateway = "10.0.0.1"
dhcp = "10.0.240.0-10.0.250.255"
balancer = "10.0.200.0-10.0.239.255"
"#,
    );
    for at in 0..machines {
        let _ = machine(&mut text, at);
    }
    text
}

fn machine(text: &mut String, at: usize) -> std::fmt::Result {
    let name = format!("nas{at:05}");
    let role = if at == 0 { "k3s-server" } else { "k3s-agent" };
    let (third, fourth) = (1 + at / 200, 1 + at % 200);
    writeln!(
        text,
        "\n[machines.{name}]\naddress = \"10.0.{third}.{fourth}\"\nrole = \"{role}\"\ntags = [\"storage\"]"
    )?;
    for disk in DISKS {
        writeln!(text, "\n[machines.{name}.storage.disk.{disk}]\nserial = \"{}\"", serial(at, disk))?;
        match disk {
            "usb" => text.push_str(
                "device = \"/dev/disk/by-id/usb-GRUB\"\ncontent = { type = \"mbr\", bootable = true, partitions.boot = { content = { type = \"filesystem\", \
                 format = \"ext4\", mountpoint = \"/boot\" } } }\n",
            ),
            "nvme" => writeln!(
                text,
                "\n[machines.{name}.storage.disk.nvme.content]\ntype = \"gpt\"\n\
                 partitions.root = {{ size = \"96GiB\", content = {{ type = \"filesystem\", format = \"xfs\", \
                 mountpoint = \"/\" }} }}\n\
                 partitions.cache = {{ size = \"100%\", content = {{ type = \"lvm_pv\", vg = \"nas\" }} }}"
            )?,
            _ => text.push_str("content = { type = \"mdraid\", name = \"nas\" }\n"),
        }
    }
    writeln!(
        text,
        "\n[machines.{name}.storage.mdadm.nas]\nlevel = 6\ncontent = {{ type = \"lvm_pv\", vg = \"nas\" }}\n\n\
         [machines.{name}.storage.lvm_vg.nas]\npersistent = true\n\n\
         [machines.{name}.storage.lvm_vg.nas.lvs.data]\nsize = \"100%\"\npvs = [\"mdadm.nas\"]\n\
         writecache = \"cache\"\n\
         content = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/data\", options = [\"nofail\"] }}\n\n\
         [machines.{name}.storage.lvm_vg.nas.lvs.cache]\nsize = \"100%\"\npvs = [\"disk.nvme.cache\"]\n\n\
         [shares.share{at:05}]\nmachine = \"{name}\"\nsize = \"10TiB\""
    )
}

/// A machine with the declared disks, all of them blank.
fn facts(machine: usize) -> Facts {
    let devices = DISKS.iter().zip('a'..).map(|(disk, letter)| Device {
        name: format!("sd{letter}"),
        path: format!("/dev/sd{letter}"),
        kind: DeviceKind::Disk,
        size: DISK_BYTES,
        sector: 512,
        serial: Some(serial(machine, disk)),
        wwn: None,
        model: Some("Disk".to_owned()),
        transport: None,
        removable: false,
        rotational: true,
        read_only: false,
        links: Vec::new(),
        parents: Vec::new(),
        partition: None,
        content: Content::Blank,
    });
    let devices = devices.collect();
    let (arrays, groups, btrfs, mounts, nodev, swaps) = Default::default();
    let pools = Vec::new();
    Facts { version: 1, machine: Machine::default(), devices, arrays, groups, btrfs, pools, mounts, nodev, swaps }
}
