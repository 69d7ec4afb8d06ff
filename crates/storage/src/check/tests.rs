//! One row a check: a tree that is wrong in one way, with the code expected, and a tree beside it that is right.

use super::check;
use crate::tree::Storage;
use document::{Decode as _, Format, Path, Problems, read};

fn codes(tree: &str) -> Vec<(&'static str, String)> {
    let mut problems = Problems::default();
    let value = read(tree, Format::Toml, &mut problems);
    let at = Path::root();
    let storage = Storage::decode(&value, &at, &mut problems);
    assert!(problems.is_empty(), "{tree}\nis not read: {problems:?}");
    check(&storage.unwrap(), &at, &mut problems);
    for problem in problems.iter() {
        let told = [&problem.message, &problem.label, &problem.help];
        assert!(told.iter().all(|text| !text.is_empty() && !text.ends_with('.')), "{problem:?}");
        assert!(value.place(&problem.at) != value.span || problem.at == at, "{problem:?} marks nothing");
    }
    problems.iter().map(|problem| (problem.code, problem.at.to_string())).collect()
}

const FS: &str = r#"{ type = "filesystem", format = "xfs" }"#;

fn disk(name: &str, content: &str) -> String {
    format!("[disk.{name}]\nserial = \"S-{name}\"\ncontent = {content}\n")
}

fn members(array: &str, count: usize) -> String {
    (1..=count).map(|at| disk(&format!("m{at}"), &format!("{{ type = \"mdraid\", name = \"{array}\" }}"))).collect()
}

/// Two disks in group `g`, and its volumes.
fn group(volumes: &str) -> String {
    let pv = |name| disk(name, "{ type = \"lvm_pv\", vg = \"g\" }");
    format!("{}{}[lvm_vg.g.lvs]\n{volumes}\n", pv("a"), pv("b"))
}

/// The same, with a thin pool `p` of 9 GiB.
fn thin(volumes: &str) -> String {
    group(&format!("p = {{ size = \"9GiB\", lvm_type = \"thin-pool\" }}\n{volumes}"))
}

const V: &str = "v = { size = \"1GiB\", lvm_type = \"thinlv\", pool = \"p\" }";

fn gpt(partitions: &str) -> String {
    format!("[disk.d]\nserial = \"1\"\n[disk.d.content]\ntype = \"gpt\"\n{partitions}\n")
}

fn mbr(partitions: &str) -> String {
    gpt(partitions).replace("\"gpt\"", "\"mbr\"")
}

fn fs(rest: &str) -> String {
    disk("d", &format!("{{ type = \"filesystem\", {rest} }}"))
}

fn luks(disk_name: &str, name: &str, rest: &str) -> String {
    disk(disk_name, &format!("{{ type = \"luks\", name = \"{name}\"{rest} }}"))
}

/// Two members of an array, each in a container, on one disk.
fn shared(array: &str) -> String {
    let member = |name: &str| {
        format!(
            "partitions.{name} = {{ size = \"1GiB\", content = {{ type = \"luks\", name = \"{name}\", content = {{ type = \"mdraid\", name = \"a\" }} }} }}\n"
        )
    };
    format!("{}{array}", gpt(&(member("p") + &member("q"))))
}

/// Code, where it is found, the wrong tree, a right one.
fn rows() -> Vec<(&'static str, &'static str, String, String)> {
    let good = || fs("format = \"ext4\", mountpoint = \"/data\"");
    let named = |what: &str| format!("[disk.d]\n{what}\n");
    vec![
        ("unrecognisable_disk", "disk.d", named(""), named("serial = \"1\"")),
        ("unrecognisable_disk", "disk.d", named("model = \"M\""), named("model = \"M\"\nsize = \"4TB\"")),
        ("placeholder", "disk.d.serial", named("serial = \"REPLACE-ME\""), named("serial = \"WD-WX11D\"")),
        ("placeholder", "disk.d.serial", named("serial = \"S4EWNX0R…\""), good()),
        ("placeholder", "disk.d.device", named("device = \"/dev/disk/by-id/CHANGE\""), good()),
        ("placeholder", "disk.d.wwn", named("wwn = \" \""), good()),
        ("unstable_device", "disk.d.device", named("device = \"/dev/sda\""), named("device = \"/dev/disk/by-id/ata-X\"")),
        ("unstable_device", "disk.d.device", named("device = \"/dev/disk/by-uuid/1\""), named("device = \"/dev/disk/by-path/pci-1\"")),
        ("unstable_device", "disk.d.device", named("device = \"/dev/disk/by-id/ata-X-part1\""), named("device = \"/dev/disk/by-id/ata-X-partial\"")),
        ("unstable_device", "disk.d.device", named("device = \"/dev/disk/by-id/\""), good()),
        ("disk_used_twice", "disk.e.serial", "[disk.d]\nserial = \"a1\"\n[disk.e]\nserial = \"A1\"".into(), "[disk.d]\nserial = \"1\"\n[disk.e]\nserial = \"2\"".into()),
        ("disk_used_twice", "disk.e.wwn", "[disk.d]\nwwn = \"1\"\n[disk.e]\nwwn = \"1\"".into(), good()),
        ("disk_used_twice", "disk.e.model", "[disk.d]\nmodel = \"M\"\nsize = \"4TB\"\n[disk.e]\nmodel = \"M\"\nsize = \"4TB\"".into(), "[disk.d]\nmodel = \"M\"\nsize = \"4TB\"\n[disk.e]\nmodel = \"M\"\nsize = \"2TB\"".into()),
        // tables
        ("misplaced_table", "lvm_vg.g.lvs.v.content.type", group("v = { size = \"1GiB\", content = { type = \"gpt\" } }"), group(&format!("v = {{ size = \"1GiB\", content = {FS} }}"))),
        ("misplaced_table", "disk.d.content.partitions.p.content.type", gpt("partitions.p.content = { type = \"mbr\" }"), format!("{}[mdadm.a]\nlevel = 1\ncontent = {{ type = \"gpt\" }}\n", members("a", 2))),
        ("two_ends", "disk.d.content.partitions.q.size", gpt("partitions.p.size = \"end\"\npartitions.q.size = \"100%\""), gpt("partitions.p.size = \"1GiB\"\npartitions.q.size = \"100%\"")),
        ("too_many_percent", "disk.d.content.partitions.q.size", gpt("partitions.p.size = \"60%\"\npartitions.q.size = \"41%\""), gpt("partitions.p.size = \"60%\"\npartitions.q.size = \"40%\"")),
        ("does_not_fit", "disk.d.content.partitions", format!("{}partitions.p.size = \"1GiB\"", gpt("").replace("serial", "size = \"1GiB\"\nserial")), format!("{}partitions.p.size = \"1022MiB\"", gpt("").replace("serial", "size = \"1GiB\"\nserial"))),
        ("mbr_too_many", "disk.d.content.partitions", mbr("[disk.d.content.partitions]\na.size = \"1GiB\"\nb.size = \"1GiB\"\nc.size = \"1GiB\"\nd.size = \"1GiB\"\ne = {}"), mbr("[disk.d.content.partitions]\na.size = \"1GiB\"\nb.size = \"1GiB\"\nc.size = \"1GiB\"\nd = {}")),
        ("bootable", "disk.d.content.bootable", mbr("bootable = true"), mbr("bootable = true\npartitions.p = {}")),
        ("bootable", "disk.d.content.bootable", gpt("bootable = true\npartitions.p = {}"), gpt("partitions.p = {}")),
        ("mbr_partition_uuid", "disk.d.content.partitions.p.uuid", mbr("partitions.p.uuid = \"11111111-0000-5000-8000-000000000001\""), gpt("partitions.p.uuid = \"11111111-0000-5000-8000-000000000001\"")),
        ("partition_type", "disk.d.content.partitions.p.type", mbr("partitions.p.type = \"bios-boot\""), gpt("partitions.p.type = \"bios-boot\"")),
        ("mbr_too_large", "disk.d.content.partitions.p.size", mbr("partitions.p.size = \"3TiB\""), gpt("partitions.p.size = \"3TiB\"")),
        ("too_small", "disk.d.content.partitions.p.size", gpt("partitions.p.size = \"512KiB\""), gpt("partitions.p.size = \"1MiB\"")),
        ("partition_type", "disk.d.content.partitions.p.type", gpt(&format!("partitions.p = {{ type = \"EF02\", content = {FS} }}")), gpt(&format!("partitions.p = {{ type = \"8300\", content = {FS} }}"))),
        ("partition_type", "disk.d.content.partitions.p.type", gpt(&format!("partitions.p = {{ type = \"efi\", content = {FS} }}")), gpt("partitions.p = { type = \"efi\", content = { type = \"filesystem\", format = \"vfat\" } }")),
        ("partition_type", "disk.d.content.partitions.p.type", gpt(&format!("partitions.p = {{ type = \"linux-swap\", content = {FS} }}")), gpt("partitions.p = { type = \"linux-swap\", content = { type = \"swap\" } }")),
        ("partition_type", "disk.d.content.partitions.p.type", gpt(&format!("partitions.p = {{ type = \"linux-raid\", content = {FS} }}")), good()),
        ("partition_type", "disk.d.content.partitions.p.type", gpt(&format!("partitions.p = {{ type = \"linux-lvm\", content = {FS} }}")), good()),
        // arrays
        ("unknown_array", "disk.m1.content.name", members("a", 1), format!("{}[mdadm.a]\nlevel = 1\n", members("a", 2))),
        ("no_members", "mdadm.a", "[mdadm.a]\nlevel = 1\n".into(), good()),
        ("too_few_members", "mdadm.a.level", format!("{}[mdadm.a]\nlevel = 6\n", members("a", 3)), format!("{}[mdadm.a]\nlevel = 6\n", members("a", 4))),
        ("too_few_members", "mdadm.a.level", format!("{}[mdadm.a]\nlevel = 1\n", members("a", 2).replacen("\"a\"", "\"a\", spare = true", 1)), format!("{}[mdadm.a]\nlevel = 1\n", members("a", 3).replacen("\"a\"", "\"a\", spare = true", 1))),
        ("spare_without_redundancy", "disk.m1.content.spare", format!("{}[mdadm.a]\nlevel = 0\n", members("a", 3).replacen("\"a\"", "\"a\", spare = true", 1)), format!("{}[mdadm.a]\nlevel = 0\n", members("a", 3))),
        ("members_share_disk", "disk.d.content.partitions.q.content", format!("{}[mdadm.a]\nlevel = 1\n", gpt("partitions.p = { size = \"1GiB\", content = { type = \"mdraid\", name = \"a\" } }\npartitions.q.content = { type = \"mdraid\", name = \"a\" }")), good()),
        // groups
        ("unknown_group", "disk.d.content.vg", disk("d", "{ type = \"lvm_pv\", vg = \"g\" }"), group("")),
        ("volume_as_physical", "lvm_vg.g.lvs.v.content.type", format!("{}[lvm_vg.h]\n", group("v = { size = \"end\", content = { type = \"lvm_pv\", vg = \"h\" } }")), good()),
        ("no_physical_volumes", "lvm_vg.g", "[lvm_vg.g]\n".into(), group("")),
        ("unknown_physical_volume", "lvm_vg.g.lvs.v.pvs.0", group("v = { size = \"end\", pvs = [\"disk.x\"] }"), group("v = { size = \"end\", pvs = [\"disk.a\"] }")),
        ("unknown_physical_volume", "lvm_vg.g.lvs.v.pvs", group("v = { size = \"end\", pvs = [] }"), group("v = { size = \"end\" }")),
        ("foreign_physical_volume", "lvm_vg.g.lvs.v.pvs.0", format!("{}{}", group("v = { size = \"end\", pvs = [\"disk.c\"] }"), disk("c", FS)), good()),
        ("physical_volume_twice", "lvm_vg.g.lvs.v.pvs.1", group("v = { size = \"end\", pvs = [\"disk.a\", \"disk.a\"] }"), group("v = { size = \"end\", pvs = [\"disk.a\", \"disk.b\"] }")),
        ("two_caches", "lvm_vg.g.lvs.v.cache", group("v = { size = \"1GiB\", pvs = [\"disk.a\"], cache = \"c\", writecache = \"w\" }\nc = { size = \"1GiB\", pvs = [\"disk.b\"] }\nw = { size = \"1GiB\", pvs = [\"disk.b\"] }"), group("v = { size = \"1GiB\", pvs = [\"disk.a\"], writecache = \"w\" }\nw = { size = \"1GiB\", pvs = [\"disk.b\"] }")),
        ("cache_mode", "lvm_vg.g.lvs.v.cache_mode", group("v = { size = \"1GiB\", cache_mode = \"writeback\" }"), group("v = { size = \"1GiB\", pvs = [\"disk.a\"], cache = \"c\", cache_mode = \"writeback\" }\nc = { size = \"1GiB\", pvs = [\"disk.b\"] }")),
        ("unknown_cache", "lvm_vg.g.lvs.v.writecache", group("v = { size = \"1GiB\", writecache = \"x\" }"), good()),
        ("unknown_cache", "lvm_vg.g.lvs.v.cache", group("v = { size = \"1GiB\", cache = \"v\" }"), good()),
        ("cache_with_content", "lvm_vg.g.lvs.c.content", group(&format!("v = {{ size = \"1GiB\", pvs = [\"disk.a\"], cache = \"c\" }}\nc = {{ size = \"1GiB\", pvs = [\"disk.b\"], content = {FS} }}")), good()),
        ("cached_cache", "lvm_vg.g.lvs.c", group("v = { size = \"1GiB\", pvs = [\"disk.a\"], cache = \"c\" }\nc = { size = \"1GiB\", pvs = [\"disk.b\"], cache = \"d\" }\nd = { size = \"1GiB\", pvs = [\"disk.a\"] }"), good()),
        ("cache_used_twice", "lvm_vg.g.lvs.w.writecache", group("v = { size = \"1GiB\", pvs = [\"disk.a\"], writecache = \"c\" }\nw = { size = \"1GiB\", pvs = [\"disk.a\"], writecache = \"c\" }\nc = { size = \"1GiB\", pvs = [\"disk.b\"] }"), good()),
        ("cache_on_same_devices", "lvm_vg.g.lvs.v.writecache", group("v = { size = \"1GiB\", writecache = \"c\" }\nc = { size = \"1GiB\" }"), good()),
        ("two_ends", "lvm_vg.g.lvs.w.size", group("v = { size = \"end\" }\nw = { size = \"end\", pvs = [\"disk.a\"] }"), group("v = { size = \"end\", pvs = [\"disk.b\"] }\nw = { size = \"end\", pvs = [\"disk.a\"] }")),
        ("too_many_percent", "lvm_vg.g.lvs.w.size", group("v = { size = \"70%\" }\nw = { size = \"70%\" }"), group("v = { size = \"70%\", pvs = [\"disk.b\"] }\nw = { size = \"70%\", pvs = [\"disk.a\"] }")),
        ("does_not_fit", "lvm_vg.g.lvs", group("v = { size = \"3GiB\", pvs = [\"disk.a\"] }").replacen("serial", "size = \"2GiB\"\nserial", 1), group("v = { size = \"3GiB\", pvs = [\"disk.b\"] }").replacen("serial", "size = \"2GiB\"\nserial", 1)),
        ("does_not_fit", "lvm_vg.g.lvs", group("v = { size = \"5GiB\" }").replace("serial", "size = \"2GiB\"\nserial"), group("v = { size = \"3GiB\" }").replace("serial", "size = \"2GiB\"\nserial")),
        ("too_few_physical_volumes", "lvm_vg.g.lvs.v.lvm_type", group("v = { size = \"1GiB\", lvm_type = \"raid5\" }"), group("v = { size = \"1GiB\", lvm_type = \"raid1\" }")),
        ("too_few_physical_volumes", "lvm_vg.g.lvs.v.lvm_type", group("v = { size = \"1GiB\", lvm_type = \"striped\", pvs = [\"disk.a\"] }"), group("v = { size = \"1GiB\", lvm_type = \"striped\" }")),
        ("spread_cache", "lvm_vg.g.lvs.c.lvm_type", group("v = { size = \"1GiB\", pvs = [\"disk.a\"], cache = \"c\" }\nc = { size = \"1GiB\", lvm_type = \"raid0\" }"), good()),
        ("does_not_fit", "lvm_vg.g.lvs", group("v = { size = \"3GiB\", lvm_type = \"raid1\" }").replace("serial", "size = \"2GiB\"\nserial"), group("v = { size = \"3GiB\", lvm_type = \"striped\" }").replace("serial", "size = \"2GiB\"\nserial")),
        ("circle", "mdadm.a", "[mdadm.a]\nlevel = 0\ncontent = { type = \"lvm_pv\", vg = \"g\" }\n[lvm_vg.g.lvs]\nv = { size = \"1GiB\", content = { type = \"mdraid\", name = \"a\" } }\nw = { size = \"1GiB\", content = { type = \"mdraid\", name = \"a\" } }".into(), good()),
        // LUKS
        ("luks_name", "disk.e.content.name", [luks("d", "c", ""), luks("e", "c", "")].concat(), [luks("d", "c", ""), luks("e", "d", "")].concat()),
        ("luks_name", "disk.d.content.name", luks("d", "control", ""), luks("d", "controls", "")),
        ("luks_name", "disk.d.content.name", format!("{}{}", luks("d", "g-v--w", ""), group("v-w = { size = \"1GiB\" }")), format!("{}{}", luks("d", "g-v-w", ""), group("v-w = { size = \"1GiB\" }"))),
        ("luks_in_luks", "disk.d.content.content.type", luks("d", "c", ", content = { type = \"luks\", name = \"i\" }"), luks("d", "c", &format!(", content = {FS}"))),
        ("misplaced_table", "disk.d.content.content.type", luks("d", "c", ", content = { type = \"gpt\" }"), luks("d", "c", ", content = { type = \"lvm_pv\", vg = \"g\" }") + &group("")),
        ("luks_key", "disk.d.content.key_file", luks("d", "c", ", key_file = \"\""), luks("d", "c", ", key_file = \"keys/c\"")),
        ("luks_key", "disk.d.content.boot_key_file", luks("d", "c", ", boot_key_file = \"key\""), luks("d", "c", ", boot_key_file = \"/key\", boot_key_size = 64, boot_key_offset = 0")),
        ("luks_key", "disk.d.content.boot_key_size", luks("d", "c", ", boot_key_size = 64"), good()),
        ("luks_key", "disk.d.content.boot_key_size", luks("d", "c", ", boot_key_file = \"/key\", boot_key_size = 0"), good()),
        ("luks_pbkdf", "disk.d.content.pbkdf_memory", luks("d", "c", ", pbkdf_memory = \"8GiB\""), luks("d", "c", ", pbkdf_memory = \"32MiB\", pbkdf_time = 1")),
        ("luks_pbkdf", "disk.d.content.pbkdf_time", luks("d", "c", ", pbkdf_time = 0"), luks("d", "c", ", pbkdf_time = 30000")),
        ("luks_pbkdf", "disk.d.content.pbkdf_time", luks("d", "c", ", pbkdf_time = 30001"), good()),
        ("too_small", "disk.d.content.partitions.p.content", gpt("partitions.p = { size = \"20MiB\", content = { type = \"luks\", name = \"c\" } }"), gpt("partitions.p = { size = \"32MiB\", content = { type = \"luks\", name = \"c\" } }")),
        ("members_share_disk", "disk.d.content.partitions.q.content.content", shared("[mdadm.a]\nlevel = 1\n"), shared("[mdadm.a]\nlevel = 0\n")),
        // filesystems
        ("too_small", "disk.d.content.partitions.p.size", gpt(&format!("partitions.p = {{ size = \"200MiB\", content = {FS} }}")), gpt(&format!("partitions.p = {{ size = \"300MiB\", content = {FS} }}"))),
        ("bad_mountpoint", "disk.d.content.mountpoint", fs("format = \"xfs\", mountpoint = \"data\""), fs("format = \"xfs\", mountpoint = \"/\"")),
        ("bad_mountpoint", "disk.d.content.mountpoint", fs("format = \"xfs\", mountpoint = \"/a/../b\""), good()),
        ("bad_mountpoint", "disk.d.content.mountpoint", fs("format = \"xfs\", mountpoint = \"/data/\""), good()),
        ("bad_mountpoint", "disk.d.content.mountpoint", fs("format = \"xfs\", mountpoint = \"/my\\ndata\""), fs("format = \"xfs\", mountpoint = \"/my data\"")),
        ("bad_mountpoint", "disk.d.content.mountpoint", fs("format = \"xfs\", mountpoint = \"/my\\tdata\""), fs("format = \"xfs\", mountpoint = \"/ü#'$\\\"%,\"")),
        ("bad_mountpoint", "disk.d.content.mountpoint", fs("format = \"xfs\", mountpoint = \"/my\\\\040data\""), fs("format = \"xfs\", mountpoint = \"/name^with\\\\some@special#chars\"")),
        ("bad_mountpoint", "disk.d.content.mountpoint", fs("format = \"xfs\", mountpoint = \"/a\\\\\\\\b\""), fs("format = \"xfs\", mountpoint = \"/a\\\\b/c\\\\d\"")),
        ("bad_mountpoint", "disk.d.content.mountpoint", fs("format = \"xfs\", mountpoint = \"/proc/data\""), fs("format = \"xfs\", mountpoint = \"/processed\"")),
        ("mountpoint_twice", "disk.e.content.mountpoint", format!("{}{}", good(), disk("e", "{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/data\" }")), format!("{}{}", good(), disk("e", "{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/data/more\" }"))),
        ("bad_label", "disk.d.content.label", fs("format = \"xfs\", label = \"thirteenchars\""), fs("format = \"ext4\", label = \"thirteenchars\"")),
        ("bad_label", "disk.d.content.label", fs("format = \"ext4\", label = \"\""), good()),
        ("bad_label", "disk.d.content.label", fs("format = \"vfat\", label = \"a/b\""), fs("format = \"vfat\", label = \"ESP\"")),
        ("bad_label", "disk.d.content.label", fs("format = \"ext4\", label = \"a\\nb\""), fs("format = \"ext4\", label = \"a b\"")),
        ("bad_option", "disk.d.content.options.1", fs("format = \"xfs\", options = [\"noatime\", \"ro,nofail\"]"), fs("format = \"xfs\", options = [\"noatime\", \"nofail\"]")),
        ("persistent_swap", "disk.d.persistent", disk("d", "{ type = \"swap\" }\npersistent = true"), disk("d", "{ type = \"swap\" }\npersistent = false")),
        ("identity_twice", "disk.e.content.uuid", [("d", 1), ("e", 1)].map(|(name, id)| disk(name, &format!("{{ type = \"swap\", uuid = \"11111111-0000-5000-8000-00000000000{id}\" }}"))).concat(), [("d", 1), ("e", 2)].map(|(name, id)| disk(name, &format!("{{ type = \"swap\", uuid = \"11111111-0000-5000-8000-00000000000{id}\" }}"))).concat()),
    ]
}

/// The same of what opens a container beside its key.
#[rustfmt::skip]
fn unlock_rows() -> Vec<(&'static str, &'static str, String, String)> {
    vec![
        ("luks_unlock", "disk.d.content.unlock", luks("d", "c", ", boot_key_file = \"/key\", unlock = { tpm2 = {} }"), luks("d", "c", ", boot_key_file = \"/key\", unlock = {}")),
        ("luks_unlock", "disk.d.content.unlock", luks("d", "c", ", boot_key_file = \"/key\", unlock = { fido2 = true }"), luks("d", "c", ", unlock = { fido2 = true, tpm2 = {} }")),
        ("luks_unlock", "disk.d.content.unlock", luks("d", "c", ", boot_key_file = \"/key\", unlock = { fido2 = true, keys = { a = \"a\" } }"), luks("d", "c", ", boot_key_file = \"/key\", unlock = { keys = { a = \"a\" } }")),
        ("luks_key", "disk.d.content.unlock.keys.a", luks("d", "c", ", unlock = { keys = { a = \"\" } }"), luks("d", "c", ", unlock = { keys = {} }")),
        ("luks_key", "disk.d.content.unlock.keys.a", luks("d", "c", ", key_file = \"k\", unlock = { keys = { a = \"k\" } }"), luks("d", "c", ", key_file = \"k\", unlock = { keys = { a = \"a\" } }")),
        ("luks_key", "disk.d.content.unlock.keys.b", luks("d", "c", ", unlock = { keys = { a = \"k\", b = \"k\" } }"), luks("d", "c", ", unlock = { keys = { a = \"k\", b = \"l\" } }")),
        ("luks_pcrs", "disk.d.content.unlock.tpm2.pcrs.1", luks("d", "c", ", unlock = { tpm2 = { pcrs = [7, 24] } }"), luks("d", "c", ", unlock = { tpm2 = { pcrs = [0, 23] } }")),
        ("luks_pcrs", "disk.d.content.unlock.tpm2.pcrs.1", luks("d", "c", ", unlock = { tpm2 = { pcrs = [7, 7] } }"), luks("d", "c", ", unlock = { tpm2 = { pcrs = [] } }")),
    ]
}

/// The same of hybrid tables.
fn table_rows() -> Vec<(&'static str, &'static str, String, String)> {
    let good = || fs("format = \"ext4\", mountpoint = \"/data\"");
    let entry = |at: &str| format!("partitions.{at} = {{ size = \"1GiB\", hybrid = {{}} }}\n");
    vec![
        (
            "attributes",
            "disk.d.content.partitions.p.attributes",
            mbr("partitions.p.attributes = []"),
            gpt("partitions.p.attributes = []"),
        ),
        (
            "attributes",
            "disk.d.content.partitions.p.attributes.1",
            gpt("partitions.p.attributes = [2, 47]"),
            gpt("partitions.p.attributes = [2, 48]"),
        ),
        (
            "attributes",
            "disk.d.content.partitions.p.attributes.1",
            gpt("partitions.p.attributes = [2, 2]"),
            gpt("partitions.p.attributes = [2]"),
        ),
        (
            "hybrid",
            "disk.d.content.efi_gpt_partition_first",
            gpt("efi_gpt_partition_first = false"),
            gpt("efi_gpt_partition_first = false\npartitions.p = { size = \"1GiB\", hybrid = {} }"),
        ),
        (
            "hybrid",
            "disk.d.content.partitions.p.hybrid",
            disk("d", "{ type = \"mbr\", partitions.p = { size = \"1GiB\", hybrid = {} } }"),
            gpt("partitions.p = { size = \"1GiB\", hybrid = {} }"),
        ),
        ("hybrid", "disk.d.content.partitions.p.size", gpt("partitions.p = { hybrid = {} }"), good()),
        (
            "hybrid",
            "disk.d.content.partitions.p.hybrid",
            gpt("partitions.p = { size = \"1MiB\", type = \"bios-boot\", hybrid = {} }"),
            good(),
        ),
        (
            "hybrid",
            "disk.d.content.partitions.p.hybrid.mbr_partition_type",
            gpt("partitions.p = { size = \"1GiB\", hybrid = { mbr_partition_type = \"0xee\" } }"),
            gpt("partitions.p = { size = \"1GiB\", hybrid = { mbr_partition_type = \"0x0c\" } }"),
        ),
        (
            "hybrid",
            "disk.d.content.partitions",
            gpt(&["a", "b", "c", "e"].map(entry).concat()),
            gpt(&["a", "b", "c"].map(entry).concat()),
        ),
    ]
}

/// The same of thin pools and what is in them.
fn thin_rows() -> Vec<(&'static str, &'static str, String, String)> {
    let good = || fs("format = \"ext4\", mountpoint = \"/data\"");
    vec![
        (
            "thin_without_pool",
            "lvm_vg.g.lvs.v.lvm_type",
            thin("v = { size = \"1GiB\", lvm_type = \"thinlv\" }"),
            thin(V),
        ),
        ("unknown_pool", "lvm_vg.g.lvs.v.pool", group(V), thin(V)),
        (
            "unknown_pool",
            "lvm_vg.g.lvs.v.pool",
            thin("w = { size = \"1GiB\" }\nv = { size = \"1GiB\", lvm_type = \"thinlv\", pool = \"w\" }"),
            thin(V),
        ),
        ("pool_without_thin", "lvm_vg.g.lvs.v.pool", thin("v = { size = \"1GiB\", pool = \"p\" }"), thin(V)),
        (
            "pool_with_content",
            "lvm_vg.g.lvs.p.content",
            group(&format!("p = {{ size = \"9GiB\", lvm_type = \"thin-pool\", content = {FS} }}")),
            thin(&V.replace(" }", &format!(", content = {FS} }}"))),
        ),
        (
            "thin_share",
            "lvm_vg.g.lvs.v.size",
            thin("v = { size = \"end\", lvm_type = \"thinlv\", pool = \"p\" }"),
            thin("v = { size = \"end\" }"),
        ),
        (
            "thin_with_pvs",
            "lvm_vg.g.lvs.v.pvs",
            thin(&V.replace(" }", ", pvs = [\"disk.a\"] }")),
            group(&format!("p = {{ size = \"9GiB\", lvm_type = \"thin-pool\", pvs = [\"disk.a\"] }}\n{V}")),
        ),
        (
            "cached_thin",
            "lvm_vg.g.lvs.v.cache",
            thin(&format!("{}\nc = {{ size = \"1GiB\" }}", V.replace(" }", ", cache = \"c\" }"))),
            good(),
        ),
        (
            "cached_thin",
            "lvm_vg.g.lvs.p.writecache",
            group(
                "p = { size = \"9GiB\", lvm_type = \"thin-pool\", pvs = [\"disk.a\"], writecache = \"c\" }\nc = { size = \"1GiB\", pvs = [\"disk.b\"] }",
            ),
            good(),
        ),
        ("thin_cache", "lvm_vg.g.lvs.p.lvm_type", thin("w = { size = \"1GiB\", cache = \"p\" }"), good()),
        (
            "thin_cache",
            "lvm_vg.g.lvs.v.lvm_type",
            thin(&format!("{V}\nw = {{ size = \"1GiB\", writecache = \"v\" }}")),
            good(),
        ),
        // What a thin volume may want is not what the group has.
        (
            "does_not_fit",
            "lvm_vg.g.lvs",
            thin(V).replace("serial", "size = \"2GiB\"\nserial"),
            thin(&V.replace("1GiB", "900GiB")).replace("serial", "size = \"20GiB\"\nserial"),
        ),
    ]
}

#[test]
fn each_check_finds_its_own_and_nothing_else() {
    for (code, at, wrong, right) in rows().into_iter().chain(unlock_rows()).chain(thin_rows()).chain(table_rows()) {
        let expected = format!("storage::{code}");
        let found = codes(&wrong);
        let about: Vec<_> = found.iter().filter(|(found, _)| *found == expected).collect();
        assert!(about.iter().any(|(_, place)| place == at), "{expected} at {at} in\n{wrong}\nfound {found:?}");
        // Nesting wrongly makes a circle's array lack its disks; else one mistake is one problem.
        assert!(found.len() == about.len() || code == "circle", "{expected} in\n{wrong}\nfound {found:?}");
        assert_eq!(codes(&right), [], "beside {expected}:\n{right}");
    }
}

/// The layout that homehive was made for.
#[test]
fn the_nas_is_right() {
    let sata: String = (1..=6).map(|at| disk(&format!("sata{at}"), "{ type = \"mdraid\", name = \"nas\" }")).collect();
    let tree = format!(
        r#"
[disk.usb]
serial = "LABUSB0001"
content = {{ type = "mbr", bootable = true, partitions.boot = {{ content = {{ type = "filesystem", format = "ext4", mountpoint = "/boot" }} }} }}
[disk.nvme]
serial = "LABNVME0001"
[disk.nvme.content]
type = "gpt"
partitions.root  = {{ size = "96GiB", content = {{ type = "filesystem", format = "xfs", mountpoint = "/" }} }}
partitions.cache = {{ size = "100%",  content = {{ type = "lvm_pv", vg = "nas" }} }}
{sata}
[mdadm.nas]
level   = 6
content = {{ type = "lvm_pv", vg = "nas" }}
[lvm_vg.nas]
persistent = true
lvs.data  = {{ size = "100%", pvs = ["mdadm.nas"], writecache = "cache", content = {{ type = "filesystem", format = "xfs", mountpoint = "/data" }} }}
lvs.cache = {{ size = "100%", pvs = ["disk.nvme.cache"] }}
"#
    );
    assert_eq!(codes(&tree), []);
}
