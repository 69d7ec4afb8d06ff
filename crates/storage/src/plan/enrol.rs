//! What opens a container beside its key: enrolled where it is declared and missing, taken out where it is declared away. The
//! key itself stays: whoever takes a slot out must show that it opens another.
//!
//! Of a further key the header keeps the name, in a token of homehive's own: a probe sees no key, and looks for none.

use super::luks::{is, last};
use super::planner::{At, Planner, Work};
use super::step::{Action, Risk};
use super::{LuksAction, Sight, group, mount};
use crate::facts::{Content, Facts, Token};
use crate::tree::Unlock;
use crate::wish::{Crypt, Node, Wish};
use crate::{Name, NodeId};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

pub(super) const FED: &str = include_str!("fed.sh");
pub(super) const ADD_KEY: &str = include_str!("addkey.sh");
pub(super) const DROP_KEY: &str = include_str!("dropkey.sh");

/// The types of the tokens that are planned (systemd's `src/shared/cryptsetup-tpm2.h`, `cryptsetup-fido2.h`), and their words
/// in step names.
const KINDS: [(&str, &str); 3] = [("systemd-tpm2", "tpm2"), ("systemd-fido2", "fido2"), (Token::KEY, "key")];

/// What opens a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// The machine's TPM2, if these registers hold what they hold now.
    Tpm2(Vec<u32>),
    /// A FIDO2 key that somebody touches.
    Fido2,
    /// The further key of this name.
    Key(Name),
}

/// A token that goes, and the key slots that go with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stale {
    /// The token's number.
    pub token: u32,
    /// The numbers of the slots.
    pub slots: Vec<u32>,
    /// The name of the key, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tpm2(pcrs) if pcrs.is_empty() => f.write_str("the TPM, whatever is booted"),
            Self::Tpm2(pcrs) => write!(f, "the TPM, bound to PCR {}", listed(pcrs, ", ")),
            Self::Fido2 => f.write_str("a FIDO2 key"),
            Self::Key(name) => write!(f, "the key {name}"),
        }
    }
}

fn listed(numbers: &[u32], between: &str) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

impl Means {
    /// The step's name.
    fn step(&self) -> String {
        match self {
            Self::Tpm2(_) => "enrol tpm2".to_owned(),
            Self::Fido2 => "enrol fido2".to_owned(),
            Self::Key(name) => format!("enrol key {name}"),
        }
    }

    /// The type of its token.
    fn kind(&self) -> &'static str {
        match self {
            Self::Tpm2(_) => KINDS[0].0,
            Self::Fido2 => KINDS[1].0,
            Self::Key(_) => KINDS[2].0,
        }
    }

    /// Does it mean the same under whatever system it is enrolled?
    pub(crate) fn is_anywhere(&self) -> bool {
        matches!(self, Self::Key(_))
    }

    /// Is this token as declared? What a FIDO2 key wants besides is the business of who enrolled it.
    fn fits(&self, token: &Token) -> bool {
        let same = match self {
            Self::Tpm2(pcrs) => token.pcrs.as_ref() == Some(pcrs) && !token.pin,
            Self::Fido2 => true,
            Self::Key(name) => token.name.as_ref() == Some(name),
        };
        same && !token.slots.is_empty()
    }

    /// Enrols it: a slot and a token more. Whoever has to touch something has two minutes for it.
    pub(super) fn enrol(&self, device: &NodeId, node: &NodeId, cost: Vec<String>) -> Cmd {
        let enrol = ["systemd-cryptenroll", "--unlock-key-file=/proc/self/fd/3"];
        let fed = group::script(FED, "fed").key(node);
        let cmd = match self {
            Self::Tpm2(pcrs) => {
                let pcrs = format!("--tpm2-pcrs={}", listed(pcrs, "+"));
                fed.args(enrol).args(["--tpm2-device=auto", &pcrs])
            }
            Self::Fido2 => {
                let touched = ["--fido2-device=auto", "--fido2-with-client-pin=no"];
                fed.args(["timeout", "120"]).args(enrol).args(touched)
            }
            Self::Key(name) => {
                let cmd = group::script(ADD_KEY, "addkey").keys(node, node.child(name));
                return cmd.device(device).arg(name.as_ref()).args(cost);
            }
        };
        cmd.device(device)
    }
}

impl Unlock {
    fn means(&self) -> Vec<Means> {
        let tpm2 = self.tpm2.iter().map(|tpm2| Means::Tpm2(tpm2.pcrs.clone()));
        tpm2.chain(self.fido2.then_some(Means::Fido2)).chain(self.keys.keys().cloned().map(Means::Key)).collect()
    }

    /// What is declared and opens nothing yet.
    pub(crate) fn missing(&self, tokens: &[Token]) -> Vec<Means> {
        let is_there = |means: &Means| tokens.iter().any(|token| token.kind == means.kind() && means.fits(token));
        self.means().into_iter().filter(|means| !is_there(means)).collect()
    }
}

/// Takes tokens out, each behind its slots. cryptsetup takes none out unless the key that it reads opens another one. A
/// further key may have become the container's own since: its slot stays then.
pub(super) fn forget(kind: &str, tokens: &[Stale], device: &NodeId, node: &NodeId) -> Vec<Cmd> {
    let each = |stale: &Stale| {
        let kill = |slot: &u32| {
            let cmd = if kind == Token::KEY {
                group::script(FED, "fed").args(["sh", "-c", DROP_KEY, "dropkey"])
            } else {
                Cmd::new("cryptsetup").args(["luksKillSlot", "--batch-mode", "--key-file=-"])
            };
            cmd.key(node).device(device).arg(slot.to_string())
        };
        let remove = ["token", "remove", "--batch-mode", "--token-id", &stale.token.to_string()];
        let remove = Cmd::new("cryptsetup").args(remove).device(device);
        stale.slots.iter().map(kill).chain([remove]).collect::<Vec<_>>()
    };
    tokens.iter().flat_map(each).collect()
}

/// Is this the system that a container is opened for? What a TPM measures under another one, the installer, is another thing.
pub(crate) fn at_home(wish: &Wish, facts: &Facts, sight: &Sight) -> bool {
    let has_root = wish.root_in_memory().is_some() || wish.mounts.iter().any(|mount| mount.path == "/");
    !has_root || mount::target(wish, facts, sight) == "/"
}

pub(super) fn plan(planner: &mut Planner, node: &Node, crypt: &Crypt) {
    let (Some(unlock), Some(below)) = (&crypt.unlock, node.on.first()) else { return };
    if matches!(planner.site(&node.id).at, At::Absent | At::Blocked) {
        return;
    }
    let formats = |what: &Action| matches!(what, Action::Luks(LuksAction::Format { .. }));
    let made = planner.plan.steps.iter().any(|step| step.node == node.id && formats(&step.what));
    let none = || Some(Vec::new());
    let (version, tokens) = match planner.sight.device(below).map(|device| &device.content) {
        _ if made => (2, none()),
        Some(content @ Content::Luks { version, tokens, .. }) if is(content, crypt.uuid) => (*version, tokens.clone()),
        _ => return,
    };
    let known = tokens.as_deref().unwrap_or_default();
    let home = at_home(planner.wish, planner.facts, &planner.sight);
    let (here, later): (Vec<Means>, Vec<Means>) =
        unlock.missing(known).into_iter().partition(|means| home || means.is_anywhere());
    if version == 1 && unlock.is_empty() {
        return;
    }
    if version == 2 && tokens.is_none() {
        let reason = "its header does not tell what else opens it";
        return planner.refuse(&node.id, reason, "remove `unlock`: then it is left as it is");
    }
    for means in later {
        let text = format!("{means} is enrolled once the machine runs from its own disks: homehive disks apply");
        planner.note(&node.id, text);
    }
    if let Some((reason, remedy)) = here.iter().find_map(|means| refused(means, version, planner.facts)) {
        return planner.refuse(&node.id, reason, remedy);
    }
    for (kind, word) in KINDS.into_iter().filter(|(kind, _)| home || *kind == Token::KEY) {
        let own = |token: &&Token| token.kind == kind;
        let wished: Vec<Means> = unlock.means().into_iter().filter(|means| means.kind() == kind).collect();
        let kept = |token: &Token| wished.iter().any(|means| means.fits(token));
        // systemd-cryptenroll takes a token without a slot, of one that was cut while it was taken out, for enrolled.
        let (old, empty): (Vec<&Token>, Vec<&Token>) =
            known.iter().filter(own).filter(|token| !kept(token)).partition(|token| !token.slots.is_empty());
        let others: Vec<u32> =
            known.iter().filter(|token| !own(token) || kept(token)).flat_map(|token| token.slots.clone()).collect();
        out(planner, &node.id, below, (kind, &format!("clear {word}")), &empty, &others);
        let forget = format!("forget {word}");
        // A key that was given another name opens the slot that goes: it goes first.
        let (first, behind) = if kind == Token::KEY { (&old[..], &[][..]) } else { (&[][..], &old[..]) };
        out(planner, &node.id, below, (kind, &forget), first, &others);
        for means in here.iter().filter(|means| means.kind() == kind) {
            let (pbkdf_memory, pbkdf_time) = match means {
                // No key that is typed: there is nothing to make costly.
                Means::Tpm2(_) | Means::Fido2 => (None, None),
                Means::Key(_) => (crypt.pbkdf_memory, crypt.pbkdf_time),
            };
            let what = LuksAction::Enrol { device: below.clone(), means: means.clone(), pbkdf_memory, pbkdf_time };
            add(planner, &node.id, &means.step(), what, Risk::Creates);
        }
        out(planner, &node.id, below, (kind, &forget), behind, &others);
    }
}

/// Takes these tokens out, if there are any, with the slots that no other one opens.
fn out(
    planner: &mut Planner,
    node: &NodeId,
    below: &NodeId,
    (kind, verb): (&str, &str),
    tokens: &[&Token],
    others: &[u32],
) {
    if tokens.is_empty() {
        return;
    }
    let own = |token: &&Token| token.slots.iter().copied().filter(|slot| !others.contains(slot)).collect();
    let stale = |token: &&Token| Stale { token: token.id, slots: own(token), name: token.name.clone() };
    let tokens = tokens.iter().map(stale).collect();
    let what = LuksAction::Forget { device: below.clone(), kind: kind.to_owned(), tokens };
    add(planner, node, verb, what, Risk::None);
}

fn add(planner: &mut Planner, node: &NodeId, verb: &str, what: LuksAction, risk: Risk) {
    let after = planner.site(node).after.into_iter().chain(last(planner)).collect();
    let work = Work { after, touches: what.writes(), blank: Vec::new() };
    planner.add(node, verb, Action::Luks(what), risk, work);
}

/// Why it cannot be enrolled here, and what to do about it.
fn refused(means: &Means, version: u32, facts: &Facts) -> Option<(String, &'static str)> {
    if version != 2 {
        let reason = match means {
            Means::Tpm2(_) | Means::Fido2 => format!("it is LUKS{version}, which is opened by keys alone"),
            Means::Key(_) => format!("it is LUKS{version}, whose header keeps no names of further keys"),
        };
        return Some((reason, "remove `unlock`, or make it LUKS2 while it is closed (cryptsetup convert)"));
    }
    if means.is_anywhere() {
        return None;
    }
    let Some(found) = &facts.machine.enrol else {
        let reason = "nothing can be enrolled: the machine has no systemd-cryptenroll";
        return Some((reason.to_owned(), "install it (it comes with systemd), or remove `unlock`"));
    };
    match means {
        Means::Tpm2(_) if !found.tpm2 => {
            let remedy = "turn it on in the firmware's setup (fTPM, PTT), or remove `unlock.tpm2`";
            Some(("the machine shows no TPM2 that systemd-cryptenroll could use".to_owned(), remedy))
        }
        Means::Fido2 if !found.fido2 => {
            let remedy = "plug it into the machine, or remove `unlock.fido2`";
            Some(("no FIDO2 key is plugged into the machine".to_owned(), remedy))
        }
        Means::Tpm2(_) | Means::Fido2 | Means::Key(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::FED;
    use std::io::Write as _;

    /// What a command finds at `/proc/self/fd/3`, and what is left of it: bytes of any sort, in a file without a name.
    #[test]
    #[expect(clippy::disallowed_types, reason = "what a script does is what a real shell does")]
    fn a_key_in_a_file_that_nobody_else_sees() {
        use std::process::{Command, Stdio};
        let key: Vec<u8> = (0..=255).chain(*b"\n\n").collect();
        let run = |words: &[&str]| {
            let mut child = Command::new("sh")
                .args(["-c", FED, "fed"])
                .args(words)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&key).unwrap();
            let out = child.wait_with_output().unwrap();
            assert!(out.status.success(), "{words:?}");
            out.stdout
        };
        assert_eq!(run(&["cat", "/proc/self/fd/3"]), key);
        // systemd-cryptenroll seeks, which a pipe does not let it.
        assert_eq!(run(&["dd", "if=/proc/self/fd/3", "bs=1", "skip=250", "status=none"]), key[250..]);
        let file = String::from_utf8(run(&["readlink", "/proc/self/fd/3"])).unwrap();
        let (path, rest) = file.trim_end().split_once(' ').unwrap();
        assert!(path.starts_with("/dev/shm/homehive.") && rest == "(deleted)", "{file}");
        assert!(!std::path::Path::new(path).exists());
        assert_eq!(run(&["stat", "-L", "-c", "%a %h", "/proc/self/fd/3"]), b"600 0\n");
    }
}
