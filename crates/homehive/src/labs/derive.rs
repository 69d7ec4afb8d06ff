//! From a fleet to its lab: the virtual machines, and the fleet file that describes them. Pure.
//!
//! The lab's fleet is the real one but for what a virtual machine cannot have: machines answer on loopback, disks are
//! recognised by serial alone (those with GRUB also by the link that QEMU's disks have) and are small, and so are their
//! partitions and volumes. Names stay, so that every identity
//! in the lab is the very one that the real machine will have.

use fleet::{Fleet, HostName};
use lab::qemu::{DiskKind, DiskSpec, Machine, Segment};
use lab::{Blueprint, scale};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use storage::tree::{Content, Disk, Level};
use storage::wish::{Holds, Kind, Node, Pool, VdevClass, Wish};
use storage::{Extent, NodeId};

const MIB: u64 = 1 << 20;

/// Memory of a lab's machine in MiB: a system of packages runs in half of it, copying a closure wants page cache.
const MEMORY: u32 = 1536;
/// More processors than the host can spare make emulation slower.
const CPUS: u32 = 2;

/// A lab, and the fleet file for it.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The machines.
    pub blueprint: Blueprint,
    /// The fleet file (JSON), in which every machine still answers at port 22 of loopback: see [`set_port`].
    pub fleet: Value,
}

/// The lab of `fleet` with these machines; `key` is the lab's own admin key, a line of `authorized_keys`.
pub fn derive(fleet: &Fleet, machines: &[HostName], key: &str) -> Result<Derived, serde_json::Error> {
    let subnet = fleet.network.subnet;
    // QEMU's user network plays a router, whether the fleet has one or not.
    let gateway = fleet.network.gateway.unwrap_or_else(|| spare(fleet));
    let mut value = serde_json::to_value(fleet)?;
    value["admin"]["keys"] = json!([key]);
    let mut blueprints = Vec::new();
    for name in machines {
        let (Some(declared), Some(wish)) = (fleet.machines.get(name), fleet.wish(name)) else { continue };
        let (grub, efi): (Vec<NodeId>, Vec<NodeId>) = match declared.loader(&wish) {
            Some(fleet::Loader::Bios(disks)) => (disks, Vec::new()),
            Some(fleet::Loader::Efi(node)) => {
                (Vec::new(), wish.disks_of(&node).into_iter().map(|disk| disk.id.clone()).collect())
            }
            None => (Vec::new(), Vec::new()),
        };
        let place = &mut value["machines"][name.to_string()];
        place["ssh"] = json!({ "address": "127.0.0.1" });
        let mut disks = Vec::new();
        for (disk, declared) in &declared.storage.disk {
            let id = NodeId::disk(disk);
            let spec = disk_spec(disk.as_ref(), declared, grub.contains(&id) || efi.contains(&id));
            let at = &mut place["storage"]["disk"][disk.as_ref()];
            let mut fresh = json!({ "serial": spec.serial });
            if grub.contains(&id) {
                fresh["device"] = json!(spec.link());
            }
            for key in ["persistent", "content"] {
                if let Some(kept) = at.get(key) {
                    fresh[key] = kept.clone();
                }
            }
            *at = fresh;
            disks.push((id, declared, spec));
        }
        shrink(&wish, &disks, place);
        own_keys(place);
        let disks = disks.into_iter().map(|(.., spec)| spec).collect();
        let name = name.to_string();
        blueprints.push(Machine { name, address: declared.address, memory: MEMORY, cpus: CPUS, disks });
    }
    if let Some(all) = value["machines"].as_object_mut() {
        all.retain(|name, _| machines.iter().any(|machine| machine.to_string() == *name));
    }
    let kept: Vec<String> = machines.iter().map(ToString::to_string).collect();
    if let Some(shares) = value.get_mut("shares").and_then(Value::as_object_mut) {
        shares.retain(|_, share| {
            share["machine"].as_str().is_some_and(|machine| kept.iter().any(|name| name == machine))
        });
    }
    still_a_cluster(fleet, machines, &mut value);
    let segment = Segment { subnet: subnet.network(), prefix: subnet.prefix(), gateway };
    Ok(Derived { blueprint: Blueprint { segment, machines: blueprints }, fleet: value })
}

/// Where the key of the lab's encrypted devices lies, from its fleet file.
pub const KEY_FILE: &str = "secrets/luks-key";

/// A lab never sees the key of a real disk, further keys among them, and has no TPM and no FIDO2 key: its containers open with
/// their key alone.
fn own_keys(value: &mut Value) {
    match value {
        Value::Object(table) => {
            if table.get("type").is_some_and(|kind| kind == "luks") {
                if table.contains_key("key_file") {
                    table.insert("key_file".to_owned(), json!(KEY_FILE));
                }
                table.remove("unlock");
            }
            if let Some(encryption) = table.get_mut("encryption").and_then(Value::as_object_mut)
                && encryption.contains_key("key_file")
            {
                encryption.insert("key_file".to_owned(), json!(KEY_FILE));
            }
            table.values_mut().for_each(own_keys);
        }
        Value::Array(list) => list.iter_mut().for_each(own_keys),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Of some machines of a cluster a cluster again: one of them serves, never an even number do, and the rollout's order
/// names none that is not there.
fn still_a_cluster(fleet: &Fleet, machines: &[HostName], value: &mut Value) {
    let having = |role| machines.iter().filter(move |name| fleet.machines.get(name).is_some_and(|it| it.role == role));
    let mut be = |name: Option<&HostName>, role: fleet::Role| {
        if let Some(name) = name {
            value["machines"][name.to_string()]["role"] = json!(role.word());
        }
    };
    match having(fleet::Role::K3sServer).count() {
        0 => be(having(fleet::Role::K3sAgent).next(), fleet::Role::K3sServer),
        servers if servers.is_multiple_of(2) => be(having(fleet::Role::K3sServer).next_back(), fleet::Role::K3sAgent),
        _ => {}
    }
    let chooses = |selector: &&fleet::Selector| {
        let chosen = fleet.select(std::slice::from_ref(*selector)).unwrap_or_default();
        chosen.iter().any(|name| machines.contains(name))
    };
    let order: Vec<&fleet::Selector> = fleet.deploy.order.iter().filter(chooses).collect();
    if !fleet.deploy.order.is_empty() {
        value["deploy"]["order"] = json!(order);
    }
}

/// An address of the subnet that no machine has.
fn spare(fleet: &Fleet) -> Ipv4Addr {
    let taken = |address: &Ipv4Addr| fleet.machines.values().any(|machine| machine.address == *address);
    let usable = fleet.network.subnet.usable();
    let all = u32::from(usable.first())..=u32::from(usable.last());
    all.map(Ipv4Addr::from).find(|address| !taken(address)).unwrap_or(usable.first())
}

/// Writes the port at which a machine of the lab answers into the lab's fleet.
pub fn set_port(fleet: &mut Value, machine: &str, port: u16) {
    fleet["machines"][machine]["ssh"]["port"] = json!(port);
}

/// Writes a disk's new serial number into the lab's fleet, as a person does after replacing it.
pub fn set_serial(fleet: &mut Value, machine: &str, disk: &str, serial: &str) {
    let disk = &mut fleet["machines"][machine]["storage"]["disk"][disk];
    if let (Some(device), Some(old)) = (disk["device"].as_str(), disk["serial"].as_str()) {
        disk["device"] = json!(device.replace(old, serial));
    }
    disk["serial"] = json!(serial);
}

/// The disk that the lab gives for a declared one: the same serial number and World Wide Name where QEMU can show them.
fn disk_spec(name: &str, disk: &Disk, boot: bool) -> DiskSpec {
    let kind = kind(name, disk);
    let plain = |serial: &&String| {
        (1..=20).contains(&serial.len()) && serial.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let serial = disk.serial.as_ref().filter(plain).cloned().unwrap_or_else(|| {
        let tail: String = name.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        format!("LAB-{}", tail.to_uppercase())
    });
    let declared = disk.size.map_or_else(|| scale::assumed(kind), |size| size.0);
    DiskSpec { name: name.to_owned(), kind, serial, wwn: None, bytes: scale::disk(kind, declared) / MIB * MIB, boot }
}

/// The bus of a disk, as its stable path tells, else its name, else what it holds: a stick holds an MBR.
fn kind(name: &str, disk: &Disk) -> DiskKind {
    let told = [disk.device.as_deref().unwrap_or_default().rsplit('/').next().unwrap_or_default(), name];
    for text in told {
        for (prefix, kind) in [
            ("usb", DiskKind::Usb),
            ("nvme", DiskKind::Nvme),
            ("ata", DiskKind::Sata),
            ("sata", DiskKind::Sata),
            ("virtio", DiskKind::Virtio),
        ] {
            if text.starts_with(prefix) {
                return kind;
            }
        }
    }
    match disk.content {
        Some(Content::Mbr(_)) => DiskKind::Usb,
        _ => DiskKind::Sata,
    }
}

/// Replaces the declared sizes of partitions and volumes by what fits the lab's small disks.
fn shrink(wish: &Wish, disks: &[(NodeId, &Disk, DiskSpec)], place: &mut Value) {
    // Bytes of a node as declared (or assumed) and in the lab.
    let mut sizes: BTreeMap<&NodeId, (u64, u64)> = BTreeMap::new();
    for (id, disk, spec) in disks {
        let declared = disk.size.map_or_else(|| scale::assumed(spec.kind), |size| size.0);
        if let Some(node) = wish.node(id) {
            sizes.insert(&node.id, (declared, spec.bytes));
        }
    }
    for node in &wish.nodes {
        let below: Vec<(u64, u64)> = node.on.iter().filter_map(|id| sizes.get(id).copied()).collect();
        let whole = match &node.kind {
            Kind::Disk(_) => continue,
            Kind::Array(array) => {
                let least = |of: fn(&(u64, u64)) -> u64| below.iter().map(of).min().unwrap_or(0);
                let members = array.members.len();
                let capacity = |bytes| array.level.capacity(members, bytes);
                (capacity(least(|size| size.0)), capacity(least(|size| size.1)))
            }
            Kind::Pool(pool) => usable(pool, &sizes),
            Kind::Zvol(volume) => {
                let whole = below.first().copied().unwrap_or_default();
                resize(least(wish, node), Extent::Size(volume.size), whole, place.pointer_mut(&path(node)))
            }
            Kind::Group(_) => below.iter().fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1)),
            Kind::Crypt(_) => below.first().copied().unwrap_or_default(),
            Kind::Partition(partition) => {
                let whole = below.first().copied().unwrap_or_default();
                let keys = path(node);
                resize(least(wish, node), partition.size, whole, place.pointer_mut(&keys))
            }
            Kind::Volume(volume) => {
                let below = volume.pvs.iter().filter_map(|id| sizes.get(id).copied());
                let whole = below.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
                let keys = path(node);
                resize(least(wish, node), volume.size, whole, place.pointer_mut(&keys))
            }
        };
        sizes.insert(&node.id, whole);
    }
}

/// What a pool has for data, as declared and in the lab.
fn usable(pool: &Pool, sizes: &BTreeMap<&NodeId, (u64, u64)>) -> (u64, u64) {
    let data = pool.vdevs.iter().filter(|vdev| vdev.class == VdevClass::Data);
    data.fold((0, 0), |sum, vdev| {
        let all: Vec<(u64, u64)> = vdev.members.iter().filter_map(|id| sizes.get(id).copied()).collect();
        let keep = |of: fn(&(u64, u64)) -> u64| match vdev.mode {
            None => all.iter().map(of).sum(),
            Some(mode) => {
                let data = all.len() - mode.may_lose(all.len()).min(all.len());
                all.iter().map(of).min().unwrap_or(0) * data as u64
            }
        };
        (sum.0 + keep(|size| size.0), sum.1 + keep(|size| size.1))
    })
}

/// The node's size as declared and in the lab; a fixed size is written back at `at`.
fn resize(least: u64, size: Extent, whole: (u64, u64), at: Option<&mut Value>) -> (u64, u64) {
    match size {
        Extent::End => whole,
        Extent::Percent(percent) => (whole.0 / 100 * u64::from(percent), whole.1 / 100 * u64::from(percent)),
        Extent::Size(size) => {
            let small = scale::part(size.0, whole.0, whole.1, least).max(MIB.min(size.0));
            if let Some(at) = at {
                at["size"] = json!(storage::Size(small).exact());
            }
            (size.0, small)
        }
    }
}

/// What a node's content needs at least, in the lab.
fn least(wish: &Wish, node: &Node) -> u64 {
    match &node.holds {
        // The system and what it keeps of older generations.
        Some(Holds::Filesystem { mountpoint: Some(path), .. }) if path == "/" => 1280 * MIB,
        Some(Holds::Filesystem { mountpoint: Some(path), .. }) if path.starts_with("/boot") => 256 * MIB,
        // XFS refuses less than 300 MiB.
        Some(Holds::Filesystem { .. }) => 320 * MIB,
        // Its headers, and what is in it.
        Some(Holds::Luks { crypt, .. }) => 16 * MIB + wish.node(crypt).map_or(64 * MIB, |within| least(wish, within)),
        // Each of a mirror that is booted from has all of it.
        Some(Holds::Member { array, .. }) => match wish.node(array) {
            Some(mirror) if is_booted(mirror) => least(wish, mirror),
            _ => 64 * MIB,
        },
        Some(_) | None => 64 * MIB,
    }
}

/// Is it a mirror that a boot loader reads?
fn is_booted(node: &Node) -> bool {
    matches!(&node.kind, Kind::Array(array) if array.level == Level::Raid1)
        && matches!(&node.holds, Some(Holds::Filesystem { mountpoint: Some(path), .. }) if path.starts_with("/boot"))
}

/// Where a partition or volume is declared, as a JSON pointer below the machine.
fn path(node: &Node) -> String {
    let mut words = node.id.as_str().splitn(3, '.');
    let (kind, owner, name) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match kind {
        Some("disk") => format!("/storage/disk/{owner}/content/partitions/{name}"),
        Some("mdadm") => format!("/storage/mdadm/{owner}/content/partitions/{name}"),
        // A slash in a name is `~1` in a pointer (RFC 6901).
        Some("zpool") => format!("/storage/zpool/{owner}/datasets/{}", name.replace('/', "~1")),
        _ => format!("/storage/lvm_vg/{owner}/lvs/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{derive, set_serial};
    use fleet::{Fleet, Format};
    use lab::qemu::DiskKind;

    fn parsed(text: &str, format: Format) -> Fleet {
        Fleet::parse(text, "fleet", format).map_err(|report| report.findings()).unwrap()
    }

    #[test]
    fn the_lab_of_the_example_has_its_stick_and_a_fleet_that_is_right() {
        let fleet = parsed(include_str!("../../../../examples/nas/fleet.toml"), Format::Toml);
        let names: Vec<_> = fleet.machines.keys().cloned().collect();
        let key = fleet.admin.keys[0].to_string();
        let mut derived = derive(&fleet, &names, &key).unwrap();
        let stick = derived.blueprint.machines[0].disks.iter().find(|disk| disk.name == "usb").unwrap();
        assert!(stick.kind == DiskKind::Usb && stick.boot, "{stick:?}");
        let link = |fleet: &Fleet| fleet.machines[&names[0]].storage.disk[&"usb".parse().unwrap()].device.clone();
        let lab = parsed(&derived.fleet.to_string(), Format::Json);
        assert_eq!(link(&lab).as_deref(), Some("/dev/disk/by-id/usb-QEMU_QEMU_HARDDISK_4C530001230415117295-0:0"));
        // Identities are the real machine's.
        let nodes = |fleet: &Fleet| fleet.wish(&names[0]).unwrap().announce();
        assert_eq!(nodes(&lab), nodes(&fleet));
        set_serial(&mut derived.fleet, "nas", "usb", "NEW-1");
        let lab = parsed(&derived.fleet.to_string(), Format::Json);
        assert_eq!(link(&lab).as_deref(), Some("/dev/disk/by-id/usb-QEMU_QEMU_HARDDISK_NEW-1-0:0"));
    }

    #[test]
    fn the_lab_of_every_layout_is_a_right_fleet() {
        let layouts = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/layouts");
        for file in std::fs::read_dir(layouts).unwrap() {
            let fleet = parsed(&std::fs::read_to_string(file.unwrap().path()).unwrap(), Format::Toml);
            let names: Vec<_> = fleet.machines.keys().cloned().collect();
            let derived = derive(&fleet, &names, &fleet.admin.keys[0].to_string()).unwrap();
            let lab = parsed(&derived.fleet.to_string(), Format::Json);
            for name in &names {
                assert_eq!(lab.wish(name).unwrap().announce(), fleet.wish(name).unwrap().announce());
            }
        }
    }

    #[test]
    fn the_lab_of_the_cluster_is_a_right_fleet() {
        let fleet = parsed(include_str!("../../../../examples/cluster/fleet.toml"), Format::Toml);
        let names: Vec<_> = fleet.machines.keys().cloned().collect();
        let derived = derive(&fleet, &names, &fleet.admin.keys[0].to_string()).unwrap();
        let lab = parsed(&derived.fleet.to_string(), Format::Json);
        assert_eq!(lab.machines.len(), 5);
        for name in &names {
            assert_eq!(lab.wish(name).unwrap().announce(), fleet.wish(name).unwrap().announce());
        }
        // And so is that of any one or two of its machines.
        for one in &names {
            for other in &names {
                let some: Vec<_> = names.iter().filter(|name| *name == one || *name == other).cloned().collect();
                let derived = derive(&fleet, &some, &fleet.admin.keys[0].to_string()).unwrap();
                assert_eq!(parsed(&derived.fleet.to_string(), Format::Json).machines.len(), some.len());
            }
        }
    }
}
