//! A living machine of the lab that becomes another one, edit by edit of its fleet file: after each, every file that was
//! there is there, byte for byte, and a second plan has nothing to do.
//!
//! Runs where `HOMEHIVE_TRANSITIONS` is `all`: a quarter to half an hour on two cores.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

mod bench;

use bench::{Bench, told};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const MACHINES: &str = r#"
[machines.one]
address = "192.168.1.10"

[machines.one.storage.disk.boot]
device = "/dev/disk/by-id/ata-BOOT"
serial = "BOOT"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } } }

[machines.one.storage.disk]
nvme1 = { serial = "G1" }
nvme2 = { serial = "G2" }
nvme3 = { serial = "G3" }
nvme4 = { serial = "G4" }
nvme5 = { serial = "G5" }
nvme6 = { serial = "G6" }
nvme7 = { serial = "G7" }
"#;

/// The hash of the file in each filesystem of a disk that is mounted.
const LOOK: &str = "findmnt --raw --noheadings --output TARGET,FSTYPE | while read -r at kind; do \
    case $at:$kind in *:tmpfs) ;; /mnt:*|/mnt/*) [ ! -e $at/file ] || sha256sum <$at/file; esac; done";
/// Writes one where there is none.
const WRITE: &str = "findmnt --raw --noheadings --output TARGET,FSTYPE | while read -r at kind; do \
    case $at:$kind in *:tmpfs) ;; /mnt:*|/mnt/*) [ -e $at/file ] || head -c 3000000 /dev/urandom >$at/file; esac; done; sync";
/// Spreading an array of 300 MiB on an emulated machine.
const DEADLINE: Duration = Duration::from_mins(5);

/// One edit: what it is, where in the machine's `storage`, and what stands there then.
type Edit = (&'static str, &'static [(&'static str, fn() -> Value)]);

fn filesystem(format: &str, at: &str) -> Value {
    json!({ "type": "filesystem", "format": format, "mountpoint": at })
}

fn part(size: &str, content: Value) -> Value {
    json!({ "size": size, "content": content })
}

fn member(of: &str) -> Value {
    json!({ "type": "gpt", "partitions": { "part": part("300MiB", json!({ "type": "mdraid", "name": of })) } })
}

fn luks(name: &str, content: Value) -> Value {
    json!({
        "type": "luks", "name": name, "key_file": "secrets/luks-key", "initrd": false, "pbkdf_memory": "64MiB",
        "pbkdf_time": 500, "content": content,
    })
}

/// The fleet's secrets hold the key; what is opened late is mounted late.
fn safe(at: &str) -> Value {
    luks("safe", json!({ "type": "filesystem", "format": "ext4", "mountpoint": at, "options": ["nofail"] }))
}

const EDITS: &[Edit] = &[
    (
        "from nothing: a partition, RAID5, a group, LUKS, btrfs",
        &[
            (
                "disk.nvme1.content",
                || json!({ "type": "gpt", "partitions": { "a": part("300MiB", filesystem("ext4", "/a")) } }),
            ),
            ("disk.nvme2.content", || member("trio")),
            ("disk.nvme3.content", || member("trio")),
            ("disk.nvme4.content", || member("trio")),
            ("mdadm.trio", || json!({ "level": 5, "content": filesystem("ext4", "/trio") })),
            ("disk.nvme5.content", || json!({ "type": "lvm_pv", "vg": "pool" })),
            ("lvm_vg.pool.lvs.x", || part("200MiB", filesystem("ext4", "/x"))),
            ("lvm_vg.pool.lvs.y", || part("320MiB", filesystem("xfs", "/y"))),
            (
                "disk.nvme6.content",
                || json!({ "type": "gpt", "partitions": { "crypt": part("400MiB", safe("/safe")) } }),
            ),
            ("disk.nvme7.content", || {
                let tank = json!({ "type": "btrfs", "mountpoint": "/tank" });
                json!({ "type": "gpt", "partitions": { "tank": part("600MiB", tank) } })
            }),
        ],
    ),
    ("a partition more", &[("disk.nvme1.content.partitions.b", || part("200MiB", filesystem("ext4", "/b")))]),
    ("the last partition grows, and ext4 in it", &[("disk.nvme1.content.partitions.b.size", || json!("400MiB"))]),
    (
        "unmounted, and mounted somewhere else",
        &[("disk.nvme1.content.partitions.b.content.mountpoint", || json!("/elsewhere"))],
    ),
    ("swap in a partition", &[("disk.nvme1.content.partitions.c", || part("64MiB", json!({ "type": "swap" })))]),
    ("f2fs in a partition", &[("disk.nvme1.content.partitions.d", || part("128MiB", filesystem("f2fs", "/flash")))]),
    ("a filesystem in memory", &[("nodev", || json!({ "/scratch": { "fstype": "tmpfs" } }))]),
    (
        "a spare for RAID5",
        &[("disk.nvme6.content.partitions.spare", || {
            part("300MiB", json!({ "type": "mdraid", "name": "trio", "spare": true }))
        })],
    ),
    (
        "the spare becomes a member: RAID5 of four, and ext4 on it grows",
        &[("disk.nvme6.content.partitions.spare.content", || json!({ "type": "mdraid", "name": "trio" }))],
    ),
    ("a volume more", &[("lvm_vg.pool.lvs.z", || part("100MiB", filesystem("ext4", "/z")))]),
    ("a volume grows, and ext4 in it", &[("lvm_vg.pool.lvs.x.size", || json!("300MiB"))]),
    ("a volume grows, and XFS in it", &[("lvm_vg.pool.lvs.y.size", || json!("480MiB"))]),
    (
        "two volumes grow at once",
        &[("lvm_vg.pool.lvs.x.size", || json!("400MiB")), ("lvm_vg.pool.lvs.z.size", || json!("200MiB"))],
    ),
    (
        "the group gets a disk more",
        &[("disk.nvme7.content.partitions.more", || part("900MiB", json!({ "type": "lvm_pv", "vg": "pool" })))],
    ),
    ("a volume that needs both disks", &[("lvm_vg.pool.lvs.wide", || part("2400MiB", filesystem("ext4", "/wide")))]),
    (
        "a disk joins the group and what needs it is made, in one edit",
        &[
            ("disk.nvme4.content.partitions.more", || part("1GiB", json!({ "type": "lvm_pv", "vg": "pool" }))),
            ("disk.nvme3.content.partitions.more", || part("1GiB", json!({ "type": "lvm_pv", "vg": "pool" }))),
            ("lvm_vg.pool.lvs.twice", || {
                json!({
                    "size": "200MiB", "lvm_type": "raid1", "pvs": ["disk.nvme3.more", "disk.nvme4.more"],
                    "content": filesystem("ext4", "/twice"),
                })
            }),
        ],
    ),
    ("RAID1 of LVM grows", &[("lvm_vg.pool.lvs.twice.size", || json!("400MiB"))]),
    (
        "a writecache",
        &[
            ("lvm_vg.pool.lvs.fast", || json!({ "size": "64MiB", "pvs": ["disk.nvme4.more"] })),
            ("lvm_vg.pool.lvs.z.writecache", || json!("fast")),
        ],
    ),
    ("the writecache goes", &[("lvm_vg.pool.lvs.z.writecache", || Value::Null)]),
    ("its volume becomes a dm-cache of another", &[("lvm_vg.pool.lvs.x.cache", || json!("fast"))]),
    ("a cached volume grows", &[("lvm_vg.pool.lvs.x.size", || json!("440MiB"))]),
    ("the cache goes", &[("lvm_vg.pool.lvs.x.cache", || Value::Null)]),
    (
        "LUKS in a volume",
        &[("lvm_vg.pool.lvs.secret", || {
            let inner =
                json!({ "type": "filesystem", "format": "xfs", "mountpoint": "/secret", "options": ["nofail"] });
            part("400MiB", luks("secret", inner))
        })],
    ),
    ("the volume grows, LUKS in it, and XFS in that", &[("lvm_vg.pool.lvs.secret.size", || json!("600MiB"))]),
    (
        "a subvolume",
        &[("disk.nvme7.content.partitions.tank.content.subvolumes", || json!({ "@data": { "mountpoint": "/data" } }))],
    ),
    (
        "a subvolume in a subvolume",
        &[("disk.nvme7.content.partitions.tank.content.subvolumes.@data/anna", || json!({ "mountpoint": "/anna" }))],
    ),
    (
        "btrfs gets a second device",
        &[("disk.nvme2.content.partitions.tank", || {
            part("600MiB", json!({ "type": "btrfs_member", "of": "disk.nvme7.tank" }))
        })],
    ),
    (
        "btrfs becomes a mirror",
        &[
            ("disk.nvme7.content.partitions.tank.content.data", || json!("raid1")),
            ("disk.nvme7.content.partitions.tank.content.metadata", || json!("raid1")),
        ],
    ),
    ("a device of btrfs grows", &[("disk.nvme2.content.partitions.tank.size", || json!("900MiB"))]),
    (
        "a mirror of md, with XFS",
        &[
            ("disk.nvme1.content.partitions.e", || part("400MiB", json!({ "type": "mdraid", "name": "pair" }))),
            ("disk.nvme2.content.partitions.u", || part("400MiB", json!({ "type": "mdraid", "name": "pair" }))),
            ("mdadm.pair", || json!({ "level": 1, "content": filesystem("xfs", "/pair") })),
        ],
    ),
    (
        "a third side of the mirror",
        &[("disk.nvme3.content.partitions.u", || part("400MiB", json!({ "type": "mdraid", "name": "pair" })))],
    ),
    (
        "RAID0, and a group on it",
        &[
            ("disk.nvme1.content.partitions.f", || part("200MiB", json!({ "type": "mdraid", "name": "zero" }))),
            ("disk.nvme3.content.partitions.v", || part("200MiB", json!({ "type": "mdraid", "name": "zero" }))),
            ("mdadm.zero", || json!({ "level": 0, "content": { "type": "lvm_pv", "vg": "late" } })),
            ("lvm_vg.late.lvs.all", || part("100%", filesystem("ext4", "/all"))),
        ],
    ),
    ("a partition is declared no more, and stays", &[("disk.nvme1.content.partitions.d", || Value::Null)]),
];

/// Puts it there, with the tables above it; null takes away what is there.
fn put(storage: &mut Value, path: &str, what: Value) {
    let (above, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = storage;
    for key in above.split('.').filter(|key| !key.is_empty()) {
        at = &mut at[key];
        if at.is_null() {
            *at = json!({});
        }
    }
    if what.is_null() {
        at.as_object_mut().unwrap().remove(last);
    } else {
        at[last] = what;
    }
}

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "--", "sh", "-c", script])
}

fn hashes(bench: &Bench) -> BTreeSet<String> {
    sh(bench, LOOK).lines().map(str::to_owned).collect()
}

/// Applies until nothing is to be done: what shows only after a step is done in another look.
fn become_as_declared(bench: &Bench) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let applied = bench.ask(&["--lab", "disks", "apply", "one"]);
        if !applied.status.success() {
            return Err(told(&applied));
        }
        let plan = bench.ask(&["--lab", "disks", "plan", "one"]);
        if told(&plan).contains("nothing to do") {
            return Ok(());
        }
        if begun.elapsed() > DEADLINE {
            return Err(format!("there is still something to do: {}", told(&plan)));
        }
        std::thread::sleep(Duration::from_secs(3));
    }
}

#[test]
fn in_the_lab_a_machine_becomes_another_one_and_loses_no_file() {
    if std::env::var("HOMEHIVE_TRANSITIONS").as_deref() != Ok("all") {
        return println!("skipped: edits of a living machine, one after the other: HOMEHIVE_TRANSITIONS is not `all`");
    }
    let Some(bench) = Bench::of("transitions", MACHINES) else { return };
    bench.run(&["lab", "up"]);
    let key = bench.lab_fleet().with_file_name("secrets").join("luks-key");
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(key, "a key of the transitions").unwrap();
    bench.run(&["--lab", "disks", "apply", "one"]);
    sh(&bench, WRITE);
    let mut wrong = Vec::new();
    for (number, (name, edits)) in EDITS.iter().enumerate() {
        let begun = Instant::now();
        let before = hashes(&bench);
        if name.starts_with("unmounted") {
            // Nothing is unmounted that may be in use: the plan names what a person has to.
            sh(&bench, "umount /mnt/b");
        }
        bench.edit(|fleet| {
            let storage = fleet.pointer_mut("/machines/one/storage").unwrap();
            edits.iter().for_each(|(path, what)| put(storage, path, what()));
        });
        let became = become_as_declared(&bench);
        let after = hashes(&bench);
        let lost = before.difference(&after).count();
        sh(&bench, WRITE);
        let verdict = if became.is_ok() && lost == 0 { "as declared" } else { "WRONG" };
        println!(
            "{number:2}  {name}: {verdict}, {} of {} files the same, {} s",
            before.len() - lost,
            before.len(),
            begun.elapsed().as_secs()
        );
        if let Err(said) = &became {
            println!("{said}");
        }
        if verdict == "WRONG" {
            wrong.push(*name);
        }
    }
    // And all of it comes back behind a power cut; what was declared no more, once it is declared again.
    let before = hashes(&bench);
    bench.run(&["lab", "fault", "power-cut", "one"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
    bench.edit(|fleet| {
        let storage = fleet.pointer_mut("/machines/one/storage").unwrap();
        put(storage, "disk.nvme1.content.partitions.d", part("128MiB", filesystem("f2fs", "/flash")));
    });
    become_as_declared(&bench).unwrap();
    assert_eq!(hashes(&bench), before);
    assert_eq!(wrong, [""; 0]);
}
