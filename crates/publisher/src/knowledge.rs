//! What the cluster has been seen to hold: a list that began anew replaces the old one only when it is complete.

use crate::pattern::NamePattern;
use crate::service::Balancer;
use crate::share::Share;
use crate::wanted::{Wanted, wanted};
use kube::runtime::watcher::Event;
use std::collections::BTreeMap;

/// What was seen of one kind of object.
#[derive(Clone, Debug)]
pub struct Seen<T> {
    now: BTreeMap<String, T>,
    next: BTreeMap<String, T>,
    complete: bool,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self { now: BTreeMap::new(), next: BTreeMap::new(), complete: false }
    }
}

impl<T> Seen<T> {
    /// Takes what the watch says; `name` tells which object it is.
    pub fn take(&mut self, event: Event<T>, name: impl Fn(&T) -> String) {
        match event {
            Event::Apply(object) => {
                self.now.insert(name(&object), object);
            }
            Event::Delete(object) => {
                self.now.remove(&name(&object));
            }
            Event::Init => self.next.clear(),
            Event::InitApply(object) => {
                self.next.insert(name(&object), object);
            }
            Event::InitDone => {
                self.now = std::mem::take(&mut self.next);
                self.complete = true;
            }
        }
    }

    /// What is there.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.now.values()
    }

    /// Has there been a whole list yet?
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// What was seen of shares and of Services.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// Services.
    pub services: Seen<Balancer>,
    /// Shares.
    pub shares: Seen<Share>,
}

impl Knowledge {
    /// What is to be said on the LAN; none until both lists are known.
    pub fn wanted(&self, pattern: &NamePattern) -> Option<Wanted> {
        let complete = self.services.is_complete() && self.shares.is_complete();
        complete.then(|| wanted(self.services.all(), self.shares.all(), pattern))
    }
}
