//! The lab's conversation from a pipe: each line is a command, the first that fails ends it with its exit status.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A conversation about the lab of a fleet in this directory.
fn conversation(dir: &Path) -> Command {
    std::fs::write(dir.join("fleet.toml"), include_str!("../../../examples/nas/fleet.toml")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
    command.env("XDG_STATE_HOME", dir).env_remove("HOMEHIVE_FLEET").current_dir(dir);
    command.args(["--plain", "lab", "repl"]);
    command
}

fn typed(lines: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let mut command = conversation(dir.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut repl = command.spawn().unwrap();
    repl.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    repl.wait_with_output().unwrap()
}

#[test]
fn lines_are_commands_and_the_first_bad_one_ends_it() {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (lines, status, said, complaint) in [
        // A command that reads its input takes none of the lines.
        ("# a remark\n\nstatus\ndown\nhelp\n", 0, &["no lab; start one", "the lab is gone", "its machines"][..], ""),
        ("homehive check\nsnapshot list\n", 0, &["nothing wrong", "no snapshots of this lab"], ""),
        ("exit\nstatus\n", 0, &[], ""),
        ("status\nboot nas\nstatus\n", 4, &["no lab"], "there is no lab at"),
        ("statsu\nstatus\n", 2, &[], "unrecognized subcommand"),
        ("disks plan nas\n", 2, &[], "this fleet has no lab"),
        ("disks plan nas --host local\n", 2, &[], "`--lab` and `--host` do not go together"),
        ("write-medium a.iso /dev/disk/by-id/usb-A\n", 2, &[], "`--lab` and `write-medium` do not go together"),
        ("ssh nas 'open\n", 2, &[], "a quote is not closed"),
    ] {
        let output = typed(lines);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{lines}: {out}{err}");
        assert!(said.iter().all(|part| out.contains(part)) && err.contains(complaint), "{lines}: {out}{err}");
        let count = out.matches("no lab; start one").count();
        assert!(count <= 1, "{lines}: what follows a failure is not run");
    }
}

/// Reads a screen until these words are on it.
fn until(screen: &mut File, words: &str) {
    let (mut shown, mut bytes) = (String::new(), [0; 1024]);
    while !shown.contains(words) {
        match screen.read(&mut bytes) {
            Ok(read @ 1..) => shown.push_str(&String::from_utf8_lossy(&bytes[..read])),
            end => panic!("{end:?}: no `{words}` in: {shown}"),
        }
    }
}

#[test]
fn ctrl_c_ends_a_command_and_not_the_conversation() {
    let dir = tempfile::tempdir().unwrap();
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let mut command = conversation(dir.path());
    let mut repl = command.env("TERM", "xterm").stdin(theirs()).stdout(theirs()).stderr(theirs()).spawn().unwrap();
    // It holds the other end of the terminal, too.
    drop(command);
    let mut screen = File::from(ours);
    until(&mut screen, "lab> ");
    // A command that reads a fleet which does not come to its end.
    let fleet = dir.path().join("fleet.toml");
    std::fs::remove_file(&fleet).unwrap();
    mknodat(CWD, &fleet, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    screen.write_all(b"status\r").unwrap();
    let held = OpenOptions::new().write(true).open(&fleet).unwrap();
    // The terminal sends it to everybody who is at it.
    kill_process(Pid::from_child(&repl), Signal::INT).unwrap();
    drop(held);
    until(&mut screen, "lab> ");
    screen.write_all(b"help\r").unwrap();
    until(&mut screen, "a word that both have");
    screen.write_all(b"exit\r").unwrap();
    assert_eq!(repl.wait().unwrap().code(), Some(0));
}
