//! `homehive secrets`: what is made, for whom, and what is refused.

use crate::home::Home;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn from_nothing_to_all_secrets() {
    let home = Home::new("cluster", &["owner"]);
    assert!(home.told(&["check"], "", 0).contains("homehive secrets init"), "no mistake before anything was made");
    let told = home.told(&["secrets", "init"], "", 1);
    for wanted in ["made secrets/k3s-token.age", "missing samba-ben", "homehive secrets set mail-password"] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    let told = home.told(&["check"], "", 1);
    for wanted in ["secrets::missing", "the secret `samba-ben` is not set", "homehive secrets set samba-ben"] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    let value = " with blanks, \"quotes\", $(words) and ü";
    home.told(&["secrets", "set", "samba-ben"], &format!("{value}\n"), 0);
    home.told(&["secrets", "set", "mail"], "of the mail server", 0);
    assert!(home.told(&["secrets", "init"], "", 0).contains("all secrets are there"));
    home.told(&["check"], "", 0);
    assert_eq!(home.opened("samba-ben.age", "owner").as_deref(), Some(value));
    for (file, machine, opens) in [
        ("samba-ben.age", "hive1", true),
        ("samba-ben.age", "worker", false),
        ("grafana-password.age", "hive3", true),
        ("grafana-password.age", "nas", false),
        ("k3s-token.age", "worker", true),
        ("mail-password.age", "nas", true),
    ] {
        assert_eq!(home.opened_by(file, machine).is_some(), opens, "{file} by {machine}");
    }
    for (path, _) in home.sealed().iter().filter(|(path, _)| path.contains(".age")) {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0, "{path}");
    }
}

#[test]
fn what_is_no_secret_is_refused() {
    let home = Home::new("nas", &["owner"]);
    home.told(&["secrets", "init"], "", 1);
    let before = home.sealed();
    for (words, input, status, wanted) in [
        (&["set", "samba-ben"][..], "", 2, "it is empty"),
        (&["set", "samba-ben"], "one\ntwo\n", 2, "several lines"),
        (&["set", "samba-eva"], "x", 2, "its secrets: grafana-password"),
        (&["set", "host-keys/nas"], "x", 2, "host keys are made by homehive"),
        (&["set", "k3s-token"], "x", 3, "--despite-cluster k3s-token"),
        (&["rotate", "k3s-token"], "", 3, "no server would start"),
        (&["rotate", "k3s-token", "--despite-cluster", "grafana"], "", 2, "names `grafana`"),
        (&["rotate", "mail-password"], "", 2, "homehive secrets set mail-password"),
    ] {
        let words: Vec<&str> = ["secrets"].iter().chain(words).copied().collect();
        let told = home.told(&words, input, status);
        assert!(told.contains(wanted), "{words:?}: {told}");
        assert_eq!(home.sealed(), before, "{words:?} changed something");
    }
    let [token, password] = ["k3s-token.age", "grafana-password.age"].map(|file| home.opened(file, "owner"));
    let told = home.told(&["secrets", "rotate", "grafana"], "", 0);
    assert!(told.contains("reset-admin-password"), "{told}");
    home.told(&["secrets", "rotate", "k3s-token", "--despite-cluster", "k3s-token"], "", 0);
    assert_ne!(home.opened("grafana-password.age", "owner"), password);
    assert_ne!(home.opened("k3s-token.age", "owner"), token);
}

#[test]
fn rekeyed_for_todays_admin_and_machines_or_not_at_all() {
    let home = Home::new("cluster", &["owner", "laptop"]);
    home.told(&["secrets", "init"], "", 1);
    home.told(&["secrets", "set", "samba-ben"], "of the share", 0);
    assert!(home.told(&["secrets", "rekey"], "", 0).contains("0 sealed anew"));
    // Another key of the admin, and a machine that is no server any more.
    home.admins(&["owner", "laptop"]);
    home.edit(|text| text.replacen("role = \"k3s-server\"", "role = \"k3s-agent\"", 2));
    let told = home.told(&["secrets", "list"], "", 0);
    for wanted in ["stale", "not every key of the admin opens it", "2 other keys open it as well", "secrets rekey"] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    // One that cannot be opened: nothing is changed.
    let token = home.path("fleet/secrets/k3s-token.age");
    let whole = fs::read(&token).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let end = text.find("-----END").unwrap();
    let broken = format!("{}{}{}", &text[..end - 10], "AAAA", &text[end - 6..]);
    fs::write(&token, broken).unwrap();
    let before = home.sealed();
    let told = home.told(&["secrets", "rekey"], "", 4);
    assert!(told.contains("secrets/k3s-token.age, and so nothing was changed"), "{told}");
    assert_eq!(home.sealed(), before);
    fs::write(&token, whole).unwrap();
    let (secret, token) = (home.opened("samba-ben.age", "owner"), home.opened("k3s-token.age", "owner"));
    home.told(&["secrets", "rekey"], "", 0);
    assert!(!home.told(&["secrets", "list"], "", 0).contains("stale"));
    assert_eq!(home.opened("samba-ben.age", "laptop"), secret);
    assert_eq!(home.opened("k3s-token.age", "laptop"), token);
    assert!(home.opened("host-keys/nas.age", "laptop").is_some());
    assert_eq!(home.opened_by("samba-ben.age", "hive3"), secret);
    assert_eq!(home.opened_by("samba-ben.age", "hive1"), None, "it is no server any more");
    // And back: who is no admin any more opens nothing.
    home.admins(&["owner"]);
    home.told(&["secrets", "rekey"], "", 0);
    assert_eq!(home.opened("samba-ben.age", "laptop"), None);
    assert_eq!(home.opened("samba-ben.age", "owner"), secret);
}

#[test]
fn edited_in_a_private_file_that_is_gone_afterwards() {
    let home = Home::new("nas", &["owner"]);
    home.told(&["secrets", "init"], "", 1);
    home.told(&["secrets", "set", "samba-ben"], "before", 0);
    let editor = home.path("editor");
    let run = |script: &str, status: i32| {
        fs::write(&editor, format!("#!/bin/sh\nset -eu\n{script}\n")).unwrap();
        fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = home.command(&["--plain", "secrets", "edit", "samba-ben"]);
        let output = command.env("EDITOR", &editor).env("OUT", home.path("seen")).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(status), "{text}");
        text
    };
    let look = "{ cat \"$1\"; stat -c %a \"$1\" \"$(dirname \"$1\")\"; dirname \"$1\"; } > \"$OUT\"";
    assert!(run(look, 0).contains("is as it was"));
    let seen = home.read("seen");
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines[..3], ["before", "600", "700"]);
    assert!(!std::path::Path::new(lines[3]).exists(), "{} is still there", lines[3]);
    assert!(run("echo after > \"$1\"; echo copy > \"$1~\"; dirname \"$1\" > \"$OUT\"", 0).contains("wrote"));
    assert_eq!(home.opened("samba-ben.age", "owner").as_deref(), Some("after"));
    assert!(!std::path::Path::new(home.read("seen").trim()).exists());
    for script in ["exit 1", ": > \"$1\"", "printf 'two\\nlines\\n' > \"$1\""] {
        assert!(run(script, 3).contains("nothing was changed"), "{script}");
        assert_eq!(home.opened("samba-ben.age", "owner").as_deref(), Some("after"), "{script}");
    }
}

#[test]
fn without_a_key_that_opens_nothing_is_changed() {
    let home = Home::new("nas", &["owner", "stranger"]);
    home.told(&["secrets", "init"], "", 1);
    let before = home.sealed();
    home.admins(&["owner", "stranger"]);
    let mut command = home.command(&["--plain", "secrets", "rekey"]);
    let output = command.env("HOMEHIVE_IDENTITY", home.path("stranger")).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(home.sealed(), before);
}

/// It is the answer, and nothing but the answer: no story, however much is told, has it.
#[test]
fn grafanas_password_is_opened_from_its_file() {
    let home = Home::new("nas", &["owner", "other"]);
    home.told(&["secrets", "init"], "", 1);
    let password = home.opened("grafana-password.age", "owner").unwrap();
    let output = home.run(&["-vv", "cluster", "password", "grafana"], "");
    let story = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{story}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}\n", password.trim_end()));
    assert!(!story.contains(password.trim_end()), "{story}");
    let output = home.command(&["--json", "cluster", "password", "grafana"]).output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = include_str!("../../../../docs/schema/cluster-password.schema.json");
    jsonschema::validate(&serde_json::from_str(schema).unwrap(), &answer).unwrap();
    assert!(answer.to_string().contains(password.trim_end()) && answer.to_string().contains("\"admin\""), "{answer}");
    // Whoever cannot open it is told so; no other password is made up.
    let mut command = home.command(&["--plain", "cluster", "password", "grafana"]);
    let output = command.env("HOMEHIVE_IDENTITY", home.path("other")).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(4), &b""[..]), "{told}");
    assert!(told.contains("grafana-password.age"), "{told}");
}
