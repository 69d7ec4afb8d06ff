//! A scenario file as far as it could be read: every step that could not be is a problem, and the others are kept.

use crate::step::{
    Access, Apply, Boot, Errors, Expect, From, Full, Install, Intact, Link, Lose, On, OnDisk, Pause, Plan, PowerCut,
    Rot, Run, Scenario, Slow, Status, Step, Verb, Verify, What, Write,
};
use document::{Decode, Format, Kind, Path, Problems, Table, Value, parse_text};
use fleet::HostName;
use storage::NodeId;
use storage::health::State;

/// What was read, and what was wrong with it.
#[derive(Clone, Debug)]
pub struct Draft {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) root: Value,
    pub(crate) problems: Problems,
    pub(crate) title: Option<String>,
    /// The fleet file that the scenario names.
    pub fleet: Option<String>,
    pub(crate) machines: Vec<HostName>,
    /// The steps that could be read, each with its number in the file.
    pub(crate) steps: Vec<(usize, Step)>,
}

impl Draft {
    /// Reads a scenario file; `name` is only shown.
    pub fn read(text: &str, name: &str, format: Format) -> Self {
        let mut problems = Problems::default();
        let root = document::read(text, format, &mut problems);
        let malformed = !problems.is_empty();
        let (at, mut steps) = (Path::root(), Vec::new());
        let (mut title, mut fleet, mut machines) = (None, None, Vec::new());
        if let Some(mut table) = Table::open(&root, &at, &mut problems) {
            title = table.required("title", "say what it is about: `title = \"A disk dies\"`", &mut problems);
            fleet = table.optional("fleet", &mut problems);
            machines = table.or_default("machines", &mut problems);
            let raw = table.raw("step");
            table.close(&mut problems);
            match raw.map(|value| &value.kind) {
                Some(Kind::List(values)) => {
                    let read = |(number, value)| {
                        Step::decode(value, &at.join("step").join(number), &mut problems).map(|step| (number, step))
                    };
                    steps = values.iter().enumerate().filter_map(read).collect();
                }
                Some(_) => {
                    let help = "write each step as `[[step]]`, with two brackets";
                    problems.add(&at.join("step"), "scenario::no_steps", "`step` is no list of steps", "no list", help);
                }
                None => {}
            }
            if raw.is_none_or(|value| value.kind == Kind::List(Vec::new())) {
                let help = "write one: `[[step]]`, then `do = \"boot\"` and `machine = \"nas\"`";
                problems.add(&at, "scenario::no_steps", "the scenario has no step", "no `[[step]]`", help);
            }
        }
        if malformed {
            // What is absent may stand where the text could not be read.
            problems.forget("document::missing_key");
            problems.forget("scenario::no_steps");
        }
        Self { name: name.to_owned(), text: text.to_owned(), root, problems, title, fleet, machines, steps }
    }

    /// Is something wrong with the file itself, whatever the fleet?
    pub fn is_broken(&self) -> bool {
        !self.problems.is_empty()
    }

    /// The machines that the lab is to have: those that are listed, or else those that the steps name; in order, once.
    pub fn machines(&self) -> Vec<HostName> {
        let named = self.steps.iter().flat_map(|(_, step)| step.what.machines()).map(|(_, name)| name);
        let mut all: Vec<HostName> =
            if self.machines.is_empty() { named.cloned().collect() } else { self.machines.clone() };
        all.sort();
        all.dedup();
        all
    }
}

const WORDS: [&str; 24] = [
    "boot",
    "off",
    "power-cut",
    "dying",
    "revive",
    "pull",
    "replace",
    "errors",
    "slow",
    "full",
    "rot",
    "well",
    "link",
    "disks-apply",
    "disks-plan",
    "disks-status",
    "install",
    "verify",
    "run",
    "homehive",
    "write",
    "intact",
    "answers",
    "pause",
];

impl Decode for Step {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let t = &mut table;
        let word: Option<String> = t.required("do", "say what: `do = \"boot\"`", problems);
        let title = t.optional("title", problems);
        let expect = chosen(t, "expect", &[("done", Expect::Done), ("fails", Expect::Fails)], problems);
        let within = t.optional("within", problems);
        let deadline = t.optional("deadline", problems);
        // Without its word nobody knows which keys a step has.
        let word = word?;
        let Ok(what) = what(&word, t, problems) else {
            let known = WORDS.map(|word| format!("\"{word}\"")).join(", ");
            let message = format!("`{word}` is nothing that a step does");
            let help = format!("write one of {known}");
            problems.add(&at.join("do"), "scenario::unknown_step", message, "this word", help);
            return None;
        };
        table.close(problems);
        what.map(|what| Self { title, expect, within, deadline, what })
    }
}

/// A word that no step has.
struct Unknown;

/// What a step does; nothing if its keys are wrong.
fn what(word: &str, t: &mut Table<'_>, problems: &mut Problems) -> Result<Option<What>, Unknown> {
    Ok(match word {
        "boot" => {
            let from = chosen(t, "from", &[("medium", From::Medium), ("disks", From::Disks)], problems);
            machine(t, problems).map(|machine| What::Boot(Boot { machine, from }))
        }
        "off" => machine(t, problems).map(|machine| What::Off(On { machine })),
        "answers" => machine(t, problems).map(|machine| What::Answers(On { machine })),
        "power-cut" => {
            let words = [("none", Lose::None), ("all", Lose::All), ("some", Lose::Some), ("torn", Lose::Torn)];
            let lose = chosen(t, "lose", &words, problems);
            let seed = t.optional("seed", problems);
            machine(t, problems).map(|machine| What::PowerCut(PowerCut { machine, lose, seed }))
        }
        "dying" => disk(t, problems).map(What::Dying),
        "revive" => disk(t, problems).map(What::Revive),
        "pull" => disk(t, problems).map(What::Pull),
        "replace" => disk(t, problems).map(What::Replace),
        "well" => disk(t, problems).map(What::Well),
        "errors" => {
            let words = [("read", Access::Read), ("write", Access::Write), ("flush", Access::Flush)];
            let on = chosen(t, "on", &words, problems);
            let (from, to) = (t.or_default("from", problems), t.optional("to", problems));
            disk(t, problems).map(|disk| What::Errors(Errors { disk, on, from, to }))
        }
        "slow" => {
            let ms = t.required("ms", "say by how many milliseconds: `ms = 200`", problems);
            disk(t, problems).zip(ms).map(|(disk, ms)| What::Slow(Slow { disk, ms }))
        }
        "full" => {
            let after = t.or_default("after", problems);
            disk(t, problems).map(|disk| What::Full(Full { disk, after }))
        }
        "rot" => {
            let from = t.required("at", "say from which byte on: `at = 1048576`", problems);
            let sectors = t.optional("sectors", problems).unwrap_or(1);
            disk(t, problems).zip(from).map(|(disk, at)| What::Rot(Rot { disk, at, sectors }))
        }
        "link" => {
            let from = t.required("from", "say between which: `from = \"one\"`, `to = \"two\"`", problems);
            let to = t.required("to", "say between which: `from = \"one\"`, `to = \"two\"`", problems);
            let (cut, delay_ms) = (t.or_default("cut", problems), t.or_default("delay_ms", problems));
            let one_way = t.or_default("one_way", problems);
            let at = t.at().join("loss");
            let loss = t.raw("loss").map(|value| parse_text(value, &at, "scenario::bad_share", "\"10%\"", problems));
            let loss = loss.flatten().unwrap_or_default();
            Option::zip(from, to).map(|(from, to)| What::Link(Link { from, to, cut, delay_ms, loss, one_way }))
        }
        "disks-apply" => {
            let (wipe, reinstall) = (t.or_default("wipe", problems), t.or_default("reinstall", problems));
            machine(t, problems).map(|machine| What::DisksApply(Apply { machine, wipe, reinstall }))
        }
        "disks-plan" => {
            let nodes: Vec<NodeId> = t.or_default("nodes", problems);
            machine(t, problems).map(|machine| What::DisksPlan(Plan { machine, nodes }))
        }
        "disks-status" => {
            let nodes = t.raw("nodes").map(|value| states(value, &t.at().join("nodes"), problems));
            machine(t, problems).map(|machine| What::DisksStatus(Status { machine, nodes: nodes.unwrap_or_default() }))
        }
        "install" => {
            let reinstall = t.or_default("reinstall", problems);
            machine(t, problems).map(|machine| What::Install(Install { machine, reinstall }))
        }
        "verify" => {
            let (groups, broken) = (t.or_default("groups", problems), t.or_default("broken", problems));
            machine(t, problems).map(|machine| What::Verify(Verify { machine, groups, broken }))
        }
        "run" => {
            let words = t.required("words", "say what to run: `words = [\"uname\", \"-r\"]`", problems);
            let (status, prints) = (t.or_default("status", problems), t.optional("prints", problems));
            let background = t.or_default("background", problems);
            machine(t, problems)
                .zip(words)
                .map(|(machine, words)| What::Run(Run { machine, words, status, prints, background }))
        }
        "homehive" => {
            let words: Option<Vec<String>> =
                t.required("words", "say which verb: `words = [\"status\", \"nas\"]`", problems);
            let (status, prints) = (t.or_default("status", problems), t.optional("prints", problems));
            words.map(|words| What::Homehive(Verb { words, status, prints }))
        }
        "write" => {
            let path = t.required("path", "say where: `path = \"/data/proof\"`", problems);
            let size = t.required("size", "say how much: `size = \"24MiB\"`", problems);
            let written = machine(t, problems).zip(path).zip(size);
            written.map(|((machine, path), size)| What::Write(Write { machine, path, size }))
        }
        "intact" => {
            let path = t.required("path", "name a file that was written: `path = \"/data/proof\"`", problems);
            machine(t, problems).zip(path).map(|(machine, path)| What::Intact(Intact { machine, path }))
        }
        "pause" => {
            let long = t.required("for", "say how long: `for = \"5s\"`", problems);
            long.map(|long| What::Pause(Pause { long }))
        }
        _ => return Err(Unknown),
    })
}

fn machine(table: &mut Table<'_>, problems: &mut Problems) -> Option<HostName> {
    table.required("machine", "say which: `machine = \"nas\"`", problems)
}

fn disk(table: &mut Table<'_>, problems: &mut Problems) -> Option<OnDisk> {
    let disk = table.required("disk", "say which: `disk = \"disk.sata3\"`", problems);
    machine(table, problems).zip(disk).map(|(machine, disk)| OnDisk { machine, disk })
}

/// One of a few words; the default one if the key is absent.
fn chosen<T: Copy + Default>(
    table: &mut Table<'_>,
    key: &'static str,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> T {
    let Some(value) = table.raw(key) else { return T::default() };
    word(value, &table.at().join(key), words, problems).unwrap_or_default()
}

fn word<T: Copy>(value: &Value, at: &Path, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let text = String::decode(value, at, problems)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice);
    if found.is_none() {
        let known = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let help = format!("write one of {known}");
        problems.add(at, "scenario::unknown_word", format!("`{text}` is none of the words here"), "this word", help);
    }
    found
}

/// The words of [`State`], as `disks status --json` has them.
const STATES: [(&str, State); 10] = [
    ("good", State::Good),
    ("rebuilding", State::Rebuilding),
    ("not_mounted", State::NotMounted),
    ("inactive", State::Inactive),
    ("unmade", State::Unmade),
    ("degraded", State::Degraded),
    ("unfinished", State::Unfinished),
    ("foreign", State::Foreign),
    ("missing", State::Missing),
    ("broken", State::Broken),
];

fn states(value: &Value, at: &Path, problems: &mut Problems) -> std::collections::BTreeMap<String, State> {
    let Kind::Table(entries) = &value.kind else {
        Table::open(value, at, problems);
        return std::collections::BTreeMap::new();
    };
    let read = |(node, _, value): &(String, std::ops::Range<usize>, Value)| {
        word(value, &at.join(node), &STATES, problems).map(|state| (node.clone(), state))
    };
    entries.iter().filter_map(read).collect()
}

impl Draft {
    /// The scenario, if nothing is wrong with the file.
    pub(crate) fn whole(self) -> Result<Scenario, Box<document::Report>> {
        let Self { name, text, root, problems, title, fleet, machines, steps } = self;
        match title {
            Some(title) if problems.is_empty() => {
                let step = steps.into_iter().map(|(_, step)| step).collect();
                Ok(Scenario { title, fleet, machines, step })
            }
            _ => Err(Box::new(problems.into_report(&name, &text, &root))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{STATES, WORDS};
    use crate::schema::schema;

    /// What is read and what the schema says are the same words.
    #[test]
    fn the_words_are_the_schemas() {
        let schema = schema().to_value();
        let step = schema["$defs"]["Step"].to_string();
        for word in WORDS {
            assert!(step.contains(&format!("\"const\":\"{word}\"")), "{word} in {step}");
        }
        assert_eq!(step.matches("\"const\":").count(), WORDS.len());
        for (word, state) in STATES {
            assert_eq!(serde_json::to_value(state).unwrap(), word);
        }
    }
}
