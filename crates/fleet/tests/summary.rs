//! What `show` prints of the example, as text and as data.

#![expect(clippy::unwrap_used, reason = "a test")]

use fleet::summary::Summary;
use fleet::{Fleet, Format};

fn summary() -> Summary {
    let text = include_str!("../../../examples/nas/fleet.toml");
    Summary::of(&Fleet::parse(text, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap())
}

#[test]
fn as_text() {
    insta::assert_snapshot!(summary().to_text());
}

#[test]
fn as_data() {
    insta::assert_json_snapshot!(summary());
}

#[test]
fn of_a_cluster() {
    let text = include_str!("../../../examples/cluster/fleet.toml");
    let fleet = Fleet::parse(text, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
    let text = Summary::of(&fleet).to_text();
    insta::assert_snapshot!(text.split_once("\nshares\n").unwrap().1);
}

#[test]
fn of_one_machine() {
    let one = summary().only(&"nas".parse().unwrap()).unwrap();
    assert_eq!(one.shares.len(), 2);
    let names: Vec<&str> = one.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["SSH on nas", "k3s API on nas", "share storage", "share timemachine"]);
    assert_eq!(summary().only(&"pi".parse().unwrap()), None);
}
