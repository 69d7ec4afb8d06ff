//! The stand-in's units: few, so that an emulated machine is up soon. Of the distribution's own there are only targets,
//! journald, and what stops the machine.
//!
//! `@scripts@` and `@sha256:PATH@` are filled in by the build: a unit's text changes exactly when what it runs does, and
//! that is how a switch, of the stand-in as of NixOS, knows what to restart. `X-StopIfChanged` and its like are the words
//! that NixOS' switch reads from units.

use crate::render::File;
use crate::system::{System, Variant};

/// The address in the variant whose network is cut: one that is kept for documentation (RFC 5737, TEST-NET-3).
const NOWHERE: &str = "203.0.113.1/24";

const TARGET: &str = "\
[Unit]
Description=The machine is up
Requires=basic.target
Wants=systemd-journald.socket systemd-journald.service systemd-udevd.service devices.service network.service sshd.service
Wants=storage.service demo.service debug-shell.service announce.service power-button.service
Wants=homehive-boot-trial.service
After=basic.target
AllowIsolate=yes
";

const UDEVD: &str = "\
[Unit]
Description=Device manager
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=notify
ExecStart=/usr/lib/systemd/systemd-udevd
KillMode=mixed
OOMScoreAdjust=-1000
X-RestartIfChanged=false
";

const DEVICES: &str = "\
[Unit]
Description=Devices that were there before udev
DefaultDependencies=no
After=systemd-udevd.service
Before=sysinit.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=@scripts@/devices
X-RestartIfChanged=false
";

const SSHD: &str = "\
[Unit]
Description=OpenSSH server
After=network.service
ConditionPathExists=/etc/ssh/ssh_host_ed25519_key

[Service]
Type=notify
ExecStartPre=/usr/sbin/sshd -t
ExecStart=/usr/sbin/sshd -D
KillMode=process
Restart=always
RestartSec=1
X-StopIfChanged=false
X-Restart-Triggers=@sha256:etc/ssh/sshd_config@
";

const STORAGE: &str = "\
[Unit]
Description=Arrays, volume groups, filesystems

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=infinity
ExecStart=@scripts@/storage
X-StopIfChanged=false
X-Restart-Triggers=@sha256:etc/fstab@
X-Restart-Triggers=@sha256:etc/mdadm/mdadm.conf@
X-Restart-Triggers=@sha256:etc/lvm/groups@
";

const DEBUG_SHELL: &str = "\
[Unit]
Description=Root shell on a serial line
ConditionKernelCommandLine=debug_shell

[Service]
ExecStart=@scripts@/debug-shell
# An interactive shell does not listen to SIGTERM.
SendSIGHUP=yes
Restart=always
RestartSec=1
X-RestartIfChanged=false
";

const ANNOUNCE: &str = "\
[Unit]
Description=Word on the console that the machine is up
After=network.service sshd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=@scripts@/announce
X-RestartIfChanged=false
";

const POWER_BUTTON: &str = "\
[Unit]
Description=The machine's power button
After=devices.service

[Service]
ExecStart=@scripts@/power-button
X-RestartIfChanged=false
";

/// Starts early and stays whatever else fails: it is what brings the machine back.
const BOOT_TRIAL: &str = "\
[Unit]
Description=Judge of a boot trial
DefaultDependencies=no
IgnoreOnIsolate=yes
ConditionPathExists=/var/lib/homehive/boot-trial
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=exec
ExecStart=@scripts@/boot-trial
X-RestartIfChanged=false
";

/// systemd's own settings: no words on the console for every unit, no long waits when the machine stops.
const MANAGER: &str = "[Manager]\nShowStatus=no\nDefaultTimeoutStopSec=30s\n";
/// The journal is kept in memory: it is for looking at failures, not for history.
const JOURNAL: &str = "[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\n";

/// Unit files, systemd's settings, and the mark of the variant that never comes up.
pub(crate) fn files(system: &System) -> Vec<File> {
    let unit = |name: &str, text: &str| File::new(&format!("etc/systemd/system/{name}"), text);
    let mut files = vec![
        unit("default.target", TARGET),
        unit("systemd-udevd.service", UDEVD),
        unit("devices.service", DEVICES),
        unit("network.service", &network(system)),
        unit("sshd.service", SSHD),
        unit("storage.service", STORAGE),
        unit("demo.service", &demo(system.variant)),
        unit("debug-shell.service", DEBUG_SHELL),
        unit("announce.service", ANNOUNCE),
        unit("power-button.service", POWER_BUTTON),
        unit("homehive-boot-trial.service", BOOT_TRIAL),
        File::new("etc/systemd/system.conf", MANAGER),
        File::new("etc/systemd/journald.conf", JOURNAL),
    ];
    if system.variant == Variant::Panics {
        files.push(File::new("panics", ""));
    }
    files
}

fn network(system: &System) -> String {
    let (address, gateway) = if system.variant == Variant::CutsNetwork {
        (NOWHERE.to_owned(), String::new())
    } else {
        let gateway = system.gateway.map(|gateway| format!(" {gateway}")).unwrap_or_default();
        (format!("{}/{}", system.address, system.prefix), gateway)
    };
    format!(
        "[Unit]\nDescription=Static network address\nAfter=devices.service\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\n\
         ExecStart=@scripts@/network up {address}{gateway}\nExecStop=@scripts@/network down\n\
         X-StopIfChanged=false\n"
    )
}

fn demo(variant: Variant) -> String {
    let words = match variant {
        Variant::Second => "a second generation",
        Variant::FailingUnit => "--fail",
        Variant::Plain | Variant::CutsNetwork | Variant::Panics => "a plain generation",
    };
    format!(
        "[Unit]\nDescription=A service that a generation can change\n\n\
         [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=@scripts@/demo {words}\n"
    )
}
