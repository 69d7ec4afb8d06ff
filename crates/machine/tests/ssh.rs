//! The door against a real sshd on loopback: words arrive as they are, a wrong host key gets nothing, waits end.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod sshd;

use cmd::{Cmd, Line, Program};
use machine::{Machine, ProgramError, Refusal, RunError};
use sshd::Sshd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn words_arrive_as_they_are() {
    let Some(sshd) = Sshd::start(&[]) else { return };
    let machine = sshd.machine("host");
    machine.wait(SOON).await.unwrap();
    let odd = ["", "a b", "it's", "$HOME `id` \"x\"", "new\nline", "*", "~", "ä\u{1F600}", "-n", "\\", "#x", "a;b&c|d"];
    let cmd = Cmd::new("printf").arg("%s\u{1e}").args(odd);
    let out = machine.ask_as_login(&cmd, SOON).await.unwrap();
    assert_eq!(out.stdout.split('\u{1e}').collect::<Vec<_>>()[..odd.len()], odd);
    let out = machine.ask_as_login(&Cmd::new("cat").input("secret\n"), SOON).await.unwrap();
    assert_eq!(out.stdout, "secret\n");
}

#[tokio::test]
async fn a_wrong_host_key_gets_nothing() {
    let Some(sshd) = Sshd::start(&[]) else { return };
    sshd.machine("host").wait(SOON).await.unwrap();
    let mark = sshd.dir.path().join("mark");
    let touch = Cmd::new("touch").arg(mark.display().to_string());
    let error = sshd.machine("other").ask_as_login(&touch, SOON).await.unwrap_err();
    assert!(matches!(error, RunError::Unreachable { reason: Refusal::HostKey, .. }), "{error}");
    assert!(!mark.exists());
    let begun = Instant::now();
    sshd.machine("other").wait(SOON).await.unwrap_err();
    assert!(begun.elapsed() < SOON / 2, "waiting does not mend a wrong key");
}

#[tokio::test]
async fn commands_share_one_connection_and_end_at_their_deadline() {
    let Some(sshd) = Sshd::start(&[]) else { return };
    let machine = sshd.machine("host");
    machine.wait(SOON).await.unwrap();
    let ask = async || machine.ask_as_login(&Cmd::new("printenv").arg("SSH_CONNECTION"), SOON).await.unwrap().stdout;
    assert_eq!(ask().await, ask().await);
    let late = machine.ask_as_login(&Cmd::new("sleep").arg("60"), Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(late, RunError::Late { .. }), "{late}");
    assert_eq!(machine.ask_as_login(&Cmd::new("false"), SOON).await.unwrap().status, 1);
}

#[tokio::test]
async fn a_machine_that_went_away_is_found_again() {
    let Some(mut sshd) = Sshd::start(&[]) else { return };
    let machine = sshd.machine("host");
    machine.wait(SOON).await.unwrap();
    sshd.child.kill().unwrap();
    sshd.child.wait().unwrap();
    machine.close().await;
    let error = machine.ask_as_login(&Cmd::new("true"), SOON).await.unwrap_err();
    assert!(matches!(error, RunError::Unreachable { reason: Refusal::Silent, .. }), "{error}");
    sshd.child = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f"])
        .arg(sshd.dir.path().join("config"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    machine.wait(SOON).await.unwrap();
}

#[tokio::test]
async fn programs_stop_where_they_fail() {
    let machine = Machine::local("here", false);
    let run = |words: &[&str]| Line::Run(Cmd::new(words[0]).args(words[1..].iter().copied()));
    let program = Program { lines: vec![run(&["true"]), run(&["ls", "/no such place"]), run(&["true"])] };
    let error = machine.run_program(&program, SOON).await.unwrap_err().to_string();
    assert!(error.starts_with("`ls '/no such place'` ended with exit status 2\n    ls: "), "{error}");
    let expect = Line::Expect { cmd: Cmd::new("echo").arg("WD-2"), output: "WD-1\n".into() };
    let error = machine.run_program(&Program { lines: vec![expect] }, SOON).await.unwrap_err();
    assert!(matches!(&error, ProgramError::Unexpected { found, .. } if found == "WD-2"), "{error}");
}

#[tokio::test]
async fn a_stream_names_the_end_that_broke() {
    let machine = Machine::local("here", false);
    let gone = std::sync::atomic::AtomicU64::new(0);
    let told = |bytes| gone.store(bytes, std::sync::atomic::Ordering::Relaxed);
    let numbers = Cmd::new("seq").arg("100000");
    machine.stream(&numbers, &Cmd::new("md5sum"), told, SOON).await.unwrap();
    assert_eq!(gone.into_inner(), 588_895);
    let error = machine.stream(&Cmd::new("false"), &Cmd::new("cat"), |_| (), SOON).await.unwrap_err().to_string();
    assert!(error.starts_with("`false` ended"), "{error}");
    let error = machine.stream(&numbers, &Cmd::new("false"), |_| (), SOON).await.unwrap_err().to_string();
    assert!(error.starts_with("`false` ended"), "{error}");
}
