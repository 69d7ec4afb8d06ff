//! `modules/cluster-secrets.nix` and its script: how a server makes the cluster's Secrets from what agenix opened.

use super::{Home, RenderError};
use crate::File;
use crate::syntax::{Expr, Set};
use cluster::secrets::{SambaUser, Secret, Source};

/// The files; none if the cluster has no server. A cluster without Secrets may have had some, which are to go.
pub(super) fn files(home: &Home<'_>) -> Result<Vec<File>, RenderError> {
    let Some((first, _)) = home.servers.first() else { return Ok(Vec::new()) };
    let all = cluster::secrets(home.fleet);
    let table = all.iter().map(|secret| entry(home, secret).into()).collect();
    let bindings = Set::new()
        .note(
            "Which Secrets the cluster has, and which of the sealed files they are made from. What nobody has set\n\
             yet is named, and not made; a share's users are made without those who have no password yet.",
        )
        .put("secrets", Expr::List(table))
        .put("files", Expr::texts(there(home)))
        .put("first", first.to_string());
    let body = Expr::Let(bindings, Box::new(Expr::Code(include_str!("../../nix/cluster-secrets.nix"))));
    let head = "The cluster's Secrets, made on its servers.";
    let module = File::nix("modules/cluster-secrets.nix", head, &Expr::module("{ config, lib, pkgs, ... }", body))?;
    let script = include_str!("../../nix/cluster-secrets.sh").to_owned();
    Ok(vec![module, File { path: "modules/cluster-secrets.sh".to_owned(), text: script }])
}

/// What agenix calls the sealed files that are there and that Secrets are made from.
pub(super) fn there(home: &Home<'_>) -> Vec<String> {
    let all = cluster::secrets(home.fleet);
    let made = all.iter().filter(|secret| is_made(home, secret)).flat_map(Secret::files);
    let mut files: Vec<String> = made.filter(|file| is_there(home, file)).map(|file| stem(file).to_owned()).collect();
    files.sort();
    files.dedup();
    files
}

fn is_there(home: &Home<'_>, file: &str) -> bool {
    home.records.secrets.contains(file)
}

/// A value that lacks its file cannot be made; a list of users is made without those who lack theirs.
fn is_made(home: &Home<'_>, secret: &Secret) -> bool {
    secret.keys.iter().all(|entry| match &entry.from {
        Source::Words(_) | Source::SambaUsers(_) => true,
        Source::File(file) => is_there(home, file),
    })
}

fn entry(home: &Home<'_>, secret: &Secret) -> Set {
    let set = Set::new().put("namespace", secret.namespace).put("name", secret.name.as_str());
    let missing: Vec<&str> = secret.files().into_iter().filter(|file| !is_there(home, file)).map(stem).collect();
    let set = if missing.is_empty() { set } else { set.put("missing", Expr::texts(missing)) };
    if !is_made(home, secret) {
        return set;
    }
    let set = match &secret.reader {
        Some(reader) => set.put("reader", reader.as_str()),
        None => set,
    };
    let value = |from: &Source| match from {
        Source::Words(words) => Set::new().put("words", *words),
        Source::File(file) => Set::new().put("file", path(file)),
        Source::SambaUsers(users) => {
            let there = users.iter().filter(|user| is_there(home, &user.file));
            let users = there.fold(Set::new(), |set, user| set.put_named("", user.name.to_string(), samba_user(user)));
            Set::new().put("users", users)
        }
    };
    let keys = secret.keys.iter().fold(Set::new(), |set, entry| set.put_named("", entry.key, value(&entry.from)));
    set.put("keys", keys)
}

fn samba_user(user: &SambaUser) -> Set {
    Set::new().put("uid", user.uid).put("file", path(&user.file))
}

/// Where agenix puts what it opens.
fn path(file: &str) -> Expr {
    Expr::Select("config.age.secrets", vec![stem(file).to_owned(), "path".to_owned()])
}

fn stem(file: &str) -> &str {
    file.strip_suffix(".age").unwrap_or(file)
}
