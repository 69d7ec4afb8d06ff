//! LUKS on real machines of the lab: made and opened with a key that only standard input knows, closed by a power cut, refused
//! to a wrong key, grown, and whole all along.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::{Bench, told};
use std::io::Write as _;
use std::process::{Output, Stdio};

const ON_MD: &str = include_str!("../../../examples/layouts/luks-lvm-on-md.toml");
const BTRFS: &str = include_str!("../../../examples/layouts/luks-btrfs.toml");

/// In no other text; with what a shell, printf and a newline could make something else of.
const KEY: &str = "Kn%s '\\0141\" $HOME ü7491";

/// Is the key in it, as it is or in octals, the form in which it travels to a shell, however often that was quoted again?
fn bears(bytes: &[u8]) -> bool {
    let bare: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\\').collect();
    let octals: Vec<u8> = KEY.bytes().flat_map(|byte| format!("0{byte:03o}").into_bytes()).collect();
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    holds(bytes, KEY.as_bytes()) || holds(&bare, &octals)
}

#[test]
fn the_key_is_found_in_each_of_its_forms() {
    let key = cmd::Secret::new(KEY);
    let program = cmd::Program { lines: vec![cmd::Line::Feed { cmd: cmd::Cmd::new("cat"), key }] };
    let sent = program.to_sh(cmd::quote);
    let quoted = serde_json::to_string(&sent).unwrap();
    for text in [KEY, &sent, &quoted, &cmd::quote(&sent)] {
        assert!(bears(text.as_bytes()), "{text}");
    }
    assert!(!bears(b"Kn%s and 0113"));
}

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", script])
}

/// Runs it with a key on its standard input, all that it tells included.
fn keyed(bench: &Bench, key: &str, words: &[&str]) -> Output {
    let mut command = bench.command(&["--verbose"]);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{key}").unwrap();
    let output = child.wait_with_output().unwrap();
    println!("{} with a key -> {:?}", words.join(" "), output.status.code());
    assert!(!bears(told(&output).as_bytes()), "the key was told");
    output
}

fn applied(bench: &Bench) -> String {
    let output = keyed(bench, KEY, &["--lab", "disks", "apply", "one"]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(bench.run(&["--lab", "disks", "plan", "one"]).contains("nothing to do"));
    told(&output)
}

/// The files of the lab and of its fleet, the disks themselves left out, that hold the key.
fn bearing(dir: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            bearing(&entry.path(), found);
        } else if kind.is_file() && entry.metadata().unwrap().len() < 16 << 20 {
            let bytes = std::fs::read(entry.path()).unwrap();
            if bears(&bytes) {
                found.push(entry.path());
            }
        }
    }
}

/// Every command line that root sees while the machine makes its container goes into a file.
fn watch(bench: &Bench) {
    sh(
        bench,
        "nohup sh -c 'for i in $(seq 400); do cat /proc/[0-9]*/cmdline 2>/dev/null; sleep 0.2; done' >/run/argv 2>/dev/null </dev/null &",
    );
}

#[test]
fn in_the_lab_luks_on_md_is_made_opened_and_keeps_what_is_in_it() {
    let Some(bench) = Bench::new(ON_MD) else { return };
    bench.run(&["lab", "up"]);
    let nobody = bench.ask(&["--lab", "disks", "apply", "one"]);
    assert_eq!(nobody.status.code(), Some(3), "{}", told(&nobody));
    assert!(told(&nobody).contains("the key of luks.vault"), "{}", told(&nobody));
    watch(&bench);
    let story = applied(&bench);
    assert!(story.contains("--key-file=-"), "{story}");
    let argv = sh(&bench, "tr '\\0' ' ' </run/argv");
    assert!(argv.contains("cryptsetup luksFormat") && !bears(argv.as_bytes()), "seen while it was made");
    sh(&bench, "head -c 3000000 /dev/urandom >/mnt/data/file; sha256sum /mnt/data/file >/mnt/data/sum; sync");

    bench.run(&["lab", "fault", "power-cut", "one"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
    let closed = bench.ask(&["--lab", "disks", "status", "one"]);
    assert!(told(&closed).contains("luks.vault           inactive"), "{}", told(&closed));
    let plan = bench.run(&["--lab", "disks", "plan", "one"]);
    assert!(!plan.lines().any(|line| line.starts_with(['+', '!', '>'])), "opened and mounted, no more: {plan}");
    let header = "head -c 16777216 /dev/md127 | sha256sum; ls /sys/class/block | grep dm- || true";
    let before = sh(&bench, header);
    let wrong = keyed(&bench, "another key", &["--lab", "disks", "apply", "one"]);
    assert_eq!(wrong.status.code(), Some(4), "{}", told(&wrong));
    assert!(told(&wrong).contains("No key available with this passphrase"), "{}", told(&wrong));
    assert_eq!(sh(&bench, header), before, "nothing is changed by a wrong key");
    applied(&bench);
    sh(&bench, "sha256sum --check /mnt/data/sum");
    let status = bench.run(&["--lab", "disks", "status", "one"]);
    assert!(status.lines().all(|line| line.contains(" good ")), "{status}");

    let mut found = Vec::new();
    bearing(bench.path(), &mut found);
    assert_eq!(found, Vec::<std::path::PathBuf>::new(), "journal, saves, consoles, fleet");
}

/// Declares the encrypted partition as large as that, in the lab's fleet.
fn sized(bench: &Bench, size: &str) {
    bench.edit(|fleet| {
        fleet.pointer_mut("/machines/one/storage/disk/main/content/partitions/crypt").unwrap()["size"] = size.into();
    });
}

#[test]
fn in_the_lab_btrfs_in_luks_grows_with_its_partition() {
    let Some(bench) = Bench::new(BTRFS) else { return };
    bench.run(&["lab", "up"]);
    sized(&bench, "512MiB");
    applied(&bench);
    sh(&bench, "head -c 3000000 /dev/urandom >/mnt/home/file; sha256sum /mnt/home/file >/mnt/home/sum; sync");
    let size = || sh(&bench, "findmnt --noheadings --bytes --output SIZE /mnt/home").trim().parse::<u64>().unwrap();
    let before = size();
    sized(&bench, "768MiB");
    let story = applied(&bench);
    assert!(story.contains("grow the LUKS crypt"), "{story}");
    assert!(size() > before + (200 << 20), "{before} -> {}", size());
    sh(&bench, "sha256sum --check /mnt/home/sum");
}
