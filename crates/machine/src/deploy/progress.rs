//! How far a deployment to one machine is: what an interruption leaves there, and what can still be done about it.

use std::sync::{Mutex, PoisonError};

/// How far it is; shared with whoever may interrupt it.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Reached>);

/// What an interruption leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reached {
    /// Nothing was changed.
    #[default]
    Nothing,
    /// Profile and boot menu are being set, or are: nothing takes that back by itself. [`super::give_up`] does.
    Entry {
        /// The deployment's name.
        id: String,
    },
    /// It goes back by itself unless it is found well in time.
    Guarded,
    /// It is well, and told to keep the new system.
    Kept,
}

impl Progress {
    pub(super) fn set(&self, reached: Reached) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reached;
    }

    /// How far it is now.
    pub fn reached(&self) -> Reached {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
