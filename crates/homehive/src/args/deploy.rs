//! `deploy`, `rollback`, `generations`, `status`.

use super::Payload;
use clap::Args;
use fleet::{Selector, Span};

/// `deploy`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word on the command line")]
pub struct Deploy {
    /// Machines and `@tags`; all machines if left out
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<Selector>,
    /// What they shall run
    #[arg(long, value_enum, default_value_t = Payload::Nixos)]
    pub payload: Payload,
    /// Build, copy and show the difference; switch nothing
    #[arg(long, conflicts_with_all = ["boot", "reboot", "yes"])]
    pub dry_run: bool,
    /// Only at the next boot: set profile and boot entry, leave what runs
    #[arg(long, conflicts_with = "reboot")]
    pub boot: bool,
    /// By a reboot that the machine takes back if it does not come up well: one k3s server at a time, drained
    #[arg(long)]
    pub reboot: bool,
    /// Machines and `@tags` that switch first, in this order; the fleet's own order if left out
    #[arg(long, value_name = "SELECTOR,…", value_delimiter = ',')]
    pub order: Vec<Selector>,
    /// Switch machines side by side, apart from k3s servers, which stay one at a time
    #[arg(long)]
    pub together: bool,
    /// Begin with the next machine although one has failed
    #[arg(long)]
    pub keep_going: bool,
    /// To how many machines is copied at once; the fleet says if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: Option<u8>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How long a machine waits to be found well before it goes back by itself; the fleet says if left out
    #[arg(long, value_name = "SPAN")]
    pub rollback_after: Option<Span>,
}

/// `rollback`
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the option is called so in `deploy` as well")]
pub struct Rollback {
    /// The machine's name in the fleet
    pub machine: String,
    /// To this generation; to the one before the current one if left out
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// By a reboot that the machine takes back if it does not come up well
    #[arg(long)]
    pub reboot: bool,
    /// How long the machine waits to be found well before it goes back by itself; the fleet says if left out
    #[arg(long, value_name = "SPAN")]
    pub rollback_after: Option<Span>,
}

/// `generations`
#[derive(Debug, Args)]
pub struct Generations {
    /// The machine's name in the fleet
    pub machine: String,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// Machines and `@tags`; all machines if left out
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<Selector>,
    /// What they shall run
    #[arg(long, value_enum, default_value_t = Payload::Nixos)]
    pub payload: Payload,
    /// Do not build what the fleet says, and so compare nothing with it
    #[arg(long)]
    pub no_build: bool,
}
