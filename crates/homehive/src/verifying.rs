//! Asking a machine all that its assertion groups want to know; the judgement is `verify`'s.

use crate::failure::Failure;
use crate::load::Loaded;
use fleet::HostName;
use futures_util::StreamExt as _;
use machine::{Machine, Output, RunError, Trust, ask_local};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use storage::facts::Facts;
use storage::plan::Sight;
use storage::{NodeId, Wish};
use uuid::Uuid;
use verify::draw::Diagram;
use verify::report::Picture;
use verify::{Answers, Ask, Door, Group, GroupResult, Payload, Printed, Reply, Side, Subject};

/// What came of verifying a machine.
#[derive(Debug)]
pub struct Verified {
    /// Group by group.
    pub groups: Vec<GroupResult>,
    /// What the machine runs, if it told.
    pub payload: Option<Payload>,
    /// What its disks hold, if they could be seen.
    pub facts: Option<Facts>,
    /// How long it took.
    pub seconds: f64,
}

/// No single question takes long; a dying disk makes some slow.
const DEADLINE: Duration = Duration::from_mins(5);
/// How many questions are under way at once.
const AT_ONCE: usize = 4;

/// Asks and judges the groups called `only` (all, if none is named).
pub async fn verify(
    machine: &Machine,
    loaded: &Loaded,
    name: &HostName,
    only: &[String],
    network: bool,
) -> Result<Verified, Failure> {
    let begun = Instant::now();
    let known_hosts = known_hosts(machine)?;
    let door = door(machine, known_hosts.as_ref().map(tempfile::NamedTempFile::path));
    let nonce = Uuid::new_v4().simple().to_string();
    let subject = Subject::of(&loaded.fleet, name, door, &nonce);
    let subject = subject.ok_or_else(|| Failure::Bug(format!("`{name}` is in no fleet")))?;
    let mut groups = verify::groups(&subject);
    if let Some(unknown) = only.iter().find(|id| groups.iter().all(|group| group.id != id.as_str())) {
        let known = groups.iter().map(|group| group.id).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(
            format!("no group `{unknown}` applies to `{name}`"),
            format!("its groups: {known}"),
        ));
    }
    groups.retain(|group| only.is_empty() || only.iter().any(|id| id == group.id));
    let [os_release, marker] = Payload::asks();
    let (os_release, marker) = tokio::join!(ask(machine, &os_release), ask(machine, &marker));
    let mut answers = Answers::new(Payload::read(&os_release.0, &marker.0), network);
    let wanted: Vec<Group> =
        groups.iter().filter(|group| verify::obstacle(group, answers.payload, network).is_none()).cloned().collect();
    // The disks first: words about a disk need its path of today.
    let (seen, seconds) = ask(machine, &Ask::Facts).await;
    let facts = if let Reply::Facts(found) = &seen { Some((**found).clone()) } else { None };
    answers.insert(Ask::Facts, seen, seconds);
    let paths = facts.as_ref().map(|facts| paths(&subject.wish, facts)).unwrap_or_default();
    let questions = verify::questions(&wanted).into_iter().filter(|question| **question != Ask::Facts);
    let questions = questions.map(async |question| {
        let answer = match filled(question, &paths) {
            Ok(filled) => ask(machine, &filled).await,
            Err(node) => (Reply::Failed(format!("the device of {node} is not there")), 0.0),
        };
        (question.clone(), answer)
    });
    let mut replies = futures_util::stream::iter(questions).buffer_unordered(AT_ONCE);
    while let Some((question, (reply, seconds))) = replies.next().await {
        answers.insert(question, reply, seconds);
    }
    let results = groups.iter().map(|group| verify::judge(group, &answers)).collect();
    Ok(Verified { groups: results, payload: answers.payload, facts, seconds: begun.elapsed().as_secs_f64() })
}

/// Where the machine's nodes are today.
fn paths(wish: &Wish, facts: &Facts) -> BTreeMap<NodeId, String> {
    let sight = Sight::new(wish, facts);
    let path = |id: &NodeId| sight.device(id).map(|device| device.path.clone());
    wish.nodes.iter().filter_map(|node| Some((node.id.clone(), path(&node.id)?))).collect()
}

/// The question with real devices in place of nodes; the first node that is not there is the error.
fn filled(question: &Ask, paths: &BTreeMap<NodeId, String>) -> Result<Ask, String> {
    match question {
        Ask::Facts => Ok(Ask::Facts),
        Ask::Run { on, cmd } => {
            let cmd = cmd.resolve(|node| paths.get(&NodeId::from(node)).cloned())?;
            Ok(Ask::Run { on: *on, cmd })
        }
    }
}

/// Asks one question; how many seconds the answer took.
async fn ask(machine: &Machine, question: &Ask) -> (Reply, f64) {
    let begun = Instant::now();
    let reply = match question {
        Ask::Facts => match machine.look().await {
            Ok(facts) => Reply::Facts(Box::new(facts)),
            Err(error) => Reply::Failed(error.to_string()),
        },
        Ask::Run { on: Side::Machine, cmd } => printed(machine.ask_as_login(cmd, DEADLINE).await),
        Ask::Run { on: Side::Root, cmd } => printed(machine.ask(cmd, DEADLINE).await),
        Ask::Run { on: Side::Operator, cmd } => printed(ask_local(cmd, DEADLINE).await),
    };
    (reply, begun.elapsed().as_secs_f64())
}

fn printed(output: Result<Output, RunError>) -> Reply {
    match output {
        Ok(Output { status, stdout, stderr }) => Reply::Printed(Printed { status, stdout, stderr }),
        Err(error) => Reply::Failed(error.to_string()),
    }
}

/// How the operator's side reaches the machine, apart from our own connection.
fn door(machine: &Machine, known_hosts: Option<&Path>) -> Door {
    let path = |path: &Path| path.display().to_string();
    machine.address().map_or_else(Door::default, |address| Door {
        host: address.host.clone(),
        port: address.port,
        known_hosts: known_hosts.map(path),
        alias: None,
        identity: address.identity.as_deref().map(path),
    })
}

/// The pinned key in a file of its own, under the machine's address: the attempts to get in without a key use no
/// connection of ours.
fn known_hosts(machine: &Machine) -> Result<Option<tempfile::NamedTempFile>, Failure> {
    let Some(address) = machine.address() else { return Ok(None) };
    let Trust::Pinned(key) = &address.trust else { return Ok(None) };
    let host = if address.port == 22 { address.host.clone() } else { format!("[{}]:{}", address.host, address.port) };
    let file = tempfile::NamedTempFile::new().and_then(|file| {
        std::fs::write(file.path(), format!("{host} {}\n", key.trim()))?;
        Ok(file)
    });
    file.map(Some).map_err(|error| Failure::Failed(format!("cannot write the pinned key down: {error}")))
}

/// The storage stack as it is at this moment, drawn.
pub fn picture(title: &str, wish: &Wish, facts: Option<&Facts>) -> Picture {
    Picture { title: title.to_owned(), diagram: Diagram::of(wish, facts) }
}
