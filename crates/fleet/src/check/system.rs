//! What NixOS would refuse, or pass over without a word: names that its flake has for itself, words that nothing
//! applies, releases and packages that do not exist.

use super::path;
use crate::declared::Draft;
use crate::{HostName, Machine, Subnet};
use document::{Path, Problems, Value};

pub(super) fn check(draft: &Draft, root: &Value, problems: &mut Problems) {
    for (name, machine) in &draft.machines {
        reserved(name, problems);
        unapplied(name, machine, root, problems);
        let at = path(["machines", name.as_ref(), "modules"]);
        rendered(machine.modules.iter().map(AsRef::as_ref), &at, problems);
    }
    if let Some(about) = &draft.about {
        rendered(about.modules.iter().map(AsRef::as_ref), &path(["fleet", "modules"]), problems);
        release(about.nixpkgs.as_ref(), problems);
        multicast(about.domain.as_ref(), problems);
    }
    kubernetes(draft, problems);
    follows(draft, problems);
    cluster_subnets(draft, problems);
    published(draft, problems);
}

/// The flake that homehive renders has `nixosConfigurations.installer`, `installer-kexec`, and one `installer-NAME` for each machine.
fn reserved(name: &HostName, problems: &mut Problems) {
    let text = name.as_ref();
    if matches!(text, "installer" | "kexec") || text.starts_with("installer-") {
        let message = format!("`{name}` is the name of the installation medium in the flake");
        let at = path(["machines", text]);
        problems.add(&at, "fleet::reserved_machine", message, "taken", "give the machine another name");
    }
}

/// A machine of the user's own flake gets nothing of what homehive would write.
fn unapplied(name: &HostName, machine: &Machine, root: &Value, problems: &mut Problems) {
    if machine.configuration.is_none() {
        return;
    }
    let declared = root.get("machines").and_then(|machines| machines.get(name.as_ref()));
    for key in ["modules", "packages", "timezone", "hardware", "interface"] {
        let at = path(["machines", name.as_ref(), key]);
        if declared.is_some_and(|it| it.get(key).is_some()) && !problems.within(&at) {
            let message = format!("`{key}` of `{name}` would never be applied: its configuration is your own");
            let help = "write it in the configuration that `configuration` names, and leave it out here";
            problems.add(&at, "fleet::not_applied", message, "of no effect", help);
        }
    }
}

/// A module may not stand where homehive writes a file of its own.
fn rendered<'a>(modules: impl Iterator<Item = &'a str>, at: &Path, problems: &mut Problems) {
    for (index, module) in modules.enumerate() {
        let plain = module.strip_prefix("./").unwrap_or(module).trim_end_matches('/');
        let words: Vec<&str> = plain.split('/').collect();
        let own = match words[..] {
            ["flake.nix" | "installer.nix" | "hosts" | "modules" | "secrets" | "tests"]
            | ["hosts", _]
            | ["secrets" | "tests", ..] => true,
            ["hosts", _, file] => {
                ["default.nix", "hardware-configuration.nix", "services.nix", "storage.nix"].contains(&file)
            }
            _ => false,
        };
        if own {
            let message = format!("`{module}` is where homehive writes a file of its own");
            let help = "move the module, for example to \"own/printer.nix\"";
            problems.add(&at.join(index), "fleet::module_is_rendered", message, "taken", help);
        }
    }
}

/// Year and month of a release branch, `nixos-26.05`, as it stands at the end of a reference.
fn year_and_month(nixpkgs: &str) -> Option<(&str, u32, u32)> {
    let branch = nixpkgs.rsplit('/').next()?;
    let version = branch.strip_prefix("nixos-").or_else(|| branch.strip_prefix("release-"))?;
    let (year, month) = version.trim_end_matches("-small").split_once('.')?;
    Some((branch, year.parse().ok()?, month.parse().ok()?))
}

/// NixOS is released in May and in November; what homehive writes needs 25.11 or later.
fn release(nixpkgs: &str, problems: &mut Problems) {
    let Some((branch, year, month)) = year_and_month(nixpkgs) else { return };
    let at = path(["fleet", "nixpkgs"]);
    let help = "write a release: \"github:NixOS/nixpkgs/nixos-26.05\"";
    let well_written = branch.ends_with(&format!("-{year:02}.{month:02}")) || branch.ends_with("-small");
    if !well_written || (month != 5 && month != 11) {
        let message = format!("there is no release `{branch}` of NixOS");
        problems.add(&at, "fleet::no_such_release", message, "no such branch", help);
    } else if (year, month) < (25, 11) {
        let message = format!("`{branch}` is older than what homehive writes for");
        problems.add(&at, "fleet::release_too_old", message, "25.11 or later", help);
    }
}

/// Minor releases of k3s in nixpkgs: `k3s_1_N`. What reached its end of life is removed again
/// (`pkgs/top-level/aliases.nix`).
fn kubernetes(draft: &Draft, problems: &mut Problems) {
    let Some(version) = &draft.k3s.version else { return };
    let minor: u32 = version.as_ref().trim_start_matches("1.").parse().unwrap_or(0);
    let release = draft.about.as_ref().and_then(|about| year_and_month(about.nixpkgs.as_ref()));
    let (first, last) = match release {
        Some((_, 25, 11)) => (31, Some(34)),
        Some((_, 26, 5)) => (33, Some(36)),
        // What comes later is not known yet; what is gone stays gone.
        _ => (33, None),
    };
    if minor < first || last.is_some_and(|last| minor > last) {
        let range = last.map_or_else(|| format!("1.{first} and later"), |last| format!("1.{first} to 1.{last}"));
        let message = format!("this nixpkgs has no k3s {version}");
        let help = format!("it has {range}; a cluster goes up one minor release at a time");
        problems.add(&path(["k3s", "version"]), "fleet::k3s_not_in_nixpkgs", message, "no such package", help);
    }
}

/// Upgrades run on the machine, where a relative path leads nowhere.
fn follows(draft: &Draft, problems: &mut Problems) {
    let Some(flake) = draft.upgrades.as_ref().and_then(|upgrades| upgrades.flake.as_ref()) else { return };
    let text = flake.as_ref();
    let rest = text.strip_prefix("path:").unwrap_or(text);
    if rest.starts_with('.') || (text.starts_with("path:") && !rest.starts_with('/')) {
        let message = format!("`{text}` is relative, and machines upgrade themselves far from this file");
        let help =
            "name a flake that a machine reaches: \"github:you/home\", \"git+https://…\", or an absolute path on it";
        problems.add(&path(["upgrades", "flake"]), "fleet::relative_flake", message, "relative", help);
    }
}

/// RFC 6762 keeps `local` for multicast DNS, and the machines run Avahi.
fn multicast(domain: &str, problems: &mut Problems) {
    if domain.rsplit('.').next() == Some("local") {
        let message = format!("`{domain}` belongs to multicast DNS, which the machines speak for their shares");
        let help = "write \"home.arpa\", which RFC 8375 keeps for homes, or a domain of yours";
        problems.add(&path(["fleet", "domain"]), "fleet::multicast_domain", message, "kept by RFC 6762", help);
    }
}

/// What k3s gives its pods and services, unless told otherwise (docs.k3s.io, `--cluster-cidr` and `--service-cidr`).
const OF_THE_CLUSTER: [(&str, &str); 2] = [("10.42.0.0/16", "pods"), ("10.43.0.0/16", "services")];

fn cluster_subnets(draft: &Draft, problems: &mut Problems) {
    let Some(network) = draft.network.as_ref().filter(|_| draft.machines.values().any(|it| !it.role.is_none())) else {
        return;
    };
    for (text, whose) in OF_THE_CLUSTER {
        let Ok(taken) = text.parse::<Subnet>() else { continue };
        let subnet = network.subnet;
        if taken.contains(subnet.network()) || subnet.contains(taken.network()) {
            let message = format!("the subnet {subnet} overlaps {taken}, where the cluster's {whose} live");
            let help = "number your LAN otherwise: 192.168.0.0/16 and the rest of 10.0.0.0/8 are free";
            problems.add(&path(["network", "subnet"]), "fleet::subnet_of_cluster", message, "taken by k3s", help);
        }
    }
}

/// Shares and machines are both published under `.local`.
fn published(draft: &Draft, problems: &mut Problems) {
    let Some(network) = &draft.network else { return };
    for share in draft.shares.keys() {
        let at = path(["shares", share.as_ref()]);
        let Some(name) = network.share_names.label(share) else {
            let host = network.share_names.host(share);
            let message = format!("share `{share}` would be published as `{host}`, which is no name for a host");
            let help = "a name has at most 63 characters, and `localhost` is every machine itself: shorten \
                        `network.share_names`, or give the share another name";
            problems.add(&at, "fleet::bad_share_host", message, "no such name", help);
            continue;
        };
        if draft.machines.keys().chain(network.hosts.keys()).any(|host| host.as_ref() == name) {
            let message = format!("share `{share}` is published as `{name}.local`, which is a machine");
            let help = "give the share another name, or all shares by `network.share_names`";
            problems.add(&at, "fleet::share_named_as_machine", message, "taken", help);
        }
    }
}
