//! The words that start a machine. Everything in them comes from the arguments: no file is looked at.

use super::spec::{Boot, DiskKind, DiskSpec, Files, Health, Machine, Segment, Start};
use crate::kvm::Accel;
use cmd::Cmd;
use std::fmt::Write as _;
use std::path::Path;

/// The command that starts `machine`; `health` says how each of its disks does, in their order.
pub fn command(machine: &Machine, health: &[Health], segment: &Segment, files: &Files, start: &Start<'_>) -> Cmd {
    let mut words = Cmd::new("qemu-system-x86_64")
        .args(["-name", &machine.name, "-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none"])
        .args(match start.accel {
            Accel::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Accel::Emulated => ["-accel", "tcg,thread=multi", "-cpu", "max"],
        })
        .args(match start.accel {
            Accel::Kvm => ["-action", "reboot=reset"],
            // Behind a reset, emulation slows down what the boot loader copies to some hundred bytes a second (QEMU 7.2):
            // a restart ends the machine, and whoever looks after it switches it on again.
            Accel::Emulated => ["-action", "reboot=shutdown"],
        })
        .args(["-smp".to_owned(), machine.cpus.to_string(), "-m".to_owned(), machine.memory.to_string()])
        .args(["-device", "virtio-rng-pci"])
        .arg("-chardev")
        .arg(format!("file,id=console,path={}", value(&files.console())))
        .args(["-serial", "chardev:console"])
        .arg("-chardev")
        .arg(format!("socket,id=shell,path={},server=on,wait=off", value(&files.shell())))
        .args(["-serial", "chardev:shell"])
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", value(&files.monitor())))
        .arg("-pidfile")
        .arg(files.pidfile().to_string_lossy().into_owned());
    words = network(words, machine, segment, start.ssh_port);
    if start.incoming {
        words = words.args(["-incoming", "defer"]);
    }
    if start.wire {
        words = wire(words, machine, files);
    }
    words = words.args(["-device", "qemu-xhci,id=usb"]);
    let firmware = start.boot == Boot::Disks;
    for (at, disk) in machine.disks.iter().enumerate() {
        let health = health.get(at).copied().unwrap_or_default();
        if health != Health::Pulled {
            words = drive(words, at, disk, health, &files.drive(&disk.name), firmware);
        }
    }
    match &start.boot {
        Boot::Disks => words.args(["-boot", "strict=on"]),
        Boot::Medium { kernel, initrd, squashfs } => medium(words, kernel, initrd, squashfs),
    }
}

/// QEMU's user network: it plays the router, and passes one port of this host to the machine's sshd.
fn network(words: Cmd, machine: &Machine, segment: &Segment, port: u16) -> Cmd {
    let Segment { subnet, prefix, gateway } = segment;
    let (address, mac) = (machine.address, machine.mac());
    words
        .arg("-netdev")
        .arg(format!(
            "user,id=lan,ipv6=off,net={subnet}/{prefix},host={gateway},hostfwd=tcp:127.0.0.1:{port}-{address}:22"
        ))
        .arg("-device")
        .arg(format!("virtio-net-pci,netdev=lan,mac={mac},romfile="))
}

/// A second card, at the switch that all machines of the lab are on: the user network joins none of them to another.
fn wire(words: Cmd, machine: &Machine, files: &Files) -> Cmd {
    let (own, switch) = (value(&files.wire_out()), value(&files.wire_in()));
    words
        .arg("-netdev")
        .arg(format!("dgram,id=wire,local.type=unix,local.path={own},remote.type=unix,remote.path={switch}"))
        .arg("-device")
        .arg(format!("virtio-net-pci,netdev=wire,mac={},romfile=", machine.wire_mac()))
}

/// One disk: a drive that is served, perhaps a layer that makes it fail, a raw disk over them, and the device on a port of its own.
fn drive(words: Cmd, at: usize, disk: &DiskSpec, health: Health, drive: &Path, firmware: bool) -> Cmd {
    let (file, fault, node) = (file_node(at), fault_node(at), disk_node(at));
    let drive = value(drive);
    // No waiting for a server that is gone: it goes when the power does.
    let words = words.arg("-blockdev").arg(format!(
        "driver=nbd,node-name={file},server.type=unix,server.path={drive},reconnect-delay=0,discard=unmap"
    ));
    let (words, lower) = match health {
        Health::Dying => {
            let mut layer = format!("driver=blkdebug,node-name={fault},image={file}");
            for (rule, kind) in DYING.iter().enumerate() {
                let on = format!(",inject-error.{rule}");
                let _ = write!(layer, "{on}.event=none{on}.iotype={kind}{on}.errno=5{on}.immediately=on{on}.once=off");
            }
            (words.arg("-blockdev").arg(layer), fault)
        }
        Health::Good | Health::Pulled => (words, file),
    };
    // Of several, as of a mirror, the firmware tries one after another, and shows them all to the boot loader.
    let boot = if firmware && disk.boot { format!(",bootindex={at}") } else { String::new() };
    let wwn = disk.wwn.map_or_else(String::new, |wwn| format!(",wwn={wwn:#018x}"));
    let (serial, pull) = (&disk.serial, pull_id(at, disk.kind));
    let port = format!("pcie-root-port,id=port{at},chassis={}", at + 1);
    let words = words.arg("-blockdev").arg(format!("driver=raw,node-name={node},file={lower},discard=unmap"));
    match disk.kind {
        DiskKind::Usb => words
            .arg("-device")
            .arg(format!("usb-storage,id={pull},bus=usb.0,drive={node},serial={serial},removable=on{boot}")),
        // QEMU's NVMe disk takes a write with FUA for any other (`nvme_do_write` in hw/nvme/ctrl.c): with a cache below it,
        // what was fsynced would be lost with the power, which no drive does. Without one, QEMU writes all through.
        DiskKind::Nvme => words
            .args(["-device".to_owned(), port])
            .arg("-device")
            .arg(format!("nvme,id={pull},bus=port{at},drive={node},serial={serial},write-cache=off{boot}")),
        DiskKind::Virtio => words
            .args(["-device".to_owned(), port])
            .arg("-device")
            .arg(format!("virtio-blk-pci,id={pull},bus=port{at},drive={node},serial={serial},rerror=report,werror=report{boot}")),
        DiskKind::Sata => words
            .args(["-device".to_owned(), port, "-device".to_owned(), format!("ich9-ahci,id={pull},bus=port{at}")])
            .arg("-device")
            .arg(format!("ide-hd,bus={pull}.0,drive={node},serial={serial}{wwn},rotation_rate=7200,rerror=report,werror=report{boot}")),
    }
}

/// The kinds of request that a dying disk refuses; not flush: a node that failed a flush cannot be revived.
pub(crate) const DYING: [&str; 4] = ["read", "write", "discard", "write-zeroes"];

fn medium(words: Cmd, kernel: &Path, initrd: &Path, squashfs: &Path) -> Cmd {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    words
        .arg("-blockdev")
        .arg(format!("driver=file,node-name=mediumfile,filename={},read-only=on", value(squashfs)))
        .args(["-blockdev", "driver=raw,node-name=medium,file=mediumfile,read-only=on"])
        .args(["-device", "virtio-blk-pci,drive=medium,serial=homehive-medium"])
        .args(["-kernel".to_owned(), text(kernel), "-initrd".to_owned(), text(initrd)])
        .args(["-append", COMMAND_LINE])
}

/// What the installer's kernel is told.
pub const COMMAND_LINE: &str =
    "console=ttyS0,115200 quiet loglevel=4 panic=10 net.ifnames=0 mitigations=off usb_storage.delay_use=0";

/// A path as a value in one of QEMU's comma-separated options.
fn value(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

/// The block node of the disk's drive.
pub(crate) fn file_node(at: usize) -> String {
    format!("file{at}")
}

/// The block node that makes it fail.
pub(crate) fn fault_node(at: usize) -> String {
    format!("fault{at}")
}

/// The block node that the device reads.
pub(crate) fn disk_node(at: usize) -> String {
    format!("disk{at}")
}

/// The device to take away when the disk is pulled: a SATA disk goes with its controller.
pub(crate) fn pull_id(at: usize, kind: DiskKind) -> String {
    match kind {
        DiskKind::Usb => format!("stick{at}"),
        DiskKind::Nvme => format!("nvme{at}"),
        DiskKind::Sata => format!("ahci{at}"),
        DiskKind::Virtio => format!("vd{at}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Boot, DiskKind, DiskSpec, Files, Health, Machine, Segment, Start, command};
    use crate::kvm::Accel;
    use std::net::Ipv4Addr;
    use std::path::Path;

    fn nas() -> (Machine, Segment, Files) {
        let disk = |name: &str, kind, wwn, boot| DiskSpec {
            name: name.into(),
            kind,
            serial: format!("LAB-{}", name.to_uppercase()),
            wwn,
            bytes: 1 << 30,
            boot,
        };
        let machine = Machine {
            name: "nas".into(),
            address: Ipv4Addr::new(192, 168, 1, 10),
            memory: 1536,
            cpus: 2,
            disks: vec![
                disk("usb", DiskKind::Usb, None, true),
                disk("nvme", DiskKind::Nvme, None, false),
                disk("sata1", DiskKind::Sata, Some(0x5000_c500_a000_0001), false),
                disk("extra", DiskKind::Virtio, None, false),
            ],
        };
        let [subnet, gateway] = [0, 1].map(|last| Ipv4Addr::new(192, 168, 1, last));
        (machine, Segment { subnet, prefix: 24, gateway }, Files { dir: "/labs/a,b/nas".into() })
    }

    /// One option a line, as a person compares them.
    fn lines(words: &cmd::Cmd) -> String {
        words.argv().join(" ").replace(" -", "\n-")
    }

    #[test]
    fn from_the_medium() {
        let (machine, segment, files) = nas();
        let [kernel, initrd, squashfs] = ["/c/kernel", "/labs/nas/initrd", "/c/installer.squashfs"].map(Path::new);
        let boot = Boot::Medium { kernel, initrd, squashfs };
        let start = Start { boot, accel: Accel::Emulated, ssh_port: 2222, wire: false, incoming: false };
        insta::assert_snapshot!(lines(&command(&machine, &[], &segment, &files, &start)));
    }

    #[test]
    fn from_the_stick_with_a_dying_disk_and_one_gone() {
        let (machine, segment, files) = nas();
        let start = Start { boot: Boot::Disks, accel: Accel::Kvm, ssh_port: 2222, wire: true, incoming: true };
        let health = [Health::Good, Health::Good, Health::Dying, Health::Pulled];
        insta::assert_snapshot!(lines(&command(&machine, &health, &segment, &files, &start)));
    }
}
