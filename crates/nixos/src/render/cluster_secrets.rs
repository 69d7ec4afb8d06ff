//! `modules/cluster-secrets.nix` and its script: how a server makes the cluster's Secrets from what agenix opened.

use super::{Home, RenderError};
use crate::File;
use crate::syntax::{Expr, Set};
use cluster::secrets::{Secret, Source};

/// The files; none if the cluster has no Secrets.
pub(super) fn files(home: &Home<'_>) -> Result<Vec<File>, RenderError> {
    let all = cluster::secrets(home.fleet);
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let first = home.servers.first().map(|(name, _)| name.to_string()).unwrap_or_default();
    let table = all.iter().map(|secret| entry(home, secret).into()).collect();
    let bindings = Set::new()
        .note(
            "Which Secrets the cluster has, and which of the sealed files they are made from. Those that nobody has set\n\
             yet are named, and not made.",
        )
        .put("secrets", Expr::List(table))
        .put("files", Expr::texts(there(home)))
        .put("first", first);
    let body = Expr::Let(bindings, Box::new(Expr::Code(include_str!("../../nix/cluster-secrets.nix"))));
    let head = "The cluster's Secrets, made on its servers.";
    let module = File::nix("modules/cluster-secrets.nix", head, &Expr::module("{ config, lib, pkgs, ... }", body))?;
    let script = include_str!("../../nix/cluster-secrets.sh").to_owned();
    Ok(vec![module, File { path: "modules/cluster-secrets.sh".to_owned(), text: script }])
}

/// What agenix calls the sealed files that are there and that Secrets are made from.
pub(super) fn there(home: &Home<'_>) -> Vec<String> {
    let all = cluster::secrets(home.fleet);
    let mut files: Vec<String> = all
        .iter()
        .filter(|secret| missing(home, secret).is_empty())
        .flat_map(Secret::files)
        .map(|file| stem(file).to_owned())
        .collect();
    files.sort();
    files.dedup();
    files
}

fn missing<'a>(home: &Home<'_>, secret: &'a Secret) -> Vec<&'a str> {
    secret.files().into_iter().filter(|file| !home.records.secrets.contains(*file)).map(stem).collect()
}

fn entry(home: &Home<'_>, secret: &Secret) -> Set {
    let set = Set::new().put("namespace", secret.namespace).put("name", secret.name.as_str());
    let missing = missing(home, secret);
    if !missing.is_empty() {
        return set.put("missing", Expr::texts(missing));
    }
    let path = |file: &str| Expr::Select("config.age.secrets", vec![stem(file).to_owned(), "path".to_owned()]);
    let value = |from: &Source| match from {
        Source::Words(words) => Set::new().put("words", *words),
        Source::File(file) => Set::new().put("file", path(file)),
        Source::SambaUsers(users) => {
            let users =
                users.iter().fold(Set::new(), |set, (user, file)| set.put_named("", user.to_string(), path(file)));
            Set::new().put("users", users)
        }
    };
    let keys = secret.keys.iter().fold(Set::new(), |set, entry| set.put_named("", entry.key, value(&entry.from)));
    set.put("keys", keys)
}

fn stem(file: &str) -> &str {
    file.strip_suffix(".age").unwrap_or(file)
}
