//! NixOS systems: the fleet is rendered beside its file, all machines are evaluated at once and built at once, and the
//! closures are read back. A machine whose configuration is its owner's is that attribute of the owner's flake.

use super::Order;
use super::nix::{self, NixError};
use super::places;
use crate::failure::Failure;
use crate::rendering;
use cmd::Cmd;
use fleet::{FlakeAttribute, HostName};
use nixos::syntax::Expr;
use payload::{Closure, StorePath};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A machine is evaluated in some seconds; inputs may have to be fetched first.
const EVALUATE: Duration = Duration::from_mins(30);
/// A kernel is built in an hour or two, where it cannot be fetched.
const BUILD: Duration = Duration::from_hours(6);
const ASK: Duration = Duration::from_mins(2);

/// What every system is, below a configuration.
const TOPLEVEL: &str = "config.system.build.toplevel";

/// Builds the systems of an order on this machine.
pub async fn build(order: &Order<'_>) -> Result<BTreeMap<HostName, Closure>, Failure> {
    let derivations = derivations(order).await?;
    let about = order.about();
    order.story.stage(&about, "builds the systems");
    let words = Cmd::new("nix-store").arg("--realise").args(derivations.values().map(|drv| format!("{drv}!out")));
    let built = nix::build(nix::local(words), BUILD, &about, order.story).await;
    let built = built.map_err(|error| order.failure("no system", &error))?;
    let paths: Vec<&str> = built.lines().collect();
    if paths.len() != derivations.len() {
        let error = NixError::Strange { program: "nix-store --realise".to_owned(), answer: built.clone() };
        return Err(order.failure("no system", &error));
    }
    let mut closures = BTreeMap::new();
    for (name, path) in derivations.keys().zip(paths) {
        let closure = keep(order, name, path).await.map_err(|error| order.failure("no closure", &error))?;
        order.built(name, &closure);
        closures.insert(name.clone(), closure);
    }
    Ok(closures)
}

/// Evaluates the systems of an order: each machine's derivation, which is then in this machine's store.
///
/// # Errors
/// What Nix says of the first fault, whole.
pub async fn derivations(order: &Order<'_>) -> Result<BTreeMap<HostName, StorePath>, Failure> {
    let mut found = BTreeMap::new();
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for name in order.machines {
        match order.loaded.fleet.machines.get(name).and_then(|machine| machine.configuration.as_ref()) {
            Some(attribute) => theirs.push((name, attribute)),
            None => ours.push(name.clone()),
        }
    }
    let strange = |answer: &str| {
        let error = NixError::Strange { program: "nix eval".to_owned(), answer: answer.to_owned() };
        order.failure("no system", &error)
    };
    if !ours.is_empty() {
        let dir = render(order)?;
        order.story.stage(order.about(), "evaluates the systems");
        let printed = evaluate(order, fleet_words(&dir, &ours)).await?;
        let read = serde_json::from_str::<BTreeMap<String, StorePath>>(&printed).map_err(|_| strange(&printed))?;
        for name in ours {
            let path = read.get(name.as_ref()).ok_or_else(|| strange(&printed))?.clone();
            found.insert(name, path);
        }
    }
    for (name, attribute) in theirs {
        order.story.stage(name.to_string(), format!("evaluates {attribute}"));
        let printed = evaluate(order, own_words(&order.loaded.dir(), attribute)).await?;
        found.insert(name.clone(), StorePath::parse(printed.trim()).map_err(|_| strange(&printed))?);
    }
    Ok(found)
}

/// The flake of the fleet, as it has to be now.
fn render(order: &Order<'_>) -> Result<PathBuf, Failure> {
    let dir = absolute(&rendering::ground(order.loaded)?)?;
    let again = "homehive render";
    rendering::decide(order.loaded, &dir, &[])?.respect_edits(again)?;
    for made in rendering::make_secrets(order.loaded, &dir)? {
        order.story.note(order.about(), format!("made {made}"));
    }
    let written = rendering::decide(order.loaded, &dir, &[])?.write(again)?;
    if !written.files.is_empty() {
        order.story.note(order.about(), format!("rendered {} files into {}", written.files.len(), dir.display()));
    }
    Ok(dir)
}

async fn evaluate(order: &Order<'_>, words: Cmd) -> Result<String, Failure> {
    nix::ask(&words, EVALUATE, order.story).await.map_err(|error| order.failure("no system", &error))
}

/// All machines of the fleet's own flake in one evaluation, so that they share what they have in common. The directory
/// is taken as it is: a file that Git does not know yet counts as well.
fn fleet_words(dir: &Path, machines: &[HostName]) -> Cmd {
    let drv_path = "systems: names: builtins.listToAttrs (map (name: { inherit name; \
                    value = systems.${name}.config.system.build.toplevel.drvPath; }) names)";
    let function = format!("systems: ({drv_path}) systems {}", Expr::texts(machines));
    nix::nix("eval")
        .args(["--json", "--apply", &function])
        .arg(format!("path:{}#nixosConfigurations", percent(&dir.to_string_lossy())))
}

/// One configuration of the user's own flake.
fn own_words(dir: &Path, attribute: &FlakeAttribute) -> Cmd {
    let text = attribute.to_string();
    let (flake, name) = text.rsplit_once('#').unwrap_or((&text, ""));
    nix::nix("eval").arg("--raw").arg(format!("{}#nixosConfigurations.{name}.{TOPLEVEL}.drvPath", place(dir, flake)))
}

/// A flake that is named by a path means that path as seen from the fleet file.
fn place(dir: &Path, flake: &str) -> String {
    let (scheme, path) = match flake.strip_prefix("path:") {
        Some(path) => ("path:", path),
        None => ("", flake),
    };
    if path.starts_with('.') {
        let joined: PathBuf = dir.join(path).components().collect();
        return format!("{scheme}{}", joined.canonicalize().unwrap_or(joined).display());
    }
    flake.to_owned()
}

/// A path as a URL of Nix takes it: what has a meaning there is escaped (RFC 3986).
pub fn percent(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~+=".contains(byte);
    path.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Roots the system, so that Nix's garbage collector leaves it alone, and reads its closure.
async fn keep(order: &Order<'_>, name: &HostName, path: &str) -> Result<Closure, NixError> {
    let strange = |answer: &str| NixError::Strange { program: "nix-store".to_owned(), answer: answer.to_owned() };
    let system = StorePath::parse(path).map_err(|_| strange(path))?;
    let roots = order.loaded.dir().join(".homehive/closures");
    let _ = std::fs::create_dir_all(&roots);
    let root = std::path::absolute(roots.join(format!("{name}-system"))).unwrap_or(roots);
    let words = Cmd::new("nix-store").args(["--realise", system.as_str(), "--add-root"]);
    nix::ask(&nix::local(words.arg(root.display().to_string()).arg("--indirect")), ASK, order.story).await?;
    let ask = |what: &str| nix::local(Cmd::new("nix-store").args(["--query", what]));
    let requisites = nix::ask(&ask("--requisites").arg(system.as_str()), ASK, order.story).await?;
    let sizes = nix::ask(&ask("--size").args(requisites.lines()), ASK, order.story).await?;
    Closure::read(system, &requisites, &sizes).map_err(|error| strange(&error.0))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::Failed(format!("cannot find {}: {error}", path.display())))
}

impl Order<'_> {
    /// Whom it is about.
    fn about(&self) -> String {
        self.machines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// What Nix said, and where in the fleet's files the reason lies, as far as that can be told.
    fn failure(&self, doing: &str, error: &NixError) -> Failure {
        let mut said = error.to_string();
        for place in places::places(&said, &self.loaded.fleet, &self.loaded.dir()) {
            said.push_str("\n  ");
            said.push_str(&place);
        }
        Failure::failed(format!("{}: {doing}", self.about()), said, format!("mend that, then {}", self.again))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::{build, fleet_words, own_words, percent, place};
    use crate::args::Payload;
    use crate::load::Loaded;
    use fleet::{Fleet, Format};
    use machine::{Event, Story};
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::{Arc, Mutex};

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
configuration = "./own#first"
[machines.two]
address = "192.168.1.12"
configuration = "./own#second"
"#;

    /// A flake of somebody's own; what stands for NixOS refers to another store path.
    const OWN: &str = r#"
{
  outputs = { self }:
    let
      make = name: needs: derivation {
        inherit name needs;
        system = "x86_64-linux";
        builder = "/bin/sh";
        args = [ "-c" "echo $needs > $out" ];
      };
      system = name: { config.system.build.toplevel = make name (make "part" ""); };
    in
    {
      nixosConfigurations.first = system "first-system";
      nixosConfigurations.second = system "second-system";
      nixosConfigurations.broken = { config.system.build.toplevel = derivation {
        name = "broken"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo no luck; exit 7" ];
      }; };
    };
}
"#;

    /// A fleet whose machines are built from that flake, and what the story told.
    async fn built(
        fleet: &str,
    ) -> Option<(Result<BTreeMap<String, payload::Closure>, String>, Vec<Event>, tempfile::TempDir)> {
        if machine::ask_local(&cmd::Cmd::new("nix").arg("--version"), super::ASK).await.is_err() {
            println!("skipped: nix is not on this machine");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("own")).unwrap();
        std::fs::write(dir.path().join("own/flake.nix"), OWN).unwrap();
        let fleet = Fleet::parse(fleet, "fleet.toml", Format::Toml).unwrap();
        let machines: Vec<_> = fleet.machines.keys().cloned().collect();
        let path = dir.path().join("fleet.toml");
        let loaded = Loaded { fleet, path, variant: payload::Variant::Plain };
        let told: Arc<Mutex<Vec<Event>>> = Arc::default();
        let heard = Arc::clone(&told);
        let story = Story::new(move |event| heard.lock().unwrap().push(event));
        let facts = BTreeMap::new();
        let order = Order {
            story: &story,
            loaded: &loaded,
            machines: &machines,
            payload: Payload::Nixos,
            facts: &facts,
            packages: None,
            again: "homehive deploy",
        };
        let closures = build(&order).await;
        let closures = closures
            .map(|all| all.into_iter().map(|(name, closure)| (name.to_string(), closure)).collect())
            .map_err(|failure| failure.to_string());
        let events = told.lock().unwrap().clone();
        Some((closures, events, dir))
    }

    #[tokio::test]
    async fn an_own_flake_is_built_and_read_back() {
        let Some((closures, events, dir)) = built(FLEET).await else { return };
        let closures = closures.unwrap();
        for (name, system) in [("one", "first-system"), ("two", "second-system")] {
            let closure = &closures[name];
            assert!(closure.path.as_str().ends_with(system), "{name}: {}", closure.path);
            let names: Vec<&str> =
                closure.paths.iter().filter_map(|path| path.as_str().split_once('-')).map(|it| it.1).collect();
            assert_eq!(names, ["part", system], "{name}");
            assert!(closure.size > 0);
            let root = dir.path().join(format!(".homehive/closures/{name}-system"));
            assert_eq!(std::fs::read_link(root).unwrap().to_string_lossy(), closure.path.as_str());
        }
        assert!(
            events.iter().any(|event| matches!(event, Event::Stage { text, .. } if text == "evaluates ./own#first"))
        );
    }

    #[tokio::test]
    async fn what_nix_says_of_a_failure_is_whole() {
        for (attribute, wanted) in [
            ("#broken", ["no luck", "exit code 7", "next: mend that, then homehive deploy"]),
            ("#absent", ["`nix eval` says:", "absent", "next: mend that, then homehive deploy"]),
        ] {
            let fleet = FLEET.replace("#first", attribute).replace("#second", attribute);
            let Some((closures, ..)) = built(&fleet).await else { return };
            let said = closures.unwrap_err();
            for wanted in wanted {
                assert!(said.contains(wanted), "{attribute}: no `{wanted}` in {said}");
            }
        }
    }

    #[test]
    fn words_for_nix() {
        let machines = ["nas".parse().unwrap(), "one".parse().unwrap()];
        let words = fleet_words(Path::new("/home/ben/my fleet"), &machines).argv();
        assert!(words.contains(&"path:/home/ben/my%20fleet#nixosConfigurations".to_owned()), "{words:?}");
        assert!(words.iter().any(|word| word.contains("\"nas\"") && word.contains("\"one\"")), "{words:?}");
        let own = own_words(Path::new("/home/ben"), &"github:ben/config#nas".parse().unwrap()).argv();
        let last = own.iter().find(|word| word.contains('#')).unwrap();
        assert_eq!(last, "github:ben/config#nixosConfigurations.nas.config.system.build.toplevel.drvPath");
    }

    #[test]
    fn a_flake_beside_the_fleet_file() {
        for (flake, wanted) in [
            ("github:ben/config", "github:ben/config"),
            ("/etc/nixos", "/etc/nixos"),
            ("./system", "/no such/fleet/system"),
            ("path:./system", "path:/no such/fleet/system"),
        ] {
            assert_eq!(place(Path::new("/no such/fleet"), flake), wanted, "{flake}");
        }
        assert_eq!(percent("/a b#c"), "/a%20b%23c");
    }
}
