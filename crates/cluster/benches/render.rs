//! How long it takes to render all objects of a generated fleet, YAML included, and how much memory: one server, agents, and
//! a share on each machine. Each size is measured in a process of its own. Writing files is not counted.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark reads the clock and /proc")]

use cluster::{Catalogue, Upstream};
use fleet::{Fleet, Format};
use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Fleets of so many machines.
const SIZES: [usize; 4] = [125, 250, 500, 1000];
/// Times each is measured; the medians are shown.
const TIMES: usize = 5;

fn main() -> ExitCode {
    let size = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let done = match size {
        Some(machines) => one(machines),
        None => table(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("render: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> Result<(), Box<dyn Error>> {
    println!("objects: medians of {TIMES} runs, a share a machine");
    println!("machines  objects     KiB  render s  on cpu s  cpu us/machine  peak MiB");
    for machines in SIZES {
        let status = Command::new(std::env::current_exe()?).arg(machines.to_string()).status()?;
        if !status.success() {
            return Err(format!("{machines} machines: {status}").into());
        }
    }
    Ok(())
}

fn one(machines: usize) -> Result<(), Box<dyn Error>> {
    let fleet = Fleet::parse(&text(machines)?, "fleet.toml", Format::Toml).map_err(|report| format!("{report:?}"))?;
    let upstream = upstream()?;
    let (mut wall, mut busy) = (Vec::new(), Vec::new());
    let (mut objects, mut bytes) = (0, 0);
    for _ in 0..TIMES {
        let (start, before) = (Instant::now(), on_cpu()?);
        let manifests = cluster::render(&fleet, &upstream)?;
        let texts: Result<Vec<String>, _> = manifests.iter().map(cluster::Manifest::text).collect();
        let texts = black_box(texts?);
        wall.push(start.elapsed().as_secs_f64());
        busy.push(on_cpu()? - before);
        objects = manifests.iter().map(|it| it.objects.len()).sum();
        bytes = texts.iter().map(String::len).sum();
    }
    // What was measured is the real thing: volume, claim, users, Service, server and share of each.
    if objects < 6 * machines {
        return Err(format!("{machines} machines got only {objects} objects").into());
    }
    let (wall, busy) = (median(wall), median(busy));
    let each = busy * 1e6 / f64::from(u32::try_from(machines)?);
    let peak = f64::from(u32::try_from(status("VmHWM:")?)?) / 1024.0;
    println!("{machines:8}  {objects:7}  {:6}  {wall:8.3}  {busy:8.3}  {each:14.0}  {peak:8.1}", bytes / 1024);
    Ok(())
}

/// The fleet file.
fn text(machines: usize) -> Result<String, Box<dyn Error>> {
    let example = include_str!("../../../examples/nas/fleet.toml");
    let head = example.split("[network]").next().unwrap_or_default();
    let mut text = format!(
        "{head}\n[network]\nsubnet = \"10.8.0.0/16\"\ngateway = \"10.8.0.1\"\nbalancer = \"10.8.128.0-10.8.140.255\"\n\n[monitoring]\n"
    );
    for machine in 0..machines {
        let role = if machine == 0 { "k3s-server" } else { "k3s-agent" };
        let address = format!("10.8.{}.{}", 1 + machine / 250, 1 + machine % 250);
        write!(
            text,
            "[machines.m{machine}]\naddress = \"{address}\"\nrole = \"{role}\"\n\
             [machines.m{machine}.storage.disk.main]\ndevice = \"/dev/disk/by-id/ata-S{machine}\"\n\
             [machines.m{machine}.storage.disk.main.content]\ntype = \"gpt\"\n\
             partitions.boot = {{ size = \"1MiB\", type = \"bios-boot\" }}\n\
             partitions.root = {{ size = \"30GiB\", content = {{ type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" }} }}\n\
             partitions.data = {{ content = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/data\" }} }}\n\
             [shares.s{machine}]\nmachine = \"m{machine}\"\nkind = \"time-machine\"\nsize = \"2TiB\"\n"
        )?;
    }
    Ok(text)
}

fn upstream() -> Result<Upstream, Box<dyn Error>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream/samba-operator");
    let mut upstream = Upstream::default();
    for path in Catalogue::built_in()?.source("samba-operator")?.files.keys() {
        upstream.add("samba-operator", path, std::fs::read_to_string(dir.join(path))?);
    }
    Ok(upstream)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Seconds that this thread had on a processor: the first number of its schedstat, in nanoseconds.
fn on_cpu() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(nanos / 1e9)
}

/// A number of /proc/self/status, in KiB.
fn status(key: &str) -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)).ok_or("not told")?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
}
