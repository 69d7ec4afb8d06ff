//! Shares and Services → what is to be said on the LAN.

use crate::announcement::Announcement;
use crate::pattern::NamePattern;
use crate::service::Balancer;
use crate::share::{Kind, Share};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A share's object, by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A share that cannot be published, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its host name is none.
    #[error("share {key} cannot be published: {reason}; give it a shorter or plainer name")]
    Name {
        /// Which share.
        key: Key,
        /// Why.
        reason: String,
    },
    /// An instance is one label of DNS: at most 63 bytes.
    #[error("share {key} cannot be published: its name `{name}` has more than 63 bytes; give it a shorter name")]
    Long {
        /// Which share.
        key: Key,
        /// What it is called.
        name: String,
    },
    /// The commas and equals signs around it would be read wrongly.
    #[error(
        "share {key} cannot be published: its name `{name}` holds a character that a Time Machine record cannot say; rename it without `,`, `=` and control characters"
    )]
    Unsayable {
        /// Which share.
        key: Key,
        /// What it is called.
        name: String,
    },
    /// Two shares, one name.
    #[error("share {key} is not published: `{name}` is what share {holder} is published as; rename one of them")]
    Taken {
        /// Which share.
        key: Key,
        /// The name that both would have.
        name: String,
        /// The share that has it.
        holder: Key,
    },
}

/// What is to be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By share.
    pub announcements: BTreeMap<Key, Announcement>,
    /// What cannot be said.
    pub refused: Vec<Refusal>,
}

/// What is to be said about these shares, which these Services lead to. No two announcements have a name in common: of two
/// shares that would, the one whose namespace and name come first is published.
pub fn wanted<'a>(
    services: impl IntoIterator<Item = &'a Balancer>,
    shares: impl IntoIterator<Item = &'a Share>,
    pattern: &NamePattern,
) -> Wanted {
    let key = |namespace: &str, name: &str| Key { namespace: namespace.to_owned(), name: name.to_owned() };
    let services: BTreeMap<Key, &Balancer> =
        services.into_iter().map(|service| (key(&service.namespace, &service.name), service)).collect();
    let shares: BTreeMap<Key, &Share> =
        shares.into_iter().map(|share| (key(&share.namespace, &share.object), share)).collect();
    let mut wanted = Wanted::default();
    let mut taken: BTreeMap<String, Key> = BTreeMap::new();
    for (key, share) in shares {
        let service = services.get(&Key { namespace: key.namespace.clone(), name: share.service.clone() });
        let addresses = service.map(|service| service.addresses.clone()).unwrap_or_default();
        if addresses.is_empty() {
            continue;
        }
        match announcement(&key, share, addresses, pattern, &mut taken) {
            Ok(announcement) => {
                wanted.announcements.insert(key, announcement);
            }
            Err(refusal) => wanted.refused.push(refusal),
        }
    }
    wanted
}

fn announcement(
    key: &Key,
    share: &Share,
    addresses: BTreeSet<std::net::IpAddr>,
    pattern: &NamePattern,
    taken: &mut BTreeMap<String, Key>,
) -> Result<Announcement, Refusal> {
    let (key, name) = (key.clone(), share.name.clone());
    let failed = |reason: crate::PatternError| Refusal::Name { key: key.clone(), reason: reason.to_string() };
    let host = pattern.host(&share.object).map_err(failed)?;
    if name.len() > 63 {
        return Err(Refusal::Long { key, name });
    }
    let unsayable = |c: char| c.is_control() || (share.kind == Kind::TimeMachine && matches!(c, ',' | '='));
    if name.chars().any(unsayable) {
        return Err(Refusal::Unsayable { key, name });
    }
    // Names of DNS do not tell capital letters from small ones.
    let names = [host.clone(), format!("{}._smb._tcp.local", name.to_lowercase())];
    if let Some((at, holder)) = names.iter().find_map(|name| Some((name, taken.get(name)?))) {
        let name = if *at == host { host } else { name };
        return Err(Refusal::Taken { key, name, holder: holder.clone() });
    }
    taken.extend(names.map(|name| (name, key.clone())));
    Ok(Announcement { host, addresses, instance: name, kind: share.kind })
}
