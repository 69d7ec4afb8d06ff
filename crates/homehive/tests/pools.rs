//! A ZFS pool on a real machine of the lab: made, written to, cut off, imported and opened again, changed, wiped.

mod bench;

use bench::Bench;
use serde_json::json;

const MACHINES: &str = r#"
[machines.one]
address = "192.168.1.10"

[machines.one.storage.disk.boot]
device = "/dev/disk/by-id/ata-BOOT"
serial = "BOOT"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } } }

[machines.one.storage.disk]
nvme1 = { device = "/dev/disk/by-id/nvme-Z1", serial = "Z1", content = { type = "gpt", partitions.zfs = { content = { type = "zfs", pool = "tank" } } } }
nvme2 = { device = "/dev/disk/by-id/nvme-Z2", serial = "Z2", content = { type = "gpt", partitions.zfs = { content = { type = "zfs", pool = "tank" } } } }
nvme3 = { device = "/dev/disk/by-id/nvme-Z3", serial = "Z3" }

[machines.one.storage.zpool.tank]
mode = "mirror"
mountpoint = "/tank"
properties = { compression = "zstd", acltype = "posixacl", xattr = "sa" }
pool_properties = { ashift = "12" }
datasets.media = { mountpoint = "/media", properties = { recordsize = "1M" } }
datasets.papers = { mountpoint = "/papers", encryption = { key_file = "secrets/luks-key" } }
datasets."papers/old" = { mountpoint = "/papers/old" }
datasets.volume = { size = "200MiB", content = { type = "filesystem", format = "ext4", mountpoint = "/volume" } }
datasets."papers/swap" = { size = "64MiB", content = { type = "swap" } }
"#;

const PLACES: [&str; 5] = ["/mnt/tank", "/mnt/media", "/mnt/papers", "/mnt/papers/old", "/mnt/volume"];

fn as_wished(bench: &Bench) {
    let plan = bench.run(&["--lab", "disks", "plan", "one"]);
    assert!(plan.contains("nothing to do"), "{plan}");
    let status = bench.run(&["--lab", "disks", "status", "one"]);
    assert!(status.lines().all(|line| line.contains(" good ")), "{status}");
}

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "--", "sh", "-c", script])
}

fn kept(bench: &Bench) {
    sh(bench, "sha256sum --check --quiet /mnt/sums");
}

#[test]
fn in_the_lab_a_pool_comes_back_is_changed_and_goes() {
    let Some(bench) = Bench::of("pools", MACHINES) else { return };
    bench.run(&["lab", "up"]);
    std::fs::write(bench.lab_fleet().with_file_name("secrets").join("luks-key"), "a key of the pool").unwrap();
    bench.run(&["--lab", "disks", "apply", "one"]);
    as_wished(&bench);
    for place in PLACES {
        sh(&bench, &format!("head -c 300000 /dev/urandom >{place}/file && sha256sum {place}/file >>/mnt/sums"));
    }
    sh(&bench, "sync");

    bench.run(&["lab", "fault", "power-cut", "one"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
    let plan = bench.run(&["--lab", "disks", "plan", "one"]);
    assert!(plan.contains("import ZFS pool tank") && !plan.contains("make "), "{plan}");
    bench.run(&["--lab", "disks", "apply", "one"]);
    as_wished(&bench);
    kept(&bench);

    // A third device of the mirror, a larger volume, another property, a filesystem more.
    bench.edit(|fleet| {
        let storage = &mut fleet["machines"]["one"]["storage"];
        storage["disk"]["nvme3"]["content"] = storage["disk"]["nvme2"]["content"].clone();
        let pool = &mut storage["zpool"]["tank"];
        pool["properties"]["compression"] = json!("lz4");
        pool["datasets"]["volume"]["size"] = json!("300MiB");
        pool["datasets"]["more"] = json!({ "mountpoint": "/more" });
    });
    bench.run(&["--lab", "disks", "apply", "one"]);
    let status = bench.ask(&["--lab", "disks", "status", "one"]);
    assert!(matches!(status.status.code(), Some(0 | 1)));
    kept(&bench);
    assert!(sh(&bench, "zpool status tank").matches("nvme").count() >= 3);
    assert_eq!(sh(&bench, "zfs get -H -o value compression tank/media"), "lz4\n");
    assert!(bench.run(&["--lab", "disks", "plan", "one"]).contains("nothing to do"));

    // Mounted it is not wiped, and one device of it never.
    let refused = bench.ask(&["--lab", "disks", "apply", "one", "--wipe", "zpool.tank"]);
    assert_eq!(refused.status.code(), Some(3));
    sh(&bench, "umount --recursive /mnt");
    let refused = bench.ask(&["--lab", "disks", "apply", "one", "--wipe", "disk.nvme1.zfs"]);
    assert_eq!(refused.status.code(), Some(3));
    bench.run(&["--lab", "disks", "apply", "one", "--wipe", "zpool.tank"]);
    as_wished(&bench);
    assert_eq!(sh(&bench, "ls /mnt/media"), "");
}
