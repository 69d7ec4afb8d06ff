//! How answers are judged: one file for each kind of answer. A rule is data; what it says depends on nothing but the
//! answers.

mod access;
mod boot;
mod cluster;
mod disks;
mod firewall;
mod shell;
mod write;

pub use access::AccessRule;
pub use boot::BootRule;
pub use cluster::ClusterRule;
pub use disks::{Claim, DiskRule};
pub use firewall::FirewallRule;
pub use shell::ShellRule;
pub use write::WriteRule;

use crate::judge::Verdict;
use crate::{Printed, Reply};
use schemars::JsonSchema;
use serde::Serialize;
use storage::facts::Facts;

/// How the answers of a check are judged.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// What disks hold, by the facts.
    Disks(DiskRule),
    /// Boot sector and boot menu.
    Boot(BootRule),
    /// A write that is read back.
    Write(WriteRule),
    /// Who may log in, and as whom.
    Access(AccessRule),
    /// Open ports.
    Firewall(FirewallRule),
    /// Kubernetes.
    Cluster(ClusterRule),
    /// Programs and the shell.
    Shell(ShellRule),
}

impl Rule {
    /// What the rule says of the answers, which came in the order of the check's questions.
    pub(crate) fn judge(&self, replies: &[&Reply]) -> Verdict {
        match self {
            Self::Disks(rule) => rule.judge(facts(replies)?),
            Self::Boot(rule) => rule.judge(&printed(replies)?),
            Self::Write(rule) => rule.judge(&printed(replies)?),
            Self::Access(rule) => rule.judge(&printed(replies)?),
            Self::Firewall(rule) => rule.judge(&printed(replies)?),
            Self::Cluster(rule) => rule.judge(&printed(replies)?),
            Self::Shell(rule) => rule.judge(&printed(replies)?),
        }
    }
}

macro_rules! rules {
    ($($rule:ident($kind:ty)),+) => { $(impl From<$kind> for Rule {
        fn from(rule: $kind) -> Self { Self::$rule(rule) }
    })+ };
}
rules!(
    Disks(DiskRule),
    Boot(BootRule),
    Write(WriteRule),
    Access(AccessRule),
    Firewall(FirewallRule),
    Cluster(ClusterRule),
    Shell(ShellRule)
);

fn facts<'a>(replies: &[&'a Reply]) -> Result<&'a Facts, String> {
    match replies {
        [Reply::Facts(facts)] => Ok(facts),
        _ => Err("no probe answered this check: report this as a bug".to_owned()),
    }
}

fn printed<'a>(replies: &[&'a Reply]) -> Result<Vec<&'a Printed>, String> {
    let texts = replies.iter().map(|reply| match reply {
        Reply::Printed(printed) => Ok(printed),
        _ => Err("no command answered this check: report this as a bug".to_owned()),
    });
    texts.collect()
}

/// The answer to the question of this number.
fn at<'a>(answers: &[&'a Printed], number: usize) -> Result<&'a Printed, String> {
    answers.get(number).copied().ok_or_else(|| "an answer is missing: report this as a bug".to_owned())
}

/// Standard output of a command that must have ended well.
fn output<'a>(answers: &[&'a Printed], number: usize) -> Result<&'a str, String> {
    let printed = at(answers, number)?;
    if printed.status == 0 { Ok(&printed.stdout) } else { Err(complaint(printed)) }
}

/// What a command that failed has to say.
fn complaint(printed: &Printed) -> String {
    let said = printed.stderr.lines().map(str::trim).rfind(|line| !line.is_empty());
    let said = said.map(|line| format!(": {line}")).unwrap_or_default();
    format!("exit status {}{said}", printed.status)
}

/// Passes with `good` if nothing is in `wrong`, else fails with all of that.
fn verdict(wrong: &[String], good: impl Into<String>) -> Verdict {
    if wrong.is_empty() { Ok(good.into()) } else { Err(wrong.join("; ")) }
}
