//! One machine from nothing to nothing: boots the installer, finds its disks, hurts one in an array, cuts the power, goes
//! back to a snapshot, and leaves no process and no file. And one with ZFS, whose module takes minutes to build.

#![expect(clippy::unwrap_used, reason = "a test")]

use cmd::Cmd;
use lab::image::{Cache, Image, Recipe};
use lab::kvm;
use lab::qemu::{DiskKind, DiskSpec, Machine, Segment};
use lab::{Blueprint, Event, Keys, Lab, LabDir, Loss, Medium, Need, require};
use machine::{Output, ask_local, run_local};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const BOOT: Duration = Duration::from_mins(3);
const GRACE: Duration = Duration::from_secs(40);
const CALL: Duration = Duration::from_mins(2);

/// The way in, as a person would type it.
struct Door {
    key: PathBuf,
    known: PathBuf,
    port: u16,
}

impl Door {
    async fn ask(&self, script: &str) -> Output {
        let option = |text: String| ["-o".to_owned(), text];
        let words = Cmd::new("ssh")
            .args(["-F", "none", "-n", "-i"])
            .arg(self.key.display().to_string())
            .args(["-p".to_owned(), self.port.to_string()])
            .args(option(format!("UserKnownHostsFile={}", self.known.display())))
            .args(["-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=nas", "-o", "BatchMode=yes"])
            .args(["-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20"])
            .args(["root@127.0.0.1", script]);
        ask_local(&words, CALL).await.unwrap()
    }

    async fn run(&self, script: &str) -> String {
        let output = self.ask(script).await;
        assert_eq!(output.status, 0, "{script}: {} {}", output.stdout, output.stderr);
        output.stdout
    }
}

fn disk(name: &str, kind: DiskKind, wwn: Option<u64>, mib: u64) -> DiskSpec {
    let serial = format!("LAB-{}", name.to_uppercase());
    DiskSpec { name: name.into(), kind, serial, wwn, bytes: mib << 20, boot: kind == DiskKind::Usb }
}

fn blueprint() -> Blueprint {
    let [subnet, gateway, address] = [0, 1, 10].map(|last| Ipv4Addr::new(192, 168, 1, last));
    let disks = vec![
        disk("usb", DiskKind::Usb, None, 64),
        disk("nvme", DiskKind::Nvme, None, 64),
        disk("sata1", DiskKind::Sata, Some(0x5000_c500_a000_0001), 64),
        disk("sata2", DiskKind::Sata, Some(0x5000_c500_a000_0002), 64),
        disk("sata3", DiskKind::Sata, Some(0x5000_c500_a000_0003), 64),
    ];
    let machine = Machine { name: "nas".into(), address, memory: 1024, cpus: 2, disks };
    Blueprint { segment: Segment { subnet, prefix: 24, gateway }, machines: vec![machine] }
}

fn server() -> Cmd {
    Cmd::new(env!("CARGO_BIN_EXE_lab-serve"))
}

async fn key(path: &Path) -> String {
    let words = Cmd::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f"]);
    run_local(&words.arg(path.display().to_string()), CALL).await.unwrap();
    std::fs::read_to_string(path.with_extension("pub")).unwrap().trim().to_owned()
}

/// What is missing here, if a machine cannot be booted.
fn missing(cache: &Cache, recipe: &Recipe) -> Option<String> {
    let need = if cache.find(recipe).is_some() { Need::Run } else { Need::BuildAndRun };
    require(need).err().map(|missing| missing.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_lab_one_machine_from_nothing_to_nothing() {
    let (cache, recipe) = (Cache::of_user().unwrap(), Recipe::installer());
    if let Some(reason) = missing(&cache, &recipe) {
        println!("skipped: {reason}");
        return;
    }
    let begun = Instant::now();
    let tell = move |event: Event| println!("{:6.1} s {event:?}", begun.elapsed().as_secs_f32());
    let image = cache.image(&recipe, &tell).await.unwrap();
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("lab");
    let body = tokio::spawn(story(image, temp.path().to_owned(), path.clone(), Box::new(tell)));
    let told = body.await;
    // Whatever the story came to, no machine outlives it.
    let down = Lab::down(&path).await;
    told.unwrap();
    down.unwrap();
}

/// Where ZFS is, pools are made, and none comes back by itself. With `HOMEHIVE_ZFS` only, since the image is one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn in_the_lab_no_pool_is_imported_by_itself() {
    if std::env::var_os("HOMEHIVE_ZFS").is_none() {
        println!("skipped: HOMEHIVE_ZFS is not set (./run-tests.sh --all sets it)");
        return;
    }
    let (cache, recipe) = (Cache::of_user().unwrap(), Recipe::installer().with_zfs());
    if let Some(reason) = missing(&cache, &recipe) {
        println!("skipped: {reason}");
        return;
    }
    let begun = Instant::now();
    let tell = move |event: Event| println!("{:6.1} s {event:?}", begun.elapsed().as_secs_f32());
    let image = cache.image(&recipe, &tell).await.unwrap();
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("lab");
    let body = tokio::spawn(pools(image, temp.path().to_owned(), path.clone(), Box::new(tell)));
    let told = body.await;
    let down = Lab::down(&path).await;
    told.unwrap();
    down.unwrap();
}

async fn pools(image: Image, temp: PathBuf, path: PathBuf, tell: Box<dyn Fn(Event) + Send + Sync>) {
    let tell = tell.as_ref();
    let admin = key(&temp.join("admin")).await;
    let host = key(&temp.join("host")).await;
    let known = temp.join("known_hosts");
    std::fs::write(&known, format!("nas {host}\n")).unwrap();
    let keys = Keys { authorized: vec![admin], host: std::fs::read_to_string(temp.join("host")).unwrap() };
    let medium = Medium::Installer { image: &image, keys: &keys };
    let mut blueprint = blueprint();
    // ZFS takes nothing smaller than 64 MiB, and keeps some of a disk for itself.
    for disk in &mut blueprint.machines[0].disks {
        disk.bytes *= 4;
    }
    let mut lab = Lab::create(&path, &blueprint, &kvm::probe(&image.kernel()).await, server()).await.unwrap();
    lab.start("nas", medium, tell).await.unwrap();
    let port = |lab: &Lab| lab.state().unwrap().machines[0].ssh_port;
    let mut door = Door { key: temp.join("admin"), known, port: port(&lab) };
    lab.wait_ssh("nas", door.port, BOOT, tell).await.unwrap();

    assert_eq!(door.run("cat /sys/module/zfs/version; hostid; zpool list -H").await.lines().nth(1), Some("8425e349"));
    let by_id = "/dev/disk/by-id/ata-QEMU_HARDDISK_LAB-SATA";
    door.run(&format!("zpool create -o cachefile=none -O mountpoint=none tank mirror {by_id}1 {by_id}2")).await;
    door.run("head -c 32 /dev/urandom >/run/key; zfs create -V 8M tank/volume; zfs create -o encryption=on -o keyformat=raw -o keylocation=file:///run/key -o mountpoint=legacy tank/secret").await;
    door.run("udevadm settle; test -b /dev/zvol/tank/volume; mkdir /s; mount -t zfs tank/secret /s; head -c 1M /dev/urandom >/s/file; umount /s; sync").await;
    let made = door.run("zpool get -Hp -o value guid tank").await;

    // It was not exported: the next medium sees a pool that may be imported, and does not import it.
    assert!(lab.stop("nas", GRACE, tell).await.unwrap(), "the power button works");
    lab.start("nas", medium, tell).await.unwrap();
    door.port = port(&lab);
    lab.wait_ssh("nas", door.port, BOOT, tell).await.unwrap();
    assert_eq!(door.run("udevadm settle; zpool list -H").await, "");
    let seen = door.run("zpool import -d /dev/disk/by-id").await;
    assert!(seen.contains(&format!("id: {}", made.trim())) && seen.contains("ONLINE"), "{seen}");
    door.run("zpool import -d /dev/disk/by-id -N -o cachefile=none tank").await;
    assert_eq!(door.run("zfs get -H -o value keystatus tank/secret; zpool export tank").await, "unavailable\n");
}

async fn story(image: Image, temp: PathBuf, path: PathBuf, tell: Box<dyn Fn(Event) + Send + Sync>) {
    let tell = tell.as_ref();
    let admin = key(&temp.join("admin")).await;
    let host = key(&temp.join("host")).await;
    let known = temp.join("known_hosts");
    std::fs::write(&known, format!("nas {host}\n")).unwrap();
    let keys = Keys { authorized: vec![admin], host: std::fs::read_to_string(temp.join("host")).unwrap() };
    let medium = Medium::Installer { image: &image, keys: &keys };

    let verdict = kvm::probe(&image.kernel()).await;
    println!("guests: {verdict:?}");
    let mut lab = Lab::create(&path, &blueprint(), &verdict, server()).await.unwrap();
    lab.start("nas", medium, tell).await.unwrap();
    let port = |lab: &Lab| lab.state().unwrap().machines[0].ssh_port;
    let mut door = Door { key: temp.join("admin"), known, port: port(&lab) };
    lab.wait_ssh("nas", door.port, BOOT, tell).await.unwrap();
    let pid = lab.guest("nas").unwrap().pid;

    // The guest is who it was told to be, and has the disks that were declared.
    assert_eq!(
        door.run("hostname; ip -o -4 address show scope global | awk '{print $4}'").await,
        "nas\n192.168.1.10/24\n"
    );
    let disks = door
        .run("udevadm settle; lsblk -dbno SERIAL,SIZE,TRAN,WWN -I 8,259 | sed 's/ nvme\\..*//' | tr -s ' ' | sort")
        .await;
    insta::assert_snapshot!(disks);
    assert_eq!(door.ask("dmesg -l emerg,alert,crit").await.stdout, "");

    // A member of an array dies under writes; md sees it, and the data stays.
    let by_id = "/dev/disk/by-id/ata-QEMU_HARDDISK_LAB-SATA";
    door.run(&format!(
        "mdadm --create /dev/md/t --run --level=5 --assume-clean --raid-devices=3 {by_id}1 {by_id}2 {by_id}3 2>&1"
    ))
    .await;
    let hash = door.run("head -c 8M /dev/urandom | dd of=/dev/md/t bs=1M oflag=direct status=none && dd if=/dev/md/t bs=1M count=8 iflag=direct status=none | sha256sum").await;
    lab.fail_disk("nas", "sata2").await.unwrap();
    let write = "dd if=/dev/zero of=/dev/md/t seek=16 bs=1M count=16 oflag=direct status=none";
    let failed = format!(
        "{write}; for i in $(seq 100); do grep -q '(F)' /proc/mdstat && exit 0; sleep 0.2; done; cat /proc/mdstat; exit 1"
    );
    door.run(&failed).await;
    assert_eq!(door.run("dd if=/dev/md/t bs=1M count=8 iflag=direct status=none | sha256sum").await, hash);
    assert_eq!(door.run("mdadm --detail /dev/md/t | awk '/faulty/ {print $NF}' | xargs -n1 udevadm info -q property --property=ID_SERIAL_SHORT --value").await, "LAB-SATA2\n");

    // It recovers; then another one is pulled out.
    lab.revive_disk("nas", "sata2").await.unwrap();
    door.run(&format!("dd if={by_id}2 of=/dev/null bs=1M count=1 iflag=direct status=none")).await;
    lab.pull_disk("nas", "sata3").await.unwrap();
    door.run(&format!("udevadm settle; ! test -e {by_id}3")).await;

    // The power goes: what was flushed stays, what was not is gone. A disk is replaced.
    let nvme = "of=/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_LAB-NVME bs=1M status=none";
    door.run(&format!(
        "printf kept | dd {nvme} conv=fsync && yes lost | head -c 1M | dd {nvme} seek=8 oflag=direct iflag=fullblock"
    ))
    .await;
    let lost = lab.power_cut("nas", Loss::All).await.unwrap();
    assert!(lost["nvme"].sectors >= 2048, "{lost:?}");
    let nvme = std::fs::read(lab.files("nas").image("nvme")).unwrap();
    assert!(nvme.starts_with(b"kept") && nvme[8 << 20..9 << 20].iter().all(|byte| *byte == 0));
    assert!(!Path::new(&format!("/proc/{pid}/fd/0")).exists());
    lab.replace_disk("nas", "sata3", "NEW-3", Some(0x5000_c500_a000_0033)).unwrap();
    let snapshots = lab.snapshots("nas");
    lab.save("nas", &snapshots, "hurt").await.unwrap();
    drop(lab);

    // Another process takes over where this one stopped.
    let mut lab = LabDir::at(&path).unwrap().lock(server()).unwrap();
    lab.start("nas", medium, tell).await.unwrap();
    door.port = port(&lab);
    lab.wait_ssh("nas", door.port, BOOT, tell).await.unwrap();
    let found = "udevadm settle; ls /dev/disk/by-id | grep -c NEW-3; blkid -p -o value -s TYPE";
    assert!(door.run(&format!("{found} {by_id}1")).await.ends_with("linux_raid_member\n"));
    door.run(&format!("mdadm --stop --scan; dd if=/dev/zero of={by_id}1 bs=1M count=64 oflag=direct status=none"))
        .await;
    assert!(lab.stop("nas", GRACE, tell).await.unwrap(), "the power button works");
    lab.restore("nas", &snapshots, "hurt").await.unwrap();
    let superblock = std::fs::read(lab.files("nas").image("sata1")).unwrap();
    assert!(superblock[..1 << 16].iter().any(|byte| *byte != 0), "the snapshot brought the array's superblock back");

    // Down, while a machine runs, and nothing is left.
    lab.start("nas", medium, tell).await.unwrap();
    let pid = lab.guest("nas").unwrap().pid;
    drop(lab);
    Lab::down(&path).await.unwrap();
    assert!(!path.exists());
    assert!(!Path::new(&format!("/proc/{pid}/fd/0")).exists());
    Lab::down(&path).await.unwrap();
}
