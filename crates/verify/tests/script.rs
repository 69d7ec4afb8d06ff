//! The write test run by a real shell, and read by shellcheck.
#![expect(clippy::disallowed_types, clippy::unwrap_used, reason = "the test is about a real shell")]

mod sample;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use verify::{Ask, Group, Printed, Reply, groups, judge};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/groups/data.sh");

/// The group `data` with nothing but its write test, and the words of that test made to write to `place`.
fn write_test(place: &str) -> (Group, Ask, Vec<String>, String) {
    let mut data = groups(&sample::subject()).into_iter().find(|group| group.id == "data").unwrap();
    data.checks.retain(|check| check.id == "write:/data");
    let ask = data.checks[0].asks[0].clone();
    let Ask::Run { cmd, .. } = &ask else { panic!("a write test is a command") };
    let mut words = cmd.argv();
    place.clone_into(words.last_mut().unwrap());
    let input = cmd.input.clone().unwrap();
    (data, ask, words, input)
}

fn run(words: &[String], input: &str) -> Output {
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A shell that fails at once reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn judged(group: &Group, ask: Ask, output: &Output) -> verify::GroupResult {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let status = output.status.code().unwrap_or(255);
    let printed = Printed { status, stdout: text(&output.stdout), stderr: text(&output.stderr) };
    let mut answers = verify::Answers::default();
    answers.insert(ask, Reply::Printed(printed), 0.0);
    judge(group, &answers)
}

#[test]
fn what_is_written_is_read_back_and_removed() {
    let place = tempfile::tempdir().unwrap();
    let (group, ask, words, input) = write_test(place.path().to_str().unwrap());
    let result = judged(&group, ask, &run(&words, &input));
    assert_eq!(result.outcome, verify::Outcome::Passed, "{result:?}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_place_that_is_not_there_fails() {
    let (group, ask, words, input) = write_test("/no/such/place");
    let result = judged(&group, ask, &run(&words, &input));
    assert_eq!(result.outcome, verify::Outcome::Failed);
}

#[test]
fn other_content_fails() {
    let place = tempfile::tempdir().unwrap();
    let (group, ask, words, input) = write_test(place.path().to_str().unwrap());
    let result = judged(&group, ask, &run(&words, &input[1..]));
    assert_eq!(result.outcome, verify::Outcome::Failed);
}

#[test]
fn shellcheck_finds_nothing() {
    let Ok(output) = Command::new("shellcheck").args(["--shell=sh", SCRIPT]).output() else {
        eprintln!("skipped: shellcheck is not installed");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
