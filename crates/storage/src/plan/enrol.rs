//! What opens a container beside its key: enrolled where it is declared and missing, taken out where it is declared away. The
//! key itself stays: whoever takes a slot out must show that it opens another.

use super::luks::{is, last};
use super::planner::{At, Planner, Work};
use super::step::{Action, Risk};
use super::{LuksAction, Sight, group, mount};
use crate::NodeId;
use crate::facts::{Content, Facts, Token};
use crate::tree::Unlock;
use crate::wish::{Crypt, Node, Wish};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

pub(super) const FED: &str = include_str!("fed.sh");

/// What opens a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// The machine's TPM2, if these registers hold what they hold now.
    Tpm2(Vec<u32>),
    /// A FIDO2 key that somebody touches.
    Fido2,
}

/// A token that goes, and the key slots that go with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stale {
    /// The token's number.
    pub token: u32,
    /// The numbers of the slots.
    pub slots: Vec<u32>,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tpm2(pcrs) if pcrs.is_empty() => f.write_str("the TPM, whatever is booted"),
            Self::Tpm2(pcrs) => write!(f, "the TPM, bound to PCR {}", listed(pcrs, ", ")),
            Self::Fido2 => f.write_str("a FIDO2 key"),
        }
    }
}

fn listed(numbers: &[u32], between: &str) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

impl Means {
    /// Its word in step names.
    fn word(&self) -> &'static str {
        match self {
            Self::Tpm2(_) => "tpm2",
            Self::Fido2 => "fido2",
        }
    }

    /// The type of its token (systemd's `src/shared/cryptsetup-tpm2.h`, `cryptsetup-fido2.h`).
    fn kind(&self) -> &'static str {
        match self {
            Self::Tpm2(_) => "systemd-tpm2",
            Self::Fido2 => "systemd-fido2",
        }
    }

    /// Is this token as declared? What a FIDO2 key wants besides is the business of who enrolled it.
    fn fits(&self, token: &Token) -> bool {
        let same = match self {
            Self::Tpm2(pcrs) => token.pcrs.as_ref() == Some(pcrs) && !token.pin,
            Self::Fido2 => true,
        };
        same && !token.slots.is_empty()
    }

    /// Enrols it: a slot and a token more. Whoever has to touch something has two minutes for it.
    pub(super) fn enrol(&self, device: &NodeId, node: &NodeId) -> Cmd {
        let enrol = ["systemd-cryptenroll", "--unlock-key-file=/dev/fd/3"];
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
        };
        cmd.device(device)
    }
}

impl Unlock {
    fn means(&self) -> Vec<Means> {
        let tpm2 = self.tpm2.iter().map(|tpm2| Means::Tpm2(tpm2.pcrs.clone()));
        tpm2.chain(self.fido2.then_some(Means::Fido2)).collect()
    }

    /// What is declared and opens nothing yet.
    pub(crate) fn missing(&self, tokens: &[Token]) -> Vec<Means> {
        let is_there = |means: &Means| tokens.iter().any(|token| token.kind == means.kind() && means.fits(token));
        self.means().into_iter().filter(|means| !is_there(means)).collect()
    }
}

/// Takes tokens out, each behind its slots. cryptsetup takes none out unless the key that it reads opens another one.
pub(super) fn forget(tokens: &[Stale], device: &NodeId, node: &NodeId) -> Vec<Cmd> {
    let each = |stale: &Stale| {
        let kill = |slot: &u32| {
            let cmd = Cmd::new("cryptsetup").args(["luksKillSlot", "--batch-mode", "--key-file=-"]).key(node);
            cmd.device(device).arg(slot.to_string())
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
    let missing = unlock.missing(known);
    if version == 1 && unlock.is_empty() {
        return;
    }
    if version == 2 && tokens.is_none() {
        let reason = "its header does not tell what else opens it";
        return planner.refuse(&node.id, reason, "remove `unlock`: then it is left as it is");
    }
    if !at_home(planner.wish, planner.facts, &planner.sight) {
        for means in missing {
            let text = format!("{means} is enrolled once the machine runs from its own disks: homehive disks apply");
            planner.note(&node.id, text);
        }
        return;
    }
    if let Some((reason, remedy)) = missing.iter().find_map(|means| refused(means, version, planner.facts)) {
        return planner.refuse(&node.id, reason, remedy);
    }
    let kinds = [Means::Tpm2(Vec::new()), Means::Fido2];
    for kind in &kinds {
        let own = |token: &&Token| token.kind == kind.kind();
        let wished = unlock.means().into_iter().find(|means| means.kind() == kind.kind());
        let kept = |token: &Token| wished.as_ref().is_some_and(|means| means.fits(token));
        // systemd-cryptenroll takes a token without a slot, of one that was cut while it was taken out, for enrolled.
        let (old, empty): (Vec<&Token>, Vec<&Token>) =
            known.iter().filter(own).filter(|token| !kept(token)).partition(|token| !token.slots.is_empty());
        let others: Vec<u32> =
            known.iter().filter(|token| !own(token) || kept(token)).flat_map(|token| token.slots.clone()).collect();
        out(planner, &node.id, below, (kind, "clear"), &empty, &others);
        if let Some(means) = missing.iter().find(|means| means.kind() == kind.kind()) {
            let what = LuksAction::Enrol { device: below.clone(), means: means.clone() };
            add(planner, &node.id, &format!("enrol {}", kind.word()), what, Risk::Creates);
        }
        out(planner, &node.id, below, (kind, "forget"), &old, &others);
    }
}

/// Takes these tokens out, if there are any, with the slots that no other one opens.
fn out(
    planner: &mut Planner,
    node: &NodeId,
    below: &NodeId,
    (kind, verb): (&Means, &str),
    tokens: &[&Token],
    others: &[u32],
) {
    if tokens.is_empty() {
        return;
    }
    let own = |token: &&Token| token.slots.iter().copied().filter(|slot| !others.contains(slot)).collect();
    let tokens = tokens.iter().map(|token| Stale { token: token.id, slots: own(token) }).collect();
    let what = LuksAction::Forget { device: below.clone(), kind: kind.kind().to_owned(), tokens };
    add(planner, node, &format!("{verb} {}", kind.word()), what, Risk::None);
}

fn add(planner: &mut Planner, node: &NodeId, verb: &str, what: LuksAction, risk: Risk) {
    let after = planner.site(node).after.into_iter().chain(last(planner)).collect();
    let work = Work { after, touches: what.writes(), blank: Vec::new() };
    planner.add(node, verb, Action::Luks(what), risk, work);
}

/// Why it cannot be enrolled here, and what to do about it.
fn refused(means: &Means, version: u32, facts: &Facts) -> Option<(String, &'static str)> {
    if version != 2 {
        let reason = format!("it is LUKS{version}, which is opened by keys alone");
        return Some((reason, "remove `unlock`, or make it LUKS2 while it is closed (cryptsetup convert)"));
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
        Means::Tpm2(_) | Means::Fido2 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::FED;
    use std::io::Write as _;

    /// What a command finds at `/dev/fd/3`, and what is left of it: bytes of any sort, in a file without a name.
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
        assert_eq!(run(&["cat", "/dev/fd/3"]), key);
        // systemd-cryptenroll seeks, which a pipe does not let it.
        assert_eq!(run(&["dd", "if=/dev/fd/3", "bs=1", "skip=250", "status=none"]), key[250..]);
        let file = String::from_utf8(run(&["readlink", "/dev/fd/3"])).unwrap();
        let (path, rest) = file.trim_end().split_once(' ').unwrap();
        assert!(path.starts_with("/dev/shm/homehive.") && rest == "(deleted)", "{file}");
        assert!(!std::path::Path::new(path).exists());
        assert_eq!(run(&["stat", "-L", "-c", "%a %h", "/dev/fd/3"]), b"600 0\n");
    }
}
