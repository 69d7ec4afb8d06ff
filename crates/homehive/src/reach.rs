//! Which way leads to a machine of the fleet, and which system answers there: its host key tells.

mod on_medium;

use crate::failure::Failure;
use crate::hostkeys::{HostKeys, INSTALLER};
use crate::load::Loaded;
use cmd::Cmd;
use fleet::HostName;
use machine::{Address, Machine, Refusal, RunError, Story, Trust};
use on_medium::OnMedium;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use storage::Wish;

/// A machine that answers, and what it runs.
#[derive(Debug)]
pub struct Reached {
    /// The machine.
    pub machine: Machine,
    /// What answers there.
    pub system: System,
}

/// What answers at a machine's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// The machine's own system: it showed the machine's own host key.
    Installed,
    /// The installation medium: it showed the medium's host key.
    Installer,
    /// Some Linux whose key the user's own `known_hosts` knows, or this machine itself.
    Other,
}

/// How long a machine that is on may take to answer.
const ANSWER: Duration = Duration::from_mins(1);
/// How long slower disks may take after that.
const MOUNTED: Duration = Duration::from_mins(3);

/// `[USER@]ADDRESS[:PORT]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    user: Option<String>,
    host: Option<String>,
    port: Option<u16>,
}

impl Place {
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong =
            || Failure::usage(format!("`{text}` is no address"), "write [USER@]ADDRESS[:PORT]; IPv6 as [::1]:22");
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, tail)) => (host, tail.strip_prefix(':')),
            None if rest.matches(':').count() == 1 => rest.split_once(':').map_or((rest, None), |(h, p)| (h, Some(p))),
            None => (rest, None),
        };
        let port = port.map(str::parse).transpose().map_err(|_| wrong())?;
        // ssh would take a leading hyphen for an option.
        let odd = |word: &str| word.is_empty() || word.starts_with('-') || word.contains(char::is_whitespace);
        if odd(host) || user.as_deref().is_some_and(odd) {
            return Err(wrong());
        }
        Ok(Self { user, host: Some(host.to_owned()), port })
    }
}

/// The private key that lies beside a fleet file, as in the lab; else the user's own keys and agent are used.
pub fn identity(loaded: &Loaded) -> Option<PathBuf> {
    let beside = loaded.dir().join("secrets/identity");
    beside.exists().then_some(beside)
}

/// The private key that opens the fleet's secrets.
pub fn unlocking(loaded: &Loaded) -> Result<PathBuf, Failure> {
    identity(loaded).map_or_else(crate::hostkeys::identity, Ok).map_err(|error| Failure::Failed(error.to_string()))
}

/// Has the machine a host key that homehive made for it?
pub fn is_pinned(loaded: &Loaded, name: &HostName) -> bool {
    HostKeys::of(&loaded.dir()).public(name.as_ref()).is_some()
}

/// The ways to a machine, the likeliest first.
fn ways(loaded: &Loaded, name: &HostName, place: &Place) -> Vec<(System, Address)> {
    let Some(declared) = loaded.fleet.machines.get(name) else { return Vec::new() };
    let keys = HostKeys::of(&loaded.dir());
    let ssh = &declared.ssh;
    let own = ssh.user.as_ref().map_or_else(|| loaded.fleet.admin.user.to_string(), ToString::to_string);
    let medium = ssh.installer_user.as_ref().map_or_else(|| "root".to_owned(), ToString::to_string);
    let address = |user: String, trust| Address {
        host: place.host.clone().unwrap_or_else(|| declared.reached_at()),
        port: place.port.or_else(|| ssh.port.map(fleet::Port::number)).unwrap_or(22),
        user: place.user.clone().unwrap_or(user),
        trust,
        identity: identity(loaded),
    };
    let (key, installer) = (keys.public(name.as_ref()), keys.public(INSTALLER));
    let (is_pinned, has_medium) = (key.is_some(), installer.is_some());
    let mut ways = Vec::new();
    ways.extend(key.map(|key| (System::Installed, address(own.clone(), Trust::Pinned(key)))));
    ways.extend(installer.map(|key| (System::Installer, address(medium.clone(), Trust::Pinned(key)))));
    if !is_pinned {
        // Without a key of ours it is a system of the user's own, whose key the user has looked at.
        ways.push((System::Other, address(own, Trust::KnownHosts)));
    } else if !has_medium {
        // Without a medium of ours, a machine is installed from some Linux whose key the user has looked at.
        ways.push((System::Other, address(medium, Trust::KnownHosts)));
    }
    ways
}

/// Where the installer may answer with its pinned key: at `before`, at the machine's address in the fleet, and at the
/// places that the user names; at their own port, else at 22 and, where the machine answered before, at the port it had.
pub fn installer_at(
    loaded: &Loaded,
    name: &HostName,
    before: Option<(String, u16)>,
    named: &[String],
) -> Result<Vec<Address>, Failure> {
    let (Some(declared), Some(key)) = (loaded.fleet.machines.get(name), HostKeys::of(&loaded.dir()).public(INSTALLER))
    else {
        return Err(Failure::Bug(format!("the installer of `{name}` is looked for before its host key is made")));
    };
    let user = declared.ssh.installer_user.as_ref().map_or_else(|| "root".to_owned(), ToString::to_string);
    let port = declared.ssh.port.map_or(22, fleet::Port::number);
    let mut places = vec![(declared.reached_at(), port)];
    if let Some((host, port)) = before {
        places.push((host.clone(), port));
        // What ran there before may have had its sshd elsewhere than the installer has it.
        if port != declared.ssh.port.map_or(22, fleet::Port::number) {
            places.push((host, 22));
        }
    }
    for text in named {
        let place = Place::parse(text)?;
        places.extend(place.host.map(|host| (host, place.port.unwrap_or(22))));
    }
    let address = |(host, port)| Address {
        host,
        port,
        user: user.clone(),
        trust: Trust::Pinned(key.clone()),
        identity: identity(loaded),
    };
    Ok(places.into_iter().map(address).collect())
}

/// Where the machine's own system may answer with its pinned key, once it is installed: at its address in the fleet, and at
/// the places where its installer was, with the own system's user and port.
pub fn installed_at(loaded: &Loaded, name: &HostName, places: &[&str]) -> Result<Vec<Address>, Failure> {
    let of = |place: &Place| {
        let way = ways(loaded, name, place).into_iter().find(|(system, _)| *system == System::Installed);
        let nobody = || Failure::Bug(format!("the host key of `{name}` is asked for before it is made"));
        way.map(|(_, address)| address).ok_or_else(nobody)
    };
    let mut found = vec![of(&Place::default())?];
    for text in places {
        let place = Place { user: None, ..Place::parse(text)? };
        for port in [None, place.port] {
            let address = of(&Place { port, ..place.clone() })?;
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    Ok(found)
}

/// The machine, which is known to run this system now.
pub async fn reach_as(loaded: &Loaded, name: &HostName, system: System, story: &Story) -> Result<Machine, Failure> {
    let way = ways(loaded, name, &Place::default()).into_iter().find(|(way, _)| *way == system);
    let Some((_, address)) = way else {
        return Err(Failure::Bug(format!("no key of `{name}` is known for what runs there")));
    };
    let machine = connect(name.as_ref(), address)?.telling(story);
    machine.wait(ANSWER).await.map_err(|error| Failure::Failed(format!("`{name}`: {error}")))?;
    Ok(machine)
}

/// The machine, by whichever system answers at its address (or at `host`).
pub async fn reach(loaded: &Loaded, name: &HostName, host: Option<&str>, story: &Story) -> Result<Reached, Failure> {
    by(&[], loaded, name, host, story).await
}

/// The machine, by whichever system answers, some other Linux among them whose key the user's own `known_hosts` knows.
pub async fn reach_any(
    loaded: &Loaded,
    name: &HostName,
    host: Option<&str>,
    story: &Story,
) -> Result<Reached, Failure> {
    let place = host.filter(|host| *host != "local").map(Place::parse).transpose()?.unwrap_or_default();
    let known = ways(loaded, name, &place).into_iter().next().map(|(_, address)| {
        let user = place.user.clone().unwrap_or_else(|| "root".into());
        (System::Other, Address { user, trust: Trust::KnownHosts, ..address })
    });
    by(known.as_slice(), loaded, name, host, story).await
}

/// The machine, by the ways of the fleet and then by `more`.
async fn by(
    more: &[(System, Address)],
    loaded: &Loaded,
    name: &HostName,
    host: Option<&str>,
    story: &Story,
) -> Result<Reached, Failure> {
    if host == Some("local") {
        return Ok(Reached { machine: local(name.as_ref()).telling(story), system: System::Other });
    }
    let place = host.map(Place::parse).transpose()?.unwrap_or_default();
    story.stage(name.to_string(), "is being reached");
    let mut ways = ways(loaded, name, &place);
    let medium = OnMedium::of(&loaded.dir(), name);
    if medium.is_marked() {
        ways.sort_by_key(|(system, _)| *system != System::Installer);
    }
    let mut refused = None;
    for (system, address) in ways.into_iter().chain(more.iter().cloned()) {
        let machine = connect(name.as_ref(), address)?.telling(story);
        match machine.wait(ANSWER).await {
            Ok(()) => {
                medium.mark(system);
                return Ok(Reached { machine, system });
            }
            Err(error @ RunError::Unreachable { reason: Refusal::HostKey, .. }) => refused = Some(error),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let why = refused.map_or_else(|| "no way leads there".to_owned(), |error| error.to_string());
    Err(Failure::Failed(format!("`{name}`: {why}\n  next: mend that, then the same command again")))
}

/// Waits until everything that is declared is mounted: a machine lets people in before its slower disks are up, and
/// `nofail` mounts come later. Whether something stays missing is for `verify` to say.
pub async fn mounted(machine: &Machine, wish: &Wish) -> Result<(), Failure> {
    let end = Instant::now() + MOUNTED;
    let table = Cmd::new("findmnt").args(["--json", "--list", "--output", "TARGET"]);
    loop {
        let said = machine.ask(&table, ANSWER).await.map_err(|error| Failure::Failed(error.to_string()))?.stdout;
        let targets = targets(&said)?;
        let there = |path: &String| targets.contains(path);
        let nodev = wish.nodev.iter().map(|nodev| &nodev.path);
        if wish.mounts.iter().map(|mount| &mount.path).chain(nodev).all(there) || Instant::now() > end {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What findmnt(8) says is mounted: as JSON, for its other forms write blanks in other ways.
fn targets(said: &str) -> Result<Vec<String>, Failure> {
    #[derive(serde::Deserialize)]
    struct Said {
        filesystems: Vec<Mount>,
    }
    #[derive(serde::Deserialize)]
    struct Mount {
        target: String,
    }
    let said: Said = serde_json::from_str(said)
        .map_err(|error| Failure::Failed(format!("findmnt said nothing sensible: {error}")))?;
    Ok(said.filesystems.into_iter().map(|mount| mount.target).collect())
}

/// A machine that need not be of the fleet, known to the user's own `known_hosts`.
pub async fn anywhere(host: &str, story: &Story) -> Result<Machine, Failure> {
    if host == "local" {
        return Ok(local("local").telling(story));
    }
    let place = Place::parse(host)?;
    let (Some(host), user) = (place.host, place.user.unwrap_or_else(|| "root".into())) else {
        return Err(Failure::usage(format!("`{host}` is no address"), "write [USER@]ADDRESS[:PORT]"));
    };
    let port = place.port.unwrap_or(22);
    let machine = connect(&host, Address { host: host.clone(), port, user, trust: Trust::KnownHosts, identity: None })?;
    machine.wait(ANSWER).await.map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(machine.telling(story))
}

fn connect(name: &str, address: Address) -> Result<Machine, Failure> {
    Machine::ssh(name, address)
        .map_err(|error| Failure::Failed(format!("cannot prepare a connection to {name}: {error}")))
}

fn local(name: &str) -> Machine {
    Machine::local(name, !is_root())
}

/// Does this process have root's rights?
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::{Place, System, installed_at, ways};
    use crate::load::Loaded;
    use machine::Trust;

    const FLEET: &str = r#"
[fleet]
name = "home"
[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGTS0H1TYLZFMKTKOmzeE4ACSMMVTQs4axckyyz0p3hI ben@laptop"]
[network]
subnet = "192.168.1.0/24"
[machines.one]
address = "192.168.1.11"
configuration = ".#one"
"#;

    /// A fleet whose host keys of these names are there.
    fn home(keys: &[&str]) -> (tempfile::TempDir, Loaded) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("fleet.toml"), FLEET).unwrap();
        std::fs::create_dir_all(dir.path().join("secrets/host-keys")).unwrap();
        for name in keys {
            std::fs::write(dir.path().join(format!("secrets/host-keys/{name}.pub")), "ssh-ed25519 AAAA\n").unwrap();
        }
        let fleet = fleet::Fleet::parse(FLEET, "fleet.toml", fleet::Format::Toml).unwrap();
        let path = dir.path().join("fleet.toml");
        (dir, Loaded { fleet, path, variant: payload::Variant::Plain })
    }

    #[test]
    fn a_machine_that_homehive_did_not_install_is_known_by_the_users_own_word() {
        for (keys, wanted) in [
            (&[][..], &[(System::Other, "ben")][..]),
            (&["installer"], &[(System::Installer, "root"), (System::Other, "ben")]),
            (&["one"], &[(System::Installed, "ben"), (System::Other, "root")]),
            (&["one", "installer"], &[(System::Installed, "ben"), (System::Installer, "root")]),
        ] {
            let (_dir, loaded) = home(keys);
            let ways = ways(&loaded, &"one".parse().unwrap(), &Place::default());
            let found: Vec<_> = ways.iter().map(|(system, address)| (*system, address.user.as_str())).collect();
            assert_eq!(found, wanted, "{keys:?}");
            let known =
                ways.iter().all(|(system, it)| (*system == System::Other) == matches!(it.trust, Trust::KnownHosts));
            assert!(known, "{keys:?}");
        }
    }

    #[test]
    fn an_installed_system_is_looked_for_as_itself() {
        let (_dir, loaded) = home(&["one"]);
        let found = installed_at(&loaded, &"one".parse().unwrap(), &["root@192.168.1.77:2222"]).unwrap();
        let told: Vec<_> = found.iter().map(|it| format!("{}@{}:{}", it.user, it.host, it.port)).collect();
        assert_eq!(told, ["ben@192.168.1.11:22", "ben@192.168.1.77:22", "ben@192.168.1.77:2222"]);
        assert!(found.iter().all(|it| matches!(it.trust, Trust::Pinned(_))));
    }

    #[test]
    fn places() {
        let place = |user: &str, host: &str, port| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Some(Place { user: some(user), host: some(host), port })
        };
        for (text, expected) in [
            ("10.0.0.2", place("", "10.0.0.2", None)),
            ("root@nas.local:2222", place("root", "nas.local", Some(2222))),
            ("fe80::1", place("", "fe80::1", None)),
            ("ben@[::1]:22", place("ben", "::1", Some(22))),
            ("", None),
            ("root@", None),
            ("-oProxyCommand=x", None),
            ("nas:many", None),
        ] {
            assert_eq!(Place::parse(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn blanks_in_mount_points() {
        let said = r#"{"filesystems": [{"target": "/"}, {"target": "/my ü\\s \"data\" 5"}]}"#;
        assert_eq!(super::targets(said).unwrap(), ["/", r#"/my ü\s "data" 5"#]);
        assert!(super::targets("").is_err());
    }
}
