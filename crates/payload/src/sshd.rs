//! The stand-in's SSH server: keys only, no root, one host key, which the installation puts there.

use crate::render::{File, lines};
use crate::system::System;

const CONFIG: &str = "\
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
GSSAPIAuthentication no
KerberosAuthentication no
PermitEmptyPasswords no
PermitRootLogin no
UsePAM no
UseDNS no
X11Forwarding no
StrictModes yes
PidFile /run/sshd.pid
SetEnv PATH=/run/wrappers/bin:/run/current-system/bin:/usr/sbin:/usr/bin
Subsystem sftp /usr/lib/openssh/sftp-server
";

/// `sshd_config` and the administrator's keys.
pub(crate) fn files(system: &System) -> [File; 2] {
    let keys: Vec<&str> = system.keys.iter().map(|key| key.trim()).collect();
    let path = format!("etc/ssh/authorized_keys.d/{}", system.user);
    [File::new("etc/ssh/sshd_config", format!("{CONFIG}AllowUsers {}\n", system.user)), File::new(&path, lines(&keys))]
}
