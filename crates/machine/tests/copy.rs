//! Copying closures over a real sshd on loopback into real Nix stores below directories of our own.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod sshd;

use cmd::Cmd;
use machine::copy::{Closure, CopyError, Target, copy};
use machine::{Machine, Story, run_local};
use sshd::Sshd;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);

/// None where there is no Nix whose store we may add to; the test says so.
fn nix() -> Option<()> {
    let there = std::env::split_paths(&std::env::var_os("PATH")?).any(|dir| dir.join("nix-store").exists());
    if !there {
        eprintln!("skipped: nix-store is missing (package nix-bin)");
    }
    there.then_some(())
}

async fn said(words: Cmd) -> String {
    run_local(&words, SOON).await.unwrap().stdout.trim().to_owned()
}

/// A path of this machine's store that holds files of every kind, and text of its own.
async fn added(dir: &Path, name: &str, text: &str) -> String {
    let tree = dir.join(name);
    fs::create_dir_all(tree.join("sub dir/empty")).unwrap();
    fs::write(tree.join("sub dir/file ' with \"odd\" name"), text).unwrap();
    fs::write(tree.join("program"), "#!/bin/sh\necho hello\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(tree.join("program"), mode).unwrap();
    std::os::unix::fs::symlink("no such place", tree.join("link")).unwrap();
    said(Cmd::new("nix-store").arg("--add").arg(tree.display().to_string())).await
}

fn closure(paths: &[&String]) -> Closure {
    let paths: Vec<String> = paths.iter().map(|path| (*path).clone()).collect();
    Closure { system: paths.last().cloned().unwrap(), paths, size: 0 }
}

/// Does the store below `root` hold this path, as it is registered?
async fn holds(root: &Path, path: &str) -> bool {
    let store = format!("local?root={}", root.display());
    let verify = Cmd::new("nix-store").args(["--store", &store, "--verify-path", path]);
    run_local(&verify, SOON).await.is_ok()
}

struct Place {
    dir: tempfile::TempDir,
    sshd: Sshd,
}

impl Place {
    fn root(&self, name: &str) -> PathBuf {
        let root = self.dir.path().join(name);
        fs::create_dir_all(&root).unwrap();
        root
    }
}

fn place() -> Option<Place> {
    nix()?;
    Some(Place { sshd: Sshd::start(&[])?, dir: tempfile::tempdir().unwrap() })
}

#[tokio::test]
async fn what_is_missing_arrives_whole_registered_and_rooted() {
    let Some(place) = place() else { return };
    let text = place.dir.path().display().to_string();
    let one = added(place.dir.path(), "one", &text).await;
    let two = added(place.dir.path(), "two", &text).await;
    let three = added(place.dir.path(), "three", &text).await;
    let (a, b) = (place.root("a"), place.root("b"));
    let machines = [place.sshd.machine("host"), place.sshd.machine("host")];
    let (first, both, other) = (closure(&[&one]), closure(&[&one, &two]), closure(&[&one, &two, &three]));
    let root = |path: &Path| path.display().to_string();
    let (root_a, root_b) = (root(&a), root(&b));
    let target = |index: usize, closure| {
        let (machine, root) = [(&machines[0], &root_a), (&machines[1], &root_b)][index];
        Target { machine, root, closure }
    };
    let silent = Story::silent();
    let ends = copy(&[target(0, &first)], 4, &silent).await;
    assert_eq!(ends[0].as_ref().unwrap().paths, 1);
    // What lies half-made at a path's place does not stay in it.
    fs::create_dir_all(b.join(two.trim_start_matches('/')).join("stale")).unwrap();
    let ends = copy(&[target(0, &both), target(1, &other)], 4, &silent).await;
    assert_eq!(ends.iter().map(|end| end.as_ref().unwrap().paths).collect::<Vec<_>>(), [1, 3]);
    for (store, path) in [(&a, &one), (&a, &two), (&b, &one), (&b, &two), (&b, &three)] {
        assert!(holds(store, path).await, "{path} in {}", store.display());
    }
    assert!(!holds(&a, &three).await);
    let next = fs::read_link(b.join("nix/var/nix/gcroots/homehive-next")).unwrap();
    assert_eq!(next.display().to_string(), three);
    let ends = copy(&[target(0, &both), target(1, &other)], 1, &silent).await;
    assert!(ends.iter().all(|end| end.as_ref().unwrap().paths == 0));
}

#[tokio::test]
async fn a_machine_that_fails_takes_no_other_with_it() {
    let Some(place) = place() else { return };
    let text = place.dir.path().display().to_string();
    let path = added(place.dir.path(), "one", &text).await;
    let root = place.root("a").display().to_string();
    let (good, bad) = (place.sshd.machine("host"), place.sshd.machine("other"));
    let closure = closure(&[&path]);
    let target = |machine| Target { machine, root: &root, closure: &closure };
    let ends = copy(&[target(&bad), target(&good)], 4, &Story::silent()).await;
    assert!(matches!(ends[0], Err(CopyError::Ask(_))), "{:?}", ends[0]);
    assert_eq!(ends[1].as_ref().unwrap().paths, 1);
}

#[tokio::test]
async fn no_collector_runs_while_paths_arrive_and_no_second_copy() {
    let Some(place) = place() else { return };
    let text = place.dir.path().display().to_string();
    let path = added(place.dir.path(), "one", &text).await;
    let root = place.root("a").display().to_string();
    let machine = Machine::local("here", false);
    let closure = closure(&[&path]);
    let target = Target { machine: &machine, root: &root, closure: &closure };
    // Somebody else's hold, by the words of flock(1).
    let state = format!("{root}/nix/var/nix");
    fs::create_dir_all(&state).unwrap();
    let copies = format!("{state}/homehive-copy.lock");
    let mut other = std::process::Command::new("flock")
        .args([copies.as_str(), "cat"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let free = Cmd::new("flock").args(["--nonblock", &copies, "true"]);
    while run_local(&free, SOON).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(copy(&[target], 1, &Story::silent()).await[0], Err(CopyError::Busy)));
    drop(other.stdin.take());
    other.wait().unwrap();
    // While the story tells that bytes arrive, a collector must not get its lock.
    let lock = format!("{state}/gc.lock");
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (ear, at) = (heard.clone(), lock.clone());
    let story = Story::new(move |event| {
        if let machine::Event::Progress { .. } = event {
            let free = std::process::Command::new("flock").args(["--nonblock", &at, "true"]).status().unwrap();
            ear.lock().unwrap().push(free.success());
        }
    });
    assert_eq!(copy(&[target], 1, &story).await[0].as_ref().unwrap().paths, 1);
    let heard = heard.lock().unwrap().clone();
    assert!(!heard.is_empty() && heard.iter().all(|free| !free), "{heard:?}");
    run_local(&Cmd::new("flock").args(["--nonblock", &lock, "true"]), SOON).await.unwrap();
}

/// As on NixOS, whose store is mounted read-only for all but who remounts it in a namespace of their own.
#[tokio::test]
async fn a_store_that_is_mounted_read_only_is_written_all_the_same() {
    let Some(()) = nix() else { return };
    let private = Cmd::new("unshare").args(["--mount", "true"]);
    if run_local(&private, SOON).await.is_err() {
        eprintln!("skipped: a mount namespace of one's own (root's rights)");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("a");
    let store = root.join("nix/store");
    fs::create_dir_all(&store).unwrap();
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
    let at = store.display().to_string();
    let Some(sshd) = Sshd::start(&["unshare", "--mount", "sh", "-c", script, &at]) else { return };
    let machine = sshd.machine("host");
    machine.wait(SOON).await.unwrap();
    let touch = Cmd::new("touch").arg(format!("{at}/x"));
    assert_ne!(machine.ask(&touch, SOON).await.unwrap().status, 0, "it is read-only there");
    let path = added(dir.path(), "one", &at).await;
    // What is half there can be removed as well.
    fs::create_dir_all(root.join(path.trim_start_matches('/')).join("stale")).unwrap();
    let (closure, root_text) = (closure(&[&path]), root.display().to_string());
    let target = Target { machine: &machine, root: &root_text, closure: &closure };
    assert_eq!(copy(&[target], 1, &Story::silent()).await[0].as_ref().unwrap().paths, 1);
    assert!(holds(&root, &path).await);
}
