//! Boot media as a person meets them: what is refused, with what words, before anything is written. Real loop devices
//! stand for disks.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A loop device of our own over a file with something on it; it goes with the test.
struct Loop {
    device: PathBuf,
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").arg("-d").arg(&self.device).status();
    }
}

impl Loop {
    fn over(file: &Path) -> Option<Self> {
        fs::write(file, vec![0; 8 << 20]).unwrap();
        let made = Command::new("mke2fs").args(["-q", "-t", "ext2", "-L", "photos"]).arg(file).output();
        let said = Command::new("losetup").args(["-f", "--show"]).arg(file).output();
        let (Ok(made), Ok(said)) = (made, said) else {
            eprintln!("skipped: losetup or mke2fs is missing");
            return None;
        };
        if !made.status.success() || !said.status.success() {
            eprintln!("skipped: no loop device can be made here (root's rights)");
            return None;
        }
        Some(Self { device: String::from_utf8(said.stdout).unwrap().trim().into() })
    }
}

fn homehive(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
    command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
    command.current_dir(dir).arg("--plain").args(words).env("HOME", dir).env_remove("HOMEHIVE_FLEET").output().unwrap()
}

fn image(dir: &Path) -> &'static str {
    let mut image = vec![7; 1 << 20];
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(dir.join("medium.img"), image).unwrap();
    "medium.img"
}

#[test]
fn a_disk_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let backing = dir.path().join("disk");
    let Some(disk) = Loop::over(&backing) else { return };
    let before = fs::read(&backing).unwrap();
    let device = disk.device.display().to_string();
    let output = homehive(dir.path(), &["write-medium", image(dir.path()), &device]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for words in [
        "nothing was written",
        "it was not named by id",
        "it is not removable, so it is no stick",
        "no word allows this",
        "what is on it would be destroyed, and nobody named it",
        "8MiB: ext2 «photos»",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(fs::read(&backing).unwrap() == before);
}

#[test]
fn what_cannot_be_written_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let image = image(dir.path());
    for (words, said) in [
        (["write-medium", image, "/dev/null"], "/dev/null is no block device"),
        (["write-medium", image, "/dev/disk/by-id/usb-none"], "cannot look at /dev/disk/by-id/usb-none"),
    ] {
        let output = homehive(dir.path(), &words);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

/// A fleet in a directory of its own, whose admin's key is at hand beside that.
fn fleet(dir: &Path) -> Option<String> {
    let key = dir.join("admin");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: ssh-keygen is missing");
        return None;
    }
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nas/fleet.toml");
    let text = fs::read_to_string(example).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with("keys")).unwrap();
    fs::create_dir(dir.join("fleet")).unwrap();
    fs::write(dir.join("fleet/fleet.toml"), text.replacen(line, &format!("keys = [\"{}\"]", public.trim()), 1))
        .unwrap();
    Some(public)
}

/// A `nix` that ends as it is told; what Nix itself does cannot be had without a network.
fn nix(dir: &Path, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = dir.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let file = bin.join("nix");
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display())
}

fn iso(dir: &Path, path: &str, words: &[&str]) -> Output {
    let cache = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
    command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
    command.current_dir(dir.join("fleet")).arg("--plain").arg("iso").args(words).env("PATH", path).env("HOME", dir);
    command.env("XDG_CACHE_HOME", cache.path());
    command.env("HOMEHIVE_IDENTITY", dir.join("admin")).env_remove("HOMEHIVE_FLEET").output().unwrap()
}

#[test]
fn an_image_that_cannot_be_built_is_a_failure_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    if fleet(dir.path()).is_none() {
        return;
    }
    let tools = dir.path().join("none");
    fs::create_dir(&tools).unwrap();
    let path = nix(dir.path(), "echo 'error: attribute installer-iso missing' >&2; exit 1");
    for (path, said) in
        [(tools.display().to_string(), "nix is not on this machine"), (path, "error: attribute installer-iso missing")]
    {
        let output = iso(dir.path(), &path, &[]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{stderr}");
        assert!(stderr.contains(said) && stderr.contains("next: mend that, then homehive iso"), "{stderr}");
    }
}

#[test]
fn the_built_image_gets_its_key_and_belongs_to_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    if fleet(dir.path()).is_none() {
        return;
    }
    if !Path::new("/usr/sbin/mke2fs").exists() && !Path::new("/sbin/mke2fs").exists() {
        eprintln!("skipped: mke2fs is missing");
        return;
    }
    let store = dir.path().join("store/iso");
    fs::create_dir_all(&store).unwrap();
    let mut built = vec![0; 3 << 20];
    built[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(store.join("nixos.iso"), &built).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let medium = elsewhere.path().join("medium.iso");
    let out = medium.display().to_string();
    // What it was asked for goes to a file; what it answers is where the image lies.
    let asked = dir.path().join("asked");
    let script = format!("echo \"$@\" >{}; echo {}", asked.display(), dir.path().join("store").display());
    let output = iso(dir.path(), &nix(dir.path(), &script), &["nas", "--out", &out]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let words = fs::read_to_string(asked).unwrap();
    assert!(words.trim_end().ends_with("#packages.x86_64-linux.installer-iso-nas"), "{words}");
    assert!(dir.path().join("fleet/installer.nix").exists(), "the tree is rendered first");

    let public = fs::read_to_string(dir.path().join("fleet/secrets/host-keys/installer.pub")).unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    let key = public.split_whitespace().nth(1).unwrap();
    assert!(answer.contains(key) && answer.contains(&format!("next: homehive write-medium {out}")), "{answer}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&medium).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // The secret half on the medium belongs to the public half that was pinned.
    let image = fs::read(&medium).unwrap();
    let begin = b"-----BEGIN OPENSSH PRIVATE KEY-----";
    let at = image.windows(begin.len()).position(|window| window == begin).unwrap();
    let text = String::from_utf8_lossy(&image[at..at + 600]).into_owned();
    let end = text.find("-----END OPENSSH PRIVATE KEY-----\n").unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, &text[..end + 34]).unwrap();
    let chmod = Command::new("chmod").arg("600").arg(&secret).status().unwrap();
    assert!(chmod.success());
    let derived = Command::new("ssh-keygen").args(["-y", "-f"]).arg(&secret).output().unwrap();
    assert!(String::from_utf8_lossy(&derived.stdout).contains(key), "{derived:?}");
    // Once more over it: refused.
    let again = iso(dir.path(), &nix(dir.path(), &script), &["nas", "--out", &out]);
    assert_eq!(again.status.code(), Some(3), "{}", String::from_utf8_lossy(&again.stderr));
    // In the fleet's directory, which Nix copies into its store: refused as well.
    let within = iso(dir.path(), &nix(dir.path(), &script), &["--out", "within.iso"]);
    assert_eq!(within.status.code(), Some(3), "{}", String::from_utf8_lossy(&within.stderr));
    assert!(!dir.path().join("fleet/within.iso").exists());
    // With a private key there: refused, and named.
    fs::copy(dir.path().join("admin"), dir.path().join("fleet/admin")).unwrap();
    let other = elsewhere.path().join("other.iso").display().to_string();
    let exposed = iso(dir.path(), &nix(dir.path(), &script), &["--out", &other]);
    let said = String::from_utf8_lossy(&exposed.stderr);
    assert_eq!(exposed.status.code(), Some(3), "{said}");
    assert!(said.contains("./admin: a private key"), "{said}");
}
