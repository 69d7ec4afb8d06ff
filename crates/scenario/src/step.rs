//! What a scenario consists of. Reading it from a file and checking it against a fleet are other files' business.

use crate::Patience;
use fleet::HostName;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use storage::health::State;
use storage::{NodeId, Size};

/// A story for the lab: the machines of a fleet, and what happens to them, step by step.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about; the head of the report.
    pub title: String,
    /// The fleet file, as a path from this file's directory; that of `--fleet` if absent, or if `--fleet` is given.
    pub fleet: Option<String>,
    /// The machines that the lab has; those that the steps name if absent.
    #[schemars(default)]
    pub machines: Vec<HostName>,
    /// What happens, in order. The first step that does not come to its end as expected ends the story.
    pub step: Vec<Step>,
}

/// One thing that is done, or that must hold.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Step {
    /// Its name in the report; made from what it does if absent.
    pub title: Option<String>,
    /// How it must end.
    #[schemars(default)]
    pub expect: Expect,
    /// Assertions only: it is tried again until it ends as expected, at most so long.
    pub within: Option<Patience>,
    /// How long one try may take. Beyond that the story has failed, also where failure is expected.
    pub deadline: Option<Patience>,
    /// What is done, or must hold.
    #[serde(flatten)]
    pub what: What,
}

/// How a step must end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// Well.
    #[default]
    Done,
    /// Badly: it is refused, found wanting, or fails.
    Fails,
}

/// What a step does, or what must hold.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum What {
    /// Switches a machine on and waits until it answers.
    Boot(Boot),
    /// Shuts a machine down.
    Off(On),
    /// Cuts a machine's power.
    PowerCut(PowerCut),
    /// A disk answers nothing but errors, also after a reboot.
    Dying(OnDisk),
    /// A dying disk comes back to its senses.
    Revive(OnDisk),
    /// A disk is pulled out of the running machine.
    Pull(OnDisk),
    /// A new blank disk in the place of an old one; the machine is off.
    Replace(OnDisk),
    /// A disk answers some reads, writes or flushes with an error, until the machine is off or `well`.
    Errors(Errors),
    /// A disk takes longer for everything, until the machine is off or `well`.
    Slow(Slow),
    /// A disk takes so many bytes more and then has no room, until the machine is off or `well`.
    Full(Full),
    /// One bit of each of so many sectors is another from now on, and the disk says nothing of it.
    Rot(Rot),
    /// Errors, slowness and want of room are over; what rotted stays.
    Well(OnDisk),
    /// What passes between two machines is late, lost, or cut, until another such step.
    Link(Link),
    /// Brings a machine's disks to what the fleet declares, as `disks apply` does.
    DisksApply(Apply),
    /// Assertion: `disks plan` plans steps on exactly these nodes.
    DisksPlan(Plan),
    /// Assertion: `disks status` says this of these nodes.
    DisksStatus(Status),
    /// Installs the system on a machine that was booted from the medium; it is shut down then.
    Install(Install),
    /// Assertion: groups of `verify` pass, or find what is broken.
    Verify(Verify),
    /// Assertion: words on a machine, as root, end so and print that.
    Run(Run),
    /// Assertion: a verb of homehive, for the lab's machines, ends so and prints that.
    Homehive(Verb),
    /// Writes a file of random bytes and remembers its hash.
    Write(Write),
    /// Assertion: a file that was written still has its hash, read from the disks.
    Intact(Intact),
    /// Assertion: a machine lets people in.
    Answers(On),
    /// Lets time pass.
    Pause(Pause),
}

/// A machine.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct On {
    /// Which machine.
    pub machine: HostName,
}

/// From what a machine boots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// The installation medium.
    Medium,
    /// Its own boot disk and nothing else.
    #[default]
    Disks,
}

/// `boot`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Boot {
    /// Which machine.
    pub machine: HostName,
    /// From what.
    #[schemars(default)]
    pub from: From,
}

/// What is lost of the writes that were not flushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lose {
    /// Nothing, as behind a battery.
    None,
    /// All of them.
    All,
    /// Some whole writes, in no order, and single sectors of others.
    #[default]
    Some,
    /// The end of the last one.
    Torn,
}

/// `power-cut`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct PowerCut {
    /// Which machine.
    pub machine: HostName,
    /// What its drives lose of what it had not flushed.
    #[schemars(default)]
    pub lose: Lose,
    /// The seed by which `some` and `torn` choose; drawn and told if absent.
    pub seed: Option<u64>,
}

/// A disk of a machine.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct OnDisk {
    /// Which machine.
    pub machine: HostName,
    /// Which disk, such as `disk.sata3`.
    pub disk: String,
}

/// Kinds of access to a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reading.
    #[default]
    Read,
    /// Writing, zeroing, discarding.
    Write,
    /// Flushing.
    Flush,
}

/// `errors`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Errors {
    /// Which disk.
    #[serde(flatten)]
    pub disk: OnDisk,
    /// On which kind of access.
    #[schemars(default)]
    pub on: Access,
    /// From which byte on.
    #[schemars(default)]
    pub from: u64,
    /// Up to which byte; to the end if absent.
    pub to: Option<u64>,
}

/// `slow`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Slow {
    /// Which disk.
    #[serde(flatten)]
    pub disk: OnDisk,
    /// How many milliseconds longer.
    pub ms: u64,
}

/// `full`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Full {
    /// Which disk.
    #[serde(flatten)]
    pub disk: OnDisk,
    /// Bytes that it still takes.
    #[schemars(default)]
    pub after: u64,
}

/// `rot`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Rot {
    /// Which disk.
    #[serde(flatten)]
    pub disk: OnDisk,
    /// From which byte on: a multiple of 512.
    pub at: u64,
    /// How many sectors of 512 bytes.
    #[schemars(default = "one")]
    pub sectors: u64,
}

/// `link`: without `cut`, `delay_ms` and `loss` everything passes at once again.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Link {
    /// The one machine.
    pub from: HostName,
    /// The other.
    pub to: HostName,
    /// Nothing passes.
    #[schemars(default)]
    pub cut: bool,
    /// How many milliseconds everything is late, a minute at most.
    #[schemars(default, range(max = 60_000))]
    pub delay_ms: u64,
    /// How many frames are lost, such as `10%`.
    #[schemars(with = "String", regex(pattern = r"^[0-9]+(\.[0-9])?%$"))]
    #[serde(default)]
    pub loss: wire::Loss,
    /// Only from the one to the other.
    #[schemars(default)]
    pub one_way: bool,
}

fn one() -> u64 {
    1
}

/// `disks-apply`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Apply {
    /// Which machine.
    pub machine: HostName,
    /// Nodes that may be destroyed, as with `--wipe`.
    #[schemars(default)]
    pub wipe: Vec<NodeId>,
    /// May everything that is not persistent be made anew?
    #[schemars(default)]
    pub reinstall: bool,
}

/// `disks-plan`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Plan {
    /// Which machine.
    pub machine: HostName,
    /// The nodes that are planned for; none if absent: there is nothing to do.
    #[schemars(default)]
    pub nodes: Vec<NodeId>,
}

/// `disks-status`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Status {
    /// Which machine.
    pub machine: HostName,
    /// How these nodes are; if absent, everything is good.
    #[schemars(default)]
    pub nodes: BTreeMap<String, State>,
}

/// `install`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Install {
    /// Which machine.
    pub machine: HostName,
    /// Over a system that is there: what is not persistent is made anew.
    #[schemars(default)]
    pub reinstall: bool,
}

/// `verify`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Verify {
    /// Which machine.
    pub machine: HostName,
    /// The groups that are run; all if absent.
    #[schemars(default)]
    pub groups: Vec<String>,
    /// Those of them that must find something broken.
    #[schemars(default)]
    pub broken: Vec<String>,
}

/// `run`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Run {
    /// Which machine.
    pub machine: HostName,
    /// The words; no shell reads them.
    #[schemars(length(min = 1))]
    pub words: Vec<String>,
    /// The exit status.
    #[schemars(default, range(min = 0, max = 255))]
    pub status: i32,
    /// What it must print on standard output, somewhere.
    pub prints: Option<String>,
    /// Goes on beside the following steps; nothing is known of its end.
    #[schemars(default)]
    pub background: bool,
}

/// `homehive`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Verb {
    /// The words behind `homehive --lab`, such as `["status", "nas"]`: probe, disks plan, apply, status or script, deploy,
    /// rollback, generations, status, verify, cluster; never with `--host`.
    #[schemars(length(min = 1))]
    pub words: Vec<String>,
    /// The exit status.
    #[schemars(default, range(min = 0, max = 255))]
    pub status: i32,
    /// What it must print on standard output, somewhere.
    pub prints: Option<String>,
}

/// `write`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Write {
    /// Which machine.
    pub machine: HostName,
    /// Where: an absolute path.
    #[schemars(regex(pattern = "^/"))]
    pub path: String,
    /// How large, such as `24MiB`.
    pub size: Size,
}

/// `intact`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Intact {
    /// Which machine.
    pub machine: HostName,
    /// The path of a file that an earlier step wrote.
    pub path: String,
}

/// `pause`
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub struct Pause {
    /// How long.
    #[serde(rename = "for")]
    pub long: Patience,
}

impl Step {
    /// Its name in the report.
    pub fn name(&self) -> String {
        let told = self.title.clone().unwrap_or_else(|| self.what.describe());
        match (self.expect, &self.title) {
            (Expect::Fails, None) => format!("{told}: fails"),
            (Expect::Done | Expect::Fails, _) => told,
        }
    }

    /// How long one try may take.
    pub fn deadline(&self) -> Duration {
        self.deadline.map_or_else(|| self.what.usual_deadline(), Patience::duration)
    }
}

impl OnDisk {
    /// The disk's name without the kind of its node.
    pub fn short(&self) -> &str {
        self.disk.trim_start_matches("disk.")
    }
}
