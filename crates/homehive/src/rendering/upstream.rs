//! Files of other projects that the cluster's objects are made from: fetched once, told by their digest, and kept.

use super::record::digest;
use super::save;
use crate::answer;
use crate::failure::Failure;
use cluster::catalogue::Source;
use cluster::{Catalogue, Upstream};
use cmd::Cmd;
use fleet::Fleet;
use machine::{RunError, run_local};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A checkout of one's own instead: a directory with one for each project.
const CHECKOUT: &str = "HOMEHIVE_UPSTREAM";

/// For one small file.
const DEADLINE: Duration = Duration::from_mins(1);

/// What the fleet's objects need.
///
/// # Errors
/// A file cannot be had, or is another than the pinned one.
pub(super) fn gather(fleet: &Fleet, catalogue: &Catalogue) -> Result<Upstream, Failure> {
    let mut upstream = Upstream::default();
    for name in cluster::samba::sources(fleet) {
        let source = catalogue.source(name).map_err(|error| Failure::Bug(error.to_string()))?;
        match std::env::var_os(CHECKOUT).filter(|value| !value.is_empty()) {
            Some(dir) => checkout(&Path::new(&dir).join(name), source, &mut upstream)?,
            None => kept(&cache()?, source, &mut upstream)?,
        }
    }
    Ok(upstream)
}

/// A checkout is taken as it is: who names it may have changed it, and is told.
fn checkout(dir: &Path, source: &Source, upstream: &mut Upstream) -> Result<(), Failure> {
    let mut others = Vec::new();
    for (path, wanted) in &source.files {
        let file = dir.join(path);
        let text = fs::read_to_string(&file).map_err(|error| {
            let help = format!(
                "{CHECKOUT} names a directory with a checkout of {} at {}: DIR/{}/{path}",
                source.repository, source.tag, source.name
            );
            Failure::usage(format!("cannot read {}: {error}", file.display()), help)
        })?;
        if digest(text.as_bytes()) != *wanted {
            others.push(path.as_str());
        }
        upstream.add(&source.name, path, text);
    }
    if !others.is_empty() {
        let (dir, tag) = (dir.display(), &source.tag);
        answer::aside(format_args!("{CHECKOUT}: in {dir} other than in {tag} is {}", others.join(", ")));
    }
    Ok(())
}

/// Where files are kept, each under its digest.
fn cache() -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| set("HOME").map(|home| home.join(".cache")));
    let none = || Failure::usage("no place to keep files: HOME is not set", "set HOME or XDG_CACHE_HOME");
    base.map(|base| base.join("homehive/upstream")).ok_or_else(none)
}

fn kept(cache: &Path, source: &Source, upstream: &mut Upstream) -> Result<(), Failure> {
    for (path, wanted) in &source.files {
        let file = cache.join(wanted);
        let text = match fs::read_to_string(&file) {
            Ok(text) if digest(text.as_bytes()) == *wanted => text,
            // Damaged, or never fetched.
            Ok(_) => fetch(source, path, wanted, &file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => fetch(source, path, wanted, &file)?,
            Err(error) => return Err(super::cannot("read", &file, &error)),
        };
        upstream.add(&source.name, path, text);
    }
    Ok(())
}

fn address(source: &Source, path: &str) -> String {
    format!("https://raw.githubusercontent.com/{}/{}/{path}", source.repository, source.revision)
}

fn words(address: &str) -> Cmd {
    Cmd::new("curl")
        .args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https"])
        .args(["--max-time", "45", "--max-filesize", "4194304"])
        .args(["--", address])
}

/// Fetches, verifies and keeps one file.
fn fetch(source: &Source, path: &str, wanted: &str, file: &Path) -> Result<String, Failure> {
    let address = address(source, path);
    let help = || {
        format!(
            "the Samba operator of the shares is made from this file. Where there is no network, put the file of that\n  \
             address at {}, or set {CHECKOUT}=DIR with a checkout of {} at {} in DIR/{}; then the same command again",
            file.display(),
            source.repository,
            source.tag,
            source.name
        )
    };
    let words = words(&address);
    // Nothing can be rendered meanwhile.
    let asked = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(run_local(&words, DEADLINE)));
    let text = match asked {
        Ok(output) => output.stdout,
        Err(RunError::Start { .. }) => {
            return Err(Failure::Failed(format!("cannot fetch {address}: curl is not on this machine\n  {}", help())));
        }
        Err(RunError::Failed { stderr, .. }) => {
            return Err(Failure::Failed(format!("cannot fetch {address}: {}\n  {}", stderr.trim(), help())));
        }
        Err(error) => return Err(Failure::Failed(format!("cannot fetch {address}: {error}\n  {}", help()))),
    };
    let found = digest(text.as_bytes());
    if found != wanted {
        return Err(Failure::Refused(format!(
            "{address} is not the file that is pinned: sha256 {found}, wanted {wanted}; it was not kept\n  {}",
            help()
        )));
    }
    save(file, text.as_bytes())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{address, kept, words};
    use cluster::catalogue::Source;
    use cluster::{Catalogue, Upstream};

    #[test]
    fn where_a_file_comes_from() {
        let source = Catalogue::built_in().unwrap().source("samba-operator").unwrap();
        let words = words(&address(source, "config/rbac/role.yaml")).argv();
        assert_eq!(
            words.last().unwrap(),
            "https://raw.githubusercontent.com/samba-in-kubernetes/samba-operator/8b8cb9a080364cdde58196fe25ffc57e2e4f7c6f/config/rbac/role.yaml"
        );
        assert_eq!(words[words.len() - 2], "--");
        assert!(words.windows(2).any(|pair| pair == ["--proto", "=https"]), "{words:?}");
    }

    #[test]
    fn what_is_kept_and_right_is_not_fetched() {
        let (cache, text) = (tempfile::tempdir().unwrap(), "kind: Role\n");
        let digest = super::digest(text.as_bytes());
        std::fs::write(cache.path().join(&digest), text).unwrap();
        let source = Source {
            name: "it".into(),
            repository: "nobody/it".into(),
            tag: "v1".into(),
            revision: "0".repeat(40),
            files: [("role.yaml".to_owned(), digest)].into(),
        };
        let mut upstream = Upstream::default();
        kept(cache.path(), &source, &mut upstream).unwrap();
        assert_eq!(upstream.text("it", "role.yaml").unwrap(), text);
    }
}
