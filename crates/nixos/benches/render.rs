//! How long it takes to render a generated fleet, formatting included: for fleets of several sizes. Reading and checking
//! the fleet file is measured by `fleet`'s own benchmark, and only shown here; writing files is not. Beside the time on the
//! wall stands the time on a processor, which other work on the machine does not lengthen as much.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock and /proc")]

use fleet::{Fleet, Format};
use nixos::Records;
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

/// Fleets of so many machines.
const SIZES: [usize; 4] = [125, 250, 500, 1000];
/// Times each is measured; the medians are shown.
const TIMES: usize = 5;
/// A machine: a stick to boot from, one fast disk, an array.
const DISKS: [&str; 8] = ["usb", "nvme", "sata1", "sata2", "sata3", "sata4", "sata5", "sata6"];
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO";

fn main() -> ExitCode {
    match table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("render: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> Result<(), Box<dyn std::error::Error>> {
    println!("render: medians of {TIMES} runs, 8 disks a machine");
    println!("machines  files     KiB  parse+check s  render s  on cpu s  cpu us/machine");
    for machines in SIZES {
        let text = text(machines);
        let (mut parse, mut render, mut busy) = (Vec::new(), Vec::new(), Vec::new());
        let (mut files, mut bytes) = (0, 0);
        for _ in 0..TIMES {
            let start = Instant::now();
            let fleet = Fleet::parse(&text, "fleet.toml", Format::Toml).map_err(|report| format!("{report:?}"))?;
            parse.push(start.elapsed().as_secs_f64());
            let host_keys = fleet.machines.keys().map(|name| (name.clone(), KEY.to_owned())).collect();
            let records = Records { host_keys, ..Records::default() };
            let (start, before) = (Instant::now(), on_cpu()?);
            let tree = black_box(nixos::render(&fleet, &records)?);
            render.push(start.elapsed().as_secs_f64());
            busy.push(on_cpu()? - before);
            files = tree.len();
            bytes = tree.iter().map(|file| file.text.len()).sum();
        }
        // What was measured is the real thing: four files for each machine.
        if files < 4 * machines {
            return Err(format!("{machines} machines got only {files} files").into());
        }
        let (parse, render, busy) = (median(parse), median(render), median(busy));
        let each = busy * 1e6 / f64::from(u32::try_from(machines)?);
        println!("{machines:8}  {files:5}  {:6}  {parse:13.3}  {render:8.3}  {busy:8.3}  {each:14.0}", bytes / 1024);
    }
    Ok(())
}

/// Seconds that this thread has had on a processor: the first number of `/proc/thread-self/schedstat`, in nanoseconds
/// (the kernel's Documentation/scheduler/sched-stats.rst).
fn on_cpu() -> Result<f64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(nanoseconds / 1e9)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// A fleet of NAS; the first is the cluster's server, the others are agents.
fn text(machines: usize) -> String {
    let mut text = format!(
        "[fleet]\nname = \"bench\"\n\n[admin]\nuser = \"ben\"\nkeys = [\"{KEY}\"]\n\n[network]\n\
         subnet = \"10.0.0.0/16\"\ngateway = \"10.0.0.1\"\n"
    );
    for at in 0..machines {
        machine(&mut text, at);
    }
    text
}

fn machine(text: &mut String, at: usize) {
    let name = format!("nas{at:05}");
    let role = if at == 0 { "k3s-server" } else { "k3s-agent" };
    let (third, fourth) = (1 + at / 200, 1 + at % 200);
    let _ = writeln!(text, "\n[machines.{name}]\naddress = \"10.0.{third}.{fourth}\"\nrole = \"{role}\"");
    for disk in DISKS {
        let id = format!("BENCH-{at:05}-{disk}");
        let _ = writeln!(
            text,
            "\n[machines.{name}.storage.disk.{disk}]\nserial = \"{id}\"\ndevice = \"/dev/disk/by-id/{id}\""
        );
        text.push_str(match disk {
            "usb" => {
                "content = { type = \"mbr\", bootable = true, partitions.boot = { content = { type = \"filesystem\", \
                 format = \"ext4\", mountpoint = \"/boot\" } } }\n"
            }
            "nvme" => {
                "content = { type = \"gpt\", partitions = { root = { size = \"96GiB\", content = { type = \
                 \"filesystem\", format = \"xfs\", mountpoint = \"/\" } }, cache = { size = \"100%\", content = { type = \
                 \"lvm_pv\", vg = \"nas\" } } } }\n"
            }
            _ => "content = { type = \"mdraid\", name = \"nas\" }\n",
        });
    }
    let _ = writeln!(
        text,
        "\n[machines.{name}.storage.mdadm.nas]\nlevel = 6\ncontent = {{ type = \"lvm_pv\", vg = \"nas\" }}\n\n\
         [machines.{name}.storage.lvm_vg.nas.lvs.data]\nsize = \"100%\"\npvs = [\"mdadm.nas\"]\nwritecache = \"cache\"\n\
         content = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/data\", options = [\"nofail\"] }}\n\n\
         [machines.{name}.storage.lvm_vg.nas.lvs.cache]\nsize = \"100%\"\npvs = [\"disk.nvme.cache\"]"
    );
}
