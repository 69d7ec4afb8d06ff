//! Trees to try laws on: disks with tables, arrays, groups with cached volumes, in all shapes that make sense.

use super::world::disk;
use proptest::prelude::*;
use std::fmt::Write as _;
use storage::facts::Device;

pub const GIB: u64 = 1 << 30;

/// A tree as text, and the blank disks it is meant for.
#[derive(Clone, Debug)]
pub struct Tree {
    pub text: String,
    pub disks: Vec<Device>,
}

fn content() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(r#"{ type = "filesystem", format = "ext4" }"#),
        Just(r#"{ type = "filesystem", format = "f2fs", extra_args = ["-O", "compression"] }"#),
        Just(r#"{ type = "filesystem", format = "ext2", mountpoint = "MOUNT" }"#),
        Just(r#"{ type = "filesystem", format = "xfs", mountpoint = "MOUNT" }"#),
        Just(r#"{ type = "filesystem", format = "vfat", mountpoint = "MOUNT", label = "L" }"#),
        Just(r#"{ type = "btrfs", subvolumes = { "@" = { mountpoint = "MOUNT" }, "@/old" = {} } }"#),
        Just(r#"{ type = "swap", priority = 5, discard = "both" }"#),
        Just(r#"{ type = "lvm_pv", vg = "vg" }"#),
        Just(
            r#"{ type = "luks", name = "NAME", content = { type = "filesystem", format = "xfs", mountpoint = "MOUNT" } }"#
        ),
        Just(r#"{ type = "luks", name = "NAME", content = { type = "lvm_pv", vg = "vg" } }"#),
        Just(
            r#"{ type = "luks", name = "NAME", content = { type = "btrfs", subvolumes = { "@" = { mountpoint = "MOUNT" } } } }"#
        ),
        Just(r#"{ type = "luks", name = "NAME", allow_discards = true, unlock = { tpm2 = {} } }"#),
    ]
}

fn flag() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just(""), 1 => Just("persistent = true\n"), 1 => Just("persistent = false\n")]
}

fn table() -> impl Strategy<Value = (bool, Vec<(u64, &'static str, &'static str)>, bool, &'static str)> {
    (any::<bool>(), prop::collection::vec((1_u64..4, content(), flag()), 1..4), any::<bool>(), flag())
}

/// Level, members, spares, what the array holds, whether its members are encrypted.
fn array() -> impl Strategy<Value = (u8, usize, usize, &'static str, &'static str, bool)> {
    let level = prop_oneof![Just((0_u8, 2_usize)), Just((1, 2)), Just((5, 3)), Just((6, 4)), Just((10, 2))];
    let crypt = prop_oneof![3 => Just(false), 1 => Just(true)];
    (level, 0_usize..2, 0_usize..2, content(), flag(), crypt).prop_map(
        |((level, least), more, spares, content, flag, crypt)| {
            (level, least + more, if level == 0 { 0 } else { spares }, content, flag, crypt)
        },
    )
}

fn within(name: &str, content: &str) -> String {
    format!("{{ type = \"luks\", name = \"{name}\", content = {content} }}")
}

pub fn trees() -> impl Strategy<Value = Tree> {
    let tables = prop::collection::vec(table(), 1..3);
    let arrays = prop::collection::vec(array(), 0..3);
    // Fixed volumes, then one that takes the rest; is it cached by the first?
    let volumes = (prop::collection::vec((1_u64..3, flag()), 0..3), any::<bool>(), flag());
    (tables, arrays, volumes, flag(), (any::<bool>(), 0_u8..3)).prop_map(|(tables, arrays, (fixed, cached, flag), pool, (crypt, memory))| {
        let mut tree = Tree { text: String::new(), disks: vec![] };
        // A root in memory takes the place of the one that would be on a disk.
        let mut mounts = u32::from(memory == 1);
        if memory > 0 {
            let path = if memory == 1 { "/" } else { "/m2/memory" };
            let _ = writeln!(tree.text, "[nodev.\"{path}\"]\nfstype = \"tmpfs\"\noptions = [\"mode=755\"]");
        }
        let mut mounted = |content: &str| {
            mounts += 1;
            // Blanks and the like are no matter, but to a btrfs of several devices, and to whom hangs below the second.
            let odd = if mounts == 2 || content.contains("MOUNT/home") { "" } else { " 4 \\\\ü'$" };
            content.replace("NAME", &format!("c{mounts}")).replace("MOUNT", &if mounts == 1 { "/".to_owned() } else { format!("/m{mounts}{odd}") })
        };
        let mut serials = 0;
        let mut add = |disks: &mut Vec<Device>, size: u64| {
            serials += 1;
            disks.push(disk(&format!("sd{serials}"), &format!("S{serials}"), size));
            format!("S{serials}")
        };
        for (at, (gpt, partitions, rest, flag)) in tables.into_iter().enumerate() {
            let serial = add(&mut tree.disks, 30 * GIB);
            let kind = if gpt { "gpt" } else { "mbr" };
            let _ = writeln!(tree.text, "[disk.t{at}]\nserial = \"{serial}\"\n{flag}[disk.t{at}.content]\ntype = \"{kind}\"");
            let last = partitions.len();
            for (number, (size, content, flag)) in partitions.into_iter().enumerate() {
                let size = if rest && number + 1 == last { "end".to_owned() } else { format!("{size}GiB") };
                let content = mounted(content);
                let hybrid = if gpt && number < 3 && size.ends_with('B') && (at + last) % 2 == 0 {
                    format!("hybrid = {{ mbr_partition_type = \"0x0c\", mbr_bootable_flag = {} }}\n", number == 0)
                } else {
                    String::new()
                };
                let bits = if gpt && (at + last + number) % 3 == 0 { "attributes = [63, 0]\n" } else { "" };
                let _ = writeln!(tree.text, "[disk.t{at}.content.partitions.p{number}]\nsize = \"{size}\"\n{flag}{hybrid}{bits}content = {content}");
            }
        }
        for (at, (level, members, spares, content, flag, crypt)) in arrays.into_iter().enumerate() {
            for member in 0..members + spares {
                let serial = add(&mut tree.disks, 10 * GIB);
                let spare = member >= members;
                let content = format!("{{ type = \"mdraid\", name = \"a{at}\", spare = {spare} }}");
                let content = if crypt { within(&format!("a{at}m{member}"), &content) } else { content };
                let _ = writeln!(tree.text, "[disk.a{at}m{member}]\nserial = \"{serial}\"\ncontent = {content}");
            }
            let content = mounted(content);
            let metadata = if level == 1 { "metadata = \"1.0\"\n" } else { "" };
            let _ = writeln!(tree.text, "[mdadm.a{at}]\nlevel = {level}\n{metadata}{flag}content = {content}");
        }
        for part in 0..2 {
            let serial = add(&mut tree.disks, 10 * GIB);
            let content = match part {
                0 => mounted(r#"{ type = "btrfs", mountpoint = "MOUNT", subvolumes = { home = { mountpoint = "MOUNT/home" } } }"#),
                _ => format!("{{ type = \"btrfs_member\", of = \"{}.b0\" }}", if crypt { "luks" } else { "disk" }),
            };
            let content = if crypt { within(&format!("b{part}"), &content) } else { content };
            let _ = writeln!(tree.text, "[disk.b{part}]\nserial = \"{serial}\"\n{pool}content = {content}");
        }
        // One disk for the group in any case, so that its volumes have room.
        let serial = add(&mut tree.disks, 20 * GIB);
        let _ = writeln!(tree.text, "[disk.g]\nserial = \"{serial}\"\ncontent = {{ type = \"lvm_pv\", vg = \"vg\" }}\n[lvm_vg.vg]\n{flag}");
        let cached = cached && !fixed.is_empty();
        for (at, (size, flag)) in fixed.iter().enumerate() {
            let content = if cached && at == 0 { String::new() } else { mounted(r#"content = { type = "filesystem", format = "xfs", mountpoint = "MOUNT" }"#) };
            let _ = writeln!(tree.text, "[lvm_vg.vg.lvs.v{at}]\nsize = \"{size}GiB\"\n{flag}{content}");
        }
        let cache = if cached { "writecache = \"v0\"\n" } else { "" };
        let content = mounted(r#"content = { type = "filesystem", format = "xfs", mountpoint = "MOUNT" }"#);
        let _ = writeln!(tree.text, "[lvm_vg.vg.lvs.rest]\nsize = \"end\"\n{cache}{content}");
        tree
    })
}
