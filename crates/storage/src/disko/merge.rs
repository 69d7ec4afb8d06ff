//! Several definitions of devices become one: what stands in two of them must be the same in both.

use document::{Kind, Value};

/// Definitions of devices, and where they come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// A name for people: the file's.
    pub name: String,
    /// The device tree, as [`super::devices`] finds it.
    pub tree: Value,
}

/// A device that two sources define differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{device}` is defined differently in {first} and in {second}")]
pub struct Clash {
    /// The device, such as `disk.main`.
    pub device: String,
    /// Where it is defined first.
    pub first: String,
    /// Where it is defined in another way.
    pub second: String,
}

/// All devices of all sources in one tree. A device that stands in several of them, always the same, is taken once;
/// every one that differs is a clash.
pub fn merge(sources: &[Source]) -> Result<Value, Vec<Clash>> {
    /// What is gathered of one kind: its devices with the name of their source.
    type Devices<'a> = Vec<(&'a str, &'a Value, &'a str)>;
    let mut kinds: Vec<(&str, Devices<'_>)> = Vec::new();
    let (mut others, mut clashes): (Devices<'_>, Vec<Clash>) = (Vec::new(), Vec::new());
    for source in sources {
        let Kind::Table(entries) = &source.tree.kind else { continue };
        for (kind, _, value) in entries {
            let Kind::Table(devices) = &value.kind else {
                // Nothing that disko knows stands here; whoever reads the tree names it.
                put(&mut others, kind, value, &source.name, kind, &mut clashes);
                continue;
            };
            if !kinds.iter().any(|(known, _)| known == kind) {
                kinds.push((kind, Vec::new()));
            }
            let Some((_, known)) = kinds.iter_mut().find(|(known, _)| known == kind) else { continue };
            for (name, _, value) in devices {
                put(known, name, value, &source.name, &format!("{kind}.{name}"), &mut clashes);
            }
        }
    }
    if !clashes.is_empty() {
        return Err(clashes);
    }
    let table = |entries: Devices<'_>| {
        Kind::Table(entries.into_iter().map(|(name, value, _)| (name.to_owned(), 0..0, value.clone())).collect())
    };
    let mut whole: Vec<_> = kinds
        .into_iter()
        .map(|(kind, devices)| (kind.to_owned(), 0..0, Value { span: 0..0, kind: table(devices) }))
        .collect();
    whole.extend(others.into_iter().map(|(name, value, _)| (name.to_owned(), 0..0, value.clone())));
    Ok(Value { span: 0..0, kind: Kind::Table(whole) })
}

fn put<'a>(
    known: &mut Vec<(&'a str, &'a Value, &'a str)>,
    name: &'a str,
    value: &'a Value,
    source: &'a str,
    device: &str,
    clashes: &mut Vec<Clash>,
) {
    match known.iter().find(|(other, ..)| *other == name) {
        None => known.push((name, value, source)),
        Some((_, other, _)) if same(other, value) => {}
        Some((.., first)) => {
            let (first, second) = ((*first).to_owned(), source.to_owned());
            clashes.push(Clash { device: device.to_owned(), first, second });
        }
    }
}

/// The same, whatever the order of the attributes and whatever disko adds for itself; `null` is as good as absent.
fn same(left: &Value, right: &Value) -> bool {
    match (&left.kind, &right.kind) {
        (Kind::Table(a), Kind::Table(b)) => {
            let said = |entries: &[(String, std::ops::Range<usize>, Value)]| {
                let counts = |name: &str, value: &Value| !name.starts_with('_') && value.kind != Kind::Null;
                entries.iter().filter(|(name, _, value)| counts(name, value)).count()
            };
            let holds = |(name, _, value): &(String, std::ops::Range<usize>, Value)| {
                name.starts_with('_')
                    || value.kind == Kind::Null
                    || right.get(name).is_some_and(|other| same(value, other))
            };
            said(a) == said(b) && a.iter().all(holds)
        }
        (Kind::List(a), Kind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, merge};
    use document::{Format, Problems, read};

    fn merged(texts: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let source = |(at, text): (usize, &&str)| Source {
            name: format!("file {at}"),
            tree: read(text, Format::Json, &mut Problems::default()),
        };
        let sources: Vec<Source> = texts.iter().enumerate().map(source).collect();
        let devices = |value: document::Value| {
            let names = |value: &document::Value| match &value.kind {
                document::Kind::Table(entries) => entries.iter().map(|(name, ..)| name.clone()).collect(),
                _ => Vec::new(),
            };
            let kinds = names(&value);
            let pairs = kinds.iter().flat_map(|kind| {
                let inner = value.get(kind).map(names).unwrap_or_default();
                inner.into_iter().map(move |name| format!("{kind}.{name}"))
            });
            pairs.collect()
        };
        merge(&sources).map(devices).map_err(|clashes| clashes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn definitions_add_up_and_clash() {
        let a = r#"{"disk": {"a": {"device": "/dev/a", "content": null, "_x": 1}}}"#;
        for (case, texts, expected) in [
            ("one", &[a][..], Ok("disk.a")),
            ("two", &[a, r#"{"disk": {"b": {}}, "mdadm": {"m": {"level": 1}}}"#], Ok("disk.a disk.b mdadm.m")),
            ("the same twice", &[a, r#"{"disk": {"a": {"_y": 2, "device": "/dev/a"}}}"#], Ok("disk.a")),
            (
                "different",
                &[a, r#"{"disk": {"a": {"device": "/dev/b"}}}"#],
                Err("`disk.a` is defined differently in file 0 and in file 1"),
            ),
            (
                "more in one",
                &[a, r#"{"disk": {"a": {"device": "/dev/a", "name": "x"}}}"#],
                Err("`disk.a` is defined differently in file 0 and in file 1"),
            ),
            ("one name of two kinds", &[a, r#"{"mdadm": {"a": {}}}"#], Ok("disk.a mdadm.a")),
            ("nothing", &["{}", "[]"], Ok("")),
        ] {
            let found = merged(texts).map(|names| names.join(" ")).map_err(|clashes| clashes.join("; "));
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{case}");
        }
    }
}
