//! QEMU's own client on a served drive: what it writes, flushes, and finds again when the power was cut.

#![expect(clippy::unwrap_used, reason = "a test")]

use drive::{Access, Answer, Effect, Loss, Order, Place, Rule, ask, serve};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(20);

struct Bench {
    dir: tempfile::TempDir,
    server: JoinHandle<Result<(), drive::ServeError>>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let medium = dir.path().join("medium");
        std::fs::File::create(&medium).unwrap().set_len(64 << 20).unwrap();
        let server = Self::start(dir.path());
        Self { dir, server }
    }

    fn start(dir: &Path) -> JoinHandle<Result<(), drive::ServeError>> {
        let (medium, socket, control) = (dir.join("medium"), dir.join("drive"), dir.join("control"));
        let place = Place { name: "d".into(), medium, socket, sector: 512, cache: 32 << 20 };
        let to = control.clone();
        let server = std::thread::spawn(move || serve(&[place], &to));
        let begun = Instant::now();
        while ask(&control, &Order::Counts, DEADLINE).is_err() {
            assert!(begun.elapsed() < DEADLINE && !server.is_finished(), "the server does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    fn control(&self) -> PathBuf {
        self.dir.path().join("control")
    }

    fn order(&self, order: &Order) -> Answer {
        ask(&self.control(), order, DEADLINE).unwrap()
    }

    /// Runs commands of qemu-io; `-t none` keeps its own cache out, and what it says is kept also when it is killed.
    fn io(&self, commands: &[&str]) -> (bool, String) {
        let url = format!("nbd+unix:///?socket={}", self.dir.path().join("drive").display());
        let words = commands.iter().flat_map(|command| ["-c", *command]);
        let out = Command::new("stdbuf")
            .args(["-oL", "qemu-io", "-f", "raw", "-t", "none"])
            .args(words)
            .arg(url)
            .output()
            .unwrap();
        let said = [out.stdout, out.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        (out.status.success() && !said.contains("failed") && !said.contains("error"), said)
    }

    fn leave(self) {
        assert_eq!(self.order(&Order::Leave), Answer::Done);
        self.server.join().unwrap().unwrap();
        assert!(!self.dir.path().join("drive").exists());
    }
}

/// `abort` ends qemu-io as SIGKILL would: it takes no leave and flushes nothing.
const KILLED: &str = "abort";

#[test]
fn unflushed_writes_are_gone_and_flushed_ones_are_not() {
    if Command::new("qemu-io").arg("--version").output().is_err() {
        println!("skipped: qemu-io is not on this machine (package qemu-utils)");
        return;
    }
    let bench = Bench::new();
    let (good, said) =
        bench.io(&["write -P 1 0 1M", "flush", "write -P 2 512k 1M", "read -P 2 512k 1M", "read -P 1 0 512k", KILLED]);
    assert!(!good && said.matches("read ").count() == 2, "{said}");
    let Answer::Lost(lost) = bench.order(&Order::Cut(Loss::All)) else { panic!() };
    assert_eq!((lost["d"].unflushed, lost["d"].hurt, lost["d"].sectors), (1, 1, 2048));
    assert!(!bench.io(&["read 0 512"]).0, "a drive without power answers");
    bench.order(&Order::Light);
    let (good, said) =
        bench.io(&["read -P 1 0 1M", "read -P 0 1M 512k", "write -f -P 3 0 512", "write -P 4 1k 512", KILLED]);
    assert!(said.contains("wrote 512/512") && !said.contains("Pattern"), "{good} {said}");
    bench.order(&Order::Cut(Loss::All));
    bench.order(&Order::Light);
    let (good, said) = bench.io(&["read -P 3 0 512", "read -P 1 1k 512", "write -P 5 0 4k"]);
    assert!(good, "{said}");
    // It took its leave: nothing is lost any more.
    bench.order(&Order::Cut(Loss::All));
    bench.order(&Order::Light);
    let (good, said) = bench.io(&["read -P 5 0 4k", "discard 0 1M", "write -z 2M 8M", "read -P 0 0 10M"]);
    assert!(good, "{said}");
    bench.leave();
}

#[test]
fn a_drive_fails_rots_and_fills_up() {
    if Command::new("qemu-io").arg("--version").output().is_err() {
        println!("skipped: qemu-io is not on this machine (package qemu-utils)");
        return;
    }
    let bench = Bench::new();
    let rule = |on, from, to, effect| Rule { on: vec![on], from, to, effect, times: None };
    let add = |rule| Order::Add { drive: "d".into(), rule };
    bench.order(&add(rule(Access::Read, 4096, Some(8192), Effect::Fail)));
    bench.order(&add(rule(Access::Write, 0, None, Effect::Full(8192))));
    assert!(bench.io(&["read 0 4k", "read 8k 4k", "write -P 7 0 4k"]).0);
    let (_, said) = bench.io(&["read 4k 512"]);
    assert!(said.contains("Input/output error"), "{said}");
    let (_, said) = bench.io(&["write 0 64k"]);
    assert!(said.contains("No space left on device"), "{said}");
    bench.order(&Order::Well { drive: "d".into() });
    bench.order(&Order::Rot { drive: "d".into(), at: 0, sectors: 1 });
    let (_, said) = bench.io(&["read -v 0 1"]);
    assert!(said.contains("06"), "one bit of 7 is another: {said}");
    let refused = ask(&bench.control(), &Order::Rot { drive: "e".into(), at: 0, sectors: 1 }, DEADLINE).unwrap_err();
    assert_eq!(refused.to_string(), "there is no drive `e`; there are: d");
    for (from, to) in [(1 << 40, None), (8192, Some(8192))] {
        let never = add(rule(Access::Read, from, to, Effect::Fail));
        let refused = ask(&bench.control(), &never, DEADLINE).unwrap_err().to_string();
        assert!(refused.starts_with("no byte of the drive"), "{refused}");
    }
    let begun = Instant::now();
    bench.order(&add(rule(Access::Read, 0, None, Effect::Delay(300))));
    assert!(bench.io(&["read 0 512"]).0 && begun.elapsed() >= Duration::from_millis(300));
    bench.leave();
}
