//! A machine of the lab whose disks are now those of one layout and now those of another.

use super::bench::{Bench, told};
use super::layout::{keys, mounts, starts_both_ways};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

/// The machine and the disk that it boots from; the others come behind it, of 3 GiB in the lab.
const MACHINES: &str = r#"
[machines.one]
address = "192.168.1.10"

# Most layouts are of disks that nothing could boot from.
[machines.one.storage.disk.boot]
device = "/dev/disk/by-id/ata-BOOT"
serial = "BOOT"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } } }

[machines.one.storage.disk]
"#;

/// That machine with so many further disks, each with a table. With a pool on the first its lab has ZFS.
fn machines(disks: usize, zfs: bool) -> String {
    let mut text = MACHINES.to_owned();
    for at in 1..=disks {
        let within = if zfs && at == 1 { ", content = { type = \"zfs\", pool = \"other\" }" } else { "" };
        let content = format!("content = {{ type = \"gpt\", partitions.other = {{ size = \"256MiB\"{within} }} }}");
        let _ = writeln!(text, "nvme{at} = {{ serial = \"G{at}\", {content} }}");
    }
    if zfs { text + "[machines.one.storage.zpool.other]\n" } else { text }
}

/// Ends everything that is mounted, as before a reinstall.
const LEAVE: &str = "findmnt /mnt >/dev/null && umount --recursive /mnt; swapoff --all";
/// Writes a file into every filesystem of a disk, and tells how many there are.
const WRITE: &str = "while read -r _ at kind _; do at=$(printf '%b' \"$at\"); \
    case $at:$kind in *:tmpfs) ;; /mnt:*|/mnt/*) head -c 200000 /dev/urandom >\"$at/file\" && sha256sum \"$at/file\" || echo failed; esac; \
    done </proc/self/mounts >/run/sums; sync; ! grep failed /run/sums && grep -c . /run/sums || true";
const KEPT: &str = "sha256sum --check --quiet /run/sums";
const GONE: &str = "while read -r _ file; do [ ! -e \"$file\" ] || echo $file is still there; done </run/sums";

/// The lab's machine, whose disks are now these and now those.
pub struct Machine {
    pub bench: Bench,
    /// The lab's fleet file, and what stood in it first.
    file: PathBuf,
    fleet: Value,
    /// The disk that the machine boots from, and the others, each with a table.
    boot: Value,
    others: Value,
}

impl Machine {
    pub fn new(disks: usize, zfs: bool) -> Option<Self> {
        let bench = Bench::of("gallery", &machines(disks, zfs))?;
        bench.run(&["lab", "up"]);
        let file = bench.lab_fleet();
        let mut fleet: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let mut others = fleet["machines"]["one"]["storage"].take();
        let boot = others["disk"].as_object_mut().unwrap().remove("boot").unwrap();
        keys(&file);
        let machine = Self { bench, file, fleet, boot, others };
        machine.clear(disks).unwrap();
        Some(machine)
    }

    /// Declares this storage, and beside it what it lacks to be a machine's.
    fn declare(&self, storage: &Value) {
        let mut fleet = self.fleet.clone();
        let mut boot = self.boot.clone();
        let root = &mut boot["content"]["partitions"]["root"]["content"];
        // With a root in memory its host key is kept there.
        let kept = storage["nodev"].get("/").map(|_| "/etc/ssh");
        match kept.into_iter().chain(["/", "/boot"]).find(|path| !mounts(storage, path)) {
            Some(free) => root["mountpoint"] = json!(free),
            None => drop(root.as_object_mut().unwrap().remove("mountpoint")),
        }
        // It is as persistent as the layout's own disks; and where they could be booted in two ways, one is said.
        boot["persistent"] =
            storage["disk"].as_object().unwrap().values().all(|disk| disk["persistent"] == true).into();
        if starts_both_ways(storage) {
            fleet["machines"]["one"]["boot"] = json!("bios");
        }
        fleet["machines"]["one"]["storage"] = storage.clone();
        fleet["machines"]["one"]["storage"]["disk"]["boot"] = boot;
        fs::write(&self.file, fleet.to_string()).unwrap();
    }

    /// `homehive --lab disks VERB one WORDS…`: what it says, if it ends with this status.
    fn disks(&self, status: i32, verb: &str, words: &[String]) -> Result<String, String> {
        let words: Vec<&str> =
            ["--lab", "disks", verb, "one"].into_iter().chain(words.iter().map(String::as_str)).collect();
        let output = self.bench.ask(&words);
        answer(&output, status, &words.join(" "))
    }

    fn sh(&self, script: &str) -> Result<String, String> {
        let output = self.bench.ask(&["lab", "ssh", "one", "--", "sh", "-c", script]);
        answer(&output, 0, script)
    }

    /// Nothing is to be done, and nothing is wrong.
    fn as_wished(&self) -> Result<(), String> {
        let plan = self.disks(0, "plan", &[])?;
        if !plan.contains("nothing to do") {
            return Err(format!("a second plan is not empty: {plan}"));
        }
        // 1 is what it ends with while something is being rebuilt, which may end between two questions.
        let asked = self.bench.ask(&["--lab", "disks", "status", "one"]);
        let status = answer(&asked, i32::from(asked.status.code() == Some(1)), "disks status")?;
        let fine = |line: &&str| line.split_whitespace().any(|word| ["good", "rebuilding"].contains(&word));
        let wrong: Vec<&str> = status.lines().filter(|line| !fine(line)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("status: {}", wrong.join("\n"))) }
    }

    /// From disks that hold something else to disks that hold something else.
    pub fn play(&self, storage: &Value, done: &mut String) -> Result<(), String> {
        let disks = storage["disk"].as_object().unwrap();
        let wipe: Vec<String> = disks.keys().flat_map(|disk| ["--wipe".to_owned(), format!("disk.{disk}")]).collect();
        let reinstall = ["--reinstall".to_owned()];
        self.declare(storage);
        self.sh(LEAVE)?;
        self.disks(3, "apply", &[])?;
        done.push_str("refused unnamed, ");
        self.disks(0, "apply", &wipe)?;
        self.as_wished()?;
        let count = self.sh(WRITE)?;
        let _ = write!(done, "made ({} mounted), ", count.trim());

        self.sh(LEAVE)?;
        self.disks(0, "apply", &[])?;
        self.as_wished()?;
        self.sh(KEPT)?;
        done.push_str("mounted again, ");

        let mut persistent = storage.clone();
        persistent["disk"].as_object_mut().unwrap().values_mut().for_each(|disk| disk["persistent"] = json!(true));
        self.declare(&persistent);
        self.sh(LEAVE)?;
        self.disks(0, "apply", &reinstall)?;
        self.as_wished()?;
        self.sh(KEPT)?;
        done.push_str("kept by a reinstall, ");

        self.declare(storage);
        self.sh(LEAVE)?;
        self.disks(0, "apply", &reinstall)?;
        self.as_wished()?;
        let left = self.sh(GONE)?;
        if !left.is_empty() {
            return Err(format!("a reinstall left files: {left}"));
        }
        done.push_str("made anew by a reinstall, ");

        self.sh(LEAVE)?;
        self.disks(0, "apply", &wipe)?;
        self.as_wished()?;
        done.push_str("destroyed and made again");
        Ok(())
    }

    /// The first so many disks as they were in the beginning.
    pub fn clear(&self, disks: usize) -> Result<(), String> {
        self.declare(&self.others);
        self.sh(LEAVE)?;
        let all = (1..=disks).flat_map(|disk| ["--wipe".to_owned(), format!("disk.nvme{disk}")]);
        self.disks(0, "apply", &all.collect::<Vec<_>>())?;
        self.as_wished()
    }
}

/// What was answered, if it ended with this status; else all that was said.
fn answer(output: &Output, status: i32, words: &str) -> Result<String, String> {
    if output.status.code() == Some(status) {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{words}: {}", told(output)))
}
