//! disko's device trees from where people keep them: JSON, a Nix file, a host of a flake. Nix evaluates; what the tree
//! means is `storage`'s business.

use crate::failure::Failure;
use cmd::Cmd;
use document::{Format, Problems, Value, read};
use machine::{Event, Story, ask_local};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use storage::disko::{Source, devices};

const PLAIN: &str = include_str!("plain.nix");
const FILE: &str = include_str!("file.nix");

/// A file is evaluated in well under a second, a whole host of a flake in some seconds; fetching the flake's inputs may
/// take a while.
const DEADLINE: Duration = Duration::from_mins(10);

/// A device tree, and how many other files it wanted to import, which was not done.
#[derive(Debug)]
pub struct Found {
    /// The tree.
    pub source: Source,
    /// Imports that were not followed.
    pub imports: i64,
}

/// Which host of which flake a source names, if it does.
pub fn flake(source: &str) -> Option<(&str, &str)> {
    let (flake, host) = source.rsplit_once('#')?;
    (!flake.is_empty() && !host.is_empty() && !Path::new(source).exists()).then_some((flake, host))
}

/// Reads one source.
pub async fn find(source: &str, nixpkgs: Option<&Path>, story: &Story) -> Result<Found, Failure> {
    let (text, nix) = if let Some((flake, host)) = flake(source) {
        (evaluate(source, &host_words(flake, host)?, story).await?, false)
    } else {
        let path = Path::new(source);
        if path.extension().is_some_and(|ending| ending == "nix") || path.join("default.nix").exists() {
            (evaluate(source, &file_words(path, nixpkgs)?, story).await?, true)
        } else {
            (json(source)?, false)
        }
    };
    let mut problems = Problems::default();
    let value = read(&text, Format::Json, &mut problems);
    if !problems.is_empty() {
        let report = problems.into_report(source, &text, &value);
        let first = report.findings().into_iter().next();
        let (line, column, message) = first.map_or((1, 1, String::new()), |it| (it.line, it.column, it.message));
        let help = "write a Nix file (its name ends in .nix), JSON, or FLAKE#HOST";
        return Err(Failure::usage(format!("{source}:{line}:{column}: {message}"), help));
    }
    let imports = match value.get("imports").map(|value| &value.kind) {
        Some(document::Kind::Integer(count)) if nix => *count,
        _ => 0,
    };
    let tree = tree(source, &value)?;
    Ok(Found { source: Source { name: source.to_owned(), tree }, imports })
}

fn tree(source: &str, value: &Value) -> Result<Value, Failure> {
    let help = "it has none of `disk`, `mdadm`, `lvm_vg`, `zpool`, `nodev`, neither at its top nor under \
                `disko.devices`; a configuration with `imports` is evaluated as FLAKE#HOST";
    devices(value).cloned().ok_or_else(|| Failure::usage(format!("{source} holds no device tree of disko's"), help))
}

fn json(source: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if source == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(source).and_then(|mut file| file.read_to_string(&mut text))
    };
    let help = "name a Nix file, JSON, or FLAKE#HOST";
    read.map_err(|error| Failure::usage(format!("cannot read {source}: {error}"), help))?;
    Ok(text)
}

/// Evaluates a file. Nothing is built or written.
fn file_words(path: &Path, nixpkgs: Option<&Path>) -> Result<Cmd, Failure> {
    let absolute = |path: &Path| -> Result<PathBuf, Failure> {
        let help = "name a file that is there";
        path.canonicalize().map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display()), help))
    };
    let file = absolute(path)?;
    let nixpkgs = nixpkgs.map(absolute).transpose()?;
    let nixpkgs = nixpkgs.map(|tree| tree.display().to_string()).unwrap_or_default();
    Ok(Cmd::new("nix-instantiate")
        .args(["--eval", "--strict", "--json"])
        .args(["--argstr", "file", &file.display().to_string()])
        .args(["--argstr", "nixpkgs", &nixpkgs])
        .args(["--arg", "plain", PLAIN])
        .args(["--expr", FILE]))
}

/// Evaluates a host of a flake. Its lock file is left as it is.
fn host_words(flake: &str, host: &str) -> Result<Cmd, Failure> {
    if host.contains(['"', '\\', '$', '.']) || host.contains(char::is_whitespace) {
        let help = "write the name under `nixosConfigurations`, such as .#nas";
        return Err(Failure::usage(format!("`{host}` is no host's name"), help));
    }
    Ok(Cmd::new("nix")
        .args(["--extra-experimental-features", "nix-command flakes", "eval", "--json", "--no-write-lock-file"])
        .args(["--apply", PLAIN])
        .arg(format!("{flake}#nixosConfigurations.{host}.config.disko.devices")))
}

async fn evaluate(source: &str, words: &Cmd, story: &Story) -> Result<String, Failure> {
    story.stage(source, "is evaluated by Nix");
    let program = words.argv().first().cloned().unwrap_or_default();
    story.tell(Event::Command { machine: "local".to_owned(), words: words.to_string() });
    let output = ask_local(words, DEADLINE).await.map_err(|error| {
        let why = match error {
            machine::RunError::Start { source, .. } => format!("cannot start `{program}`: {source}"),
            machine::RunError::Late { deadline, .. } => {
                format!("`{program}` did not end within {} s", deadline.as_secs())
            }
            other => other.to_string(),
        };
        let next = "install Nix; or evaluate it elsewhere, and import the JSON that \
                    `nix eval --json` prints of `disko.devices`";
        Failure::failed(source, why, next)
    })?;
    if output.status == 0 {
        return Ok(output.stdout);
    }
    // Nix tells the place; its warnings are of no interest then.
    let said = output.stderr.lines().filter(|line| !line.starts_with("warning:")).map(|line| format!("\n    {line}"));
    let why = format!("`{program}` cannot evaluate it{}", said.collect::<String>().trim_end());
    let small = program == "nix-instantiate"
        && why.contains("missing")
        && words.argv().windows(2).any(|two| two == ["nixpkgs", ""]);
    let lib = if small { "; for all of nixpkgs' lib, name a tree with --nixpkgs DIR" } else { "" };
    Err(Failure::failed(source, why, format!("mend that, then the same command again{lib}")))
}

#[cfg(test)]
mod tests {
    use super::{flake, host_words};

    #[test]
    fn flakes_and_files() {
        for (source, expected) in [
            (".#nas", Some((".", "nas"))),
            ("github:me/config#nas", Some(("github:me/config", "nas"))),
            ("disks.nix", None),
            ("#nas", None),
            (".#", None),
        ] {
            assert_eq!(flake(source), expected, "{source}");
        }
        assert!(host_words(".", "a\".b").is_err());
    }
}
