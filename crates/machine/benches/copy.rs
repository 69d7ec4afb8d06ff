//! How long it takes to copy a closure of 300 paths and 200 MB to one machine and to eight, beside what else does it, and
//! what homehive itself takes where nothing changes. Everything goes over an sshd of our own on loopback into Nix stores
//! below a directory of our own; each round measures everything once, so that all have the same weather.

#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

#[path = "../tests/sshd/mod.rs"]
mod sshd;

use cmd::Cmd;
use futures_util::future::join_all;
use machine::copy::{Closure, Target, copy};
use machine::deploy::{Deploy, Mode, Outcome, Progress, deploy};
use machine::{Machine, Story, run_local};
use sshd::Sshd;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const PATHS: usize = 300;
const BYTES: usize = 200_000_000;
const ROUNDS: usize = 5;
const MANY: u8 = 8;
/// No-change deployments that are measured.
const TIMES: usize = 20;
const LONG: Duration = Duration::from_mins(20);
const SYSTEM: &str = "/nix/store/00000000000000000000000000000000-bench-system";

/// An sshd with a system profile of its own, in a mount namespace: what is measured reads `/nix` and `/run`.
const FAKE: &str = "mount -t tmpfs none /run && mkdir -p /run/sshd /nix/var/nix/profiles && \
    mount -t tmpfs none /nix/var/nix/profiles && ln -s \"$0\" /run/current-system && ln -s \"$0\" /run/booted-system && \
    ln -s \"$0\" /nix/var/nix/profiles/system-1-link && ln -s system-1-link /nix/var/nix/profiles/system && exec \"$@\"";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        unchanged().await;
        copies().await;
    });
}

async fn copies() {
    let Some(sshd) = Sshd::start(&[]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let closure = closure(dir.path()).await;
    let story = Story::silent();
    let machines: Vec<Machine> = (0..MANY).map(|_| sshd.machine("host")).collect();
    for machine in &machines {
        machine.wait(LONG).await.unwrap();
    }
    println!("copying {} paths, {} MB, over loopback SSH; seconds\n", closure.paths.len(), closure.size / 1_000_000);
    println!("round  export|ssh cat  ..>file  nix copy  zstd|tar   tar|tar  homehive, 1  homehive, {MANY}  again");
    let mut table: Vec<[f64; 8]> = Vec::new();
    for round in 0..=ROUNDS {
        let root = |name: &str| {
            let root = dir.path().join(format!("{round}-{name}"));
            fs::create_dir_all(&root).unwrap();
            root.display().to_string()
        };
        let export = by_shell(
            &sshd,
            &closure,
            "nix-store --export $(cat \"$LIST\") | ssh $OPTIONS 127.0.0.1 'cat >/dev/null'",
            "",
        )
        .await;
        let kept = by_shell(
            &sshd,
            &closure,
            "nix-store --export $(cat \"$LIST\") | ssh $OPTIONS 127.0.0.1 \"cat >'$ROOT/export' && sync -f '$ROOT'\"",
            &root("kept"),
        )
        .await;
        let nix = by_shell(
            &sshd,
            &closure,
            "xargs nix --extra-experimental-features nix-command copy --no-check-sigs \
             --to \"ssh-ng://root@127.0.0.1?remote-program=nix-daemon&remote-store=local%3Froot%3D$ROOT\" <\"$LIST\"",
            &root("nix"),
        )
        .await;
        let mut bare = [0.0; 2];
        for (at, (pack, unpack)) in [("zstd -1 -T0 -q", "zstd -d -q"), ("cat", "cat")].iter().enumerate() {
            let words = format!(
                "sed s,^/,, \"$LIST\" | tar -C / -cf - --files-from=- | {pack} | \
                 ssh $OPTIONS 127.0.0.1 \"{unpack} | tar -C '$ROOT' -xpf - && sync -f '$ROOT'\""
            );
            bare[at] = by_shell(&sshd, &closure, &words, &root(&format!("bare{at}"))).await;
        }
        let one = root("one");
        let first = ours(&machines[..1], std::slice::from_ref(&one), &closure, &story).await;
        let roots: Vec<String> = (0..MANY).map(|at| root(&format!("many{at}"))).collect();
        let many = ours(&machines, &roots, &closure, &story).await;
        let again = ours(&machines[..1], std::slice::from_ref(&one), &closure, &story).await;
        let row = [export, kept, nix, bare[0], bare[1], first, many, again];
        // The first round only warms what is cached.
        if round > 0 {
            println!(
                "{round:5} {export:15.2} {kept:7.2} {nix:9.2} {:9.2} {:9.2} {first:12.2} {many:12.2} {again:6.2}",
                bare[0], bare[1]
            );
            table.push(row);
        }
        for entry in fs::read_dir(dir.path()).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("{round}-")) {
                run_local(&Cmd::new("rm").args(["-rf", "--"]).arg(entry.path().display().to_string()), LONG)
                    .await
                    .unwrap();
            }
        }
    }
    let medians: Vec<f64> = (0..8).map(|at| median(table.iter().map(|row| row[at]).collect())).collect();
    println!(
        "\nby medians: homehive/(export|ssh cat) {:.2}, homehive/(the same into a file) {:.2}, homehive/nix copy {:.2}, \
         {MANY} targets/1 target {:.2}",
        medians[5] / medians[0],
        medians[5] / medians[1],
        medians[5] / medians[2],
        medians[6] / medians[5]
    );
    let delete = Cmd::new("nix-store").arg("--delete").args(closure.paths.iter().map(String::as_str));
    run_local(&delete, LONG).await.unwrap();
}

/// What homehive takes to find that nothing changes: connect, look, decide.
async fn unchanged() {
    let Some(sshd) = Sshd::start(&["unshare", "--mount", "sh", "-c", FAKE, SYSTEM]) else { return };
    sshd.machine("host").wait(LONG).await.unwrap();
    let (connections, alone) = serially(&sshd).await;
    let begun = Instant::now();
    let machines: Vec<Machine> = (0..MANY).map(|_| sshd.machine("host")).collect();
    join_all(machines.iter().map(async |machine| {
        machine.wait(LONG).await.unwrap();
        nothing(machine).await;
    }))
    .await;
    let beside = begun.elapsed().as_secs_f64();
    println!(
        "a deployment that changes nothing: medians of {TIMES}: SSH connection {:.0} ms, homehive's part {:.0} ms; {MANY} machines \
         at once, connections included, {:.0} ms, {:.0} ms a machine\n",
        median(connections) * 1e3,
        median(alone) * 1e3,
        beside * 1e3,
        beside * 1e3 / f64::from(MANY)
    );
}

/// Seconds of the connections, and of what is done over them.
async fn serially(sshd: &Sshd) -> (Vec<f64>, Vec<f64>) {
    let (mut connections, mut deployments) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let machine = sshd.machine("host");
        let begun = Instant::now();
        machine.wait(LONG).await.unwrap();
        connections.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        nothing(&machine).await;
        deployments.push(begun.elapsed().as_secs_f64());
    }
    (connections, deployments)
}

/// A deployment that finds nothing to do.
async fn nothing(machine: &Machine) {
    let wanted = Deploy {
        closure: SYSTEM,
        mode: Mode::Switch,
        deadline: LONG,
        only_boot_entry: false,
        progress: &Progress::default(),
    };
    let outcome = deploy(machine, &wanted, async |_: &Machine| Ok(()), &Story::silent()).await.unwrap();
    assert_eq!(outcome, Outcome::Unchanged);
}

async fn ours(machines: &[Machine], roots: &[String], closure: &Closure, story: &Story) -> f64 {
    let targets: Vec<Target<'_>> =
        machines.iter().zip(roots).map(|(machine, root)| Target { machine, root, closure }).collect();
    let begun = Instant::now();
    for end in copy(&targets, usize::from(MANY), story).await {
        end.unwrap();
    }
    begun.elapsed().as_secs_f64()
}

/// Seconds that a line of shell takes, as a careful person would type it.
async fn by_shell(sshd: &Sshd, closure: &Closure, line: &str, root: &str) -> f64 {
    let list = sshd.dir.path().join("list");
    fs::write(&list, closure.paths.join("\n") + "\n").unwrap();
    let options = format!(
        "-p {} -i {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        sshd.port,
        sshd.identity().display()
    );
    let words = Cmd::new("env")
        .arg(format!("LIST={}", list.display()))
        .arg(format!("OPTIONS={options}"))
        .arg(format!("NIX_SSHOPTS={options}"))
        .arg(format!("ROOT={root}"))
        .args(["bash", "-euo", "pipefail", "-c", line]);
    let begun = Instant::now();
    run_local(&words, LONG).await.unwrap();
    begun.elapsed().as_secs_f64()
}

/// Paths in this machine's store, made of pieces of its programs and libraries: they pack as real ones do.
async fn closure(dir: &Path) -> Closure {
    let mut real: Vec<u8> = Vec::new();
    let mut files: Vec<_> = ["/usr/bin", "/usr/lib/x86_64-linux-gnu"]
        .iter()
        .flat_map(|dir| fs::read_dir(dir).unwrap().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && !path.is_symlink())
        .collect();
    files.sort();
    for file in files {
        if real.len() < BYTES {
            real.extend(fs::read(file).unwrap_or_default());
        }
    }
    assert!(real.len() >= BYTES, "this machine's programs are fewer than {BYTES} bytes");
    let size = BYTES / PATHS;
    let mut paths = Vec::new();
    for (at, piece) in real.chunks_exact(size).take(PATHS).enumerate() {
        let tree = dir.join(format!("bench-{at}"));
        fs::create_dir_all(tree.join("lib")).unwrap();
        for (part, bytes) in piece.chunks(size / 10).enumerate() {
            fs::write(tree.join(format!("lib/{part}")), bytes).unwrap();
        }
        fs::write(tree.join("mark"), dir.display().to_string()).unwrap();
        paths.push(tree.display().to_string());
    }
    let add = Cmd::new("nix-store").arg("--add").args(paths.iter().map(String::as_str));
    let said = run_local(&add, LONG).await.unwrap().stdout;
    let paths: Vec<String> = said.lines().map(str::to_owned).collect();
    Closure { system: paths[0].clone(), paths, size: BYTES as u64 }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
