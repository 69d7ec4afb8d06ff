//! Two who want to write to one machine's disks: one after the other, and never both.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use machine::{Lock, LockError, Machine, Story};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);
const NOW: Duration = Duration::from_secs(1);

fn here() -> (tempfile::TempDir, String, Machine) {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("lock").display().to_string();
    (dir, place, Machine::local("here", false))
}

#[tokio::test]
async fn the_second_is_refused_and_told_who_is_there() {
    let (_dir, place, machine) = here();
    let silent = Story::silent();
    let first = Lock::take_at(&machine, &place, "disks apply nas", NOW, &silent).await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ear = told.clone();
    let story = Story::new(move |event| ear.lock().unwrap().push(format!("{event:?}")));
    let refused = Lock::take_at(&machine, &place, "disks apply nas", NOW, &story).await.unwrap_err();
    let LockError::Busy { owner, .. } = &refused else { panic!("{refused}") };
    assert!(owner.contains(&format!("(process {}), disks apply nas", std::process::id())), "{owner}");
    assert!(told.lock().unwrap().concat().contains("is writing to its disks: waits for up to 1 s"));
    first.release().await;
    Lock::take_at(&machine, &place, "install", NOW, &silent).await.unwrap();
}

#[tokio::test]
async fn the_second_waits_for_the_first() {
    let (_dir, place, machine) = here();
    let silent = Story::silent();
    let first = Lock::take_at(&machine, &place, "disks apply nas", SOON, &silent).await.unwrap();
    let begun = Instant::now();
    let (second, ()) = tokio::join!(Lock::take_at(&machine, &place, "install", SOON, &silent), async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        first.release().await;
    });
    second.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(400), "it did not wait");
}

/// Killed, crashed, cut off: whatever ends the session ends the lock.
#[tokio::test]
async fn nobody_holds_it_who_is_gone() {
    let (_dir, place, machine) = here();
    let silent = Story::silent();
    drop(Lock::take_at(&machine, &place, "disks apply nas", SOON, &silent).await.unwrap());
    Lock::take_at(&machine, &place, "disks apply nas", SOON, &silent).await.unwrap();
}

/// What a session waits with does not hold on to its lock, in whatever shell a machine has.
#[test]
fn a_session_that_was_killed_holds_nothing() {
    for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
        let (_dir, place, _) = here();
        let mut words = Command::new(shell[0]);
        words.args(&shell[1..]).args(["-c", include_str!("../src/lock.sh"), "sh", &place, "1", "60", "ben@there"]);
        let Ok(mut child) = words.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            eprintln!("skipped: {} is missing", shell[0]);
            continue;
        };
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("held "), "{shell:?}: {line}");
        // What it waits with takes a moment to start.
        std::thread::sleep(Duration::from_millis(500));
        let input = child.stdin.take();
        child.kill().unwrap();
        child.wait().unwrap();
        // Far less than what it would wait for.
        let free = Command::new("flock").args(["--timeout", "20", &place, "true"]).status().unwrap();
        assert!(free.success(), "{shell:?}");
        drop(input);
    }
}
