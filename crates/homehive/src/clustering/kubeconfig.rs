//! The fleet's own kubeconfig: fetched from a server over SSH, kept in the state directory, readable by its owner alone.
//! Whatever kubeconfig the user works with is neither read nor changed.

use crate::failure::Failure;
use crate::load::Loaded;
use crate::reach;
use crate::verbs::Context;
use apply::{Cluster, Reached, rewrite};
use cmd::Cmd;
use fleet::{HostName, Role};
use machine::Story;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where k3s writes it.
const WRITTEN: &str = "/etc/rancher/k3s/k3s.yaml";
const ASK: Duration = Duration::from_mins(1);

/// A kubeconfig that was fetched.
#[derive(Debug)]
pub struct Access {
    /// Where it is kept.
    pub path: PathBuf,
    /// The server that it came from; none if it was there already.
    pub from: Option<HostName>,
}

/// Where this fleet's kubeconfig is kept: one per fleet file, so that two fleets of one name do not meet.
fn place(loaded: &Loaded) -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| set("HOME").map(|home| home.join(".local/state")));
    let base = base.ok_or_else(|| Failure::Failed("no place for a kubeconfig: HOME is not set".into()))?;
    let path = fs::canonicalize(&loaded.path).unwrap_or_else(|_| loaded.path.clone());
    let mark = storage::identity::namespace(&path.to_string_lossy(), "cluster").simple().to_string();
    Ok(base.join("homehive/clusters").join(format!("{}-{}", loaded.fleet.about.name, &mark[..8])).join("kubeconfig"))
}

/// The fleet's servers, in the order in which they join.
pub fn servers(loaded: &Loaded) -> Result<Vec<HostName>, Failure> {
    let machines = loaded.fleet.machines.iter().filter(|(_, machine)| machine.role == Role::K3sServer);
    let names: Vec<HostName> = machines.map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        let help = "give a machine `role = \"k3s-server\"`";
        return Err(Failure::usage("the fleet has no cluster: none of its machines is a server", help));
    }
    Ok(names)
}

/// The cluster, by the kubeconfig that is kept; it is fetched where there is none.
pub async fn connect(context: &Context, loaded: &Loaded) -> Result<(Cluster, Access), Failure> {
    servers(loaded)?;
    let path = place(loaded)?;
    let access = if path.exists() { Access { path, from: None } } else { fetch(context, loaded).await? };
    let failed = |error| {
        let next = context.again("cluster kubeconfig");
        Failure::failed("the kept kubeconfig is of no use", error, next)
    };
    let cluster = Cluster::connect(&access.path).await.map_err(failed)?;
    Ok((cluster, access))
}

/// Fetches the kubeconfig from the first server that has one, and keeps it.
pub async fn fetch(context: &Context, loaded: &Loaded) -> Result<Access, Failure> {
    let mut why = String::new();
    for name in servers(loaded)? {
        match fetched(context, loaded, &name).await {
            Ok(text) => {
                let path = place(loaded)?;
                let failed = |error| Failure::Failed(format!("cannot write {}: {error}", path.display()));
                keep(&path, &text).map_err(failed)?;
                return Ok(Access { path, from: Some(name) });
            }
            Err(error) => {
                let _ = write!(why, "\n    {name}: {error}");
            }
        }
    }
    let next = context.again("cluster up");
    Err(Failure::Failed(format!("no server gives a kubeconfig{why}\n  next: {next}")))
}

/// The rewritten kubeconfig of one server. It is a key to the whole cluster: its text is told to no story.
async fn fetched(context: &Context, loaded: &Loaded, name: &HostName) -> Result<String, String> {
    context.story.stage(name.to_string(), "is asked for its kubeconfig");
    let reached = reach::reach(loaded, name, None, &Story::silent()).await.map_err(|failure| plain(&failure))?;
    let cat = Cmd::new("cat").arg(WRITTEN);
    let said = reached.machine.ask(&cat, ASK).await.map_err(|error| error.to_string())?;
    if said.status != 0 {
        return Err(format!("k3s has not written {WRITTEN} yet: {}", said.stderr.trim()));
    }
    let Some(declared) = loaded.fleet.machines.get(name) else { return Err("the fleet does not know it".into()) };
    let (at, certified) = (declared.reached_at(), declared.address.to_string());
    let to = Reached { at: &at, certified: &certified, name: loaded.fleet.about.name.as_ref() };
    rewrite(&said.stdout, to).map_err(|error| format!("{WRITTEN}: {error}"))
}

/// A failure in one line, without what to type next.
fn plain(failure: &Failure) -> String {
    let text = failure.to_string();
    let text = text.strip_prefix("failed: ").unwrap_or(&text);
    text.lines()
        .take_while(|line| !line.trim_start().starts_with("next: "))
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Writes it whole or not at all, for nobody else to read, whatever the umask.
fn keep(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    // A temporary file is made with 0600.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::keep;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn nobody_else_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clusters/home/kubeconfig");
        keep(&path, "one").unwrap();
        keep(&path, "two").unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
    }
}
