//! Which machines selectors choose.

#![expect(clippy::unwrap_used, reason = "a test")]

use fleet::{Fleet, Format, Selector, Unselected};
use std::fmt::Write as _;

fn fleet() -> Fleet {
    let head = include_str!("../../../examples/nas/fleet.toml").split("[machines.nas]").next().unwrap();
    let mut text = head.to_owned();
    for (name, address, tags) in [("c", 13, "[\"k3s\"]"), ("a", 11, "[\"k3s\", \"storage\"]"), ("b", 12, "[]")] {
        let _ = writeln!(
            text,
            "[machines.{name}]\naddress = \"192.168.1.{address}\"\ntags = {tags}\nconfiguration = \".#{name}\""
        );
    }
    Fleet::parse(&text, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap()
}

#[test]
fn selectors() {
    let fleet = fleet();
    for (words, wanted) in [
        ("", Ok("a b c")),
        ("b", Ok("b")),
        ("c b", Ok("c b")),
        ("@k3s", Ok("a c")),
        ("@storage @k3s b", Ok("a c b")),
        ("c @k3s", Ok("c a")),
        ("d", Err(Unselected::Machine("d".parse().unwrap()))),
        ("a @backup", Err(Unselected::Tag("backup".parse().unwrap()))),
    ] {
        let selectors: Vec<Selector> = words.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let names = |names: Vec<fleet::HostName>| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(fleet.select(&selectors).map(names), wanted.map(str::to_owned), "{words}");
    }
    assert!("@".parse::<Selector>().is_err() && "Nas".parse::<Selector>().is_err());
}
