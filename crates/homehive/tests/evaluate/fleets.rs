//! The fleets of the examples, and the trees that they are rendered into.

use fleet::{Fleet, Format};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A fleet and its rendered tree.
pub struct Rendered {
    pub name: String,
    pub fleet: Fleet,
    pub tree: TempDir,
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

impl Rendered {
    /// The example of this name, rendered by `homehive render` beside a copy of its fleet file.
    pub fn example(name: &'static str) -> Self {
        Self::fleet(name, std::fs::read_to_string(examples().join(name).join("fleet.toml")).unwrap())
    }

    /// Every file of `examples/layouts`.
    pub fn layouts() -> impl Iterator<Item = Self> {
        let mut files: Vec<_> =
            std::fs::read_dir(examples().join("layouts")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| {
            Self::fleet(file.file_stem().unwrap().to_str().unwrap(), std::fs::read_to_string(&file).unwrap())
        })
    }

    /// The NAS with all that may be said of its hardware, and an array of EFI system partitions, which GRUB starts from.
    pub fn variants() -> impl Iterator<Item = Self> {
        let hardware = "role = \"k3s-server\"\ninterface = \"enp3s0\"\nhardware.modules = [\"mpt3sas\"]\n\
            hardware.sensors = [\"nct6775\"]\nhardware.cpu = \"amd\"\n";
        let variants = [
            ("nas with hardware", "nas/fleet.toml", "role = \"k3s-server\"\n", hardware),
            ("esp-mirror by EFI", "layouts/esp-mirror.toml", "[machines.one]\n", "[machines.one]\nboot = \"efi\"\n"),
        ];
        variants.into_iter().map(|(name, example, line, lines)| {
            let text = std::fs::read_to_string(examples().join(example)).unwrap();
            assert!(text.contains(line), "{example}: no {line}");
            Self::fleet(name, text.replace(line, lines))
        })
    }

    fn fleet(name: &str, text: String) -> Self {
        let fleet = Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap();
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("fleet.toml"), text).unwrap();
        let mut render = Command::new(env!("CARGO_BIN_EXE_homehive"));
        render.env("HOMEHIVE_UPSTREAM", concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tests/upstream"));
        render.args(["--plain", "render"]).current_dir(tree.path()).env_remove("HOMEHIVE_FLEET");
        let output = render.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        Self { name: name.to_owned(), fleet, tree }
    }

    /// All Nix files of the tree, relative to it.
    pub fn nix_files(&self) -> Vec<String> {
        let (mut found, mut open) = (Vec::new(), vec![PathBuf::new()]);
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(self.tree.path().join(&dir)).unwrap() {
                let entry = entry.unwrap();
                let path = dir.join(entry.file_name());
                if entry.file_type().unwrap().is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|ending| ending == "nix") {
                    found.push(path.display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}
