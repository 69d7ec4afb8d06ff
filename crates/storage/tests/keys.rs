//! Further keys on real containers: in files, which cryptsetup(8) takes for devices. What a plan runs is run as it is run on a
//! machine, by a shell that reads the keys on its standard input.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "what a header holds is what the real cryptsetup writes"
)]

mod common;

use cmd::{Cmd, Line, Program, Secret};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use storage::facts::{Content, Device, DeviceKind, Facts, Machine, Token};
use storage::plan::Consent;
use storage::wish::Kind;
use storage::{Wish, identity, plan, script};

/// A key of any bytes, a newline at its end among them.
const OWN: &[u8] = b"own \0\\0141 %s \xff\n";
const RECOVERY: &[u8] = b"recovery $HOME '\\\n\0\n";

/// Says so where a program is missing.
fn is_installed(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    let found = status.is_ok_and(|status| status.success());
    if !found {
        println!("not run: `{program}` is not installed");
    }
    found
}

/// How a program ends with this on its standard input, and what it says.
fn fed(program: &str, args: &[&str], input: &[u8]) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    let out = child.wait_with_output().unwrap();
    (out.status.success(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
}

fn wish(unlock: &str) -> Wish {
    let tree = format!(
        "disk.a = {{ serial = \"A\", content = {{ type = \"luks\", name = \"vault\", pbkdf_memory = \"32KiB\", pbkdf_time = 1{unlock} }} }}\n"
    );
    Wish::new(&common::storage(&tree), identity::namespace("vault", "one"))
}

fn declared(names: &[&str]) -> Wish {
    let keys: Vec<String> = names.iter().map(|name| format!("{name} = \"{name}.key\"")).collect();
    wish(&format!(", unlock = {{ keys = {{ {} }} }}", keys.join(", ")))
}

/// A container in a file, and what the fleet calls its keys.
struct Container {
    dir: tempfile::TempDir,
    keys: BTreeMap<String, Secret>,
}

impl Container {
    /// One that its own key opens; nothing where cryptsetup is not installed.
    fn new() -> Option<Self> {
        if !is_installed("cryptsetup") {
            return None;
        }
        let it = Self { dir: tempfile::tempdir_in("/dev/shm").unwrap(), keys: BTreeMap::new() };
        std::fs::File::create(it.path("image")).unwrap().set_len(32 << 20).unwrap();
        let it = it.with("luks.vault", OWN).with("luks.vault.recovery", RECOVERY);
        for (file, key) in [("own", OWN), ("recovery", RECOVERY)] {
            std::fs::write(it.dir.path().join(file), key).unwrap();
        }
        let format = [
            "luksFormat",
            "--batch-mode",
            "--type=luks2",
            "--pbkdf=pbkdf2",
            "--pbkdf-force-iterations=1000",
            "--key-file=-",
        ];
        assert_eq!(it.run(&[Cmd::new("cryptsetup").args(format).key("luks.vault").device("disk.a")]), Ok(()));
        Some(it)
    }

    fn path(&self, file: &str) -> String {
        self.dir.path().join(file).to_str().unwrap().to_owned()
    }

    /// A slot more, of which no token tells: what a cut leaves.
    fn add_untold(&self) {
        let cmd = Cmd::new("cryptsetup").args([
            "luksAddKey",
            "--batch-mode",
            "--pbkdf=pbkdf2",
            "--pbkdf-force-iterations=1000",
            "--key-file",
        ]);
        assert_eq!(self.run(&[cmd.arg(self.path("own")).device("disk.a").arg(self.path("recovery"))]), Ok(()));
    }

    /// Does a key open it, by this slot?
    fn opens(&self, file: &str, slot: u32) -> bool {
        let cmd = Cmd::new("cryptsetup").args(["open", "--test-passphrase", "--key-slot"]).arg(slot.to_string());
        self.run(&[cmd.arg("--key-file").arg(self.path(file)).device("disk.a")]).is_ok()
    }

    fn with(mut self, node: &str, key: &[u8]) -> Self {
        self.keys.insert(node.to_owned(), Secret::new(key));
        self
    }

    /// As `machine` runs a step; what it said if it failed.
    fn run(&self, commands: &[Cmd]) -> Result<(), String> {
        let image = self.path("image");
        let lines = commands.iter().map(|cmd| {
            let cmd = cmd.resolve(|node| (node == "disk.a").then(|| image.clone())).unwrap();
            match (&cmd.key, &cmd.further) {
                (None, _) => Line::Run(cmd),
                (Some(own), None) => Line::Feed { key: self.keys[own].clone(), cmd },
                (Some(own), Some(further)) => {
                    Line::Feed { key: Secret::pair(&self.keys[own], &self.keys[further]), cmd }
                }
            }
        });
        let text = Program { lines: lines.collect() }.to_sh(str::to_owned);
        let (whole, said) = fed("sh", &["-s"], text.as_bytes());
        whole.then_some(()).ok_or(said)
    }

    fn header(&self) -> Value {
        let out = Command::new("cryptsetup")
            .args(["luksDump", "--dump-json-metadata"])
            .arg(self.path("image"))
            .output()
            .unwrap();
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// The slots, and the names of further keys with theirs.
    fn opened(&self) -> (Vec<String>, Vec<(String, Vec<u32>)>) {
        let slots = self.header()["keyslots"].as_object().unwrap().keys().cloned().collect();
        let mut names: Vec<_> = self.tokens().into_iter().map(|it| (it.name.unwrap().to_string(), it.slots)).collect();
        names.sort();
        (slots, names)
    }

    fn tokens(&self) -> Vec<Token> {
        let all = self.header()["tokens"].as_object().unwrap().clone();
        let of = |(id, value): (String, Value)| Token {
            id: id.parse().unwrap(),
            kind: value["type"].as_str().unwrap().to_owned(),
            slots: value["keyslots"]
                .as_array()
                .unwrap()
                .iter()
                .map(|slot| slot.as_str().unwrap().parse().unwrap())
                .collect(),
            pcrs: None,
            pin: false,
            name: Some(value["name"].as_str().unwrap().parse().unwrap()),
        };
        all.into_iter().map(of).collect()
    }
}

/// The machine with this container, closed, and these tokens in its header.
fn seen(wish: &Wish, tokens: Vec<Token>) -> Facts {
    let uuid =
        wish.nodes.iter().find_map(|node| if let Kind::Crypt(crypt) = &node.kind { Some(crypt.uuid) } else { None });
    let content = Content::Luks {
        version: 2,
        uuid,
        label: Some("vault".into()),
        offset: Some(16 << 20),
        keys: Some(1),
        tokens: Some(tokens),
    };
    let disk = Device {
        path: "/dev/sda".into(),
        name: "sda".into(),
        kind: DeviceKind::Disk,
        size: 32 << 20,
        sector: 512,
        serial: Some("A".into()),
        wwn: None,
        model: None,
        transport: None,
        removable: false,
        rotational: false,
        read_only: false,
        links: Vec::new(),
        parents: Vec::new(),
        partition: None,
        content,
    };
    Facts {
        version: 1,
        machine: Machine::default(),
        devices: vec![disk],
        arrays: Vec::new(),
        groups: Vec::new(),
        pools: Vec::new(),
        mounts: Vec::new(),
        btrfs: Vec::new(),
        nodev: Vec::new(),
        swaps: Vec::new(),
    }
}

/// What is planned for its keys, done.
fn applied(container: &Container, wish: &Wish) -> Result<(), String> {
    let plan = plan(wish, &seen(wish, container.tokens()), &Consent::default());
    assert!(plan.refusals.is_empty(), "{}", plan.to_text());
    let mut keys = plan.steps.iter().filter(|step| step.id.0.contains(" key"));
    keys.try_for_each(|step| container.run(&step.commands()))
}

fn is_settled(container: &Container, wish: &Wish) -> bool {
    let plan = plan(wish, &seen(wish, container.tokens()), &Consent::default());
    plan.steps.iter().all(|step| step.id.0 == "luks.vault/open")
}

fn named(names: &[(&str, u32)]) -> Vec<(String, Vec<u32>)> {
    names.iter().map(|(name, slot)| ((*name).to_owned(), vec![*slot])).collect()
}

#[test]
fn a_key_is_added_known_again_and_taken_out() {
    let Some(container) = Container::new() else { return };
    let recovery = declared(&["recovery"]);
    assert_eq!(applied(&container, &recovery), Ok(()));
    assert_eq!(container.opened(), (vec!["0".into(), "1".into()], named(&[("recovery", 1)])));
    assert!(container.opens("own", 0) && container.opens("recovery", 1));
    assert!(!container.opens("own", 1) && !container.opens("recovery", 0));
    assert!(is_settled(&container, &recovery));
    assert_eq!(applied(&container, &declared(&[])), Ok(()));
    assert_eq!(container.opened(), (vec!["0".into()], vec![]));
    assert!(container.opens("own", 0));
}

/// The key was added, and the power went before its name was written.
#[test]
fn a_slot_that_a_cut_left_is_found() {
    let Some(container) = Container::new() else { return };
    container.add_untold();
    let recovery = declared(&["recovery"]);
    assert!(!is_settled(&container, &recovery));
    assert_eq!(applied(&container, &recovery), Ok(()));
    assert_eq!(container.opened(), (vec!["0".into(), "1".into()], named(&[("recovery", 1)])));
}

#[test]
fn the_key_itself_is_no_further_key() {
    let Some(container) = Container::new() else { return };
    let container = container.with("luks.vault.recovery", OWN);
    let said = applied(&container, &declared(&["recovery"])).unwrap_err();
    assert!(said.contains("addkey: the key recovery is the container's own key"), "{said}");
    assert_eq!(container.opened(), (vec!["0".into()], vec![]));
}

#[test]
fn a_wrong_key_adds_and_takes_out_nothing() {
    let Some(container) = Container::new() else { return };
    let recovery = declared(&["recovery"]);
    let container = container.with("luks.vault", b"wrong");
    let said = applied(&container, &recovery).unwrap_err();
    assert!(said.contains("No key available with this passphrase"), "{said}");
    assert_eq!(container.opened(), (vec!["0".into()], vec![]));
    let container = container.with("luks.vault", OWN);
    assert_eq!(applied(&container, &recovery), Ok(()));
    let container = container.with("luks.vault", b"wrong");
    let said = applied(&container, &declared(&[])).unwrap_err();
    assert!(said.contains("No key available with this passphrase"), "{said}");
    assert_eq!(container.opened(), (vec!["0".into(), "1".into()], named(&[("recovery", 1)])));
}

/// What was the recovery key is the container's own from now on, and the former one the one for the drawer: no slot goes.
#[test]
fn keys_change_places() {
    let Some(container) = Container::new() else { return };
    assert_eq!(applied(&container, &declared(&["recovery"])), Ok(()));
    let container = container.with("luks.vault", RECOVERY).with("luks.vault.drawer", OWN);
    let drawer = declared(&["drawer"]);
    assert_eq!(applied(&container, &drawer), Ok(()));
    assert_eq!(container.opened(), (vec!["0".into(), "1".into()], named(&[("drawer", 0)])));
    assert!(container.opens("own", 0) && container.opens("recovery", 1));
    assert!(is_settled(&container, &drawer));
}

/// A new name for the same key: never more than a moment without it, and one slot in the end.
#[test]
fn a_key_gets_another_name() {
    let Some(container) = Container::new() else { return };
    assert_eq!(applied(&container, &declared(&["recovery"])), Ok(()));
    let container = container.with("luks.vault.drawer", RECOVERY);
    assert_eq!(applied(&container, &declared(&["drawer"])), Ok(()));
    assert_eq!(container.opened(), (vec!["0".into(), "1".into()], named(&[("drawer", 1)])));
    assert!(container.opens("recovery", 1));
}

/// The standalone script asks for both keys, wants two, and hands them over as they were typed.
#[test]
fn a_script_adds_keys_too() {
    let text = script(&declared(&["recovery"]), &[]).unwrap();
    let sh = |script: &str, input: &str| fed("sh", &["-c", script], input.as_bytes());
    let from = text.find("# ask_key").unwrap();
    let functions = &text[from..text.find("\naddkey_sh=").unwrap()];
    let asks =
        text.lines().filter(|line| ["ask_key luks", "key_luks", "differ luks"].iter().any(|it| line.starts_with(it)));
    let asks: Vec<&str> = asks.collect();
    let adds = text.lines().find_map(|line| line.split_once(" | sh -c \"$addkey_sh\"")).unwrap().0;
    let script = format!("set -eu\ndie() {{ echo \"$*\"; exit 1; }}\n{functions}\n{}\n{adds}\n", asks.join("\n"));
    assert_eq!(sh(&script, "a\\0141 %s \nb\\c\n"), (true, "a\\\\0141 %s \nb\\\\c\n".to_owned()), "{script}");
    let (whole, said) = sh(&script, "one\n");
    assert!(!whole && said.starts_with("luks.vault.recovery: this is the key of luks.vault"), "{said}");
    if !is_installed("shellcheck") {
        return;
    }
    for text in [
        &text,
        include_str!("../src/plan/addkey.sh"),
        include_str!("../src/plan/dropkey.sh"),
        include_str!("../src/plan/fed.sh"),
    ] {
        assert_eq!(fed("shellcheck", &["-s", "sh", "-"], text.as_bytes()), (true, String::new()));
    }
}
