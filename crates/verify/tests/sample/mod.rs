//! The NAS of the lab as tests and the example see it: its tree, what real probes said of it, and a run.
#![allow(
    dead_code,
    unused_imports,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "each test binary uses its own part"
)]

use document::{Decode as _, Format, Path, Problems, read};
use std::sync::{Arc, LazyLock};
use storage::facts::Facts;
use storage::tree::Storage;
use storage::{NodeId, Wish, identity, probe};
use verify::draw::Diagram;
use verify::report::{Accel, Applied, NotRun, Picture, Run, Stage, StepTime, Verification};
use verify::{
    Answers, Ask, Door, GroupResult, Outcome, Payload, Printed, Reply, Side, Subject, groups, judge, questions,
};

pub const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtrM0VuZ2xpc2hTYW1wbGVLZXlPZlRlc3RzT25seQ ben@laptop";

/// The tree of the lab's NAS.
pub fn wish() -> Wish {
    let mut problems = Problems::default();
    let value = read(include_str!("../../../storage/tests/common/nas.toml"), Format::Toml, &mut problems);
    let storage = Storage::decode(&value, &Path::root(), &mut problems).unwrap();
    Wish::new(&storage, identity::namespace("home", "nas"))
}

/// What a probe of the lab's NAS said, on the installation medium; mounts moved to where the installed system has them.
pub fn facts(probe: &str) -> Facts {
    let mut facts = probe::parse(probe).unwrap();
    for mount in &mut facts.mounts {
        if let Some(path) = mount.target.strip_prefix("/mnt") {
            mount.target = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        }
    }
    facts
}

pub const COMPLETE: &str = include_str!("../../../storage/tests/fixtures/complete.txt");
pub const FAILED: &str = include_str!("../../../storage/tests/fixtures/failed.txt");
pub const REPLACED: &str = include_str!("../../../storage/tests/fixtures/replaced.txt");
pub const REBUILDING: &str = include_str!("../../../storage/tests/fixtures/rebuilding.txt");
pub const NO_CACHE: &str = include_str!("../../../storage/tests/fixtures/no-cache.txt");
pub const INACTIVE: &str = include_str!("../../../storage/tests/fixtures/inactive.txt");
pub const MISSING: &str = include_str!("../../../storage/tests/fixtures/missing.txt");
pub const REBOOTED: &str = include_str!("../../../storage/tests/fixtures/rebooted.txt");
pub const SWAPPED: &str = include_str!("../../../storage/tests/fixtures/swapped.txt");
pub const BLANK: &str = include_str!("../../../storage/tests/fixtures/blank.txt");
pub const FOREIGN: &str = include_str!("../../../storage/tests/fixtures/foreign.txt");
pub const MKFS_CUT: &str = include_str!("../../../storage/tests/fixtures/mkfs-cut.txt");

/// What groups need to know of the NAS.
pub fn subject() -> Subject {
    Subject {
        machine: "nas".into(),
        user: "ben".into(),
        keys: vec![KEY.into()],
        wish: Arc::new(wish()),
        boot_sectors: vec![NodeId::from("disk.usb")],
        k3s_server: true,
        manifests: vec!["metallb".into(), "monitoring".into(), "samba".into()],
        namespaces: vec!["kube-system".into(), "monitoring".into(), "samba".into()],
        door: Door { host: "192.168.1.10".into(), port: 22, ..Door::default() },
        nonce: "7f3c9a".into(),
    }
}

/// The groups of the NAS, made once: what they write for proof takes a while to make.
pub static GROUPS: LazyLock<Vec<verify::Group>> = LazyLock::new(|| groups(&subject()));

/// The hash of what the NAS's groups write.
static HASH: LazyLock<String> = LazyLock::new(|| {
    use sha2::{Digest as _, Sha256};
    let mut checks = GROUPS.iter().flat_map(|group| &group.checks).flat_map(|check| &check.asks);
    let content = checks.find_map(|ask| match ask {
        Ask::Run { cmd, .. } if cmd.argv()[0] == "sh" => cmd.input.clone(),
        _ => None,
    });
    let hash = Sha256::digest(content.unwrap());
    hash.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
});

const SYSTEM: &str = "/nix/store/3w1f9k-homehive-system-nas";

/// What a machine in good order prints.
pub fn prints(cmd: &cmd::Cmd) -> Printed {
    let words = cmd.to_string();
    let good = |stdout: &str| Printed { status: 0, stdout: stdout.to_owned(), stderr: String::new() };
    let (program, _) = words.split_once(' ').unwrap_or((&words, ""));
    match program {
        "od" => {
            let mut bytes = vec![0_u8; 1024];
            bytes[0x5c] = 1;
            bytes[0x180..0x185].copy_from_slice(b"GRUB ");
            bytes[0x1fe..0x203].copy_from_slice(&[0x55, 0xaa, 0x52, 0xe8, 0x28]);
            good(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "))
        }
        "readlink" => good(&format!("{SYSTEM}\n")),
        "find" => good("/boot/kernels/k1-vmlinuz\n/boot/kernels/i1-initrd\n/boot/grub/grub.cfg\n"),
        "cat" if words.contains("grub.cfg") => good(&format!(
            "set default=0\nmenuentry \"nas, generation 1\" {{\n  linux /kernels/k1-vmlinuz init={SYSTEM}/init\n  initrd /kernels/i1-initrd\n}}\n"
        )),
        "cat" => good(&format!("{KEY}\n")),
        "sshd" => good(
            "permitrootlogin no\npubkeyauthentication yes\npasswordauthentication no\nkbdinteractiveauthentication no\n\
             permitemptypasswords no\nhostbasedauthentication no\n",
        ),
        "ssh" => {
            let stderr = "ben@192.168.1.10: Permission denied (publickey).\r\n".to_owned();
            Printed { status: 255, stdout: String::new(), stderr }
        }
        "id" => good("uid=1000(ben) gid=100(users) groups=100(users),1(wheel)\n"),
        "sudo" => good("0\n"),
        "getent" => good("ben:!:19700::::::\n"),
        "sh" => good(&HASH),
        other => panic!("nobody said what {other} prints"),
    }
}

/// The answers of a stand-in whose disks are so.
pub fn answers(facts: &Facts) -> Answers {
    let mut answers = Answers::new(Some(Payload::StandIn), false);
    let can = |group: &&verify::Group| verify::obstacle(group, answers.payload, answers.network).is_none();
    let groups: Vec<_> = GROUPS.iter().filter(can).cloned().collect();
    for ask in questions(&groups) {
        let reply = match ask {
            Ask::Facts => Reply::Facts(Box::new(facts.clone())),
            Ask::Run { cmd, .. } => Reply::Printed(prints(cmd)),
        };
        let seconds = match ask {
            Ask::Facts => 1.3,
            Ask::Run { on: Side::Operator, .. } => 0.9,
            Ask::Run { .. } => 0.2,
        };
        answers.insert(ask.clone(), reply, seconds);
    }
    answers
}

/// The results of all groups of the NAS.
pub fn results(facts: &Facts) -> Vec<GroupResult> {
    let answers = answers(facts);
    GROUPS.iter().map(|group| judge(group, &answers)).collect()
}

fn stage(name: &str, seconds: f64, detail: &str) -> Stage {
    Stage { name: name.into(), seconds, outcome: Outcome::Passed, detail: detail.into() }
}

/// A run as the lab's scenario would tell it; names and durations are made up, disks are those that the probes saw.
pub fn run() -> Run {
    let (complete, failed) = (facts(COMPLETE), facts(FAILED));
    let step = |what: &str, begin, seconds| StepTime { what: what.into(), begin, seconds, outcome: Outcome::Passed };
    let verified = |title: &str, facts: &Facts, must_fail: &[&str]| Verification {
        title: title.into(),
        seconds: 6.4,
        must_fail: must_fail.iter().map(|id| (*id).to_owned()).collect(),
        groups: results(facts),
    };
    Run {
        title: "The NAS, from blank disks to a checked machine".into(),
        machine: "nas".into(),
        started: "2026-11-21T22:49:03Z".into(),
        seconds: 402.0,
        payload: Some(Payload::StandIn),
        accel: Some(Accel::Emulation),
        stages: vec![
            stage("check the fleet", 0.1, ""),
            stage("boot the installation medium", 24.1, ""),
            stage("plan on blank disks", 1.6, "17 steps, nothing is destroyed"),
            stage("partition and format", 16.8, ""),
            stage("install", 71.0, "118 MiB copied"),
            stage("boot from the USB stick alone", 41.3, "host key as pinned"),
            stage("verify", 6.4, ""),
            stage("plan again", 1.5, "nothing to do"),
            stage("a disk dies under writes", 9.0, "sata3, serial NAS-SATA-3; file intact"),
            stage("replace it and rebuild", 48.0, "3 steps; whole again"),
            stage("power cut while writing", 62.2, "booted, file intact"),
            stage("reinstall", 118.0, "root made again, /data kept, file intact"),
        ],
        plans: vec![Applied {
            title: "Steps of the plan on blank disks".into(),
            steps: vec![
                step("write MBR with 1 partition to disk.usb", 0.4, 1.1),
                step("write GPT with 2 partitions to disk.nvme", 0.4, 1.2),
                step("create RAID6 md/nas from 6 disks", 0.4, 4.4),
                step("wait for device nodes", 1.7, 0.6),
                step("make ext4 on disk.usb.boot", 2.3, 1.0),
                step("make xfs on disk.nvme.root", 2.3, 1.4),
                step("create volume group nas with data and cache", 4.9, 6.2),
                step("attach writecache cache to data", 11.1, 2.7),
                step("make xfs on lvm_vg.nas.data", 13.8, 1.7),
                step("mount /, /boot, /data under /mnt", 15.6, 0.9),
            ],
        }],
        verifications: vec![
            verified("after the first boot", &complete, &[]),
            verified("with one disk dead", &failed, &["raid"]),
        ],
        omitted: vec![NotRun { what: "two dead disks".into(), reason: "not part of this scenario".into() }],
        pictures: vec![
            Picture { title: "Storage after the first boot".into(), diagram: Diagram::of(&wish(), Some(&complete)) },
            Picture { title: "Storage with one disk dead".into(), diagram: Diagram::of(&wish(), Some(&failed)) },
        ],
    }
}
