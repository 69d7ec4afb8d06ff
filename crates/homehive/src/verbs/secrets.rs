//! `secrets`: what a fleet keeps to itself, made, set, listed and sealed anew; no value is ever an answer.

use super::Context;
use crate::answer;
use crate::args::{Changed, Secrets};
use crate::failure::Failure;
use crate::hostkeys::{self, KeyError};
use crate::load::Loaded;
use crate::rendering;
use crate::sealing::{self, Answer, State, Vault};
use nixos::{Origin, Sealed};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// The answer of `secrets list --json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SecretsListAnswer {
    /// All secrets, host keys last.
    pub secrets: Vec<Listed>,
    /// Sealed files that belong to nothing the fleet has.
    pub strays: Vec<String>,
}

/// One secret, without its value.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its file, relative to the fleet file.
    pub file: String,
    /// Is it made by homehive, or yours to set?
    pub random: bool,
    /// How it is.
    pub state: State,
    /// What is wrong with it.
    pub wrong: Vec<String>,
    /// The machines that are to open it, beside the admin.
    pub machines: Vec<String>,
    /// What it is for.
    pub used_by: Vec<String>,
}

/// The answer of `secrets init --json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SecretsInitAnswer {
    /// What was made or set.
    pub made: Vec<String>,
    /// The secrets that are still to be set.
    pub missing: Vec<String>,
}

/// The answer of `secrets set`, `edit` and `rotate` with `--json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SecretsChangeAnswer {
    /// Its name.
    pub name: String,
    /// Its file, relative to the fleet file.
    pub file: String,
    /// Was anything written?
    pub changed: bool,
    /// The machines that can open it, beside the admin.
    pub machines: Vec<String>,
    /// What must follow.
    pub next: Vec<String>,
}

/// The answer of `secrets rekey --json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SecretsRekeyAnswer {
    /// Files that are sealed anew.
    pub sealed: Vec<String>,
    /// How many were right already.
    pub right: usize,
}

pub async fn run(context: &Context, verb: Secrets) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let vault = Vault::of(&loaded);
    match verb {
        Secrets::Init => init(context, &loaded, &vault),
        Secrets::List => list(context, &vault),
        Secrets::Rekey { all } => rekey(context, &vault, all),
        Secrets::Set(which) => {
            let secret = changeable(context, &vault, &which, "set")?;
            let value = given(context, secret)?;
            write(context, &loaded, &vault, secret, "secrets-set", &value)
        }
        Secrets::Rotate(which) => {
            let secret = vault.find(&which.name)?;
            if secret.origin == Origin::User {
                let help = format!("only you know what it is to be: {}", set(context, secret));
                return Err(Failure::usage(format!("`{}` is no random secret", secret.name()), help));
            }
            let secret = changeable(context, &vault, &which, "rotate")?;
            let value = sealing::random().map_err(|error| failed(context, secret, &error))?;
            write(context, &loaded, &vault, secret, "secrets-rotate", &value)
        }
        Secrets::Edit(which) => {
            let secret = changeable(context, &vault, &which, "edit")?;
            edit(context, &loaded, &vault, secret).await
        }
    }
}

/// The secret, if it may be changed just so.
fn changeable<'a>(context: &Context, vault: &'a Vault, which: &Changed, verb: &str) -> Result<&'a Sealed, Failure> {
    let secret = vault.find(&which.name)?;
    if let Some(word) = &which.despite_cluster
        && vault.find(word)? != secret
    {
        let help = format!("write --despite-cluster {}", secret.name());
        return Err(Failure::usage(format!("--despite-cluster names `{word}`, not `{}`", secret.name()), help));
    }
    // A running cluster's state is sealed with its token (docs.k3s.io, "k3s token"): with another one no server starts.
    if secret.file == nixos::K3S_TOKEN && vault.path(&secret.file).exists() && which.despite_cluster.is_none() {
        let again = context.again(&format!("secrets {verb} k3s-token --despite-cluster k3s-token"));
        return Err(Failure::Refused(format!(
            "secrets/{}: the servers' state is sealed with this token, and with another one no server would start\n  \
             by hand: docs/secrets.md, \"The k3s token\"; for a cluster that was never started: {again}",
            secret.file
        )));
    }
    Ok(secret)
}

fn set(context: &Context, secret: &Sealed) -> String {
    context.again(&format!("secrets set {}", secret.name()))
}

fn failed(context: &Context, secret: &Sealed, error: &KeyError) -> Failure {
    Failure::failed(format!("secrets/{}", secret.file), error, format!("mend that, then {}", set(context, secret)))
}

/// The value that somebody types or pipes in.
fn given(context: &Context, secret: &Sealed) -> Result<Zeroizing<String>, Failure> {
    let again = set(context, secret);
    let text = if sealing::can_ask(&context.global) {
        match sealing::ask(&format!("{} (is not shown)", secret.name()))? {
            Answer::Typed(text) => text,
            Answer::Nothing => return Err(Failure::Refused("nothing was typed, nothing was changed".to_owned())),
        }
    } else if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        let help = format!("leave out --plain and --json, or pipe it in: {again} < FILE");
        return Err(Failure::usage("nobody is asked here", help));
    } else {
        sealing::piped()?
    };
    sealing::check(&text).map_err(|why| {
        let help = format!("one line of text, then {again}");
        Failure::usage(format!("this is no value for `{}`: {why}", secret.name()), help)
    })
}

fn write(
    context: &Context,
    loaded: &Loaded,
    vault: &Vault,
    secret: &Sealed,
    verb: &str,
    value: &str,
) -> Result<(), Failure> {
    // A machine without a host key could not open what is sealed now.
    vault.make_host_keys().map_err(|(_, error)| failed(context, secret, &error))?;
    vault.write(secret, value).map_err(|error| failed(context, secret, &error))?;
    tell(context, secret, verb, true, sealing::what_follows(secret, &loaded.fleet));
    Ok(())
}

fn tell(context: &Context, secret: &Sealed, verb: &str, changed: bool, next: Vec<String>) {
    let machines: Vec<String> = secret.machines.iter().map(ToString::to_string).collect();
    let file = format!("secrets/{}", secret.file);
    if context.global.json {
        let name = secret.name().to_owned();
        answer::json(verb, &SecretsChangeAnswer { name, file, changed, machines, next });
        return;
    }
    let mut text = if changed {
        format!("wrote {file}: for the admin and {}\n", machines.join(", "))
    } else {
        format!("{file} is as it was\n")
    };
    for line in next {
        let _ = writeln!(text, "next: {line}");
    }
    answer::text(&text);
}

async fn edit(context: &Context, loaded: &Loaded, vault: &Vault, secret: &Sealed) -> Result<(), Failure> {
    let path = vault.path(&secret.file);
    let before = if path.exists() {
        let opened = vault.open(&path).map_err(|error| failed(context, secret, &error))?;
        Zeroizing::new(hostkeys::reveal(&opened).to_owned())
    } else {
        Zeroizing::default()
    };
    let text = sealing::edit(secret.name(), &before).await?;
    let value = sealing::check(&text)
        .map_err(|why| Failure::Refused(format!("nothing was changed: {why}\n  a secret is one line of text")))?;
    if *value == *before {
        tell(context, secret, "secrets-edit", false, Vec::new());
        return Ok(());
    }
    write(context, loaded, vault, secret, "secrets-edit", &value)
}

fn init(context: &Context, loaded: &Loaded, vault: &Vault) -> Result<(), Failure> {
    let mut made = rendering::make_secrets(loaded, &loaded.dir())?;
    if sealing::can_ask(&context.global) {
        let unset: Vec<&Sealed> = vault.unset().collect();
        for secret in unset {
            let question = format!("{} (for {}; Enter alone: later)", secret.name(), secret.uses.join(", "));
            let Answer::Typed(text) = sealing::ask(&question)? else { continue };
            match sealing::check(&text) {
                Ok(value) => {
                    vault.write(secret, &value).map_err(|error| failed(context, secret, &error))?;
                    made.push(format!("secrets/{}: what you typed", secret.file));
                }
                Err(why) => answer::aside(format_args!("{} is not set: {why}", secret.name())),
            }
        }
    }
    let missing: Vec<String> = vault.unset().map(|secret| secret.name().to_owned()).collect();
    if context.global.json {
        answer::json("secrets-init", &SecretsInitAnswer { made, missing: missing.clone() });
    } else {
        let mut text = String::new();
        for line in &made {
            let _ = writeln!(text, "made {line}");
        }
        for secret in vault.unset() {
            let _ = writeln!(text, "missing {}: {}; {}", secret.name(), secret.uses.join(", "), set(context, secret));
        }
        if missing.is_empty() {
            let _ = write!(text, "all secrets are there\nnext: {}", context.again("render"));
        }
        answer::text(&text);
    }
    if missing.is_empty() { Ok(()) } else { Err(Failure::Wanting) }
}

fn list(context: &Context, vault: &Vault) -> Result<(), Failure> {
    let unreadable = |file: &str, error: KeyError| {
        Failure::failed(format!("secrets/{file}"), error, "mend that, then homehive secrets list")
    };
    let mut secrets = Vec::new();
    for secret in vault.table() {
        let (state, wrong) =
            vault.state(&secret.file, &secret.machines).map_err(|error| unreadable(&secret.file, error))?;
        secrets.push(Listed {
            name: secret.name().to_owned(),
            file: format!("secrets/{}", secret.file),
            random: secret.origin == Origin::Random,
            state,
            wrong,
            machines: secret.machines.iter().map(ToString::to_string).collect(),
            used_by: secret.uses.clone(),
        });
    }
    for host in vault.hosts() {
        let file = format!("host-keys/{host}.age");
        let (state, wrong) = vault.state(&file, &[]).map_err(|error| unreadable(&file, error))?;
        let used_by = vec![format!("the host key of {host}")];
        let (name, file) = (format!("host-keys/{host}"), format!("secrets/{file}"));
        secrets.push(Listed { name, file, random: true, state, wrong, machines: Vec::new(), used_by });
    }
    let answer = SecretsListAnswer { strays: vault.strays(), secrets };
    if context.global.json {
        answer::json("secrets-list", &answer);
    } else {
        answer::text(&table(context, &answer));
    }
    Ok(())
}

fn table(context: &Context, answer: &SecretsListAnswer) -> String {
    let width = answer.secrets.iter().map(|secret| secret.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for secret in &answer.secrets {
        let who = if secret.machines.is_empty() { String::new() } else { format!(", {}", secret.machines.join(", ")) };
        let used = secret.used_by.join(", ");
        let _ = writeln!(text, "{:width$}  {:7}  admin{who}  ({used})", secret.name, secret.state.word());
        for wrong in &secret.wrong {
            let _ = writeln!(text, "{:width$}  {wrong}", "");
        }
    }
    for stray in &answer.strays {
        let _ = writeln!(text, "secrets/{stray} belongs to nothing in the fleet; it may go");
    }
    let any = |state| answer.secrets.iter().any(|secret| secret.state == state);
    if any(State::Missing) {
        let _ = writeln!(text, "next: {}", context.again("secrets init"));
    }
    if any(State::Stale) {
        let _ = writeln!(text, "next: {}", context.again("secrets rekey"));
    }
    text
}

fn rekey(context: &Context, vault: &Vault, all: bool) -> Result<(), Failure> {
    let sealing::Rekeyed { sealed, right } = sealing::rekey(vault, all)?;
    if context.global.json {
        answer::json("secrets-rekey", &SecretsRekeyAnswer { sealed, right });
        return Ok(());
    }
    let mut text = String::new();
    for file in &sealed {
        let _ = writeln!(text, "sealed anew: secrets/{file}");
    }
    let _ = writeln!(text, "{} sealed anew, {right} right already", sealed.len());
    if !sealed.is_empty() {
        let _ = write!(text, "next: commit them, then {}", context.again("deploy"));
    }
    answer::text(&text);
    Ok(())
}
