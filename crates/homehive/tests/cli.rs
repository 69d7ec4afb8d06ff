//! The command line as a person meets it: words in, text and exit status out. No machine is touched; facts come from
//! probes that real machines of the lab printed.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const HEAD: &str = r#"
[fleet]
name = "home"
domain = "home.arpa"
nixpkgs = "github:NixOS/nixpkgs/nixos-26.05"

[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGTS0H1TYLZFMKTKOmzeE4ACSMMVTQs4axckyyz0p3hI ben@laptop"]

[network]
subnet = "192.168.1.0/24"
gateway = "192.168.1.1"

[machines.nas]
address = "192.168.1.10"
"#;

/// A directory with the fleet of the fixtures' machine.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tree = fs::read_to_string(storage("tests/common/nas.toml")).unwrap();
        let tree = tree.lines().map(|line| match line.strip_prefix('[') {
            Some(rest) => format!("[machines.nas.storage.{rest}\n"),
            None => format!("{line}\n"),
        });
        fs::write(dir.path().join("fleet.toml"), HEAD.to_owned() + &tree.collect::<String>()).unwrap();
        Self { dir }
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
        command.current_dir(self.dir.path()).arg("--plain").args(words);
        command.env("HOME", self.dir.path()).env("XDG_STATE_HOME", self.dir.path()).env_remove("HOMEHIVE_FLEET");
        command
    }

    /// Facts of a state as a file, in the form that `probe --json` prints.
    fn facts(&self, state: &str) -> PathBuf {
        let raw = fs::read_to_string(storage(&format!("tests/fixtures/{state}.txt"))).unwrap();
        let facts = ::storage::probe::parse(&raw).unwrap();
        let envelope = serde_json::json!({ "version": 1, "verb": "probe", "answer": facts });
        let path = self.dir.path().join(format!("{state}.json"));
        fs::write(&path, envelope.to_string()).unwrap();
        path
    }

    fn plan(&self, state: &str, more: &[&str]) -> Output {
        let facts = self.facts(state).display().to_string();
        self.run(&[&["disks", "plan", "nas", "--facts", &facts][..], more].concat())
    }
}

fn storage(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../storage").join(path)
}

fn text(output: &Output) -> String {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let status = output.status.code().unwrap();
    format!("exit {status}\n── stdout\n{}\n── stderr\n{}", shown(&output.stdout), shown(&output.stderr))
}

#[test]
fn exit_statuses_are_as_promised() {
    let home = Home::new();
    fs::write(home.dir.path().join("broken.toml"), "[fleet]\nname = 7\n").unwrap();
    for (words, status) in [
        (&["check"][..], 0),
        (&["--fleet", "broken.toml", "check"], 1),
        (&["--fleet", "broken.toml", "show"], 1),
        (&["--fleet", "nowhere.toml", "check"], 2),
        (&["frobnicate"], 2),
        (&["show", "nobody"], 2),
        (&["disks", "plan", "nas", "--facts", "nowhere.json"], 2),
        (&["disks", "plan", "nas", "--facts", "fleet.toml"], 2),
        (&["disks", "script", "nas", "--only", "disk.nobody"], 2),
        (&["init", "nas"], 3),
        (&["--lab", "disks", "plan", "nas"], 2),
        (&["lab", "status"], 0),
    ] {
        let output = home.run(words);
        assert_eq!(output.status.code(), Some(status), "{words:?}\n{}", text(&output));
    }
}

#[test]
fn blank_disks_are_planned_from_facts_alone() {
    insta::assert_snapshot!(text(&Home::new().plan("blank", &[])));
}

#[test]
fn a_finished_machine_needs_nothing() {
    insta::assert_snapshot!(text(&Home::new().plan("complete", &[])));
}

#[test]
fn a_deleted_cache_is_remade_by_exactly_its_steps() {
    insta::assert_snapshot!(text(&Home::new().plan("no-cache", &[])));
}

#[test]
fn a_foreign_filesystem_is_refused_with_the_words_that_would_allow_it() {
    let home = Home::new();
    insta::assert_snapshot!("foreign", text(&home.plan("foreign", &[])));
}

#[test]
fn swapped_kernel_names_change_nothing() {
    let home = Home::new();
    // They are of two makings of the machine: inside its volumes LVM has other identities, and the plan is made from those too.
    let plan = |state: &str| {
        let mut value: serde_json::Value = serde_json::from_slice(&home.plan(state, &["--json"]).stdout).unwrap();
        assert!(value["answer"]["digest"].take().is_string() && value["answer"]["plan"]["basis"].take().is_object());
        value
    };
    assert_eq!(plan("complete"), plan("swapped"));
}

#[test]
fn facts_that_make_no_sense_are_refused_with_their_reason() {
    let home = Home::new();
    let file = home.facts("complete");
    let good: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let mut seen = String::new();
    for (pointer, value) in [
        ("/answer/version", serde_json::json!(99)),
        ("/answer/devices/0/size", serde_json::json!("large")),
        ("/answer/devices/0/parents", serde_json::json!(["nothing"])),
        ("/answer/mounts/0/device", serde_json::json!("nothing")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        fs::write(&file, bad.to_string()).unwrap();
        let output = home.run(&["disks", "plan", "nas", "--facts", "complete.json"]);
        seen.extend([pointer, ": ", &text(&output), "\n\n"]);
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn a_first_fleet_lacks_only_what_its_owner_knows() {
    let home = Home::new();
    for (kind, snapshot, missing) in [("nas", "init", 10), ("cluster", "init_cluster", 14)] {
        let made = home.run(&["init", kind, kind]);
        insta::assert_snapshot!(snapshot, text(&made));
        let file = format!("{kind}/fleet.toml");
        let checked = home.run(&["--fleet", &file, "--json", "check"]);
        assert_eq!(checked.status.code(), Some(1));
        let answer: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
        let problems = answer["answer"]["problems"].as_array().unwrap();
        let codes: Vec<_> = problems.iter().map(|it| it["code"].clone()).collect();
        assert!(codes.iter().all(|code| code == "fleet::placeholder"), "{codes:?}");
        assert_eq!(codes.len(), missing);
        assert_eq!(home.run(&["init", kind, kind]).status.code(), Some(3));
    }
}

#[test]
fn the_fleet_is_drawn() {
    let home = Home::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/cluster/fleet.toml");
    fs::copy(example, home.dir.path().join("fleet.toml")).unwrap();
    let printed = home.run(&["show", "--svg"]);
    assert_eq!(printed.status.code(), Some(0), "{}", text(&printed));
    let svg = String::from_utf8(printed.stdout).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("share timemachine") && svg.contains("Grafana"));
    let written = home.run(&["show", "nas", "--svg", "nas.svg"]);
    assert_eq!(String::from_utf8(written.stdout).unwrap(), "wrote nas.svg\n");
    let one = fs::read_to_string(home.dir.path().join("nas.svg")).unwrap();
    assert!(one.contains("share timemachine") && !one.contains("hive1"));
    assert_eq!(home.run(&["--json", "show", "--svg"]).status.code(), Some(2));
}

#[test]
fn the_script_is_standalone_and_checked() {
    let home = Home::new();
    let script = home.run(&["disks", "script", "nas"]);
    assert_eq!(script.status.code(), Some(0), "{}", text(&script));
    let file = home.dir.path().join("disks.sh");
    fs::write(&file, &script.stdout).unwrap();
    assert!(Command::new("sh").arg("-n").arg(&file).status().unwrap().success());
    match Command::new("shellcheck").arg(&file).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(_) => eprintln!("skipped: shellcheck is missing"),
    }
}

#[test]
fn answers_keep_to_their_schemas() {
    let home = Home::new();
    let facts = home.facts("blank").display().to_string();
    for words in [
        &["check"][..],
        &["show"],
        &["disks", "plan", "nas", "--facts", &facts],
        &["disks", "script", "nas"],
        &["init", "nas", "another"],
        &["lab", "status"],
    ] {
        let output = home.run(&[&["--json"][..], words].concat());
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let verb = answer["verb"].as_str().unwrap();
        let schema = home.run(&["schema", verb]).stdout;
        let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
        let errors: Vec<_> =
            jsonschema::validator_for(&schema).unwrap().iter_errors(&answer).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{verb}: {errors:?}");
    }
}

#[test]
fn help_is_as_documented() {
    let home = Home::new();
    insta::assert_snapshot!("help", String::from_utf8(home.run(&["--help"]).stdout).unwrap());
}

impl Home {
    /// The search path with this shell in front, for what is asked of this very machine.
    fn shell(&self, script: &str) -> String {
        let bin = self.dir.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        for (name, script) in [("sh", script), ("sudo", "shift 2\nexec \"$@\"\n")] {
            fs::write(bin.join(name), format!("#!/bin/sh\n{script}")).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
    }
}

/// The machine's shell here only knows that somebody has the lock: whoever did not ask for it would fail in another way.
#[test]
fn verbs_that_write_ask_for_the_lock_first() {
    let home = Home::new();
    let busy = "case \"$*\" in *\" /run/homehive-disks.lock \"*) echo 'busy ben@there'; exit 75 ;; esac\nexit 9\n";
    let path = home.shell(busy);
    for verb in [&["apply", "nas"][..], &["replace", "nas", "disk.sata1", "NEW"]] {
        let words = [&["disks"], verb, &["--host", "local"]].concat();
        let output = home.command(&words).env("PATH", &path).output().unwrap();
        let story = text(&output);
        assert_eq!(output.status.code(), Some(3), "{story}");
        assert!(story.contains("ben@there is writing to its disks"), "{story}");
    }
}

/// `2>&1 | head`, or a terminal that is gone: what has begun goes on to its own end.
#[test]
fn nobody_has_to_read_the_story() {
    let home = Home::new();
    let path = home.shell("case \"$*\" in *\" /run/homehive-disks.lock \"*) echo 'busy ben@there'; exit 75 ;; esac\n");
    for option in [&[][..], &["--json"]] {
        let words = [&["disks", "apply", "nas", "--host", "local"], option].concat();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = home.command(&words).env("PATH", &path).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(3), "{words:?}");
    }
}

const LUKS: &str = r#"
[machines.nas.storage.disk]
nvme = { serial = "LABNVME0001", content = { type = "gpt", partitions.root = { content = { type = "filesystem", format = "xfs", mountpoint = "/" } } } }
one = { serial = "LABSATA0004", content = { type = "luks", name = "one", content = { type = "filesystem", format = "ext4", mountpoint = "/one" } } }
three = { serial = "LABSATA0003", content = { type = "filesystem", format = "ext4", mountpoint = "/three" } }

[machines.nas.storage.disk.usb]
device = "/dev/disk/by-id/usb-QEMU_QEMU_HARDDISK_LABUSB0001-0:0"
content = { type = "mbr", bootable = true, partitions.boot = { content = { type = "filesystem", format = "ext4", mountpoint = "/boot" } } }
"#;

/// A disk to be encrypted is blank, another is not: no passphrase is of use before that is settled.
#[test]
fn install_asks_for_no_key_before_what_is_refused() {
    let home = Home::new();
    fs::write(home.dir.path().join("fleet.toml"), HEAD.to_owned() + LUKS).unwrap();
    let probe = storage("tests/fixtures/foreign.txt");
    let path = home.shell(&format!("[ \"$*\" = -s ] && exec cat '{}'\nexit 9\n", probe.display()));
    let words = ["install", "nas", "--host", "local", "--payload", "stand-in"];
    let output = home.command(&words).env("PATH", &path).stdin(Stdio::null()).output().unwrap();
    let story = text(&output);
    assert_eq!(output.status.code(), Some(3), "{story}");
    assert!(story.contains("to destroy that: --wipe disk.three") && !story.contains("key"), "{story}");
}
