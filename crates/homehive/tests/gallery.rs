//! The layouts of a checkout of disko on a machine of the lab, one after the other: imported, refused on disks that hold
//! something else, made, planned once more, unmounted and mounted, reinstalled with and without what is persistent,
//! destroyed and made anew. What each showed is printed, a line each.
//!
//! `HOMEHIVE_DISKO` names the checkout, and `HOMEHIVE_LAYOUTS` the layouts: `all`, or some with commas between. All of them
//! take more than half an hour.

#![expect(clippy::unwrap_used, reason = "a test, which stops where it fails")]

mod bench;

use bench::{Bench, told};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

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
struct Machine {
    bench: Bench,
    /// The lab's fleet file, and what stood in it first.
    file: PathBuf,
    fleet: Value,
    /// The disk that the machine boots from, and the others, each with a table.
    boot: Value,
    others: Value,
}

impl Machine {
    fn new(disks: usize, zfs: bool) -> Option<Self> {
        let bench = Bench::of("gallery", &machines(disks, zfs))?;
        bench.run(&["lab", "up"]);
        let file = bench.lab_fleet();
        let mut fleet: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let mut others = fleet["machines"]["one"]["storage"].take();
        let boot = others["disk"].as_object_mut().unwrap().remove("boot").unwrap();
        let key = file.with_file_name("secrets").join("luks-key");
        fs::create_dir_all(key.parent().unwrap()).unwrap();
        fs::write(&key, "a key of the gallery").unwrap();
        fs::write(key.with_file_name("further-key"), "another one").unwrap();
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
        if ["\"bios-boot\"", "\"efi\""].iter().all(|kind| storage.to_string().contains(kind)) {
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
    fn play(&self, storage: &Value, done: &mut String) -> Result<(), String> {
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
    fn clear(&self, disks: usize) -> Result<(), String> {
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

/// A layout as it is imported.
struct Layout {
    /// The machine's `storage`.
    storage: Value,
    /// What homehive does not make of it.
    left_out: Vec<String>,
    /// What `check` does not let pass, and was changed as it says.
    mended: Vec<String>,
}

fn import(bench: &Bench, file: &Path) -> Layout {
    let output = bench.ask(&["--json", "disks", "import", file.to_str().unwrap(), "--machine", "one"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answer = &answer["answer"];
    let mut storage = answer["storage"].clone();
    let disks = storage["disk"].as_object_mut().unwrap();
    for (index, disk) in disks.values_mut().enumerate() {
        disk["serial"] = json!(format!("G{}", index + 1));
        disk["device"] = json!(format!("/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_G{}", index + 1));
    }
    keyed(&mut storage);
    let mut mended = Vec::new();
    mend(&mut storage, &mut mended);
    let findings = answer["findings"].as_array().unwrap().iter();
    let left_out = findings.filter(|finding| ["left_out", "wrong"].iter().any(|kind| finding["kind"] == *kind));
    let left_out = left_out.map(|finding| format!("{}: {}", finding["at"], finding["message"]));
    Layout { storage, left_out: left_out.collect(), mended }
}

/// Is anything mounted there?
fn mounts(value: &Value, path: &str) -> bool {
    match value {
        Value::Object(table) => {
            table.get("mountpoint").is_some_and(|at| at == path)
                || table.get("nodev").is_some_and(|nodev| nodev.get(path).is_some())
                || table.values().any(|value| mounts(value, path))
        }
        Value::Array(list) => list.iter().any(|value| mounts(value, path)),
        _ => false,
    }
}

/// What a machine could not boot from: EFI system partitions too small for two kernels, and a `/boot` that may be missing.
fn mend(value: &mut Value, mended: &mut Vec<String>) {
    let size = value["size"].as_str().and_then(|size| size.parse().ok());
    if value["type"] == "efi" && size < Some(storage::Size(256 << 20)) {
        mended.push(format!("an EFI system partition of {} has 256MiB", value["size"]));
        value["size"] = json!("256MiB");
    }
    if value["mountpoint"] == "/boot"
        && let Some(options) = value.get_mut("options").and_then(Value::as_array_mut)
        && options.iter().any(|option| option == "nofail")
    {
        mended.push("/boot without `nofail`".to_owned());
        options.retain(|option| option != "nofail");
    }
    match value {
        Value::Object(table) => table.values_mut().for_each(|value| mend(value, mended)),
        Value::Array(list) => list.iter_mut().for_each(|value| mend(value, mended)),
        _ => {}
    }
}

/// The lab's key for every container.
fn keyed(value: &mut Value) {
    if value["type"] == "luks" {
        value["key_file"] = json!("secrets/luks-key");
        value.as_object_mut().unwrap().retain(|key, _| !key.starts_with("boot_key"));
        let further = value.pointer_mut("/unlock/keys").and_then(Value::as_object_mut);
        further.into_iter().flat_map(|keys| keys.values_mut()).for_each(|key| *key = json!("secrets/further-key"));
    }
    if value.get("encryption").is_some() {
        value["encryption"] = json!({ "key_file": "secrets/luks-key" });
    }
    match value {
        Value::Object(table) => table.values_mut().for_each(keyed),
        Value::Array(list) => list.iter_mut().for_each(keyed),
        _ => {}
    }
}

#[test]
fn in_the_lab_the_layouts_of_disko_are_made_destroyed_and_reinstalled() {
    let (Ok(disko), Ok(which)) = (std::env::var("HOMEHIVE_DISKO"), std::env::var("HOMEHIVE_LAYOUTS")) else {
        return println!(
            "skipped: the layouts of disko: HOMEHIVE_DISKO (a checkout of disko) or HOMEHIVE_LAYOUTS (`all`, or names) is \
             not set"
        );
    };
    let chosen = |file: &PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        file.extension().is_some_and(|kind| kind == "nix") && (which == "all" || which.split(',').any(|it| it == name))
    };
    let entries = fs::read_dir(Path::new(&disko).join("example")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(chosen).collect();
    assert!(!files.is_empty(), "no such layouts: {which}");
    files.sort();
    // The largest of them has 14 disks.
    let largest = if files.iter().any(|file| file.ends_with("zfs-with-vdevs.nix")) { 14 } else { 4 };
    let zfs = files.iter().any(|file| fs::read_to_string(file).unwrap().contains("zpool"));
    let Some(mut machine) = Machine::new(largest, zfs) else { return };
    let (mut wrong, mut applied, mut in_part) = (Vec::new(), 0, 0);
    for file in &files {
        let name = file.file_stem().unwrap().to_string_lossy();
        let begun = Instant::now();
        let Layout { storage, left_out, mended } = import(&machine.bench, file);
        let mut done = String::new();
        let played = machine.play(&storage, &mut done);
        let disks = storage["disk"].as_object().unwrap().len();
        let cleared = machine.clear(disks);
        let whole = left_out.is_empty();
        let word = match (&played, whole) {
            (Ok(()), true) => "whole",
            (Ok(()), false) => "in part",
            (Err(_), _) => "no",
        };
        applied += usize::from(played.is_ok() && whole);
        in_part += usize::from(played.is_ok() && !whole);
        let seconds = begun.elapsed().as_secs();
        println!("{name:30} {word:8} {seconds:4} s  {}", done.trim_end_matches(", "));
        for (word, lines) in [("left out", &left_out), ("changed", &mended)] {
            for line in lines {
                println!("    {word}: {line}");
            }
        }
        for error in [played.err(), cleared.as_ref().err().cloned()].into_iter().flatten() {
            println!("    {error}");
            // What was imported as a whole can be had as a whole.
            if whole {
                wrong.push(name.to_string());
            }
        }
        if cleared.is_err() {
            drop(machine);
            machine = Machine::new(largest, zfs).unwrap();
        }
    }
    println!("of {}, {applied} were applied whole, {in_part} without what was left out", files.len());
    assert!(wrong.is_empty(), "{wrong:?}");
}
