//! `render` as a person meets it: a tree of files that notices edits, and exit statuses.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with the example's fleet, and a key pair of its admin.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        let key = ssh_key::PrivateKey::random(&mut ssh_key::rand_core::OsRng, ssh_key::Algorithm::Ed25519).unwrap();
        key.write_openssh_file(&home.path("id_ed25519"), ssh_key::LineEnding::LF).unwrap();
        let public = key.public_key().to_openssh().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/nas/fleet.toml");
        let text: String = fs::read_to_string(example)
            .unwrap()
            .lines()
            .map(
                |line| {
                    if line.starts_with("keys = ") { format!("keys = [\"{public}\"]\n") } else { format!("{line}\n") }
                },
            )
            .collect();
        fs::write(home.path("fleet.toml"), text).unwrap();
        home
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn edit(&self, path: &str, change: impl Fn(String) -> String) {
        fs::write(self.path(path), change(self.read(path))).unwrap();
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
        command.current_dir(self.dir.path()).arg("--plain").args(words);
        command.env("HOME", self.dir.path()).env("XDG_STATE_HOME", self.dir.path()).env_remove("HOMEHIVE_FLEET");
        command.env("HOMEHIVE_IDENTITY", self.path("id_ed25519"));
        command.output().unwrap()
    }

    /// Runs, expects this exit status, and gives what was printed.
    fn told(&self, words: &[&str], status: i32) -> String {
        let output = self.run(words);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(output.status.code(), Some(status), "{words:?}: {text}");
        text
    }
}

#[test]
fn a_second_render_changes_nothing() {
    let home = Home::new();
    assert!(home.told(&["render", "--check"], 1).contains("+++ flake.nix (rendered)"));
    let first = home.told(&["render"], 0);
    for wanted in
        ["wrote flake.nix\n", "wrote hosts/nas/default.nix\n", "made secrets/k3s-token.age", "mail-password.age"]
    {
        assert!(first.contains(wanted), "{wanted}: {first}");
    }
    let token = home.read("secrets/k3s-token.age");
    let written = fs::metadata(home.path("flake.nix")).unwrap().modified().unwrap();
    let second = home.told(&["render"], 0);
    assert!(second.contains("0 files changed") && !second.contains("made"), "{second}");
    assert_eq!(fs::metadata(home.path("flake.nix")).unwrap().modified().unwrap(), written, "not written again");
    assert_eq!(home.read("secrets/k3s-token.age"), token);
    assert!(home.told(&["render", "--check"], 0).contains("as the fleet file has it"));
}

#[test]
fn an_edited_file_is_noticed_and_kept() {
    let home = Home::new();
    home.told(&["render"], 0);
    let services = "hosts/nas/services.nix";
    home.edit(services, |text| format!("{text}# mine\n"));
    home.edit("fleet.toml", |text| text.replace("\"htop\", ", ""));
    let told = home.told(&["render"], 3);
    for wanted in ["-# mine\n", "--overwrite hosts/nas/services.nix", "`modules`"] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert!(home.read(services).contains("# mine"));
    home.told(&["render", "--overwrite", services], 0);
    assert!(!home.read(services).contains("# mine") && !home.read(services).contains("htop"));
    home.told(&["render", "--overwrite", "fleet.toml"], 2);
}

#[test]
fn a_machine_that_is_gone_takes_its_files_along() {
    let home = Home::new();
    let other = "\n[machines.other]\naddress = \"192.168.1.11\"\n[machines.other.storage.disk.one]\nserial = \"X-1\"\n\
        [machines.other.storage.disk.one.content]\ntype = \"gpt\"\n\
        partitions.esp = { size = \"1GiB\", type = \"efi\", content = { type = \"filesystem\", format = \"vfat\", \
        mountpoint = \"/boot\" } }\n\
        partitions.root = { size = \"100%\", content = { type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" } }\n";
    let without = home.read("fleet.toml");
    home.edit("fleet.toml", |text| text + other);
    home.told(&["render"], 0);
    assert!(home.read("hosts/other/default.nix").contains("systemd-boot"));
    home.edit("hosts/other/services.nix", |text| format!("{text}# mine\n"));
    fs::write(home.path("fleet.toml"), without).unwrap();
    assert!(home.told(&["render"], 3).contains("hosts/other/services.nix"));
    let told = home.told(&["render", "--overwrite", "hosts/other/services.nix"], 0);
    assert!(told.contains("removed hosts/other/default.nix"), "{told}");
    assert!(!home.path("hosts/other").exists());
}

#[test]
fn a_machine_that_joins_the_cluster_can_open_its_token() {
    let home = Home::new();
    home.told(&["render"], 0);
    let agent = "\n[machines.pi]\naddress = \"192.168.1.12\"\nrole = \"k3s-agent\"\n\
        configuration = \"github:you/config#pi\"\n";
    home.edit("fleet.toml", |text| text + agent);
    // A machine of the user's own flake keeps the host key it has: none is made up for it.
    home.told(&["render"], 0);
    assert!(!home.path("secrets/host-keys/pi.pub").exists());
    let key = ssh_key::PrivateKey::random(&mut ssh_key::rand_core::OsRng, ssh_key::Algorithm::Ed25519).unwrap();
    fs::write(home.path("secrets/host-keys/pi.pub"), key.public_key().to_openssh().unwrap()).unwrap();
    let told = home.told(&["render"], 0);
    assert!(told.contains("k3s-token.age: the same secret, sealed anew for nas, pi"), "{told}");
    assert!(!home.told(&["render"], 0).contains("made"));
    assert!(home.path("hosts/pi/network.nix").exists() && !home.path("hosts/pi/default.nix").exists());
}

#[test]
fn modules_of_ones_own_must_be_there() {
    let home = Home::new();
    home.edit("fleet.toml", |text| text.replace("tags = [\"storage\"]", "modules = [\"own/printer.nix\"]"));
    assert!(home.told(&["render"], 2).contains("own/printer.nix"));
    assert!(!home.path("secrets").exists(), "nothing was made");
    fs::create_dir(home.path("own")).unwrap();
    fs::write(home.path("own/printer.nix"), "{ services.printing.enable = true; }\n").unwrap();
    home.told(&["render"], 0);
    assert!(home.read("hosts/nas/default.nix").contains("../../own/printer.nix"));
    assert!(home.told(&["render", "--out", "elsewhere"], 2).contains("reaches nothing outside"));
}

#[test]
fn a_tree_elsewhere_stands_by_itself() {
    let home = Home::new();
    home.told(&["render", "--out", "tree"], 0);
    for file in ["README.md", "flake.nix", "secrets/k3s-token.age", ".rendered.json"] {
        assert!(home.path("tree").join(file).exists(), "{file}");
    }
    assert!(!home.path("flake.nix").exists());
}

const VOLUME: &str = "manifests/10-volume-share-timemachine.yaml";

/// A share that was told of two terabytes may hold them.
#[test]
fn a_share_that_shrinks_is_refused() {
    let home = Home::new();
    home.told(&["render"], 0);
    let volume = home.read(VOLUME);
    assert!(volume.contains("storage: 2Ti"), "{volume}");
    home.edit("fleet.toml", |text| text.replace("size = \"2TiB\"", "size = \"1TiB\""));
    for words in [&["render"][..], &["render", "--check"]] {
        let told = home.told(words, 3);
        assert!(told.contains("share `timemachine` would shrink from 2TiB to 1TiB"), "{told}");
    }
    let told = home.told(&["check"], 1);
    assert!(told.contains("fleet::share_shrunk") && told.contains("write `size = \"2TiB\"`"), "{told}");
    assert_eq!(home.read(VOLUME), volume);
    // The way out is the one that it names.
    assert!(told.replace('\n', " ").contains("10-volume-share-timemachine.yaml"), "{told}");
    fs::remove_file(home.path(VOLUME)).unwrap();
    home.told(&["render"], 0);
    assert!(home.read(VOLUME).contains("storage: 1Ti"));
}

/// An older homehive had all volumes in one file: a share cannot shrink while each gets its own.
#[test]
fn a_tree_of_an_older_homehive_forbids_the_same() {
    let home = Home::new();
    home.told(&["render"], 0);
    let volume = home.read(VOLUME);
    fs::rename(home.path(VOLUME), home.path("manifests/10-volumes.yaml")).unwrap();
    home.edit(".rendered.json", |text| text.replace(VOLUME, "manifests/10-volumes.yaml"));
    home.edit("fleet.toml", |text| text.replace("size = \"2TiB\"", "size = \"1TiB\""));
    let told = home.told(&["render"], 3);
    assert!(
        told.contains("would shrink from 2TiB to 1TiB") && told.contains("delete manifests/10-volumes.yaml"),
        "{told}"
    );
    home.edit("fleet.toml", |text| text.replace("size = \"1TiB\"", "size = \"2TiB\""));
    home.told(&["render"], 0);
    assert_eq!(home.read(VOLUME), volume);
    assert!(!home.path("manifests/10-volumes.yaml").exists(), "the old file goes altogether");
}

/// Data do not follow a changed word: the place in the file, the reason and the way are told.
#[test]
fn data_that_would_move_are_refused() {
    let home = Home::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cluster/fleet.toml");
    let cluster = fs::read_to_string(example).unwrap();
    let key = |text: &str| text.lines().find(|line| line.starts_with("keys = ")).unwrap().to_owned();
    home.edit("fleet.toml", |nas| cluster.replace(&key(&cluster), &key(&nas)));
    home.told(&["render"], 0);
    let volume = home.read(VOLUME);
    let (nas, worker) = ("[shares.timemachine]\nmachine = \"nas\"", "[shares.timemachine]\nmachine = \"worker\"");
    home.edit("fleet.toml", |text| text.replace(nas, worker).replace("2TiB", "100GiB"));
    let told = home.told(&["check"], 1);
    assert!(told.contains("fleet::share_moved") && told.contains("machine = \"worker\""), "{told}");
    // Nobody has said where monitoring lies: it would follow the shares no more, and that is found as well.
    assert!(told.contains("fleet::monitoring_moved") && told.contains("[monitoring]"), "{told}");
    let told = home.told(&["render"], 3);
    let place = "/data/kubernetes/shares/timemachine on";
    assert!(told.contains(&format!("share `timemachine` would move from {place} nas to {place} worker")), "{told}");
    assert!(told.contains("docs/shares.md") && told.contains("nothing was done"), "{told}");
    assert!(told.contains("prometheus on nas to") && told.contains("write `machine = \"nas\"`"), "{told}");
    assert_eq!(home.read(VOLUME), volume);
    // The way through: what lies there leaves the fleet, and comes back with its new place.
    home.edit("fleet.toml", |text| text.replace("[monitoring]\n", "[monitoring]\nmachine = \"nas\"\n"));
    let whole = home.read("fleet.toml");
    let without = |text: String| {
        let (head, rest) = text.split_once("[shares.timemachine]").unwrap();
        format!("{head}{}", &rest[rest.find("\n[").unwrap()..])
    };
    home.edit("fleet.toml", without);
    home.told(&["render"], 0);
    assert!(!home.path(VOLUME).exists());
    home.edit("fleet.toml", |_| whole.clone());
    home.told(&["render"], 0);
    assert!(home.read(VOLUME).contains("- worker"), "{}", home.read(VOLUME));
}

/// Without the operator's files nothing is written, and it is said how to come by them.
#[test]
fn what_cannot_be_fetched_is_named() {
    let home = Home::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
    command.current_dir(home.dir.path()).args(["--plain", "render"]).env_remove("HOMEHIVE_FLEET");
    command.env("HOME", home.dir.path()).env("HOMEHIVE_UPSTREAM", "/nowhere");
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("/nowhere/samba-operator/config/crd") && told.contains("a checkout of"), "{told}");
    // No network, for certain: the proxy is nobody.
    command
        .env_remove("HOMEHIVE_UPSTREAM")
        .env("https_proxy", "http://127.0.0.1:9")
        .env("XDG_CACHE_HOME", home.path("c"));
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("cannot fetch https://raw.githubusercontent.com/samba-in-kubernetes"), "{told}");
    assert!(told.contains("c/homehive/upstream/81bd7c97") && told.contains("HOMEHIVE_UPSTREAM=DIR"), "{told}");
    assert!(!home.path("flake.nix").exists() && !home.path("secrets").exists(), "nothing was written");
}
