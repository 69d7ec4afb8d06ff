//! What the tries of a step write into the report, and what of it stays there.

use verify::report::Reading;
use verify::report::{Run, Verification};
use verify::{GroupResult, Outcome};

/// How far the report had come before a try.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    verifications: usize,
    pictures: usize,
}

impl Mark {
    pub fn of(run: &Run) -> Self {
        Self { verifications: run.verifications.len(), pictures: run.pictures.len() }
    }

    /// The step is tried again: what this try has found counts for nothing.
    pub fn forget(self, run: &mut Run) {
        run.verifications.truncate(self.verifications);
        run.pictures.truncate(self.pictures);
    }

    /// The step had to fail, and did: what this try has found had to be found.
    pub fn as_expected(self, run: &mut Run) {
        for verification in run.verifications.iter_mut().skip(self.verifications) {
            let failed = verification.groups.iter().filter(|group| group.outcome == Outcome::Failed);
            verification.must_fail = failed.map(|group| group.id.clone()).collect();
        }
    }
}

/// What is wrong with a verification, group by group; nothing if all is as it had to be.
pub fn wanting(verification: &Verification) -> Vec<String> {
    let bad = verification.groups.iter().filter_map(|group| match verification.reading(group) {
        Reading::Failed => Some(format!("{}: {}", group.id, failed_checks(group))),
        Reading::Unnoticed => Some(format!("{}: it had to find what is broken, and passed", group.id)),
        Reading::Passed | Reading::Noticed | Reading::NotRun => None,
    });
    // Nobody has noticed what nobody has looked at.
    let blind = verification.must_fail.iter().filter_map(|id| {
        let found = verification.groups.iter().find(|group| group.id == *id);
        match found.map(|group| &group.outcome) {
            Some(Outcome::Passed | Outcome::Failed) => None,
            Some(Outcome::NotRun { reason }) => {
                Some(format!("{id}: it had to find what is broken, and was not run: {reason}"))
            }
            None => Some(format!("{id}: it had to find what is broken, and was not run")),
        }
    });
    bad.chain(blind).collect()
}

/// What is wrong with a group, in one line.
fn failed_checks(group: &GroupResult) -> String {
    let failed = group.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    failed.map(|check| format!("{} ({})", check.title, check.detail)).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::{Mark, wanting};
    use verify::report::{Report, Run, Stage, Verification};
    use verify::{GroupResult, Outcome};

    fn found(outcome: Outcome, must_fail: &[&str]) -> Verification {
        let group = GroupResult { id: "raid".into(), title: "Arrays".into(), outcome, checks: Vec::new() };
        let must_fail = must_fail.iter().map(|id| (*id).to_owned()).collect();
        Verification { must_fail, groups: vec![group], ..Verification::default() }
    }

    #[test]
    fn a_group_that_must_find_something_has_to_look() {
        let not_run = || Outcome::NotRun { reason: "no arrays".into() };
        for (outcome, must_fail, expected) in [
            (Outcome::Passed, &[][..], None),
            (not_run(), &[], None),
            (Outcome::Failed, &["raid"], None),
            (Outcome::Failed, &[], Some("raid: ")),
            (Outcome::Passed, &["raid"], Some("raid: it had to find what is broken, and passed")),
            (not_run(), &["raid"], Some("raid: it had to find what is broken, and was not run: no arrays")),
            (Outcome::Passed, &["data"], Some("data: it had to find what is broken, and was not run")),
        ] {
            let found = wanting(&found(outcome, must_fail));
            assert_eq!(found.first().map(String::as_str), expected, "{found:?}");
        }
    }

    #[test]
    fn a_story_whose_stages_pass_is_good() {
        let stage = Stage { name: "verify".into(), seconds: 0.0, outcome: Outcome::Passed, detail: String::new() };
        let mut run = Run { stages: vec![stage], verifications: vec![found(Outcome::Passed, &[])], ..Run::default() };
        // A try that failed, and one that did not.
        let mark = Mark::of(&run);
        run.verifications.push(found(Outcome::Failed, &[]));
        assert!(!Report::of(run.clone()).summary.good);
        mark.forget(&mut run);
        run.verifications.push(found(Outcome::Passed, &[]));
        assert_eq!(run.verifications.len(), 2);
        assert!(Report::of(run.clone()).summary.good);
        // One that had to fail; what was found before stays what it was.
        let mark = Mark::of(&run);
        run.verifications.push(found(Outcome::Failed, &[]));
        mark.as_expected(&mut run);
        assert_eq!(run.verifications.iter().map(|it| it.must_fail.len()).collect::<Vec<_>>(), [0, 0, 1]);
        assert!(Report::of(run).summary.good);
    }
}
