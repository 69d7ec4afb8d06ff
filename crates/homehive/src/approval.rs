//! A plan that somebody has approved: by its digest, or as it was saved; and whether what is planned now is that one.

use crate::converge::Diverged;
use crate::failure::Failure;
use fleet::HostName;
use serde::Deserialize;
use std::path::Path;
use storage::Plan;
use storage::plan::Basis;

/// The only plan that may be applied.
#[derive(Debug)]
pub struct Approved {
    /// Its digest, or the beginning of it.
    digest: String,
    /// What it was made from, if it was saved.
    basis: Option<Basis>,
}

/// What `disks plan --json` prints, as far as it is read here.
#[derive(Deserialize)]
struct Saved {
    machine: String,
    digest: String,
    plan: SavedPlan,
}

#[derive(Deserialize)]
struct SavedPlan {
    basis: Option<Basis>,
}

/// The fewest digits of a digest that name a plan.
const DIGITS: usize = 8;

impl Approved {
    /// The word behind `--plan`: a digest, or else the file of a plan for `machine`. `again` is what saves one.
    pub fn read(word: &str, machine: &HostName, again: &str) -> Result<Self, Failure> {
        if (DIGITS..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self { digest: word.to_ascii_lowercase(), basis: None });
        }
        let help = format!("--plan takes the digest of a plan, or a file: {again} >FILE");
        let text = std::fs::read_to_string(Path::new(word));
        let text = text.map_err(|error| Failure::usage(format!("cannot read {word}: {error}"), &help))?;
        Self::saved(&text, machine, again).map_err(|why| match why {
            Unfit::Usage(why) => Failure::usage(format!("{word}: {why}"), help),
            Unfit::Refused(why) => {
                Failure::Refused(format!("{word} {why}\n  nothing was done; make it anew: {again} >{word}"))
            }
        })
    }

    fn saved(text: &str, machine: &HostName, again: &str) -> Result<Self, Unfit> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| Unfit::Usage(error.to_string()))?;
        if value.get("verb").is_some_and(|verb| verb != "disks-plan") {
            return Err(Unfit::Usage(format!("is not what {again} prints")));
        }
        let answer = value.get("answer").cloned().unwrap_or(value);
        let saved: Saved = serde_json::from_value(answer).map_err(|error| Unfit::Usage(error.to_string()))?;
        if saved.machine != machine.to_string() {
            return Err(Unfit::Refused(format!("is a plan for {}, not for {machine}", saved.machine)));
        }
        let Some(basis) = saved.plan.basis else {
            let why = "was saved by an older homehive, and does not say which facts it was made from";
            return Err(Unfit::Refused(why.to_owned()));
        };
        Ok(Self { digest: saved.digest, basis: Some(basis) })
    }

    /// Refuses what is planned now if it was made from other facts than the approved one.
    pub fn facts(&self, now: &Plan) -> Result<(), Diverged> {
        let changes = self.basis.as_ref().map(|basis| basis.changes(&now.basis)).unwrap_or_default();
        if changes.is_empty() { Ok(()) } else { Err(Diverged::OtherFacts { changes }) }
    }

    /// Refuses any other plan than the approved one.
    pub fn plan(&self, now: &Plan) -> Result<(), Diverged> {
        let found = now.digest();
        if self.digest.len() >= DIGITS && found.starts_with(&self.digest) {
            return Ok(());
        }
        let why = match self.basis {
            Some(_) => {
                "the disks are as they were: the fleet file, the words of consent or the journal have changed since"
            }
            None => {
                "the fleet file, the words of consent or what is on the disks has changed since; a plan that was saved \
                     (`disks plan --json`) says what"
            }
        };
        Err(Diverged::OtherPlan { found, approved: self.digest.clone(), why })
    }
}

/// Why a file is not an approval.
#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    /// It is none at all.
    Usage(String),
    /// It is one that does not hold.
    Refused(String),
}

#[cfg(test)]
mod tests {
    use super::{Approved, Unfit};
    use crate::converge::Diverged;
    use crate::verbs::PlanAnswer;
    use fleet::Fleet;
    use storage::facts::Facts;
    use storage::{Consent, Plan, plan};

    const LAYOUT: &str = include_str!("../../../examples/layouts/esp-mirror.toml");
    const AGAIN: &str = "homehive disks plan one --json";

    fn fleet() -> Fleet {
        Fleet::parse(LAYOUT, "fleet.toml", document::Format::Toml).unwrap()
    }

    fn facts() -> Facts {
        let disk = |name: &str, serial: &str| {
            format!(
                r#"{{"name":"{name}","path":"/dev/{name}","kind":"disk","size":8589934592,"sector":512,"serial":"{serial}",
                "links":["/dev/disk/by-id/ata-{serial}"],"content":{{"type":"blank"}}}}"#
            )
        };
        let machine = r#"{"hostname":"nixos","arch":"x86_64","kernel":"6.12","efi":true,"cpus":2,"memory":4294967296}"#;
        let devices = [disk("sda", "FIRST"), disk("sdb", "SECOND")].join(",");
        Facts::from_json(&format!(r#"{{"version":1,"machine":{machine},"devices":[{devices}]}}"#)).unwrap()
    }

    fn planned(facts: &Facts) -> Plan {
        let name = fleet().machines.keys().next().unwrap().clone();
        plan(&fleet().wish(&name).unwrap(), facts, &Consent::default())
    }

    /// What `disks plan --json` prints.
    fn printed(plan: &Plan) -> serde_json::Value {
        let answer = PlanAnswer { machine: "one".into(), digest: plan.digest(), lines: Vec::new(), plan: plan.clone() };
        serde_json::json!({ "version": 1, "verb": "disks-plan", "answer": answer })
    }

    fn saved(value: &serde_json::Value) -> Result<Approved, Unfit> {
        let name = fleet().machines.keys().next().unwrap().clone();
        Approved::saved(&value.to_string(), &name, AGAIN)
    }

    #[test]
    fn a_saved_plan_fits_what_it_was_made_from_and_names_what_has_changed() {
        let first = planned(&facts());
        let approved = saved(&printed(&first)).unwrap();
        approved.facts(&first).unwrap();
        approved.plan(&first).unwrap();
        // A disk that nobody declares changes no step: yet it is another machine than the one that was looked at.
        let mut other = facts();
        let mut stick = other.devices[0].clone();
        (stick.name, stick.path, stick.serial) = ("sdc".into(), "/dev/sdc".into(), Some("STICK".into()));
        stick.links.clear();
        other.devices.push(stick);
        other.devices[1].size *= 2;
        let now = planned(&other);
        assert_eq!(now.steps.len(), first.steps.len());
        let Err(Diverged::OtherFacts { changes }) = approved.facts(&now) else { panic!("it fits other facts") };
        let expected = ["disk.second (disk serial SECOND): size was 8GiB, is 16GiB", "disk serial STICK is new"];
        let mut expected = expected.map(str::to_owned);
        expected.sort();
        let mut found = changes;
        found.sort();
        assert_eq!(found, expected);
        // By digest alone it is refused as well.
        let name = fleet().machines.keys().next().unwrap().clone();
        let typed = Approved::read(&first.digest()[..12], &name, AGAIN).ok().unwrap();
        typed.plan(&first).unwrap();
        typed.facts(&now).unwrap();
        assert!(matches!(typed.plan(&now), Err(Diverged::OtherPlan { .. })));
    }

    #[test]
    fn what_does_not_say_its_facts_is_refused() {
        let whole = printed(&planned(&facts()));
        let mut old = whole.clone();
        old["answer"]["plan"].as_object_mut().unwrap().remove("basis");
        let mut strange = whole.clone();
        strange["answer"]["machine"] = "two".into();
        let mut probe = whole.clone();
        probe["verb"] = "probe".into();
        for (case, value, refused) in [
            ("older", old, "was saved by an older homehive"),
            ("another machine's", strange, "is a plan for two, not for one"),
        ] {
            let Err(Unfit::Refused(why)) = saved(&value) else { panic!("{case}: it is taken") };
            assert!(why.starts_with(refused), "{case}: {why}");
        }
        assert!(matches!(saved(&probe), Err(Unfit::Usage(_))));
        // The digest does not fit the steps, whatever the facts say.
        let mut forged = whole;
        forged["answer"]["digest"] = "0123456789abcdef".into();
        let forged = saved(&forged).unwrap();
        assert!(matches!(forged.plan(&planned(&facts())), Err(Diverged::OtherPlan { .. })));
    }
}
