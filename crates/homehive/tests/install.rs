//! Installing: cut behind each phase it goes on and ends like an undisturbed one; a machine that has what it should is
//! left alone; from a running Linux by kexec; and a wrong host key gets nothing. Real machines of the lab, the real
//! command line.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;
#[path = "../../machine/tests/sshd/mod.rs"]
mod sshd;

use bench::golden::ONE;
use bench::{Bench, fleet, told};
use sshd::Sshd;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const INSTALL: [&str; 5] = ["--lab", "install", "one", "--payload", "stand-in"];

fn install(bench: &Bench, more: &[&str]) -> (String, String) {
    bench.tell(&[&INSTALL[..], more].concat())
}

fn ssh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", script])
}

/// What an installation leaves, without what differs between two of them.
fn system(bench: &Bench) -> String {
    ssh(
        bench,
        "readlink -f /run/current-system; ls /nix/var/nix/profiles; nix-store --query --requisites /run/current-system \
         | sort; cat /etc/fstab /etc/ssh/ssh_host_ed25519_key.pub; ls /boot/kernels; cat /boot/grub/devices; \
         grep -c init= /boot/grub/grub.cfg",
    )
}

fn power_cut(bench: &Bench) {
    bench.run(&["lab", "fault", "power-cut", "one"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
}

#[test]
fn in_the_lab_an_installation_cut_behind_each_phase_goes_on() {
    let Some(bench) = Bench::installed() else { return };
    bench.run(&["--lab", "verify", "one", "--group", "data"]);
    let undisturbed = system(&bench);
    let (answer, story) = install(&bench, &[]);
    assert!(answer.contains("already; there is nothing to install"), "{answer}{story}");

    power_cut(&bench);
    for phase in ["probe", "disks", "copy", "activate"] {
        // Of what was there nothing is left, so that every phase has its work to do.
        let wipe = ["--wipe", "disk.virtio"];
        let wipe = if phase == "disks" { &wipe[..] } else { &[] };
        let (answer, story) = install(&bench, &[&["--until", phase], wipe].concat());
        assert!(answer.contains(&format!("stopped behind the phase {phase}")), "{answer}");
        assert!(story.contains(&format!(", {phase}: ")), "{story}");
        power_cut(&bench);
        if phase == "disks" {
            kill_while_it_copies(&bench);
        }
    }
    let (answer, story) = install(&bench, &["--no-reboot"]);
    assert!(answer.contains("is installed"), "{answer}");
    assert!(story.contains("has every path of the closure already"), "{story}");
    assert!(story.contains("installs the boot loader"), "{story}");
    power_cut(&bench);
    // Cut behind the last phase, but for the reboot: nothing is left to do.
    let (answer, story) = install(&bench, &[]);
    assert!(answer.contains("showed its own host key"), "{answer}");
    assert!(story.contains("nothing of them is done again") && !story.contains("installs the boot loader"), "{story}");
    assert_eq!(system(&bench), undisturbed);
    // Every byte of every path is what was sent, power cuts and all.
    ssh(&bench, "nix-store --verify --check-contents");
}

/// Kills homehive in the middle of the copy, as a closed laptop would.
fn kill_while_it_copies(bench: &Bench) {
    let mut child = bench.command(&INSTALL).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut story = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(story.any(|line| line.contains("phase 3 of 5")), "the copy has begun");
    // The lid is closed: however fast the copy is, it does not end before another one has come by.
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    // Nobody plans disks anew below it.
    let mut other = bench.command(&["--lab", "disks", "apply", "one"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(other.stderr.take().unwrap()).lines().map_while(Result::ok);
    let waits =
        told.by_ref().inspect(|line| println!("{line}")).any(|it| it.contains("install is writing to its disks"));
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(waits, "another one waits");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn in_the_lab_a_running_linux_starts_the_installer_by_kexec() {
    let Some(bench) = Bench::installed() else { return };
    ssh(&bench, "echo old >/mark; sync");
    let before = ssh(&bench, "cat /proc/sys/kernel/random/boot_id");
    let (answer, story) = install(&bench, &["--kexec", "--reinstall", "--until", "probe"]);
    assert!(answer.contains("stopped behind the phase probe"), "{answer}");
    assert!(story.contains("answers at 127.0.0.1") && story.contains("with the expected host key"), "{story}");
    let (answer, _) = install(&bench, &["--reinstall"]);
    assert!(answer.contains("showed its own host key"), "{answer}");
    assert_ne!(ssh(&bench, "cat /proc/sys/kernel/random/boot_id"), before);
    ssh(&bench, "test ! -e /mark");
}

/// The machine's sshd hears how the key exchange was given up, and nothing of who wants to log in, let alone a command.
#[test]
fn a_wrong_host_key_is_refused_before_anything_is_sent() {
    let Some(sshd) = Sshd::start(&[]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let user = sshd.identity();
    let public = fs::read_to_string(user.with_extension("pub")).unwrap();
    let fleet = fleet("small", ONE);
    let line = fleet.lines().find(|line| line.starts_with("keys")).unwrap();
    fs::write(dir.path().join("fleet.toml"), fleet.replace(line, &format!("keys = [\"{}\"]", public.trim()))).unwrap();
    // The machine and the installer have keys that were made before, and this sshd has neither.
    let keys = dir.path().join("secrets/host-keys");
    fs::create_dir_all(&keys).unwrap();
    for name in ["one", "installer"] {
        let file = keys.join(name);
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
        assert!(made.unwrap().success());
    }
    let host = format!("root@127.0.0.1:{}", sshd.port);
    for more in [&[][..], &["--kexec"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
        command.current_dir(dir.path()).env("HOME", dir.path()).env("HOMEHIVE_IDENTITY", &user);
        command.env_remove("HOMEHIVE_FLEET").args([
            "--plain",
            "install",
            "one",
            "--payload",
            "stand-in",
            "--host",
            &host,
        ]);
        let output = command.args(more).output().unwrap();
        let story = told(&output);
        assert_eq!(output.status.code(), Some(4), "{story}");
        assert!(story.contains("another host key") && story.contains("nothing was sent"), "{story}");
        let log = sshd.log();
        assert!(log.contains("Connection from 127.0.0.1"), "it did come by: {log}");
        for sent in ["userauth-request", "Accepted publickey", "Starting session", "Postponed publickey"] {
            assert!(!log.contains(sent), "{sent}: {log}");
        }
    }
}
