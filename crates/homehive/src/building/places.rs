//! Where in the fleet's own files lies what Nix complains of: Nix names files of the copy in its store, the user knows
//! them by the line of the fleet file that they came from.

use fleet::Fleet;
use std::collections::BTreeSet;
use std::path::Path;

/// The places that `said` names, each once, in the order in which they are named.
pub fn places(said: &str, fleet: &Fleet, dir: &Path) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let named = said.split("/nix/store/").skip(1).filter_map(file);
    let ours = named.filter(|(path, _)| dir.join(path).is_file() && seen.insert(path.clone()));
    ours.map(|(path, line)| format!("place: {path}:{line}{}", origin(&path, fleet))).collect()
}

/// The file and line of `HASH-source/FILE:LINE:COLUMN: …`.
fn file(text: &str) -> Option<(String, u32)> {
    let (tree, rest) = text.split_once('/')?;
    if !tree.ends_with("-source") {
        return None;
    }
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | ','));
    let rest = &rest[..end.unwrap_or(rest.len())];
    let mut parts = rest.split(':');
    let (path, line) = (parts.next()?, parts.next()?);
    Some((path.to_owned(), line.parse().ok()?))
}

/// Which part of the fleet file such a file comes from.
fn origin(path: &str, fleet: &Fleet) -> String {
    let same = |module: &fleet::ModulePath| {
        let module = module.to_string();
        module.strip_prefix("./").unwrap_or(&module) == path
    };
    if fleet.about.modules.iter().any(same) {
        return ", a module of yours: `fleet.modules`".to_owned();
    }
    if let Some((name, _)) = fleet.machines.iter().find(|(_, machine)| machine.modules.iter().any(same)) {
        return format!(", a module of yours: `machines.{name}.modules`");
    }
    match path.strip_prefix("hosts/").and_then(|path| path.split_once('/')) {
        Some((name, _)) => format!(", rendered from `machines.{name}`"),
        None => ", rendered from the fleet file".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::places;
    use fleet::{Fleet, Format};

    const FLEET: &str = r#"
[fleet]
name = "home"
[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGTS0H1TYLZFMKTKOmzeE4ACSMMVTQs4axckyyz0p3hI ben@laptop"]
[network]
subnet = "192.168.1.0/24"
[machines.nas]
address = "192.168.1.10"
modules = ["./modules/printer.nix"]
[machines.nas.storage.disk.main]
serial = "X1"
content = { type = "gpt", partitions = { esp = { size = "1GiB", type = "efi", content = { type = "filesystem", format = "vfat", mountpoint = "/boot" } }, root = { size = "100%", content = { type = "filesystem", format = "ext4", mountpoint = "/" } } } }
"#;

    #[test]
    fn files_of_the_user_are_named() {
        let fleet = Fleet::parse(FLEET, "fleet.toml", Format::Toml).unwrap();
        let dir = tempfile::tempdir().unwrap();
        for path in ["modules/printer.nix", "hosts/nas/services.nix"] {
            std::fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(path), "{ }").unwrap();
        }
        let said = "error: undefined variable 'x'\n  at /nix/store/abc-source/modules/printer.nix:3:5:\n\
                    … at /nix/store/abc-source/hosts/nas/services.nix:7:1: and /nix/store/abc-source/modules/printer.nix:9:1\n\
                    /nix/store/def-nixpkgs/lib/modules.nix:1:1 /nix/store/def-source/lib/modules.nix:1:1";
        let wanted = [
            "place: modules/printer.nix:3, a module of yours: `machines.nas.modules`",
            "place: hosts/nas/services.nix:7, rendered from `machines.nas`",
        ];
        assert_eq!(places(said, &fleet, dir.path()), wanted);
    }
}
