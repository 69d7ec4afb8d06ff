//! `tests/NAME.nix`: a machine's services in a virtual machine, with disks like its own but small.

use super::{Host, RenderError, cluster_secrets};
use crate::File;
use crate::syntax::{Expr, Set};
use ::storage::NodeId;
use ::storage::identity;
use ::storage::tree::Format;
use ::storage::wish::{CacheKind, Holds, Kind, Node, Volume};
use fleet::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Size of every disk, in MiB: they are sparse.
const DISK: i64 = 2048;

/// The file.
pub(super) fn file(host: &Host<'_>) -> Result<File, RenderError> {
    let disks = Disks::of(host);
    let alone = host.machine.role == Role::K3sServer && host.home.servers.len() == 1;
    let path = |path: &str| Expr::Path(path.to_owned());
    let mut imports = vec![path("../modules"), path(&format!("../hosts/{}/services.nix", host.name))];
    if host.home.publishes() {
        imports.push(Expr::Code("homehive.nixosModules.publisher"));
    }
    let mut node = Set::new()
        .put("imports", imports)
        .put("config.networking.hostName", Expr::text(host.name))
        .put("config.virtualisation.emptyDiskImages", Expr::List(vec![Expr::Int(DISK); disks.places.len()]))
        .put("config.virtualisation.memorySize", Expr::Int(if alone { 3072 } else { 1536 }))
        .note("Nobody has the machine's host key here: what stands for agenix gives out secrets for this test alone.")
        .put("options.age", Expr::Code("lib.mkOption { type = lib.types.anything; }"))
        .put("config.age.secrets", secrets(host))
        .note("The test's own network.")
        .put("config.systemd.network.networks.10-lan.matchConfig", Expr::Code("lib.mkForce { Name = \"eth1\"; }"))
        .note("What the storage is made with below.")
        .put("config.boot.kernelModules", Expr::texts(modules(host)))
        .put("config.boot.swraid.enable", true);
    if !alone && !host.machine.role.is_none() {
        node = node
            .note("It would wait for the other servers.")
            .put("config.services.k3s.enable", Expr::Code("lib.mkForce false"));
    }
    let test = Set::new()
        .put("name", Expr::text(host.name))
        .put("nodes.machine", Expr::module("{ lib, pkgs, ... }", node))
        .put("testScript", Expr::Lines(script(host, &disks, alone)));
    let arguments = if host.home.publishes() { "{ pkgs, homehive }" } else { "{ pkgs }" };
    let body = Expr::Function(arguments, Box::new(Expr::Apply("pkgs.testers.runNixOSTest", vec![test.into()])));
    let head = format!("{} in a virtual machine: nix build .#checks.x86_64-linux.{}", host.name, host.name);
    Ok(File::nix(format!("tests/{}.nix", host.name), &head, &body)?)
}

/// Secrets that modules ask for, in a file that everybody may read.
fn secrets(host: &Host<'_>) -> Set {
    let cluster = (!host.machine.role.is_none()).then_some("k3s-token");
    let mail = host.home.records.secrets.contains(super::MAIL_PASSWORD).then_some("mail-password");
    let path = || Expr::Code("toString (pkgs.writeText \"secret\" \"for-this-test-alone\\n\")");
    let made = if host.machine.role == Role::K3sServer { cluster_secrets::there(host.home) } else { Vec::new() };
    let all: BTreeSet<String> = [cluster, mail].into_iter().flatten().map(str::to_owned).chain(made).collect();
    all.into_iter().fold(Set::new(), |set, name| set.put_named("", name, Set::new().put("path", path())))
}

fn modules(host: &Host<'_>) -> Vec<&'static str> {
    let writecache = |node: &Node| {
        matches!(&node.kind, Kind::Volume(volume)
            if volume.cache.as_ref().is_some_and(|cache| cache.kind == CacheKind::Writecache))
    };
    if host.wish.nodes.iter().any(writecache) { vec!["raid456", "dm_writecache"] } else { vec!["raid456"] }
}

/// Which of the machine's nodes get a disk of their own here: members of arrays, and physical volumes that lie on no
/// array.
struct Disks {
    places: BTreeMap<NodeId, String>,
}

impl Disks {
    fn of(host: &Host<'_>) -> Self {
        let below = |node: &&Node| match &node.holds {
            Some(Holds::Member { .. }) => true,
            Some(Holds::PhysicalVolume { .. }) => !matches!(node.kind, Kind::Array(_)),
            _ => false,
        };
        let nodes = host.wish.nodes.iter().filter(below);
        // vda is the machine's root; 25 are as many letters as there are.
        let places = nodes.zip('b'..='z').map(|(node, letter)| (node.id.clone(), format!("/dev/vd{letter}")));
        Self { places: places.collect() }
    }

    fn path(&self, node: &Node) -> Option<String> {
        match &node.kind {
            Kind::Array(array) => Some(format!("/dev/md/{}", array.name)),
            Kind::Volume(volume) => Some(format!("/dev/{}/{}", volume.group, volume.name)),
            // Nobody types a passphrase there: a plain disk stands for what is opened.
            Kind::Disk(_) | Kind::Partition(_) | Kind::Group(_) | Kind::Crypt(_) => self.places.get(&node.id).cloned(),
            // Pools are made by nobody there.
            Kind::Pool(_) | Kind::Zvol(_) => None,
        }
    }
}

/// A group of assertions in Python.
fn subtest(script: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = write!(script, "\nwith subtest({}):\n", python(title));
        for line in lines {
            let _ = writeln!(script, "    {line}");
        }
    }
}

/// A string of JSON is one of Python.
fn python(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn succeed(words: &cmd::Cmd) -> String {
    format!("machine.succeed({})", python(&words.to_string()))
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> cmd::Cmd {
    let mut all = words.into_iter();
    let program = all.next().unwrap_or_default();
    cmd::Cmd::new(program).args(all)
}

fn script(host: &Host<'_>, disks: &Disks, alone: bool) -> String {
    let user = host.home.fleet.admin.user.to_string();
    let mut script =
        String::from("machine = machines[0]\nmachine.start()\nmachine.wait_for_unit(\"multi-user.target\")\n");
    let mut storage = Vec::new();
    for node in &host.wish.nodes {
        storage.extend(make(host, disks, node).iter().map(succeed));
    }
    subtest(&mut script, "arrays, volumes and filesystems are made and mounted", &storage);

    let sshd = "settings = machine.succeed(\"sshd -T\").splitlines()".to_owned();
    let wanted = ["passwordauthentication no", "kbdinteractiveauthentication no", "permitrootlogin no"];
    let wanted = wanted.map(|line| format!("assert \"{line}\" in settings"));
    subtest(&mut script, "SSH takes keys only, and no root", &[vec![sshd], wanted.to_vec()].concat());

    let locked = format!("machine.succeed({})", python(&format!("getent shadow {user} | grep '^{user}:!'")));
    let admin = [
        format!("assert \"wheel\" in machine.succeed({})", python(&format!("id --name --groups {user}"))),
        format!("machine.succeed({})", python(&format!("test -s /etc/ssh/authorized_keys.d/{user}"))),
        format!("machine.succeed({})", python(&format!("su - {user} -c 'sudo -n true'"))),
        locked,
    ];
    subtest(&mut script, &format!("{user} is the admin"), &admin);

    let mut ports = vec!["22"];
    if host.machine.role == Role::K3sServer {
        ports.push("6443");
    }
    let mut firewall = vec!["rules = machine.succeed(\"iptables-save -t filter\")".to_owned()];
    firewall.push("assert \"-A INPUT -j nixos-fw\" in rules".to_owned());
    firewall.push("assert \"-A nixos-fw -j nixos-fw-log-refuse\" in rules".to_owned());
    firewall.extend(
        ports
            .iter()
            .map(|port| format!("assert \"-A nixos-fw -p tcp -m tcp --dport {port} -j nixos-fw-accept\" in rules")),
    );
    subtest(&mut script, "the firewall lets in what is declared", &firewall);

    let programs = ["mdadm", "lvs", "xfs_repair", "smartctl", "sensors", "htop", "git"];
    let programs = programs.map(|name| succeed(&words(["bash", "-lc", &format!("command -v {name}")])));
    subtest(&mut script, "programs are there", &programs);

    let entry = format!("{} ", host.machine.address);
    let hosts = format!("machine.succeed({})", python(&format!("grep '^{entry}.*{}' /etc/hosts", host.name)));
    subtest(&mut script, "machines know each other by name", &[hosts]);

    if alone {
        let node = format!(
            "machine.wait_until_succeeds({}, timeout=600)",
            python(&format!("k3s kubectl wait --for=condition=Ready --timeout=5s node/{}", host.name))
        );
        let shell = format!(
            "machine.succeed({})",
            python(&format!("su - {user} -c 'bash -ic \"alias kubectl; complete -p kubectl k3s\"'"))
        );
        subtest(&mut script, "k3s is ready", &["machine.wait_for_unit(\"k3s.service\")".to_owned(), node]);
        subtest(&mut script, "kubectl is an alias, and completes", &[shell]);
    }
    script
}

/// The words that make a node, and what it holds, on small disks.
fn make(host: &Host<'_>, disks: &Disks, node: &Node) -> Vec<cmd::Cmd> {
    let path = |id: &NodeId| host.wish.node(id).and_then(|node| disks.path(node));
    let paths = |ids: &[NodeId]| ids.iter().filter_map(path).collect::<Vec<_>>();
    let mut all = match &node.kind {
        Kind::Disk(_) | Kind::Partition(_) | Kind::Crypt(_) | Kind::Pool(_) | Kind::Zvol(_) => return Vec::new(),
        Kind::Array(array) => {
            let (members, level) = (paths(&array.members), array.level.number().to_string());
            let (count, uuid) = (members.len().to_string(), identity::md(array.uuid));
            let create = words(["mdadm", "--create", &format!("/dev/md/{}", array.name), "--run", "--assume-clean"]);
            let create = create.args(["--metadata", "1.2", "--level", &level, "--raid-devices", &count]);
            vec![create.args(["--uuid", &uuid]).args(members)]
        }
        Kind::Group(group) => {
            vec![words(["vgcreate", group.name.as_ref()]).args(paths(&group.pvs)), words(["udevadm", "settle"])]
        }
        Kind::Volume(volume) => volume_words(volume, &paths(&volume.pvs)),
    };
    if let (Some(device), Some(Holds::Filesystem { format, shown, mountpoint: Some(at), .. })) =
        (disks.path(node), &node.holds)
        && at != "/"
    {
        let make = match format {
            Format::Xfs => words(["mkfs.xfs", "-m", &format!("uuid={shown}")]),
            Format::Ext4 => words(["mkfs.ext4", "-q", "-U", shown]),
            Format::Ext3 => words(["mkfs.ext3", "-q", "-U", shown]),
            Format::Ext2 => words(["mkfs.ext2", "-q", "-U", shown]),
            Format::F2fs => words(["mkfs.f2fs", "-q", "-U", shown]),
            Format::Btrfs => words(["mkfs.btrfs", "-q", "-U", shown]),
            Format::Zfs => return all,
            Format::Vfat => words(["mkfs.vfat", "-i", &shown.replace('-', "")]),
        };
        all.extend([
            make.arg(device),
            words(["udevadm", "settle"]),
            words(["mount", "--mkdir", &format!("/dev/disk/by-uuid/{shown}"), at]),
            words(["touch", &format!("{at}/proof")]),
        ]);
    }
    all
}

fn volume_words(volume: &Volume, pvs: &[String]) -> Vec<cmd::Cmd> {
    let (group, name) = (volume.group.as_ref(), volume.name.as_ref());
    // XFS wants 300 MiB at least.
    let size = if volume.caches.is_some() { "128M" } else { "512M" };
    let create = words(["lvcreate", "--yes", "--name", name, "--size", size]);
    let create = if volume.caches.is_some() { create.args(["--activate", "n"]) } else { create };
    let mut all = vec![create.arg(group).args(pvs.iter().map(String::as_str))];
    if let Some(cache) = &volume.cache {
        let cached = cache.node.to_string();
        let cached = cached.rsplit('.').next().unwrap_or_default();
        let kind = cache.kind.segment();
        let attach = words(["lvconvert", "--yes", "--type", kind, "--cachevol", cached, &format!("{group}/{name}")]);
        all.push(attach);
    }
    all.push(words(["udevadm", "settle"]));
    all
}
