//! Who may log in, and what the admin may do.

use super::{Door, Subject};
use crate::rules::AccessRule;
use crate::{Ask, Check, Group, Side};
use cmd::Cmd;

pub(super) fn ssh(subject: &Subject) -> Group {
    // sshd(8): -C tells which connection the settings are for, so that Match blocks count.
    let who = format!("user={},host=localhost,addr=127.0.0.1", subject.user);
    let daemon = Ask::run(Side::Root, Cmd::new("sshd").args(["-T", "-C"]).arg(who));
    let password = Ask::run(Side::Operator, keyless(&subject.door, &subject.user));
    let root = Ask::run(Side::Operator, as_root(&subject.door));
    let checks = vec![
        Check::one("daemon", "sshd is set to keys only, no root", daemon, AccessRule::Daemon),
        Check::one("password", "a login without a key is refused", password, AccessRule::KeysOnly),
        Check::one("root", "a login as root is refused", root, AccessRule::NoRoot),
    ];
    Group { id: "ssh", title: "SSH lets in keys only, and no root".to_owned(), needs: Vec::new(), checks }
}

/// Words of an attempt to log in that shares no connection already open, asks nothing and ends soon.
fn attempt(door: &Door, user: &str) -> Cmd {
    let set = |cmd: Cmd, option: &str| cmd.arg("-o").arg(option);
    let mut cmd = Cmd::new("ssh").args(["-n", "-T", "-a", "-x"]);
    for option in [
        "ControlMaster=no",
        "ControlPath=none",
        "BatchMode=yes",
        "ConnectTimeout=20",
        "LogLevel=ERROR",
        "StrictHostKeyChecking=yes",
        "ForwardAgent=no",
        "ClearAllForwardings=yes",
    ] {
        cmd = set(cmd, option);
    }
    if let Some(file) = &door.known_hosts {
        cmd = cmd.arg("-o").arg(format!("UserKnownHostsFile={file}")).arg("-o").arg("GlobalKnownHostsFile=none");
    }
    if let Some(alias) = &door.alias {
        cmd = cmd.arg("-o").arg(format!("HostKeyAlias={alias}"));
    }
    cmd.arg("-p").arg(door.port.to_string()).arg("-l").arg(user)
}

/// The server answers the first request with the methods that it would go on with.
fn keyless(door: &Door, user: &str) -> Cmd {
    let mut cmd = attempt(door, user);
    for option in [
        "PreferredAuthentications=password,keyboard-interactive",
        "PubkeyAuthentication=no",
        "GSSAPIAuthentication=no",
        "HostbasedAuthentication=no",
    ] {
        cmd = cmd.arg("-o").arg(option);
    }
    cmd.args(["--", door.host.as_str(), "true"])
}

fn as_root(door: &Door) -> Cmd {
    let mut cmd = attempt(door, "root");
    if let Some(identity) = &door.identity {
        cmd = cmd.arg("-i").arg(identity.as_str()).args(["-o", "IdentitiesOnly=yes"]);
    }
    cmd.args(["--", door.host.as_str(), "true"])
}

pub(super) fn user(subject: &Subject) -> Group {
    let user = subject.user.as_str();
    let root = |cmd| Ask::run(Side::Root, cmd);
    let keys = AccessRule::Keys { keys: subject.keys.clone() };
    // NixOS puts declared keys there: nixos/modules/services/networking/ssh/sshd.nix.
    let file = format!("/etc/ssh/authorized_keys.d/{user}");
    let sudo = Ask::run(Side::Machine, Cmd::new("sudo").args(["-n", "id", "-u"]));
    let shadow = root(Cmd::new("getent").args(["shadow", user]));
    let checks = vec![
        Check::one(
            "wheel",
            format!("{user} is in wheel"),
            root(Cmd::new("id").arg(user)),
            AccessRule::InGroup { group: "wheel".to_owned() },
        ),
        Check::one("sudo", "sudo works without a password", sudo, AccessRule::Sudo),
        Check::one("keys", "every declared key is authorized", root(Cmd::new("cat").arg(file)), keys),
        Check::one("locked", "no password fits", shadow, AccessRule::Locked { user: user.to_owned() }),
    ];
    Group { id: "user", title: format!("User {user}"), needs: Vec::new(), checks }
}
