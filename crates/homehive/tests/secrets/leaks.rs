//! Nothing of a fleet's secrets in what is rendered, told, put into words of a command, or given to Nix.

use crate::home::{Home, give, has};
use crate::search::{Haystack, Needle};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What the user sets: by name, and of what is known to be found anywhere.
const SET: [(&str, &str); 3] = [
    ("samba-ben", "canary-of-ben-\"quoted\"-$(words)-8d1f"),
    ("samba-eva", "canary of eva with blanks 77aa"),
    ("mail-password", "canary-of-mail-\\back\\slash-0c4e"),
];

fn fleet() -> Home {
    let home = Home::new("nas", &["owner", "laptop"]);
    home.edit(|text| text.replace("size = \"10TiB\"", "size = \"10TiB\"\nusers = [\"ben\", \"eva\"]"));
    home
}

/// All secrets of the fleet as they are now.
fn needles(home: &Home) -> Vec<Needle> {
    let mut needles: Vec<Needle> = SET.iter().map(|(name, value)| Needle::new(name, value)).collect();
    for name in ["k3s-token", "grafana-password"] {
        let value = home.opened(&format!("{name}.age"), "owner").unwrap();
        needles.push(Needle::new(name, &value));
    }
    let mut key = |name: &str, text: &str| {
        // The third line of an OpenSSH key is within its secret half.
        let line = text.lines().nth(3).unwrap();
        needles.push(Needle::new(name, line));
    };
    for host in ["nas", "installer"] {
        key(&format!("host-keys/{host}"), &home.opened(&format!("host-keys/{host}.age"), "owner").unwrap());
    }
    key("the admin's key", &home.read("owner"));
    needles
}

/// Runs homehive, watched by strace where it is: what it printed, and the words of every process it began.
fn watched(home: &Home, words: &[&str], input: &str, log: Option<&PathBuf>, haystack: &mut Haystack) -> Option<i32> {
    let mut command = match log {
        None => home.command(words),
        Some(log) => {
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "-v", "-s", "65535", "-e", "trace=execve", "-o"]).arg(log);
            strace.arg(env!("CARGO_BIN_EXE_homehive")).args(words);
            home.at_home(&mut strace);
            strace
        }
    };
    let output = give(&mut command, input);
    haystack.add(format!("standard output of {words:?}"), output.stdout);
    haystack.add(format!("standard error of {words:?}"), output.stderr);
    if let Some(log) = log {
        // strace writes what is no ASCII as octal escapes, and quotes quotes.
        let text = fs::read_to_string(log).unwrap();
        assert!(text.contains("execve("), "strace saw nothing of {words:?}");
        haystack.add(format!("processes of {words:?}, unquoted"), text.replace("\\\"", "\"").replace("\\\\", "\\"));
        haystack.add(format!("processes of {words:?}"), text);
    }
    output.status.code()
}

#[test]
fn no_secret_is_anywhere_but_where_it_is_sealed() {
    let home = fleet();
    let log = has("strace").then(|| home.path("strace"));
    home.program("ssh", "echo 'Host key verification failed.' >&2\nexit 255");
    let mut haystack = Haystack::default();
    let mut run = |words: &[&str], input: &str, wanted: &[i32]| {
        for more in [&["--plain", "-vv"][..], &["--json", "-vv"]] {
            let words = [more, words].concat();
            let status = watched(&home, &words, input, log.as_ref(), &mut haystack);
            assert!(status.is_some_and(|status| wanted.contains(&status)), "{words:?} ended with {status:?}");
        }
    };
    run(&["secrets", "init"], "", &[1]);
    for (name, value) in SET {
        run(&["secrets", "set", name], &format!("{value}\n"), &[0]);
    }
    run(&["secrets", "init"], "", &[0]);
    for words in [
        &["check"][..],
        &["show"],
        &["secrets", "list"],
        &["render"],
        &["render", "--check"],
        &["render", "--out", "../elsewhere"],
        &["disks", "script", "nas"],
    ] {
        run(words, "", &[0]);
    }
    // Refusals and failures talk most; a picture is no JSON.
    run(&["show", "--svg"], "", &[0, 2]);
    run(&["secrets", "set", "samba-ben"], "", &[2]);
    run(&["secrets", "set", "samba-ben"], &format!("{}\n{}\n", SET[0].1, SET[1].1), &[2]);
    run(&["secrets", "rotate", "k3s-token"], "", &[3]);
    // An ssh that finds another machine than it should: nothing is sent, and all words are seen.
    let nobody = "ben@127.0.0.1:1";
    run(&["verify", "nas", "--host", nobody], "", &[4]);
    run(&["disks", "plan", "nas", "--host", nobody], "", &[4]);
    run(&["install", "nas", "--host", nobody, "--payload", "stand-in"], "", &[4]);
    run(&["deploy", "nas", "--payload", "stand-in", "--yes"], "", &[4]);
    for words in [&["kubeconfig"][..], &["status"], &["diff"], &["apply", "--yes"]] {
        run(&[&["cluster"], words].concat(), "", &[4]);
    }
    home.admins(&["owner", "laptop"]);
    run(&["secrets", "list"], "", &[0]);
    run(&["secrets", "rekey", "--all"], "", &[0]);
    run(&["render"], "", &[0]);
    haystack.add_tree(&home.path("fleet"));
    haystack.add_tree(&home.path("elsewhere"));
    let given = given_to_nix(&home);
    if let Some(store) = &given {
        haystack.add_tree(store);
    }
    println!("{} kB looked through, given to Nix: {given:?}", haystack.len() / 1000);
    let found = haystack.find(&needles(&home));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The tree as it lies in the Nix store.
fn given_to_nix(home: &Home) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let (Some(nixpkgs), Some(agenix)) = (variable("HOMEHIVE_NIXPKGS"), variable("HOMEHIVE_AGENIX")) else {
        println!("skipped: what Nix is given: HOMEHIVE_NIXPKGS or HOMEHIVE_AGENIX is not set");
        return None;
    };
    let mut nix = Command::new("nix");
    nix.args(["flake", "metadata", "--json", "--offline", "--no-write-lock-file"]);
    nix.args(["--extra-experimental-features", "nix-command flakes"]);
    // The repository itself as a flake without outputs: nothing that is asked for here needs more of it.
    let homehive = home.path("homehive-flake");
    fs::create_dir_all(&homehive).unwrap();
    fs::write(homehive.join("flake.nix"), "{ outputs = _: { }; }\n").unwrap();
    for (input, tree) in [("nixpkgs", nixpkgs), ("agenix", agenix), ("homehive", homehive)] {
        nix.args(["--override-input", input]).arg(format!("path:{}", tree.display()));
    }
    nix.arg(format!("path:{}", home.path("fleet").display()));
    let output = nix.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let tree = PathBuf::from(told["path"].as_str().unwrap());
    assert!(tree.join("flake.nix").exists(), "{} is the tree", tree.display());
    Some(tree)
}

#[test]
fn a_planted_leak_is_found() {
    let home = fleet();
    home.told(&["secrets", "init"], "", 1);
    home.told(&["secrets", "set", "samba-ben"], SET[0].1, 0);
    home.told(&["render"], "", 0);
    let needles = needles(&home);
    let look = || {
        let mut haystack = Haystack::default();
        haystack.add_tree(&home.path("fleet"));
        haystack.find(&needles)
    };
    assert!(look().is_empty());
    // In a file of the rendered tree, as a manifest would hold it.
    let manifest = home.path("fleet/modules/planted.nix");
    let encoded = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("{{\"password\":\"{}\"}}", SET[1].1))
    };
    fs::write(&manifest, format!("data = \"{encoded}\";\n")).unwrap();
    assert_eq!(look().len(), 1, "{:?}", look());
    fs::remove_file(&manifest).unwrap();
    // A host key, as it would lie there unsealed.
    fs::write(&manifest, home.opened("host-keys/nas.age", "owner").unwrap()).unwrap();
    assert_eq!(look().len(), 1, "{:?}", look());
    fs::remove_file(&manifest).unwrap();
    // A word of a process that homehive begins: its editor's.
    if !has("strace") {
        return;
    }
    let log = home.path("strace");
    let mut haystack = Haystack::default();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-v", "-s", "65535", "-e", "trace=execve", "-o"]).arg(&log);
    strace.arg(env!("CARGO_BIN_EXE_homehive")).args(["--plain", "secrets", "edit", "samba-ben"]);
    home.at_home(&mut strace);
    let editor = home.program("editor", "/bin/echo \"$(cat \"$1\")\" > /dev/null");
    let output = give(strace.env("EDITOR", editor), "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&log).unwrap();
    haystack.add("processes", text.replace("\\\"", "\"").replace("\\\\", "\\"));
    assert_eq!(haystack.find(&needles), ["samba-ben in processes"]);
}
