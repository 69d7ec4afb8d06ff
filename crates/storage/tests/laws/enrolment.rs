//! What opens containers beside their key: enrolled, changed, taken out; and what is left of that when it is cut.

use super::common::wish;
use super::world::{MIB, World, disk};
use std::fmt::Write as _;
use storage::facts::{Enrol, Mount, Token};
use storage::plan::{Consent, Plan, Risk};
use storage::{Wish, plan};

/// A machine whose system is not homehive's: one container for data.
fn declared(unlock: &str) -> Wish {
    wish(&format!(
        "[disk.a]\nserial = \"A\"\ncontent = {{ type = \"luks\", name = \"one\"{unlock}, content = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/data\" }} }}\n"
    ))
}

const TPM: &str = ", unlock = { tpm2 = {} }";
const BOTH: &str = ", unlock = { tpm2 = { pcrs = [7, 0] }, fido2 = true }";
const KEYS: &str = ", pbkdf_time = 500, unlock = { keys = { recovery = \"secrets/recovery.age\", spare = \"spare\" } }";
const TPM_TOO: &str = ", unlock = { tpm2 = {}, keys = { recovery = \"secrets/recovery.age\" } }";
const RENAMED: &str = ", unlock = { keys = { drawer = \"secrets/recovery.age\", spare = \"spare\" } }";

/// It has a TPM and a FIDO2 key.
fn world() -> World {
    World::new(vec![disk("sda", "A", 4096 * MIB)])
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.0.as_str()).collect()
}

/// What opens it beside its key: of which sort, or which key, by how many slots, bound to which registers.
type Opened = (String, usize, Option<Vec<u32>>);

fn tokens(world: &mut World) -> Vec<Opened> {
    let of = |it: &Token| {
        let name = it.name.as_ref().map_or_else(|| it.kind.clone(), ToString::to_string);
        (name, it.slots.len(), it.pcrs.clone())
    };
    let mut all: Vec<Opened> = world.opened_by("sda").1.iter().map(of).collect();
    all.sort();
    all
}

fn tpm2(id: u32, slots: &[u32], pcrs: &[u32], pin: bool) -> Token {
    Token { id, kind: "systemd-tpm2".into(), slots: slots.to_vec(), pcrs: Some(pcrs.to_vec()), pin, name: None }
}

fn key(id: u32, name: &str, slots: &[u32]) -> Token {
    Token {
        id,
        kind: Token::KEY.into(),
        slots: slots.to_vec(),
        pcrs: None,
        pin: false,
        name: Some(name.parse().unwrap()),
    }
}

#[test]
fn a_new_container_and_one_that_is_there() {
    for before in ["", ", unlock = {}"] {
        let mut world = world();
        world.converge(&declared(before), Consent::default());
        let plan = plan(&declared(BOTH), &world.seen(), &Consent::default());
        assert_eq!(steps(&plan), ["luks.one/enrol tpm2", "luks.one/enrol fido2"], "{}", plan.to_text());
        assert!(plan.steps.iter().all(|step| step.risk == Risk::Creates));
        world.converge(&declared(BOTH), Consent::default());
        let made = [("systemd-fido2", 1, None), ("systemd-tpm2", 1, Some(vec![0, 7]))];
        assert_eq!(tokens(&mut world), made.map(|(kind, slots, pcrs)| (kind.to_owned(), slots, pcrs)));
    }
    let mut world = world();
    let plans = world.converge(&declared(TPM), Consent::default());
    assert_eq!(steps(&plans[0])[..2], ["luks.one/encrypt", "luks.one/enrol tpm2"]);
    world.reboot();
    let plan = plan(&declared(TPM), &world.seen(), &Consent::default());
    assert_eq!(steps(&plan), ["luks.one/open"], "{}", plan.to_text());
}

/// The words, and that the key is among none of them.
#[test]
fn commands() {
    let mut text = String::new();
    for (unlock, there) in [
        (BOTH, vec![tpm2(0, &[1], &[7], false), tpm2(4, &[], &[0, 7], false)]),
        (KEYS, vec![key(0, "old", &[1]), key(4, "recovery", &[])]),
    ] {
        let mut world = world();
        world.converge(&declared(""), Consent::default());
        world.opened_by("sda").1.extend(there);
        for step in plan(&declared(unlock), &world.seen(), &Consent::default()).steps {
            let _ = writeln!(text, "{}", step.describe());
            for cmd in step.commands() {
                let keys: Vec<&str> = cmd.key.iter().chain(&cmd.further).map(String::as_str).collect();
                let fed = if keys.is_empty() { String::new() } else { format!("key of {} | ", keys.join(", of ")) };
                let _ = writeln!(text, "  {fed}{}", cmd.brief());
            }
        }
    }
    insta::assert_snapshot!(text);
}

/// From what is there to what is declared: the steps, and that there are none behind them.
#[test]
fn what_is_there_becomes_what_is_declared() {
    let right = || tpm2(0, &[1], &[7], false);
    let other = || tpm2(1, &[2], &[7, 11], false);
    let fido2 = Token { id: 2, kind: "systemd-fido2".into(), slots: vec![3], pcrs: None, pin: true, name: None };
    let foreign = Token { id: 3, kind: "clevis".into(), slots: vec![4], pcrs: None, pin: false, name: None };
    for (case, unlock, there, expected) in [
        ("as declared", TPM, vec![right()], &[][..]),
        ("enrolled by hand, and nothing declared", "", vec![right(), fido2.clone()], &[]),
        ("declared away", ", unlock = {}", vec![right(), fido2.clone()], &["forget tpm2", "forget fido2"]),
        ("of another sort", ", unlock = {}", vec![foreign.clone()], &[]),
        ("other registers", TPM, vec![other()], &["enrol tpm2", "forget tpm2"]),
        ("one too many", TPM, vec![right(), other()], &["forget tpm2"]),
        ("with a PIN", TPM, vec![tpm2(0, &[1], &[7], true)], &["enrol tpm2", "forget tpm2"]),
        ("cut while it was taken out", TPM, vec![tpm2(0, &[], &[7], false)], &["clear tpm2", "enrol tpm2"]),
        ("cut so and declared away", ", unlock = {}", vec![tpm2(0, &[], &[7], false)], &["clear tpm2"]),
        ("a FIDO2 key for another", TPM, vec![right(), fido2.clone()], &["forget fido2"]),
        ("a FIDO2 key with a PIN", ", unlock = { fido2 = true }", vec![fido2], &[]),
        ("a slot that another opens too", ", unlock = {}", vec![tpm2(0, &[4], &[7], false), foreign], &["forget tpm2"]),
        ("keys as declared", KEYS, vec![key(0, "recovery", &[1]), key(1, "spare", &[2])], &[]),
        ("keys, and nothing declared", "", vec![key(0, "recovery", &[1])], &[]),
        ("keys declared away", ", unlock = {}", vec![key(0, "recovery", &[1]), key(1, "spare", &[2])], &["forget key"]),
        ("one of two", KEYS, vec![key(0, "spare", &[1])], &["enrol key recovery"]),
        (
            "a key of another name",
            RENAMED,
            vec![key(0, "recovery", &[1]), key(1, "spare", &[2])],
            &["forget key", "enrol key drawer"],
        ),
        (
            "a key whose slot was taken out by hand",
            KEYS,
            vec![key(0, "recovery", &[]), key(1, "spare", &[2])],
            &["clear key", "enrol key recovery"],
        ),
        (
            "two names of one key",
            KEYS,
            vec![key(0, "recovery", &[4]), key(1, "spare", &[4]), key(2, "old", &[4])],
            &["forget key"],
        ),
        (
            "keys beside a TPM that is declared away",
            KEYS,
            vec![right(), key(0, "recovery", &[2]), key(1, "spare", &[3])],
            &["forget tpm2"],
        ),
    ] {
        let mut world = world();
        world.converge(&declared(""), Consent::default());
        let (keys, tokens) = world.opened_by("sda");
        *keys += 4;
        *tokens = there;
        let plan = plan(&declared(unlock), &world.seen(), &Consent::default());
        let expected: Vec<String> = expected.iter().map(|step| format!("luks.one/{step}")).collect();
        assert_eq!(steps(&plan), expected, "{case}: {}", plan.to_text());
        assert!(plan.destroyed().is_empty(), "{case}");
        // The slot of a token that stays is no one else's to take.
        let killed = plan.steps.iter().flat_map(plan::Step::commands).filter(|cmd| {
            let words = cmd.argv();
            words[1] == "luksKillSlot" || words.contains(&"dropkey".to_owned())
        });
        assert!(killed.into_iter().all(|cmd| cmd.key.is_some() && *cmd.argv().last().unwrap() != "4"), "{case}");
        world.converge(&declared(unlock), Consent::default());
    }
}

/// Where it cannot be done nothing is: not even what could be.
#[test]
fn refused_where_the_tools_or_devices_are_not() {
    for (case, enrol, version, unlock, told) in [
        ("no tool", None, 2, TPM, Some("the machine has no systemd-cryptenroll")),
        ("no TPM", Some(Enrol { tpm2: false, fido2: true }), 2, BOTH, Some("shows no TPM2")),
        ("no FIDO2 key", Some(Enrol { tpm2: true, fido2: false }), 2, BOTH, Some("no FIDO2 key is plugged in")),
        ("no need of any", None, 2, ", unlock = {}", None),
        ("no tool, and no need of any", None, 2, ", unlock = { keys = {} }", None),
        ("LUKS1", Some(Enrol { tpm2: true, fido2: true }), 1, TPM, Some("it is LUKS1, which is opened by keys alone")),
        ("a key of LUKS1", None, 1, KEYS, Some("it is LUKS1, whose header keeps no names of further keys")),
        ("LUKS1 without", Some(Enrol { tpm2: true, fido2: true }), 1, ", unlock = {}", None),
        ("a header that does not tell", Some(Enrol { tpm2: true, fido2: true }), 2, TPM, Some("does not tell")),
    ] {
        let mut world = world();
        world.converge(&declared(""), Consent::default());
        world.all.machine.enrol = enrol;
        if let storage::facts::Content::Luks { version: found, tokens, .. } = &mut world.device("sda").content {
            *found = version;
            *tokens = tokens.take().filter(|_| version == 2 && !case.starts_with("a header"));
        }
        let plan = plan(&declared(unlock), &world.seen(), &Consent::default());
        let refusals: Vec<_> = plan.refusals.iter().map(|it| (it.node.as_str(), it.reason.as_str())).collect();
        match (refusals.as_slice(), told) {
            ([], None) => {}
            ([("luks.one", reason)], Some(told)) => assert!(reason.contains(told), "{case}: {reason}"),
            other => panic!("{case}: {other:?}"),
        }
        assert!(plan.steps.is_empty(), "{case}: {}", plan.to_text());
    }
}

/// What a TPM measures under an installer is not what it measures at home.
#[test]
fn the_system_itself_enrols_and_no_installer() {
    const ROOT: &str = "[disk.a]\nserial = \"A\"\ncontent = { type = \"luks\", name = \"one\", unlock = { tpm2 = {} }, content = { type = \"filesystem\", format = \"xfs\", mountpoint = \"/\" } }\n";
    let wish = wish(ROOT);
    let mut world = world();
    world.all.machine.enrol = None;
    let plans = world.converge(&wish, Consent::default());
    let note = "the TPM, bound to PCR 7 is enrolled once the machine runs from its own disks: homehive disks apply";
    assert!(
        plans[0].notes.iter().any(|it| it.node.as_str() == "luks.one" && it.text == note),
        "{}",
        plans[0].to_text()
    );
    assert!(tokens(&mut world).is_empty());
    world.all.machine.enrol = Some(Enrol { tpm2: true, fido2: false });
    world.all.mounts = vec![Mount {
        device: "dm-one".into(),
        target: "/".into(),
        format: "xfs".into(),
        read_only: false,
        subvolume: None,
    }];
    let told = |world: &World| {
        let finding =
            storage::health(&wish, &world.seen()).into_iter().find(|it| it.node.as_str() == "luks.one").unwrap();
        (finding.state.word(), finding.text)
    };
    assert_eq!(told(&world).0, "degraded");
    assert!(told(&world).1.starts_with("not opened by the TPM, bound to PCR 7 yet"), "{:?}", told(&world));
    let plan = plan(&wish, &world.seen(), &Consent::default());
    assert_eq!(steps(&plan), ["luks.one/enrol tpm2"], "{}", plan.to_text());
    world.converge(&wish, Consent::default());
    assert_eq!(told(&world).0, "good");
}

/// A key is the same key under an installer: it is added at once, to what is made as to what is there, by what a machine has
/// that can enrol nothing.
#[test]
fn an_installer_adds_keys() {
    let root = |unlock: &str| {
        wish(&format!(
            "[disk.a]\nserial = \"A\"\ncontent = {{ type = \"luks\", name = \"one\"{unlock}, content = {{ type = \"filesystem\", format = \"xfs\", mountpoint = \"/\" }} }}\n"
        ))
    };
    let told = |world: &World, wish: &Wish| {
        let finding =
            storage::health(wish, &world.seen()).into_iter().find(|it| it.node.as_str() == "luks.one").unwrap();
        (finding.state.word(), finding.text)
    };
    for before in [None, Some("")] {
        let mut world = world();
        world.all.machine.enrol = None;
        if let Some(before) = before {
            world.converge(&root(before), Consent::default());
            let (state, text) = told(&world, &root(TPM_TOO));
            assert_eq!(
                (state, text.as_str()),
                ("degraded", "not opened by the key recovery yet: `homehive disks apply` enrols it")
            );
        }
        let plan = plan(&root(TPM_TOO), &world.seen(), &Consent::default());
        let luks: Vec<&str> = steps(&plan).into_iter().filter(|step| step.starts_with("luks.one/e")).collect();
        let made = before.is_none().then_some("luks.one/encrypt");
        assert_eq!(luks, made.into_iter().chain(["luks.one/enrol key recovery"]).collect::<Vec<_>>());
        world.converge(&root(TPM_TOO), Consent::default());
        assert_eq!(tokens(&mut world), [("recovery".to_owned(), 1, None)]);
        assert_eq!(told(&world, &root(TPM_TOO)).0, "good");
        // And takes them out.
        world.converge(&root(", unlock = {}"), Consent::default());
        assert_eq!(tokens(&mut world), []);
    }
}

/// Cut between the two things that it writes, a removal goes on where it was, and the key of its own opens it all the time.
#[test]
fn what_was_cut_is_brought_to_its_end() {
    for (from, to) in [
        (TPM, ", unlock = {}"),
        (TPM, ", unlock = { tpm2 = { pcrs = [] } }"),
        ("", TPM),
        (BOTH, TPM),
        ("", KEYS),
        (KEYS, RENAMED),
        (KEYS, TPM),
    ] {
        let mut whole = world();
        whole.converge(&declared(from), Consent::default());
        let start = whole.clone();
        let all = plan(&declared(to), &whole.seen(), &Consent::default()).steps.len();
        whole.converge(&declared(to), Consent::default());
        for cut in 0..all {
            let mut world = start.clone();
            for step in plan(&declared(to), &world.seen(), &Consent::default()).steps.iter().take(cut) {
                world.apply(&declared(to), step);
            }
            let step = &plan(&declared(to), &world.seen(), &Consent::default()).steps[0];
            super::cuts::begin(&declared(to), &mut world, step, 1);
            world.reboot();
            world.converge(&declared(to), Consent::default());
            assert_eq!(tokens(&mut world), tokens(&mut whole), "{from} to {to}, cut at {cut}");
        }
    }
}
