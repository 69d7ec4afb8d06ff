//! The desk: makes what is said on the LAN what is wanted, and remembers what became of it.

use super::bus::{Bus, News};
use super::error::DeskError;
use super::posted::{Posted, State};
use crate::announcement::Announcement;
use crate::change::{Change, changes};
use crate::wanted::Key;
use std::collections::BTreeMap;
use std::net::IpAddr;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use zbus::OwnedObjectPath;

/// Any interface, any protocol (`AVAHI_IF_UNSPEC`, `AVAHI_PROTO_UNSPEC`).
const ANY: i32 = -1;
/// No PTR from the address back to the name: the balancer's addresses have none (`AVAHI_PUBLISH_NO_REVERSE`).
const NO_REVERSE: u32 = 16;
/// Says it without asking whether the name is free: it is ours (`AVAHI_PUBLISH_NO_PROBE`).
const NO_PROBE: u32 = 2;
/// Replaces the record of the same name (`AVAHI_PUBLISH_UPDATE`).
const UPDATE: u32 = 64;

/// One connection to the bus, and the records handed in by it.
#[derive(Debug)]
pub struct Desk {
    bus: Bus,
    owner: Option<String>,
    running: bool,
    posted: BTreeMap<Key, Posted>,
}

impl Desk {
    /// Connects to the system bus; what is heard there goes to `news`, and from there to [`Desk::hear`].
    ///
    /// # Errors
    /// There is no bus.
    pub async fn open(news: UnboundedSender<News>) -> Result<Self, DeskError> {
        let bus = Bus::connect(news).await?;
        Ok(Self { bus, owner: None, running: false, posted: BTreeMap::new() })
    }

    /// Takes in what was heard; gives the share whose records changed by it.
    ///
    /// # Errors
    /// avahi-daemon does not answer.
    pub async fn hear(&mut self, news: News) -> Result<Option<(Key, State)>, DeskError> {
        match news {
            News::Arrived(owner) => {
                self.posted.clear();
                self.running = self.bus.is_running(&owner).await?;
                self.owner = Some(owner);
            }
            News::Left | News::Closed => {
                self.posted.clear();
                (self.owner, self.running) = (None, false);
            }
            News::Running => self.running = true,
            News::Group(path, state) => {
                let found = self.posted.iter_mut().find(|(_, posted)| posted.group.as_ref() == Some(&path));
                if let Some((key, posted)) = found
                    && posted.state != state
                {
                    posted.turn(state.clone());
                    return Ok(Some((key.clone(), state)));
                }
            }
        }
        Ok(None)
    }

    /// Does avahi-daemon take records?
    pub fn is_open(&self) -> bool {
        self.running && self.owner.is_some()
    }

    /// What was handed in, and how it is.
    pub fn posted(&self) -> &BTreeMap<Key, Posted> {
        &self.posted
    }

    /// When the next of those that went wrong is to be tried again.
    pub fn next_retry(&self) -> Option<Instant> {
        self.posted.values().filter_map(|posted| posted.retry).min()
    }

    /// Hands in what is missing and takes back what is not wanted; what went wrong before is tried again if it is time, or
    /// at once if `again`. Gives what was changed.
    ///
    /// # Errors
    /// avahi-daemon does not answer. What it answers to one share's records is no error but that share's [`State`].
    pub async fn settle(
        &mut self,
        wanted: &BTreeMap<Key, Announcement>,
        again: bool,
    ) -> Result<Vec<Change>, DeskError> {
        let Some(owner) = self.owner.clone().filter(|_| self.running) else { return Ok(Vec::new()) };
        let now = Instant::now();
        let due = |posted: &Posted| posted.state.is_bad() && (again || posted.retry.is_some_and(|retry| retry <= now));
        let mut failures = BTreeMap::new();
        let bad: Vec<Key> = self.posted.iter().filter(|(_, posted)| due(posted)).map(|(key, _)| key.clone()).collect();
        for key in bad {
            failures.insert(key.clone(), self.withdraw(&owner, &key).await?);
        }
        let said = self.posted.iter().map(|(key, posted)| (key.clone(), posted.announcement.clone())).collect();
        let todo = changes(&said, wanted);
        for change in &todo {
            match change {
                Change::Withdraw(key) => drop(self.withdraw(&owner, key).await?),
                Change::Move(key, new) => self.shift(&owner, key, new).await?,
                Change::Add(key, new) => {
                    let before = failures.get(key).copied().unwrap_or_default();
                    self.add(&owner, key, new, before).await?;
                }
            }
        }
        Ok(todo)
    }

    /// Takes everything back, and leaves. Neighbours are told that the names are gone.
    pub async fn close(mut self) {
        if let Some(owner) = self.owner.clone() {
            let keys: Vec<Key> = self.posted.keys().cloned().collect();
            for key in keys {
                if self.withdraw(&owner, &key).await.is_err() {
                    break;
                }
            }
        }
        self.bus.close().await;
    }

    /// Takes a share's records back; gives how often they had gone wrong.
    async fn withdraw(&mut self, owner: &str, key: &Key) -> Result<u32, DeskError> {
        let Some(posted) = self.posted.remove(key) else { return Ok(0) };
        let old = posted.still_remembered();
        if let Some(group) = posted.group {
            self.bus.group(owner, &group, "Free", ()).await?;
        }
        if !old.is_empty() {
            self.forget(owner, &posted.announcement.host, &old).await?;
        }
        Ok(posted.failures)
    }

    /// Tells neighbours that addresses which were replaced in place a moment ago are gone: by handing them in, and taking
    /// them back at once.
    async fn forget(&self, owner: &str, host: &str, addresses: &[IpAddr]) -> Result<(), DeskError> {
        let group = self.bus.new_group(owner).await?;
        let mut handed = Ok(());
        for address in addresses {
            handed = handed.and(self.address(owner, &group, host, *address, NO_REVERSE | NO_PROBE).await);
        }
        let handed = handed.and(self.bus.group(owner, &group, "Commit", ()).await);
        self.bus.group(owner, &group, "Free", ()).await?;
        // Somebody else may have the name by now: then there is nobody to tell.
        handed.or_else(|error| if error.answer().is_some() { Ok(()) } else { Err(error) })
    }

    async fn add(&mut self, owner: &str, key: &Key, new: &Announcement, failures: u32) -> Result<(), DeskError> {
        let group = self.bus.new_group(owner).await?;
        let posted = Posted {
            announcement: new.clone(),
            state: State::Registering,
            group: Some(group.clone()),
            failures,
            retry: None,
            left: None,
        };
        // Before it is filled: what is heard of it must find it.
        self.posted.insert(key.clone(), posted);
        let handed = self.hand_in(owner, &group, new).await;
        self.answered(owner, key, handed).await
    }

    async fn hand_in(&self, owner: &str, group: &OwnedObjectPath, new: &Announcement) -> Result<(), DeskError> {
        for address in &new.addresses {
            self.address(owner, group, &new.host, *address, NO_REVERSE).await?;
        }
        for record in new.records() {
            let words: Vec<&[u8]> = record.words.iter().map(String::as_bytes).collect();
            let place = (ANY, ANY, 0_u32, new.instance.as_str(), record.service);
            let body = (place.0, place.1, place.2, place.3, place.4, "", new.host.as_str(), record.port, words);
            self.bus.group(owner, group, "AddService", body).await?;
        }
        self.bus.group(owner, group, "Commit", ()).await
    }

    /// The same records at other addresses, in place.
    async fn shift(&mut self, owner: &str, key: &Key, new: &Announcement) -> Result<(), DeskError> {
        let Some(posted) = self.posted.get_mut(key) else { return Ok(()) };
        let addresses = Change::new_addresses(&posted.announcement, new);
        let Some(group) = posted.group.clone().filter(|_| !posted.state.is_bad()) else {
            let failures = self.withdraw(owner, key).await?;
            return self.add(owner, key, new, failures).await;
        };
        let old = posted.announcement.addresses.difference(&new.addresses).copied();
        let old = posted.still_remembered().into_iter().chain(old).collect();
        posted.left = Some((Instant::now(), old));
        posted.announcement = new.clone();
        let mut moved = Ok(());
        for address in addresses {
            moved = self.address(owner, &group, &new.host, address, NO_REVERSE | UPDATE).await;
            if moved.is_err() {
                break;
            }
        }
        self.answered(owner, key, moved).await
    }

    async fn address(
        &self,
        owner: &str,
        group: &OwnedObjectPath,
        host: &str,
        address: IpAddr,
        flags: u32,
    ) -> Result<(), DeskError> {
        let body = (ANY, ANY, flags, host, address.to_string());
        self.bus.group(owner, group, "AddAddress", body).await
    }

    /// What avahi-daemon answered to one share's records is how these are from now on.
    async fn answered(&mut self, owner: &str, key: &Key, result: Result<(), DeskError>) -> Result<(), DeskError> {
        let Err(error) = result else { return Ok(()) };
        let state = match error.answer() {
            Some(("CollisionError", _)) => State::Collision,
            Some((_, text)) => State::Failed(text.to_owned()),
            None => return Err(error),
        };
        if let Some(posted) = self.posted.get_mut(key) {
            posted.turn(state);
            // Half of the records are worse than none.
            if let Some(group) = posted.group.take() {
                self.bus.group(owner, &group, "Free", ()).await?;
            }
        }
        Ok(())
    }
}
