//! Names that were given on the command line for nothing. Pure.

use crate::name::{Consent, Name};
use crate::plan::Plan;
use std::fmt;

/// A name that was given for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The name.
    pub name: Name,
    /// The word before it.
    pub word: &'static str,
    /// What could be named there.
    pub known: Vec<Name>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, word, known } = self;
        if *word == "--prune" {
            let known = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "nothing" } else { &known };
            return write!(
                f,
                "{word} {name}: the fleet has it, or homehive never made it, or it is gone; to be removed there is {known}"
            );
        }
        write!(f, "{word} {name}: the fleet has no such object")
    }
}

impl Plan {
    /// The names of the consent that nothing here bears: no object of the fleet whose fields could be taken, none that would
    /// be removed. Whoever named them meant something else.
    pub fn unknown(&self, consent: &Consent) -> Vec<Unknown> {
        let force = consent.force.iter().filter(|name| !self.objects.iter().any(|it| it.object == **name));
        let force = force.map(|name| Unknown { name: name.clone(), word: "--force-conflicts", known: Vec::new() });
        let former: Vec<Name> = self.former.iter().map(|it| it.object.clone()).collect();
        let prune = consent.prune.iter().filter(|name| !former.contains(name));
        let prune = prune.map(|name| Unknown { name: name.clone(), word: "--prune", known: former.clone() });
        force.chain(prune).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::{Change, Kept, Plan, Pruning, What};
    use crate::{Consent, Name};
    use cluster::Key;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn names_that_fit_nothing_are_told() {
        let (file, what) = ("50-x.yaml".to_owned(), What::Same);
        let key = Key {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("y".into()),
            name: "gone".into(),
        };
        let plan = Plan {
            objects: vec![Change { object: name("ConfigMap/y/x"), wave: 50, file, what, ours: true }],
            former: vec![Pruning { object: name("ConfigMap/y/gone"), kept: Some(Kept::Data), key, uid: String::new() }],
        };
        for (case, force, prune, unknown) in [
            ("all known", "ConfigMap/y/x", "ConfigMap/y/gone", 0),
            ("misspelt", "ConfigMap/y/xx", "ConfigMap/y/go", 2),
            ("still declared", "ConfigMap/y/x", "ConfigMap/y/x", 1),
        ] {
            let found = plan.unknown(&Consent { force: vec![name(force)], prune: vec![name(prune)] });
            assert_eq!(found.len(), unknown, "{case}");
            assert!(
                found.iter().all(|it| it.word != "--prune" || it.to_string().contains("ConfigMap/y/gone")),
                "{case}"
            );
        }
    }
}
