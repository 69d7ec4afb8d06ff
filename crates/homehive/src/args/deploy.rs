//! `deploy`, `rollback`, `generations`, `status`.

use super::Payload;
use clap::{Args, ValueEnum};
use fleet::{Selector, Span};
use std::time::Duration;

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
    /// Where the systems are built; evaluated they are here
    #[arg(long, value_enum, default_value_t = BuildOn::Local)]
    pub build_on: BuildOn,
    /// To how many machines is copied at once; the fleet says if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: Option<u8>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How long a machine waits to be found well before it goes back by itself; the fleet says if left out
    #[arg(long, value_name = "SPAN", value_parser = wait)]
    pub rollback_after: Option<Duration>,
}

/// Where systems are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BuildOn {
    /// On this machine
    Local,
    /// On each machine its own
    Target,
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
    #[arg(long, value_name = "SPAN", value_parser = wait)]
    pub rollback_after: Option<Duration>,
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

/// How long a machine waits: half a minute to an hour, as `90s` or in the fleet file's own words.
fn wait(text: &str) -> Result<Duration, String> {
    let seconds = text.trim().strip_suffix('s').and_then(|number| number.trim().parse().ok());
    let read = || text.parse::<Span>().ok().map(|span| Duration::from_secs(span.minutes().saturating_mul(60)));
    let good = |span: &Duration| (30..=3600).contains(&span.as_secs());
    let wait = seconds.map(Duration::from_secs).or_else(read).filter(good);
    wait.ok_or_else(|| "write half a minute to an hour: 90s, 5min, 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn waits() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("5min", Some(300)),
            ("1h", Some(3600)),
            ("29s", None),
            ("2h", None),
            ("5", None),
            ("s", None),
            ("-60s", None),
            ("99999999d", None),
        ] {
            assert_eq!(wait(text).ok().map(|span| span.as_secs()), seconds, "{text}");
        }
    }
}
