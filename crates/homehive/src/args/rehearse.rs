//! Generations of the stand-in that go wrong on purpose, by the words of the command line.

use clap::ValueEnum;

/// How the stand-in differs from the plain one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StandInVariant {
    /// Nothing is different
    #[default]
    Plain,
    /// A good second one: a service says something else
    Second,
    /// A service of it fails
    FailingUnit,
    /// Its network cannot be reached
    CutsNetwork,
    /// Its kernel panics at boot
    Panics,
}

impl From<StandInVariant> for payload::Variant {
    fn from(variant: StandInVariant) -> Self {
        match variant {
            StandInVariant::Plain => Self::Plain,
            StandInVariant::Second => Self::Second,
            StandInVariant::FailingUnit => Self::FailingUnit,
            StandInVariant::CutsNetwork => Self::CutsNetwork,
            StandInVariant::Panics => Self::Panics,
        }
    }
}
