//! What can be done to a disk of the lab, whoever asks for it: a verb or a scenario.

use lab::{Access, Effect, Lab, LabError, Link, Order, Rule};

/// A fault, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It answers nothing but errors, also after the machine was off.
    Dying,
    /// It comes back to its senses.
    Revive,
    /// It is pulled out.
    Pull,
    /// Some accesses between two bytes fail.
    Errors {
        /// Which.
        on: Access,
        /// The first byte.
        from: u64,
        /// The byte behind the last; none for the end of the disk.
        to: Option<u64>,
    },
    /// Everything takes so many milliseconds longer.
    Slow(u64),
    /// It takes so many bytes more.
    Full(u64),
    /// One bit of each of so many sectors from a byte on is another.
    Rot {
        /// The first byte.
        at: u64,
        /// How many sectors.
        sectors: u64,
    },
    /// Errors, slowness and want of room are over.
    Well,
}

/// The disk's name without the kind of its node.
pub fn short(disk: &str) -> &str {
    disk.trim_start_matches("disk.")
}

/// What passes between two machines: how it is from now on, in both directions unless `one_way` is said.
pub async fn harm_link(lab: &Lab, from: &str, to: &str, link: Link, one_way: bool) -> Result<(), LabError> {
    lab.set_link(from, to, link).await?;
    if one_way {
        return Ok(());
    }
    lab.set_link(to, from, link).await
}

/// Does it.
pub async fn harm(lab: &mut Lab, machine: &str, disk: &str, what: Harm) -> Result<(), LabError> {
    let drive = short(disk);
    let everything = || vec![Access::Read, Access::Write, Access::Flush];
    let add = |on, (from, to), effect| Order::Add {
        drive: drive.to_owned(),
        rule: Rule { on, from, to, effect, times: None },
    };
    let order = match what {
        Harm::Dying => return lab.fail_disk(machine, drive).await,
        Harm::Revive => return lab.revive_disk(machine, drive).await,
        Harm::Pull => return lab.pull_disk(machine, drive).await,
        Harm::Rot { at, sectors } => Order::Rot { drive: drive.to_owned(), at, sectors },
        Harm::Errors { on, from, to } => add(vec![on], (from, to), Effect::Fail),
        Harm::Slow(ms) => add(everything(), (0, None), Effect::Delay(ms)),
        Harm::Full(after) => add(vec![Access::Write], (0, None), Effect::Full(after)),
        Harm::Well => Order::Well { drive: drive.to_owned() },
    };
    lab.order_drives(machine, order).await.map(drop)
}
