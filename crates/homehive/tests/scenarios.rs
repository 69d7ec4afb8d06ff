//! Scenarios of users, by the real command line: what is wrong is told before anything starts, the example on disks plays to
//! its end, and one that does not hold says so in its exit status and its report.

mod bench;

use bench::{Bench, told};
use std::fs;
use std::path::Path;
use std::process::Command;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
const FLEET: &str = include_str!("../../../examples/nas/fleet.toml");

#[test]
fn a_scenario_is_checked_as_a_whole_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let run = |text: &str| {
        fs::write(dir.path().join("story.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
        command.env("XDG_STATE_HOME", dir.path()).env_remove("HOMEHIVE_FLEET").current_dir(dir.path());
        command.args(["--plain", "lab", "run", "story.toml"]).output().unwrap()
    };
    let fleet = format!("title = \"Wrong\"\nfleet = \"{EXAMPLES}/nas/fleet.toml\"\n");
    let wrong = "[[step]]\ndo = \"boot\"\nmachine = \"nsa\"\n\n[[step]]\ndo = \"pause\"\nfor = \"never\"\n\n\
                 [[step]]\ndo = \"homehive\"\nwords = [\"dploy\"]\n";
    let output = run(&(fleet.clone() + wrong));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    for part in [
        "story.toml has 3 problems",
        "the fleet has no machine `nsa`",
        "[story.toml:5:11]",
        "no length of time",
        "unrecognized subcommand 'dploy'",
    ] {
        assert!(told(&output).contains(part), "{part}: {}", told(&output));
    }
    let output = run("title = \"No fleet\"\nfleet = \"nowhere.toml\"\n\n[[step]]\ndo = \"pause\"\nfor = \"1s\"\n");
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    let output = run(&(fleet + "[[step]]\ndo = \"pause\"\nfor = \"1s\"\n"));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("names no machine"), "{}", told(&output));
    assert!(!dir.path().join("homehive").exists(), "no lab was made");
}

#[test]
fn in_the_lab_a_scenario_that_does_not_hold_says_so() {
    let Some(bench) = Bench::new(FLEET) else { return };
    let story = "title = \"Nothing is on\"\n\n[[step]]\ndo = \"dying\"\nmachine = \"nas\"\ndisk = \"disk.sata1\"\n\n\
                 [[step]]\ndo = \"run\"\nmachine = \"nas\"\nwords = [\"true\"]\nexpect = \"fails\"\n\n\
                 [[step]]\ndo = \"pull\"\nmachine = \"nas\"\ndisk = \"disk.sata2\"\nexpect = \"fails\"\n\n\
                 [[step]]\ndo = \"pause\"\nfor = \"1h\"\n";
    fs::write(bench.path().join("story.toml"), story).unwrap();
    let output = bench.ask(&["lab", "run", "story.toml", "--report", "report"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let report = fs::read_to_string(bench.path().join("report/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let stages = report["stages"].as_array().or_else(|| report["run"]["stages"].as_array()).unwrap();
    let outcomes: Vec<String> = stages.iter().map(|stage| stage["outcome"].to_string()).collect();
    assert_eq!(outcomes.len(), 5, "{outcomes:?}");
    assert!(stages[2]["detail"].as_str().unwrap().contains("it had to fail, and did not"), "{stages:?}");
    assert!(stages[3].to_string().contains("an earlier stage failed"), "{stages:?}");
    assert!(!Path::new(&bench.path().join("homehive/labs")).read_dir().unwrap().any(|_| true), "the lab is down");
}

#[test]
fn in_the_lab_a_nas_loses_two_disks_and_nothing_else() {
    let Some(bench) = Bench::new(FLEET) else { return };
    let story = format!("{EXAMPLES}/scenarios/nas-loses-two-disks.toml");
    let (answer, _) = bench.tell(&["lab", "run", &story, "--report", "report"]);
    assert!(answer.contains("all good"), "{answer}");
    assert!(bench.path().join("report/junit.xml").exists());
}
