//! Who has a block device: a loop device of the test's own, opened by one process and mounted where only another sees it.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use machine::Machine;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Something that is taken away at the end.
struct Loop(String);

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that has begun to do what it is for.
fn running(words: &[&str]) -> Running {
    let mut child = Command::new(words[0]).args(&words[1..]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let running = Running(child);
    assert_eq!(line, "ready\n");
    running
}

fn output(words: &[&str]) -> Option<String> {
    let output = Command::new(words[0]).args(&words[1..]).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[tokio::test]
async fn processes_and_mounts_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (file, at) = (dir.path().join("disk"), dir.path().join("at 1\\n"));
    std::fs::File::create(&file).unwrap().set_len(64 << 20).unwrap();
    std::fs::create_dir(&at).unwrap();
    let (file, at) = (file.to_str().unwrap(), at.to_str().unwrap());
    let Some(device) = output(&["losetup", "--find", "--show", file]).map(Loop) else {
        return println!("skipped: who has a device: no loop device is to be had here (root alone can)");
    };
    let path = &device.0;
    let machine = Machine::local("here", false);
    assert_eq!(machine.holders(std::slice::from_ref(path)).await, Vec::<String>::new());

    output(&["mkfs.ext4", "-q", path]).unwrap();
    let opened = running(&["sh", "-c", "exec 3<\"$1\"; echo ready; exec sleep 60", "sh", path]);
    let mounted = running(&[
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount \"$1\" \"$2\" && echo ready; exec sleep 60",
        "sh",
        path,
        at,
    ]);
    let name = path.trim_start_matches("/dev/");
    let mut told = machine.holders(std::slice::from_ref(path)).await;
    told.sort();
    let mut expected = vec![
        format!("process {} (sleep) has {path} open", opened.0.id()),
        format!("process {} (sleep) has {name} mounted on {at}, where only it sees it", mounted.0.id()),
    ];
    expected.sort();
    assert_eq!(told, expected);

    // Seen by all, in a mount namespace that the test has for itself.
    drop((opened, mounted));
    let line = "mount \"$1\" \"$2\"; cd \"$2\"; sleep 60 & cd /; sh -c \"$3\" holders \"$1\"; kill $!";
    let told =
        output(&["unshare", "--mount", "sh", "-c", line, "sh", path, at, include_str!("../src/holders.sh")]).unwrap();
    let (first, second) = told.split_once('\n').unwrap();
    assert_eq!(first, format!("{name} is mounted on {at}"));
    assert!(second.starts_with("process ") && second.ends_with(&format!(" (sleep) uses {at}")), "{told}");
}
