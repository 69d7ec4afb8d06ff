//! Deployments that go well, and that a machine takes back by itself: real machines of the lab, the real command line.
//! Whatever happens, sshd answers afterwards and the machine runs a generation that is known.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::{Bench, told};
use machine::deploy::{Deploy, DeployError, Mode, Outcome, Progress, deploy};
use machine::{Address, Machine, Story, Trust};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::ops::Deref;
use std::process::Output;
use std::time::Duration;

/// How long a machine waits to be found well: four times what switching, or booting, and verifying take, emulated on two
/// slow cores.
const WELL: &str = "300s";
/// The same where nobody will find it well.
const SOON: &str = "60s";

/// Machines with one small disk: they are installed and booted in no time.
fn fleet(machines: &[(&str, u8)]) -> String {
    let mut text = String::from(
        "[fleet]\nname = \"back\"\nnixpkgs = \"github:NixOS/nixpkgs/nixos-26.05\"\n\n[admin]\nuser = \"ben\"\n\
         keys = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop\"]\n\n\
         [network]\nsubnet = \"192.168.1.0/24\"\ngateway = \"192.168.1.1\"\n",
    );
    for (name, last) in machines {
        let serial = name.to_uppercase();
        let _ = write!(
            text,
            "\n[machines.{name}]\naddress = \"192.168.1.{last}\"\n\n[machines.{name}.storage.disk.vda]\n\
             device = \"/dev/disk/by-id/virtio-{serial}\"\nserial = \"{serial}\"\nsize = \"512GiB\"\n\
             content = {{ type = \"mbr\", bootable = true, partitions.root = {{ content = {{ type = \"filesystem\", \
             format = \"ext4\", mountpoint = \"/\" }} }} }}\n"
        );
    }
    text
}

/// A lab in which variants of the stand-in are deployed.
struct Back(Bench);

impl Deref for Back {
    type Target = Bench;

    fn deref(&self) -> &Bench {
        &self.0
    }
}

impl Back {
    fn new(machines: &[(&str, u8)]) -> Option<Self> {
        Bench::new(&fleet(machines)).map(Self)
    }

    /// One machine, installed already.
    fn installed() -> Option<Self> {
        Bench::installed().map(Self)
    }

    fn deploy(&self, variant: &str, words: &[&str]) -> Output {
        let all = ["--lab", "deploy", "--payload", "stand-in", "--yes", "--stand-in-variant", variant];
        self.ask(&[&all, words].concat())
    }

    /// The deployment is taken back by the machine, and says so with exit status 4 and the reason.
    fn taken_back(&self, variant: &str, words: &[&str], reason: &str) {
        let before = self.state("one");
        let output = self.deploy(variant, words);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(4), "{variant}: {told}");
        assert!(told.contains(reason), "{variant}: {told}");
        let now = self.state("one");
        assert_eq!((&now.running, &now.demo), (&before.running, &before.demo), "{variant}: it runs what it ran before");
        assert_eq!(now.current, before.current, "{variant}: and means that");
        assert!(now.generations > before.generations, "{variant}: the failed generation is kept");
    }

    /// On a connection of its own: sshd answers.
    fn state(&self, machine: &str) -> State {
        // Asking systemd takes root: there is no bus for anybody else.
        let script = "readlink -f /run/current-system; readlink /nix/var/nix/profiles/system; \
                      ls -d /nix/var/nix/profiles/system-*-link | wc -l; cat /run/demo; \
                      for second in {1..120}; do health=$(systemctl is-system-running); \
                      [ \"$health\" = starting ] || break; sleep 1; done; echo $health";
        let said = self.run(&["lab", "ssh", machine, "--", "sudo", "bash", "-c", script]);
        let mut lines = said.lines().map(str::to_owned);
        let mut next = || lines.next().unwrap_or_else(|| panic!("{said}"));
        let state = State {
            running: next(),
            current: next(),
            generations: next().parse().unwrap(),
            demo: next(),
            health: next(),
        };
        assert_eq!(state.health, "running", "{said}");
        state
    }

    /// The machine as the library knows it.
    fn machine(&self, name: &str) -> Machine {
        let status: Vec<_> = fs::read_dir(self.path().join("homehive/labs")).unwrap().collect();
        let lab = status[0].as_ref().unwrap().path();
        let fleet: Value = serde_json::from_slice(&fs::read(lab.join("fleet.json")).unwrap()).unwrap();
        let port = fleet["machines"][name]["ssh"]["port"].as_u64().unwrap();
        let key = fs::read_to_string(lab.join(format!("secrets/host-keys/{name}.pub"))).unwrap();
        let address = Address {
            host: "127.0.0.1".into(),
            port: port.try_into().unwrap(),
            user: "ben".into(),
            trust: Trust::Pinned(key),
            identity: Some(lab.join("secrets/identity")),
        };
        Machine::ssh(name, address).unwrap()
    }
}

#[derive(Debug)]
struct State {
    running: String,
    current: String,
    generations: usize,
    demo: String,
    health: String,
}

#[test]
fn in_the_lab_a_machine_takes_back_what_goes_wrong() {
    let Some(bench) = Back::installed() else { return };
    let first = bench.state("one");
    assert_eq!(first.demo, "a plain generation");

    // A good one.
    let output = bench.deploy("second", &["one", "--rollback-after", WELL]);
    assert!(output.status.success(), "{}", told(&output));
    let second = bench.state("one");
    assert_eq!(second.demo, "a second generation");
    assert_eq!((first.current.as_str(), second.current.as_str()), ("system-1-link", "system-2-link"));

    // Bad ones.
    bench.taken_back("failing-unit", &["one", "--rollback-after", WELL], "demo.service");
    bench.taken_back("cuts-network", &["one", "--rollback-after", SOON], "nobody confirmed it within 60 s");

    // The power goes between boot entry and switch: what comes up is a generation that is known, and whole.
    let path = entry_only(&bench, "plain");
    bench.run(&["lab", "fault", "power-cut", "one"]);
    bench.run(&["lab", "boot", "one"]);
    let after = bench.state("one");
    assert_eq!(after.running, path, "the boot entry came first");
    assert_eq!(after.demo, "a plain generation");
}

/// Sets profile and boot entry of a variant, and stops there; its store path.
fn entry_only(bench: &Back, variant: &str) -> String {
    let dry = ["--lab", "--json", "deploy", "one", "--payload", "stand-in", "--dry-run", "--stand-in-variant", variant];
    bench.run(&dry);
    let closures = fs::read_dir(bench.path().join("homehive/labs")).unwrap().next().unwrap().unwrap().path();
    let path = fs::read_link(closures.join(".homehive/closures/one-system")).unwrap().display().to_string();
    let (deadline, progress) = (Duration::from_mins(2), &Progress::default());
    let order = Deploy { closure: &path, mode: Mode::Switch, deadline, only_boot_entry: true, progress };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Two at once: one of them is refused, and told who has the machine.
    let outcomes = runtime.block_on(async {
        let (one, other) = (bench.machine("one"), bench.machine("one"));
        let well = async |_: &Machine| Ok(());
        let story = Story::silent();
        tokio::join!(deploy(&one, &order, well, &story), deploy(&other, &order, well, &story))
    });
    let (done, refused) = match outcomes {
        (Ok(done), Err(refused)) | (Err(refused), Ok(done)) => (done, refused),
        both => panic!("{both:?}"),
    };
    assert!(matches!(done, Outcome::NextBoot { .. }), "{done:?}");
    let process = format!("(process {})", std::process::id());
    assert!(matches!(&refused, DeployError::Busy { who, .. } if who.ends_with(&process)), "{refused}");
    path
}

#[test]
fn in_the_lab_a_boot_is_tried_out() {
    let Some(bench) = Back::installed() else { return };
    bench.taken_back("panics", &["one", "--reboot", "--rollback-after", WELL], "it did not come up");
    bench.taken_back("cuts-network", &["one", "--reboot", "--rollback-after", SOON], "nobody confirmed it");
    let output = bench.deploy("second", &["one", "--reboot", "--rollback-after", WELL]);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(bench.state("one").demo, "a second generation");
}

#[test]
fn in_the_lab_three_machines_are_deployed_to_and_one_is_off() {
    let Some(bench) = Back::new(&[("one", 11), ("two", 12), ("three", 13)]) else { return };
    bench.run(&["lab", "up"]);
    for machine in ["one", "two", "three"] {
        bench.run(&["--lab", "install", machine, "--payload", "stand-in"]);
    }
    let output = bench.deploy("second", &["--together", "--rollback-after", WELL]);
    assert!(output.status.success(), "{}", told(&output));
    for machine in ["one", "two", "three"] {
        assert_eq!(bench.state(machine).demo, "a second generation", "{machine}");
    }
    // They are on one segment: each reaches the next one's sshd.
    for (machine, neighbour) in [("one", 12), ("two", 13), ("three", 11)] {
        let greet = format!("read -r -t 60 line </dev/tcp/192.168.1.{neighbour}/22 && echo \"$line\"");
        let said = bench.run(&["lab", "ssh", machine, "--", "bash", "-c", &greet]);
        assert!(said.starts_with("SSH-2.0-"), "{machine} to .{neighbour}: {said}");
    }
    bench.run(&["lab", "off", "two"]);
    let output = bench.deploy("plain", &["--together", "--keep-going", "--rollback-after", WELL]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("two"), "{told}");
    for machine in ["one", "three"] {
        assert_eq!(bench.state(machine).demo, "a plain generation", "{machine}");
    }
}
