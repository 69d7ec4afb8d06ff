//! The power goes behind chosen steps of the NAS's plan: the next `disks apply` finishes, and what is on the disks then is
//! what an undisturbed run leaves. Real machines of the lab, the real command line.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Steps by their beginning, as `disks plan` describes them: the array is made, the cache is attached, the last
/// filesystem is made.
const CUTS: [&str; 3] = ["create RAID6 md/nas", "create volume group nas", "make xfs for /data"];

struct Bench {
    dir: tempfile::TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.command(&["lab", "down"]).output();
    }
}

impl Bench {
    fn new() -> Self {
        // Sockets must have short paths.
        let dir = tempfile::Builder::new().prefix("hh").tempdir_in("/tmp").unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nas/fleet.toml");
        fs::copy(example, dir.path().join("fleet.toml")).unwrap();
        Self { dir }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.current_dir(self.dir.path()).env("XDG_STATE_HOME", self.dir.path()).arg("--plain").args(words);
        command
    }

    fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{words:?}: {}{}", shown(&output.stdout), shown(&output.stderr));
        shown(&output.stdout)
    }

    fn plan(&self) -> Value {
        serde_json::from_str(&self.run(&["--lab", "--json", "disks", "plan", "nas"])).unwrap()
    }

    /// What is on the disks, without what differs between two runs of the same story: kernel names, counters, progress.
    fn disks(&self) -> Vec<String> {
        let answer: Value = serde_json::from_str(&self.run(&["--lab", "--json", "probe", "nas"])).unwrap();
        let mut disks: Vec<String> = Vec::new();
        for device in answer["answer"]["devices"].as_array().unwrap() {
            let mut content = device["content"].clone();
            if let Some(fields) = content.as_object_mut() {
                fields.remove("events");
            }
            disks.push(format!("{} {} {content}", device["size"], device["partition"]));
        }
        for group in answer["answer"]["groups"].as_array().unwrap() {
            let volumes = group["volumes"].as_array().unwrap();
            let volumes =
                volumes.iter().map(|it| format!("{} {} {} {}", it["name"], it["uuid"], it["size"], it["segment"]));
            let mut volumes: Vec<_> = volumes.filter(|volume| !volume.contains("_wcorig")).collect();
            volumes.sort();
            disks.push(format!("{} {} {}", group["name"], group["uuid"], volumes.join(", ")));
        }
        disks.sort();
        disks
    }
}

#[test]
fn in_the_lab_a_cut_run_ends_like_an_undisturbed_one() {
    if let Err(missing) = lab::require(lab::Need::BuildAndRun) {
        eprintln!("skipped: {missing}");
        return;
    }
    let bench = Bench::new();
    bench.run(&["lab", "up"]);
    let steps: Vec<String> = serde_json::from_value(bench.plan()["answer"]["lines"].take()).unwrap();
    bench.run(&["--lab", "disks", "apply", "nas"]);
    let undisturbed = bench.disks();
    bench.run(&["lab", "down"]);
    for cut in CUTS {
        let number =
            1 + steps.iter().position(|step| step.starts_with(cut)).unwrap_or_else(|| panic!("{cut}: {steps:#?}"));
        bench.run(&["lab", "up"]);
        bench.run(&["lab", "fault", "power-cut", "nas", "--after-step", &number.to_string()]);
        bench.run(&["lab", "boot", "nas", "--medium"]);
        bench.run(&["--lab", "disks", "apply", "nas"]);
        assert_eq!(bench.disks(), undisturbed, "cut behind step {number}, {cut}");
        let plan = bench.plan();
        assert_eq!(plan["answer"]["plan"]["steps"], Value::Array(Vec::new()), "{cut}");
        bench.run(&["lab", "down"]);
    }
}
