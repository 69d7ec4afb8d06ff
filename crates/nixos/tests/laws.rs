//! What holds for every text of a user: it comes out of a real Nix as it went in, and is never code.

#![expect(clippy::unwrap_used, clippy::disallowed_types, clippy::disallowed_methods, reason = "a test, which runs Nix")]

use nixos::File;
use nixos::syntax::{Expr, Set};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// Texts that try to be more than text.
const SHARP: [&str; 30] = [
    "",
    "${1}",
    "\\${1}",
    "$${1}",
    "$$${1}",
    "'${1}",
    "''${1}",
    "'''",
    "''",
    "'",
    "\"",
    "\\",
    "\\\\\"",
    "$",
    "$\"",
    "{",
    "}",
    "\n",
    "a\n",
    "\na\n",
    "  a\n b\n",
    "a\n  \nb\n",
    "\ta\n",
    "a\r\nb\n",
    "it''s\n",
    "a'\n",
    "/*",
    "# x\n",
    "in",
    "../..",
];

/// Pieces that mean something to Nix, put together at random; and any characters at all but NUL, which it cannot hold.
fn text() -> impl Strategy<Value = String> {
    let pieces = vec(prop::sample::select(SHARP.to_vec()), 0..8).prop_map(|pieces| pieces.concat());
    let lines = vec("[ -~]{0,12}", 1..6).prop_map(|lines| lines.join("\n") + "\n");
    let chars = any::<String>().prop_map(|text| text.replace('\0', ""));
    prop_oneof![2 => pieces, 2 => lines, 1 => chars]
}

/// What `nix-instantiate` makes of a Nix text, as JSON; none if there is no Nix here.
fn evaluate(nix: &str) -> Option<serde_json::Value> {
    let mut command = Command::new("nix-instantiate");
    let store = std::env::temp_dir();
    command.args(["--eval", "--strict", "--json", "--read-write-mode", "--expr", nix]);
    command.env("NIX_STATE_DIR", store.join("nix-state")).stderr(Stdio::piped());
    let output = command.output().ok()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}\n{nix}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn any_text_comes_back_from_nix_unchanged() {
    if Command::new("nix-instantiate").arg("--version").output().is_err() {
        println!("skipped: nix-instantiate is not installed");
        return;
    }
    let mut config = Config::with_cases(8);
    config.failure_persistence = None;
    TestRunner::new(config)
        .run(&vec(text(), 150), |mut texts| {
            texts.extend(SHARP.map(str::to_owned));
            let quoted = texts.iter().map(Expr::text).collect::<Vec<_>>();
            let lines = texts.iter().map(|text| Expr::Lines(text.clone())).collect::<Vec<_>>();
            let mut unique = texts.clone();
            unique.sort();
            unique.dedup();
            let names = unique
                .iter()
                .fold(Set::new(), |set, text| set.note(format!("comment: {text}")).put_named("", text.as_str(), 1_u16));
            let all = Set::new().put("quoted", quoted).put("lines", lines).put("names", names);
            let file = File::nix("x.nix", "", &all.into()).unwrap();
            assert_eq!(nixfmt_rs::format(&file.text).unwrap(), file.text, "stable under the formatter");
            assert!(rnix::Root::parse(&file.text).errors().is_empty());
            let found = evaluate(&file.text).unwrap();
            let wanted: Vec<serde_json::Value> = texts.iter().map(|text| text.as_str().into()).collect();
            assert_eq!(found["quoted"].as_array().unwrap(), &wanted);
            assert_eq!(found["lines"].as_array().unwrap(), &wanted);
            let found: Vec<&String> = found["names"].as_object().unwrap().keys().collect();
            assert_eq!(found.len(), unique.len());
            assert!(unique.iter().all(|name| found.contains(&name)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_text_that_nix_cannot_hold_is_refused() {
    assert!(File::nix("x.nix", "", &Expr::text("a\0b")).is_err());
}

#[test]
fn every_rendered_file_is_read_by_nix() {
    if Command::new("nix-instantiate").arg("--version").output().is_err() {
        println!("skipped: nix-instantiate is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let examples = common::EXAMPLES.map(common::example);
    let texts: BTreeSet<String> = examples
        .iter()
        .flat_map(|fleet| nixos::render(fleet, &common::records(fleet)).unwrap())
        .filter(|file| file.path.rsplit_once('.').is_some_and(|(_, ending)| ending == "nix"))
        .map(|file| file.text)
        .collect();
    let mut nix = Command::new("nix-instantiate");
    nix.arg("--parse").stdout(Stdio::null()).stderr(Stdio::piped());
    for (at, text) in texts.iter().enumerate() {
        let path = dir.path().join(format!("{at}.nix"));
        std::fs::write(&path, text).unwrap();
        nix.arg(path);
    }
    let output = nix.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(texts.len() > 40, "{} files", texts.len());
}

mod common;
