//! What is said, and what is to be said → what to do.

use crate::announcement::Announcement;
use crate::wanted::Key;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One thing to do on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Say nothing any more about this share.
    Withdraw(Key),
    /// The same records at other addresses, one for one in each family: neighbours are told at once, and need not be asked
    /// whether the name is free (RFC 6762, section 8.4).
    Move(Key, Announcement),
    /// Say this about a share that nothing was said about.
    Add(Key, Announcement),
}

/// What to do, in order: names become free before others take them. Doing all of it makes `said` what is `wanted`, and
/// when they are the same there is nothing to do.
pub fn changes(said: &BTreeMap<Key, Announcement>, wanted: &BTreeMap<Key, Announcement>) -> Vec<Change> {
    let mut withdrawn = Vec::new();
    let mut rest = Vec::new();
    for (key, old) in said {
        match wanted.get(key) {
            None => withdrawn.push(Change::Withdraw(key.clone())),
            Some(new) if new == old => {}
            Some(new) if moves(old, new) => rest.push(Change::Move(key.clone(), new.clone())),
            Some(new) => {
                withdrawn.push(Change::Withdraw(key.clone()));
                rest.push(Change::Add(key.clone(), new.clone()));
            }
        }
    }
    let added = wanted.iter().filter(|(key, _)| !said.contains_key(*key));
    rest.extend(added.map(|(key, new)| Change::Add(key.clone(), new.clone())));
    withdrawn.append(&mut rest);
    withdrawn
}

/// Do they differ in addresses alone, with at most one of each family before and afterwards?
fn moves(old: &Announcement, new: &Announcement) -> bool {
    let families = |announcement: &Announcement| {
        let four = announcement.addresses.iter().filter(|address| address.is_ipv4()).count();
        (four, announcement.addresses.len() - four)
    };
    let same = Announcement { addresses: new.addresses.clone(), ..old.clone() } == *new;
    same && families(old) == families(new) && families(old).0 <= 1 && families(old).1 <= 1
}

impl Change {
    /// The addresses that a move takes to, where they differ.
    pub(crate) fn new_addresses(old: &Announcement, new: &Announcement) -> Vec<IpAddr> {
        new.addresses.difference(&old.addresses).copied().collect()
    }
}
