//! `secrets/secrets.nix`: who can open which secret, in agenix' layout; and which secrets the tree refers to.

use super::{Home, RenderError};
use crate::syntax::{Expr, Set};
use crate::{File, Records};
use fleet::{Fleet, HostName};
use std::collections::BTreeMap;
use std::path::Path;

/// The secret by which nodes join the cluster, by its name under `secrets/`.
pub const K3S_TOKEN: &str = "k3s-token.age";

/// One sealed file of a fleet: what is in it only those know who can open it, the admin and these machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its name under `secrets/`: `k3s-token.age`.
    pub file: String,
    /// Who makes it.
    pub origin: Origin,
    /// The machines that open it, in the order of their names.
    pub machines: Vec<HostName>,
    /// What it is for, in a few words each.
    pub uses: Vec<String>,
}

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It may be anything: homehive makes it when it is missing.
    Random,
    /// Only the user knows it.
    User,
}

impl Sealed {
    /// What people call it: the file's name without its ending.
    pub fn name(&self) -> &str {
        self.file.strip_suffix(".age").unwrap_or(&self.file)
    }
}

/// All sealed files of a fleet beside the machines' host keys, in the order of their names.
pub fn sealed(fleet: &Fleet) -> Vec<Sealed> {
    let mut all = BTreeMap::new();
    let mut add = |file: &str, origin, machines: &[HostName], uses: String| {
        let sealed = all.entry(file.to_owned()).or_insert_with(|| Sealed {
            file: file.to_owned(),
            origin,
            machines: vec![],
            uses: vec![],
        });
        sealed.machines.extend_from_slice(machines);
        sealed.machines.sort();
        sealed.machines.dedup();
        sealed.uses.push(uses);
    };
    let everyone: Vec<HostName> = fleet.machines.keys().cloned().collect();
    let nodes = fleet.machines.iter().filter(|(_, machine)| !machine.role.is_none());
    let nodes: Vec<HostName> = nodes.map(|(name, _)| name.clone()).collect();
    if !nodes.is_empty() {
        add(K3S_TOKEN, Origin::Random, &nodes, "nodes joining the cluster".to_owned());
    }
    let mail = fleet.monitoring.as_ref().and_then(|monitoring| monitoring.mail.as_ref());
    if mail.is_some_and(|mail| mail.user.is_some()) {
        add(super::MAIL_PASSWORD, Origin::User, &everyone, "mail of the machines".to_owned());
    }
    for name in fleet.machines.keys() {
        let Some(wish) = fleet.wish(name) else { continue };
        for key in wish.keys() {
            // Of the admin alone: a machine that could open it would keep its key beside its lock.
            if let Some(file) = key.file.and_then(|path| path.strip_prefix("secrets/"))
                && Path::new(file).extension().is_some_and(|ending| ending == "age")
                && !file.contains('/')
            {
                add(file, Origin::User, &[], format!("{} of {name}", key.node));
            }
        }
    }
    for secret in cluster::secrets(fleet) {
        for file in secret.files() {
            let origin = if file == cluster::secrets::GRAFANA_PASSWORD { Origin::Random } else { Origin::User };
            add(file, origin, &secret.machines, format!("{}/{}", secret.namespace, secret.name));
        }
    }
    all.into_values().collect()
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
    for secret in sealed(home.fleet) {
        rule(secret.file, &secret.machines);
    }
    let head =
        "Who can open which secret: homehive secrets list; also for agenix: cd secrets && agenix -e mail-password.age";
    Ok(File::nix("secrets/secrets.nix", head, &Expr::Let(bindings, Box::new(rules.into())))?)
}
