//! The accounts of the stand-in: who exists, who is in `wheel`, and that nobody has a password.

use crate::render::File;
use crate::system::System;
use std::fmt::Write as _;

/// Names that the system itself needs.
pub(crate) const TAKEN: [&str; 3] = ["root", "sshd", "nobody"];

/// Groups that udev's rules name: a rule with an unknown group is ignored, and each costs a look-up.
const DEVICE_GROUPS: [(&str, u16); 11] = [
    ("tty", 5),
    ("disk", 6),
    ("lp", 7),
    ("dialout", 20),
    ("cdrom", 24),
    ("audio", 29),
    ("video", 44),
    ("render", 106),
    ("input", 107),
    ("kvm", 108),
    ("sgx", 109),
];

/// Sudo asks PAM whether it may start a session, even where it asks for no password. Nothing here accepts one.
const PAM_SUDO: &str = "\
auth required pam_deny.so
account required pam_permit.so
password required pam_deny.so
session required pam_permit.so
";

const PAM_OTHER: &str = "\
auth required pam_deny.so
account required pam_deny.so
password required pam_deny.so
session required pam_deny.so
";

/// `passwd`, `group`, `shadow`, `sudoers` and PAM's rules.
pub(crate) fn files(system: &System) -> [File; 6] {
    let user = &system.user;
    let passwd = format!(
        "root:x:0:0:root:/root:/usr/bin/bash\n\
         sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/var/empty:/usr/sbin/nologin\n\
         {user}:x:1000:100:{user}:/home/{user}:/usr/bin/bash\n"
    );
    let mut group = format!("root:x:0:\nwheel:x:1:{user}\nusers:x:100:\nnixbld:x:30000:\nnogroup:x:65534:\n");
    for (name, id) in DEVICE_GROUPS {
        let _ = writeln!(group, "{name}:x:{id}:");
    }
    // `*` matches no password and, unlike `!`, does not lock the account against keys.
    let shadow = ["root", "sshd", "nobody", user].map(|name| format!("{name}:*:1::::::\n")).concat();
    let sudoers = "Defaults secure_path=\"/run/wrappers/bin:/run/current-system/bin:/usr/sbin:/usr/bin\"\n\
         Defaults !syslog\n\
         root ALL=(ALL:ALL) SETENV: ALL\n\
         %wheel ALL=(ALL:ALL) NOPASSWD: SETENV: ALL\n";
    [
        File::new("etc/passwd", passwd),
        File::new("etc/group", group),
        File::new("etc/shadow", shadow),
        File::new("etc/sudoers", sudoers),
        File::new("etc/pam.d/sudo", PAM_SUDO),
        File::new("etc/pam.d/other", PAM_OTHER),
    ]
}
