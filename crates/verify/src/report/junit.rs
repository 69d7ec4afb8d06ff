//! A report as `JUnit` XML, as continuous integration reads it: what was not run is skipped, with its reason.

use super::{Reading, Report, Verification};
use crate::text::clean;
use crate::{GroupResult, Outcome};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// Why there is no XML.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report as JUnit XML")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The report as `JUnit` XML.
pub fn junit(report: &Report) -> Result<String, JunitError> {
    let run = &report.run;
    let mut xml = quick_junit::Report::new(clean(&run.title).into_owned());
    xml.set_time(duration(run.seconds));
    if !run.stages.is_empty() {
        let mut suite = TestSuite::new("stages");
        suite.add_property(("started", clean(&run.started).as_ref()));
        suite.add_property(("machine", clean(&run.machine).as_ref()));
        suite.add_property(("setting", report.setting().as_str()));
        suite.add_test_cases(
            run.stages.iter().map(|stage| case("stage", &stage.name, &stage.outcome, &stage.detail, stage.seconds)),
        );
        suite.set_time(duration(run.stages.iter().map(|stage| stage.seconds).sum()));
        xml.add_test_suite(suite);
    }
    for verification in &run.verifications {
        let mut suite = TestSuite::new(clean(&verification.title).into_owned());
        suite.set_time(duration(verification.seconds));
        for group in &verification.groups {
            suite.add_test_cases(cases(verification, group));
        }
        xml.add_test_suite(suite);
    }
    Ok(xml.to_string()?)
}

/// One case per check; a group that had to fail is one case of its own, which is what was to be proven.
fn cases(verification: &Verification, group: &GroupResult) -> Vec<TestCase> {
    if !verification.must_fail.contains(&group.id) {
        let cases = group.checks.iter().map(|c| case(&group.id, &c.title, &c.outcome, &c.detail, c.seconds));
        return cases.collect();
    }
    let name = format!("{}: what was broken is noticed", group.title);
    let failed = group.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    let seen = failed.map(|check| check.detail.as_str()).collect::<Vec<_>>().join("; ");
    let seconds = group.checks.iter().map(|check| check.seconds).sum();
    let outcome = match verification.reading(group) {
        Reading::Passed | Reading::Noticed => Outcome::Passed,
        Reading::Failed | Reading::Unnoticed => Outcome::Failed,
        Reading::NotRun => group.outcome.clone(),
    };
    let detail = if outcome == Outcome::Failed { "the group passed although it had to fail".to_owned() } else { seen };
    vec![case(&group.id, &name, &outcome, &detail, seconds)]
}

fn case(class: &str, name: &str, outcome: &Outcome, detail: &str, seconds: f64) -> TestCase {
    let status = match outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(clean(detail).into_owned());
            status
        }
        Outcome::NotRun { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(clean(reason).into_owned());
            status
        }
    };
    let mut case = TestCase::new(clean(name).into_owned(), status);
    case.set_classname(clean(class).into_owned());
    case.set_time(duration(seconds));
    if *outcome == Outcome::Passed && !detail.is_empty() {
        case.set_system_out(clean(detail).into_owned());
    }
    case
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
