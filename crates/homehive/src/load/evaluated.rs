//! A fleet file in Nix: Nix evaluates it, and tells where each of its attributes is written, so that what is wrong is
//! shown there.

use super::Unloaded;
use crate::failure::Failure;
use cmd::Cmd;
use document::{Format, Path as Keys, Problems, Value};
use fleet::Fleet;
use machine::{Output, RunError, ask_local};
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

const EXPRESSION: &str = include_str!("fleet.nix");

/// A fleet of a thousand machines takes some seconds.
const DEADLINE: Duration = Duration::from_mins(2);

/// What the expression prints.
#[derive(Deserialize)]
struct Evaluated {
    fleet: serde_json::Value,
    places: Vec<Place>,
}

/// Where an attribute is written, if Nix can tell.
#[derive(Deserialize)]
struct Place {
    keys: Vec<String>,
    at: Option<Spot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Spot {
    file: String,
    line: usize,
    column: usize,
}

/// Does Nix have to read this file?
pub fn is_nix(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("nix"))
}

/// Evaluates and checks the file; `text` is what it holds.
pub fn read(path: &Path, text: &str) -> Result<Fleet, Unloaded> {
    let root = root(path, text).map_err(Unloaded::Unreadable)?;
    Fleet::of(&root, text, &path.display().to_string()).map_err(Unloaded::Wrong)
}

/// The file's values with their places, unchecked.
pub fn root(path: &Path, text: &str) -> Result<Value, Failure> {
    let file = path.canonicalize().map_err(|error| {
        let help = "name a file that is there";
        Failure::usage(format!("cannot read {}: {error}", path.display()), help)
    })?;
    let printed = evaluate(path, &file)?;
    let strange = |why: &str| Failure::Bug(format!("{}: {why}", path.display()));
    let evaluated: Evaluated = serde_json::from_str(&printed).map_err(|error| strange(&error.to_string()))?;
    let mut problems = Problems::default();
    let root = document::read(&evaluated.fleet.to_string(), Format::Json, &mut problems);
    if !problems.is_empty() {
        return Err(strange("Nix printed what is no JSON"));
    }
    Ok(placed(root, &evaluated.places, &file.to_string_lossy(), text))
}

/// The words: nothing is built, fetched or written, and nothing read but what lies beside the file or in `NIX_PATH`.
fn words(file: &Path) -> Cmd {
    let dir = file.parent().unwrap_or(Path::new("/"));
    Cmd::new("nix-instantiate")
        .args(["--eval", "--strict", "--json", "--readonly-mode"])
        .args(["--option", "restrict-eval", "true", "--option", "allow-import-from-derivation", "false"])
        .args(["-I", &dir.display().to_string()])
        .args(["--argstr", "file", &file.display().to_string()])
        .args(["--expr", EXPRESSION])
}

fn evaluate(path: &Path, file: &Path) -> Result<String, Failure> {
    let words = words(file);
    let shown = path.display();
    // The other verbs wait: they need the fleet.
    let asked = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(ask_local(&words, DEADLINE)));
    match asked {
        Ok(Output { status: 0, stdout, .. }) => Ok(stdout),
        Ok(Output { stderr, .. }) => {
            let said: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("warning:")).collect();
            let help = "mend the expression; it may read what lies beside it and in NIX_PATH, and fetches nothing";
            Err(Failure::usage(format!("{shown}: Nix cannot evaluate it\n    {}", said.join("\n    ")), help))
        }
        Err(RunError::Start { .. }) => {
            let help = "install Nix (on Debian: apt install nix-bin), or write the fleet as TOML or JSON";
            Err(Failure::usage(format!("{shown}: nix-instantiate is not on this machine"), help))
        }
        Err(RunError::Late { deadline, .. }) => {
            let help = "does it come to an end? try `nix-instantiate --eval --strict` yourself";
            Err(Failure::usage(format!("{shown}: Nix did not end within {} s", deadline.as_secs()), help))
        }
        Err(other) => Err(Failure::Failed(format!("{shown}: {other}"))),
    }
}

/// The tree with the places of the Nix text. What is written in another file, or made by a function, stands at what
/// holds it.
fn placed(root: Value, places: &[Place], file: &str, text: &str) -> Value {
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut spans: HashMap<Keys, Range<usize>> = HashMap::new();
    for Place { keys, at } in places {
        let Some(spot) = at.as_ref().filter(|spot| spot.file == file) else { continue };
        let line = spot.line.checked_sub(1).and_then(|line| starts.get(line));
        let Some(start) = line.map(|line| line + spot.column.saturating_sub(1)) else { continue };
        // Nix places `network.subnet = …` at its first word.
        let whole =
            |rest: &str| (0..keys.len()).map(|from| keys[from..].join(".")).find(|it| rest.starts_with(it.as_str()));
        if let Some(rest) = text.get(start..) {
            let length = whole(rest).map_or_else(|| rest.chars().next().map_or(0, char::len_utf8), |it| it.len());
            spans.insert(keys.iter().collect(), start..start + length);
        }
    }
    root.placed(&|keys| spans.get(keys).cloned())
}

#[cfg(test)]
mod tests {
    use super::{Place, Spot, placed};
    use document::{Format, Path as Keys, Problems, read};

    #[test]
    fn places_of_the_nix_text() {
        let text = "{\n  network.subnet = \"x\";\n  \"a b\" = 1;\n}\n";
        let spot = |file: &str, line, column| Some(Spot { file: file.to_owned(), line, column });
        let place = |keys: &[&str], at| Place { keys: keys.iter().map(ToString::to_string).collect(), at };
        let places = [
            place(&["network"], spot("/f.nix", 2, 3)),
            place(&["network", "subnet"], spot("/f.nix", 2, 3)),
            place(&["network", "dhcp"], spot("/other.nix", 1, 1)),
            place(&["a b"], spot("/f.nix", 3, 3)),
            place(&["made"], None),
        ];
        let json = r#"{"network":{"subnet":"x","dhcp":"y"},"a b":1,"made":[{"x":1}]}"#;
        let root = read(json, Format::Json, &mut Problems::default());
        let root = placed(root, &places, "/f.nix", text);
        for (keys, wanted) in [
            (&["network"][..], "network"),
            (&["network", "subnet"], "network.subnet"),
            (&["network", "dhcp"], "network"),
            (&["a b"], "\""),
            (&["made", "0", "x"], ""),
        ] {
            let keys: Keys = keys.iter().collect();
            assert_eq!(&text[root.place(&keys)], wanted, "{keys}");
        }
    }
}
