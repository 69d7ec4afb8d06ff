//! `cluster`.

use apply::Name;
use clap::{Args, Subcommand, ValueEnum};
use fleet::Span;
use std::time::Duration;

/// `cluster`
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// Bring the cluster up: its nodes one after another, each healthy before the next, then its objects
    Up(ClusterUp),
    /// Show how the cluster is: nodes, objects by wave, workloads, addresses that the balancer has given
    Status,
    /// Show what differs between the cluster's objects and the fleet; exit status 1 if something does
    Diff(Named),
    /// Bring the cluster's objects to what the fleet says: wave by wave, and remove what it no longer has
    Apply(ClusterApply),
    /// Fetch the kubeconfig from a server, and print where it is kept
    Kubeconfig,
    /// Print a password
    Password {
        /// Whose
        of: PasswordOf,
    },
    /// Take a node out of the cluster: drain it, take it out of etcd, delete it
    Remove(ClusterRemove),
}

/// What was named.
#[derive(Clone, Debug, Default, Args)]
pub struct Named {
    /// Take the fields of this object that others have set: KIND/NAMESPACE/NAME, or KIND/NAME
    #[arg(long, value_name = "OBJECT")]
    pub force_conflicts: Vec<Name>,
    /// Remove this object although data goes with it: KIND/NAMESPACE/NAME, or KIND/NAME
    #[arg(long, value_name = "OBJECT")]
    pub prune: Vec<Name>,
}

/// `cluster apply`
#[derive(Debug, Args)]
pub struct ClusterApply {
    /// What was named.
    #[command(flatten)]
    pub named: Named,
    /// Show the difference; change nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How long each wave may take; 20 minutes where images are fetched and 3 elsewhere if left out
    #[arg(long, value_name = "SPAN", value_parser = deadline)]
    pub deadline: Option<Duration>,
}

/// `cluster up`
#[derive(Debug, Args)]
pub struct ClusterUp {
    /// Only the nodes; `cluster apply` brings the objects
    #[arg(long)]
    pub nodes_only: bool,
    /// Show what would be done next; change nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How long each node and each wave may take
    #[arg(long, value_name = "SPAN", value_parser = deadline)]
    pub deadline: Option<Duration>,
}

/// `cluster remove`
#[derive(Clone, Debug, Args)]
pub struct ClusterRemove {
    /// The node: a machine's name, of the fleet or of one that it had
    pub node: String,
    /// Its machine is dead: remove it although k3s on it cannot be stopped
    #[arg(long)]
    pub dead: bool,
    /// Show what would be done; change nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Whose password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PasswordOf {
    /// Grafana's user `admin`
    Grafana,
}

/// A second to six hours, as `90s` or in the fleet file's own words.
fn deadline(text: &str) -> Result<Duration, String> {
    let seconds = text.trim().strip_suffix('s').and_then(|number| number.trim().parse().ok()).map(Duration::from_secs);
    let read = || text.parse::<Span>().ok().map(|span| Duration::from_secs(span.minutes().saturating_mul(60)));
    let good = |span: &Duration| (1..=21_600).contains(&span.as_secs());
    seconds.or_else(read).filter(good).ok_or_else(|| "write a second to six hours: 90s, 5min, 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::deadline;

    #[test]
    fn deadlines() {
        for (text, seconds) in
            [("1s", Some(1)), ("5min", Some(300)), ("6h", Some(21_600)), ("0s", None), ("7h", None), ("x", None)]
        {
            assert_eq!(deadline(text).ok().map(|span| span.as_secs()), seconds, "{text}");
        }
    }
}
