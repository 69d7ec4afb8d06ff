//! Is a machine as well as it was? Assertion groups and failed units, compared with before: what was broken already is no
//! reason to go back.

use crate::failure::Failure;
use crate::load::Loaded;
use crate::verifying;
use fleet::HostName;
use machine::{Machine, deploy};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use verify::Outcome;

/// What is not well on a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ailing {
    /// Groups that fail, by name.
    pub groups: BTreeSet<String>,
    /// Units that have failed.
    pub units: BTreeSet<String>,
}

impl Ailing {
    /// What ails `now` and did not before, in words; nothing if there is no such thing.
    pub fn news(&self, now: &Self) -> Option<String> {
        let list = |what: &str, before: &BTreeSet<String>, now: &BTreeSet<String>| {
            let fresh: Vec<&str> = now.difference(before).map(String::as_str).collect();
            (!fresh.is_empty()).then(|| format!("{what}: {}", fresh.join(", ")))
        };
        let parts =
            [list("failed units", &self.units, &now.units), list("groups that fail", &self.groups, &now.groups)];
        let told: Vec<String> = parts.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// What ails the machine now; only these groups are asked, all if none is named.
pub async fn ask(machine: &Machine, loaded: &Loaded, name: &HostName, only: &[String]) -> Result<Ailing, Failure> {
    let survey = deploy::survey(machine).await.map_err(|error| Failure::Failed(error.to_string()))?;
    // Groups that need the internet prove more than a deployment has to, and take long.
    let verified = verifying::verify(machine, loaded, name, only, false).await?;
    let fails = verified.groups.into_iter().filter(|group| group.outcome == Outcome::Failed);
    Ok(Ailing { groups: fails.map(|group| group.id).collect(), units: survey.failed.into_iter().collect() })
}

/// Between two looks at a machine whose services are still coming up.
const AGAIN: Duration = Duration::from_secs(2);

/// Is the machine as well as `before`? Groups may take up to `patience` to come up; a failed unit is told at once.
pub async fn as_before(
    machine: &Machine,
    loaded: &Loaded,
    name: &HostName,
    before: &Ailing,
    patience: Duration,
) -> Result<(), String> {
    let end = Instant::now() + patience;
    let mut only: Vec<String> = Vec::new();
    loop {
        let now = ask(machine, loaded, name, &only).await.map_err(|failure| failure.to_string())?;
        let Some(news) = before.news(&now) else { return Ok(()) };
        if now.units.difference(&before.units).next().is_some() || Instant::now() > end {
            return Err(news);
        }
        only = now.groups.difference(&before.groups).cloned().collect();
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::Ailing;

    fn ailing(groups: &[&str], units: &[&str]) -> Ailing {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Ailing { groups: set(groups), units: set(units) }
    }

    #[test]
    fn only_what_is_new_counts() {
        for (before, now, news) in [
            (ailing(&[], &[]), ailing(&[], &[]), None),
            (ailing(&["raid"], &["a.service"]), ailing(&["raid"], &["a.service"]), None),
            (ailing(&["raid"], &[]), ailing(&[], &[]), None),
            (ailing(&["raid"], &[]), ailing(&["lvm", "raid"], &[]), Some("groups that fail: lvm")),
            (
                ailing(&[], &["a.service"]),
                ailing(&["ssh"], &["a.service", "b.service"]),
                Some("failed units: b.service; groups that fail: ssh"),
            ),
        ] {
            assert_eq!(before.news(&now).as_deref(), news);
        }
    }
}
