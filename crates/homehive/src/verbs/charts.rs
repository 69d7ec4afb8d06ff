//! `charts`: which versions of the cluster's charts and images there are, and raising one.

use super::Context;
use crate::answer;
use crate::args::{Bump, Charts};
use crate::failure::Failure;
use crate::load::{self, Loaded};
use charts::{Fetch, Found, From, Pin};
use fleet::{Fleet, Format};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// The answer of `charts outdated --json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChartsOutdatedAnswer {
    /// Charts and images, by name.
    pub versions: Vec<ChartVersion>,
}

/// A chart or an image.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChartVersion {
    /// Its name.
    pub name: String,
    /// Is it a chart, or an image?
    pub chart: bool,
    /// The version that is used.
    pub current: String,
    /// The newest one, if it is known.
    pub newest: Option<String>,
    /// Is there something newer?
    pub outdated: bool,
    /// Why the newest is not known.
    pub trouble: Option<String>,
}

/// The answer of `charts bump --json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChartsBumpAnswer {
    /// The chart or image.
    pub name: String,
    /// The version that was used.
    pub from: String,
    /// The version that is pinned.
    pub to: String,
    /// What it breaks of the values that are set.
    pub breaks: Vec<String>,
    /// What could not be compared.
    pub unknown: Option<String>,
    /// Was the fleet file changed?
    pub written: bool,
}

pub fn run(context: &Context, args: &Charts) -> Result<(), Failure> {
    match args {
        Charts::Outdated { pre } => outdated(context, *pre),
        Charts::Bump(args) => bump(context, args),
    }
}

/// What the fleet's cluster is made of, by name.
fn pins(fleet: &Fleet) -> Result<Vec<Pin>, Failure> {
    let catalogue = cluster::versions(fleet).map_err(|error| Failure::Bug(error.to_string()))?;
    let charts = catalogue.charts().map(|chart| Pin {
        name: chart.name.clone(),
        from: From::Charts(chart.repository.clone()),
        version: chart.version.clone(),
    });
    let images = catalogue.images().map(|image| Pin {
        name: image.name.clone(),
        from: From::Tags(image.repository.clone()),
        version: image.tag.clone(),
    });
    // What a fleet cannot pin is not offered.
    let known = |pin: &Pin| fleet::pins::NAMES.contains(&pin.name.as_str());
    let mut all: Vec<Pin> = charts.chain(images).filter(known).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn outdated(context: &Context, pre: bool) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let found = charts::survey(Fetch, pins(&loaded.fleet)?, pre);
    let unknown = found.iter().filter(|found| found.newest.is_err()).count();
    let answer = ChartsOutdatedAnswer { versions: found.iter().map(version).collect() };
    if context.global.json {
        answer::json("charts-outdated", &answer);
    } else {
        answer::text(&listed(context, &answer));
    }
    if unknown == 0 {
        return Ok(());
    }
    let what = format!("{unknown} of {} could not be looked up", found.len());
    Err(Failure::failed("looking for newer versions", what, context.again("charts outdated")))
}

fn version(found: &Found) -> ChartVersion {
    ChartVersion {
        name: found.pin.name.clone(),
        chart: matches!(found.pin.from, From::Charts(_)),
        current: found.pin.version.clone(),
        newest: found.newest.as_ref().ok().cloned(),
        outdated: found.is_outdated(),
        trouble: found.newest.as_ref().err().map(ToString::to_string),
    }
}

fn listed(context: &Context, answer: &ChartsOutdatedAnswer) -> String {
    let width = answer.versions.iter().map(|it| it.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for it in &answer.versions {
        let kind = if it.chart { "chart" } else { "image" };
        let state = match (&it.newest, &it.trouble) {
            (Some(newest), _) if it.outdated => format!("outdated, the newest is {newest}"),
            (_, Some(trouble)) => trouble.clone(),
            _ => "the newest".to_owned(),
        };
        let _ = writeln!(text, "{:width$}  {kind}  {:<10}  {state}", it.name, it.current);
    }
    if let Some(first) = answer.versions.iter().find(|it| it.outdated) {
        let _ = write!(text, "next: {}", context.again(&format!("charts bump {}", first.name)));
    }
    text
}

fn bump(context: &Context, args: &Bump) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let pins = pins(&loaded.fleet)?;
    let Some(pin) = pins.iter().find(|pin| pin.name == args.name) else {
        let known = pins.iter().map(|pin| pin.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(format!("there is no chart or image `{}`", args.name), format!("known: {known}")));
    };
    let ours = if matches!(pin.from, From::Charts(_)) { values(&loaded.fleet, &pin.name)? } else { None };
    let again = context.again(&format!("charts bump {}", args.name));
    let proposal = charts::propose(Fetch, pin, args.to.as_deref(), args.pre, ours.as_ref())
        .map_err(|error| Failure::failed(format!("raising {}", pin.name), error, &again))?;
    let breaks: Vec<String> = proposal.breaks.iter().map(ToString::to_string).collect();
    let same = proposal.version == pin.version;
    let refused = !breaks.is_empty() && !args.anyway && !same;
    if !refused && !same {
        write(&loaded.path, &pin.name, &proposal.version)?;
    }
    let answer = ChartsBumpAnswer {
        name: pin.name.clone(),
        from: pin.version.clone(),
        to: proposal.version,
        breaks,
        unknown: proposal.unknown,
        written: !refused && !same,
    };
    if context.global.json {
        answer::json("charts-bump", &answer);
    } else {
        answer::text(&told(context, &answer));
    }
    if refused {
        let to = cmd::quote(&answer.to);
        return Err(Failure::Refused(format!(
            "{} {} does not take {} of the values that homehive sets; nothing was written\n  to write it all the same: {again} --to {to} --anyway",
            answer.name,
            answer.to,
            answer.breaks.len()
        )));
    }
    Ok(())
}

fn told(context: &Context, answer: &ChartsBumpAnswer) -> String {
    let mut text = String::new();
    if answer.from == answer.to {
        let _ = write!(text, "{} is at {} already", answer.name, answer.to);
        return text;
    }
    let _ = writeln!(text, "{}: {} → {}", answer.name, answer.from, answer.to);
    for line in answer.breaks.iter().chain(&answer.unknown) {
        let _ = writeln!(text, "  {line}");
    }
    if answer.written {
        let _ = writeln!(text, "{} pins it now", context.global.fleet.display());
        let _ = write!(text, "next: {}", context.again("render"));
    }
    text
}

/// The values that homehive sets for a chart; none if this fleet does not install it.
fn values(fleet: &Fleet, chart: &str) -> Result<Option<Value>, Failure> {
    // Shares come from no chart, and their manifests need files of another project.
    let mut fleet = fleet.clone();
    fleet.shares.clear();
    let bug = |error: String| Failure::Bug(error);
    let manifests = cluster::render(&fleet, &cluster::Upstream::default()).map_err(|error| bug(error.to_string()))?;
    let objects = manifests.iter().flat_map(|manifest| &manifest.objects).map(cluster::Object::value);
    let ours = |object: &&Value| object["kind"] == "HelmChart" && object["spec"]["chart"] == chart;
    let Some(content) = objects.filter(ours).find_map(|object| object["spec"]["valuesContent"].as_str()) else {
        return Ok(None);
    };
    serde_saphyr::from_str(content).map(Some).map_err(|error| bug(format!("values of {chart}: {error}")))
}

/// Pins a version in the fleet file: all of it or nothing, and only if the file is one afterwards.
fn write(path: &Path, name: &str, version: &str) -> Result<(), Failure> {
    let shown = path.display().to_string();
    if Format::of(&shown) != Format::Toml || path.extension().is_some_and(|extension| extension == "nix") {
        let remedy = format!("write it there yourself: pins.{name} = \"{version}\"");
        return Err(Failure::usage(format!("{shown} is not TOML, the one form that is edited in place"), remedy));
    }
    let failed =
        |error: String| Failure::failed(format!("editing {shown}"), error, format!("write pins.{name} there yourself"));
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let new = charts::pinned(&text, name, version).map_err(|error| failed(error.to_string()))?;
    if Fleet::parse(&new, &shown, Format::Toml).is_err() {
        return Err(failed("the version would not be a valid pin".to_owned()));
    }
    load::rewrite(path, &new).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{pins, values, write};
    use fleet::{Fleet, Format};

    const EXAMPLE: &str = include_str!("../../../../examples/nas/fleet.toml");

    #[test]
    fn every_pin_that_a_fleet_may_have_is_looked_for_somewhere() {
        let fleet = Fleet::parse(EXAMPLE, "fleet.toml", Format::Toml).unwrap();
        let names: Vec<String> = pins(&fleet).unwrap().into_iter().map(|pin| pin.name).collect();
        assert_eq!(names, fleet::pins::NAMES);
        let own = values(&fleet, "metallb").unwrap().unwrap();
        assert!(own.is_object(), "{own}");
        assert!(values(&fleet, "kube-prometheus-stack").unwrap().is_some());
        assert_eq!(values(&fleet, "nginx").unwrap(), None);
    }

    #[test]
    fn a_pin_is_written_into_the_file_and_nothing_else_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fleet.toml");
        std::fs::write(&path, EXAMPLE).unwrap();
        write(&path, "metallb", "0.99.0").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(EXAMPLE), "everything is still there");
        let fleet = Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap();
        assert_eq!(cluster::versions(&fleet).unwrap().chart("metallb").unwrap().version, "0.99.0");
        // What would make the file invalid, or is no TOML, is not written.
        assert!(write(&path, "metallb", "0.99.0; rm").is_err());
        assert!(write(&path, "nginx", "1.0.0").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let json = dir.path().join("fleet.json");
        std::fs::write(&json, "{}").unwrap();
        let refused = write(&json, "metallb", "0.99.0").unwrap_err().to_string();
        assert!(refused.contains("pins.metallb = \"0.99.0\""), "{refused}");
    }
}
