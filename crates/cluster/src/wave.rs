//! Waves: which objects must be there, and ready, before others can be.

use serde::Serialize;

/// One wave; each is complete before the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wave {
    /// Namespaces, storage classes, volumes: what everything else lies in.
    Ground,
    /// Kinds of objects that others are of.
    Definitions,
    /// Operators and charts that bring their own kinds of objects.
    Operators,
    /// Who may talk to whom.
    Policies,
    /// Objects of the kinds that the waves before brought.
    Objects,
}

impl Wave {
    /// All, in order.
    pub const ALL: [Self; 5] = [Self::Ground, Self::Definitions, Self::Operators, Self::Policies, Self::Objects];

    /// The number that files of this wave begin with: k3s reads its directory in the order of names.
    pub fn number(self) -> u8 {
        match self {
            Self::Ground => 10,
            Self::Definitions => 20,
            Self::Operators => 30,
            Self::Policies => 40,
            Self::Objects => 50,
        }
    }
}
