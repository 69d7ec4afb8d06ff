//! `secrets/secrets.nix`: who can open which secret, in agenix' layout; and which secrets the tree refers to.

use super::{Home, RenderError};
use crate::syntax::{Expr, Set};
use crate::{File, Records};
use fleet::{Fleet, HostName};

/// The secret by which nodes join the cluster.
const K3S_TOKEN: &str = "k3s-token.age";
/// The password for the mail server, by its name under `secrets/`: only the user can make it.
pub const MAIL_PASSWORD: &str = "mail-password.age";

/// The random secrets that the rendered tree refers to, by their names under `secrets/`, each with the machines that
/// must be able to open it. Whoever writes the tree makes those that are missing.
pub fn needed(fleet: &Fleet) -> Vec<(&'static str, Vec<HostName>)> {
    let nodes = fleet.machines.iter().filter(|(_, machine)| !machine.role.is_none());
    let nodes: Vec<HostName> = nodes.map(|(name, _)| name.clone()).collect();
    if nodes.is_empty() { Vec::new() } else { vec![(K3S_TOKEN, nodes)] }
}

/// The file.
pub(super) fn file(home: &Home<'_>) -> Result<File, RenderError> {
    let Records { host_keys, installer_key, .. } = home.records;
    // age(1) encrypts to these two types of SSH keys.
    let keys = home.fleet.admin.keys.iter().map(fleet::PublicKey::bare);
    let admins = keys.filter(|key| key.starts_with("ssh-ed25519 ") || key.starts_with("ssh-rsa "));
    let machines = host_keys.iter().filter(|(name, _)| home.fleet.machines.contains_key(name));
    let machines = machines.fold(Set::new(), |set, (name, key)| set.put_named("", name.to_string(), key.as_str()));
    let bindings = Set::new().put("admins", Expr::texts(admins)).put("machines", machines);

    let mut rules = Set::new();
    let mut rule = |file: String, who: &[HostName]| {
        let known = who.iter().filter(|name| host_keys.contains_key(name));
        let machines: Vec<Expr> = known.map(|name| Expr::Select("machines", vec![name.to_string()])).collect();
        let keys = if machines.is_empty() {
            Expr::Code("admins")
        } else {
            Expr::Join("++", vec![Expr::Code("admins"), Expr::List(machines)])
        };
        let set = Set::new().put("publicKeys", keys).put("armor", true);
        rules = std::mem::take(&mut rules).put_named("", file, set);
    };
    let names = home.fleet.machines.keys().filter(|name| host_keys.contains_key(name)).map(ToString::to_string);
    for name in names.chain(installer_key.as_ref().map(|_| "installer".to_owned())) {
        rule(format!("host-keys/{name}.age"), &[]);
    }
    for (file, who) in needed(home.fleet) {
        rule(file.to_owned(), &who);
    }
    let mail = home.fleet.monitoring.as_ref().and_then(|monitoring| monitoring.mail.as_ref());
    if mail.is_some_and(|mail| mail.user.is_some()) {
        let all: Vec<HostName> = home.fleet.machines.keys().cloned().collect();
        rule(MAIL_PASSWORD.to_owned(), &all);
    }
    let head = "Who can open which secret, for agenix: cd secrets && agenix -e mail-password.age";
    Ok(File::nix("secrets/secrets.nix", head, &Expr::Let(bindings, Box::new(rules.into())))?)
}
