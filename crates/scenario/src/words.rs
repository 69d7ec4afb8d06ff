//! What each step is called, whom it concerns, and how long it may take. One answer a kind, and no kind without one.

use crate::step::{From, Link, OnDisk, What};
use fleet::HostName;
use std::time::Duration;

const MINUTE: u64 = 60;

impl What {
    /// The word that stands behind `do`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Boot(_) => "boot",
            Self::Off(_) => "off",
            Self::PowerCut(_) => "power-cut",
            Self::Dying(_) => "dying",
            Self::Revive(_) => "revive",
            Self::Pull(_) => "pull",
            Self::Replace(_) => "replace",
            Self::Errors(_) => "errors",
            Self::Slow(_) => "slow",
            Self::Full(_) => "full",
            Self::Rot(_) => "rot",
            Self::Well(_) => "well",
            Self::Link(_) => "link",
            Self::DisksApply(_) => "disks-apply",
            Self::DisksPlan(_) => "disks-plan",
            Self::DisksStatus(_) => "disks-status",
            Self::Install(_) => "install",
            Self::Verify(_) => "verify",
            Self::Run(_) => "run",
            Self::Homehive(_) => "homehive",
            Self::Write(_) => "write",
            Self::Intact(_) => "intact",
            Self::Answers(_) => "answers",
            Self::Pause(_) => "pause",
        }
    }

    /// The machine that it is about; none if it is about no single one.
    pub fn machine(&self) -> Option<&HostName> {
        match self {
            Self::Boot(it) => Some(&it.machine),
            Self::Off(it) | Self::Answers(it) => Some(&it.machine),
            Self::PowerCut(it) => Some(&it.machine),
            Self::Dying(_)
            | Self::Revive(_)
            | Self::Pull(_)
            | Self::Replace(_)
            | Self::Errors(_)
            | Self::Slow(_)
            | Self::Full(_)
            | Self::Rot(_)
            | Self::Well(_) => self.disk().map(|disk| &disk.machine),
            Self::DisksApply(it) => Some(&it.machine),
            Self::DisksPlan(it) => Some(&it.machine),
            Self::DisksStatus(it) => Some(&it.machine),
            Self::Install(it) => Some(&it.machine),
            Self::Verify(it) => Some(&it.machine),
            Self::Run(it) => Some(&it.machine),
            Self::Write(it) => Some(&it.machine),
            Self::Intact(it) => Some(&it.machine),
            Self::Link(_) | Self::Homehive(_) | Self::Pause(_) => None,
        }
    }

    /// The machines that it names, by their keys in the file.
    pub fn machines(&self) -> Vec<(&'static str, &HostName)> {
        match self {
            Self::Link(link) => vec![("from", &link.from), ("to", &link.to)],
            one => one.machine().map(|name| ("machine", name)).into_iter().collect(),
        }
    }

    /// The disk that it is about, if it is about one.
    pub fn disk(&self) -> Option<&OnDisk> {
        match self {
            Self::Dying(it) | Self::Revive(it) | Self::Pull(it) | Self::Replace(it) | Self::Well(it) => Some(it),
            Self::Errors(it) => Some(&it.disk),
            Self::Slow(it) => Some(&it.disk),
            Self::Full(it) => Some(&it.disk),
            Self::Rot(it) => Some(&it.disk),
            Self::Boot(_)
            | Self::Off(_)
            | Self::PowerCut(_)
            | Self::Link(_)
            | Self::DisksApply(_)
            | Self::DisksPlan(_)
            | Self::DisksStatus(_)
            | Self::Install(_)
            | Self::Verify(_)
            | Self::Run(_)
            | Self::Homehive(_)
            | Self::Write(_)
            | Self::Intact(_)
            | Self::Answers(_)
            | Self::Pause(_) => None,
        }
    }

    /// Does it change nothing, so that it may be tried again?
    pub fn asserts(&self) -> bool {
        match self {
            Self::DisksPlan(_)
            | Self::DisksStatus(_)
            | Self::Verify(_)
            | Self::Homehive(_)
            | Self::Intact(_)
            | Self::Answers(_) => true,
            Self::Run(run) => !run.background,
            Self::Boot(_)
            | Self::Off(_)
            | Self::PowerCut(_)
            | Self::Dying(_)
            | Self::Revive(_)
            | Self::Pull(_)
            | Self::Replace(_)
            | Self::Errors(_)
            | Self::Slow(_)
            | Self::Full(_)
            | Self::Rot(_)
            | Self::Well(_)
            | Self::Link(_)
            | Self::DisksApply(_)
            | Self::Install(_)
            | Self::Write(_)
            | Self::Pause(_) => false,
        }
    }

    /// How long one try may take where the file says nothing: some times what emulation on two slow cores takes.
    pub fn usual_deadline(&self) -> Duration {
        let minutes = match self {
            Self::Boot(_) | Self::Verify(_) => 10,
            Self::Off(_) | Self::Run(_) => 3,
            Self::PowerCut(_)
            | Self::Dying(_)
            | Self::Revive(_)
            | Self::Pull(_)
            | Self::Replace(_)
            | Self::Errors(_)
            | Self::Slow(_)
            | Self::Full(_)
            | Self::Rot(_)
            | Self::Well(_)
            | Self::Link(_)
            | Self::DisksPlan(_)
            | Self::DisksStatus(_)
            | Self::Answers(_) => 2,
            Self::DisksApply(_) | Self::Install(_) => 30,
            Self::Homehive(_) => 15,
            Self::Write(_) | Self::Intact(_) => 5,
            Self::Pause(pause) => return pause.long.duration() + Duration::from_mins(1),
        };
        Duration::from_secs(minutes * MINUTE)
    }

    /// What it does, for people.
    pub fn describe(&self) -> String {
        let of = |it: &OnDisk| format!("{} of {}", it.disk, it.machine);
        match self {
            Self::Boot(it) => match it.from {
                From::Medium => format!("{} boots from the medium", it.machine),
                From::Disks => format!("{} boots from its own disk", it.machine),
            },
            Self::Off(it) => format!("{} shuts down", it.machine),
            Self::PowerCut(it) => format!("the power of {} is cut", it.machine),
            Self::Dying(it) => format!("{} dies", of(it)),
            Self::Revive(it) => format!("{} works again", of(it)),
            Self::Pull(it) => format!("{} is pulled", of(it)),
            Self::Replace(it) => format!("a new {}", of(it)),
            Self::Errors(it) => format!("{} errs", of(&it.disk)),
            Self::Slow(it) => format!("{} is slow", of(&it.disk)),
            Self::Full(it) => format!("{} fills up", of(&it.disk)),
            Self::Rot(it) => format!("{} rots", of(&it.disk)),
            Self::Well(it) => format!("{} is well", of(it)),
            Self::Link(it) => format!("between {} and {} {}", it.from, it.to, it.told()),
            Self::DisksApply(it) => format!("the disks of {} are made", it.machine),
            Self::DisksPlan(it) if it.nodes.is_empty() => format!("nothing is planned for {}", it.machine),
            Self::DisksPlan(it) => format!("the plan for {} is exactly {}", it.machine, list(&it.nodes)),
            Self::DisksStatus(it) if it.nodes.is_empty() => format!("all disks of {} are good", it.machine),
            Self::DisksStatus(it) => {
                let nodes = it.nodes.iter().map(|(node, state)| format!("{node} is {}", state.word()));
                format!("{}: {}", it.machine, nodes.collect::<Vec<_>>().join(", "))
            }
            Self::Install(it) => format!("{} is installed", it.machine),
            Self::Verify(it) if it.groups.is_empty() => format!("{} is verified", it.machine),
            Self::Verify(it) => format!("{} is verified: {}", it.machine, it.groups.join(", ")),
            Self::Run(it) => format!("{}: {}", it.machine, it.words.join(" ")),
            Self::Homehive(it) => format!("homehive --lab {}", it.words.join(" ")),
            Self::Write(it) => format!("{} of {}, with a known hash", it.path, it.machine),
            Self::Intact(it) => format!("{} of {} is intact", it.path, it.machine),
            Self::Answers(it) => format!("{} answers", it.machine),
            Self::Pause(it) => format!("{} pass", it.long),
        }
    }
}

fn list(nodes: &[storage::NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Link {
    fn told(&self) -> String {
        let way = if self.one_way { ", one way" } else { "" };
        let late = (self.delay_ms > 0).then(|| format!("everything is {} ms late", self.delay_ms));
        let lost = (self.loss != wire::Loss::default()).then(|| format!("{} is lost", self.loss));
        let told: Vec<String> = late.into_iter().chain(lost).collect();
        match told.as_slice() {
            _ if self.cut => format!("nothing passes{way}"),
            [] => format!("everything passes{way}"),
            told => format!("{}{way}", told.join(", ")),
        }
    }
}
