//! An attribute set of disko's being read key by key: what nobody asked for is named at the end.

use super::finding::Report;
use crate::NodeId;
use document::{Kind, Path, Value};
use std::fmt::Display;

/// A place in disko's tree, and the node of ours that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub at: Path,
    pub node: Option<NodeId>,
}

impl Place {
    pub fn root() -> Self {
        Self { at: Path::root(), node: None }
    }

    pub fn join(&self, key: impl Display) -> Self {
        Self { at: self.at.join(key), node: self.node.clone() }
    }

    /// The same place, which belongs to `node`.
    pub fn of(mut self, node: NodeId) -> Self {
        self.node = Some(node);
        self
    }
}

/// An attribute set.
pub(super) struct Attrs<'a> {
    value: &'a Value,
    pub place: Place,
    asked: Vec<&'static str>,
}

/// A value that says nothing: the attribute might as well be absent.
#[derive(Clone, Copy)]
pub(super) enum Usual {
    Text(&'static str),
    Whole(i64),
    Flag(bool),
}

impl Usual {
    fn is(self, kind: &Kind) -> bool {
        match (self, kind) {
            (Self::Text(usual), Kind::Text(text)) => usual == text,
            (Self::Whole(usual), Kind::Integer(number)) => usual == *number,
            (Self::Flag(usual), Kind::Bool(truth)) => usual == *truth,
            _ => false,
        }
    }
}

/// Says nothing, whatever the attribute is: `null`, an empty list, an empty set.
fn says_nothing(kind: &Kind) -> bool {
    match kind {
        Kind::Null => true,
        Kind::List(values) => values.is_empty(),
        Kind::Table(entries) => entries.is_empty(),
        Kind::Text(text) => text.is_empty(),
        Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) => false,
    }
}

impl<'a> Attrs<'a> {
    /// Opens `value`; anything but an attribute set is named.
    pub fn open(value: &'a Value, place: Place, report: &mut Report) -> Option<Self> {
        if let Kind::Table(_) = value.kind {
            return Some(Self { value, place, asked: Vec::new() });
        }
        wrong_kind(&place, "an attribute set", &value.kind, report);
        None
    }

    /// All attributes but disko's inner ones, sorted as disko sorts them.
    pub fn names(&self) -> Vec<&'a str> {
        let Kind::Table(entries) = &self.value.kind else { return Vec::new() };
        let mut names: Vec<&str> =
            entries.iter().map(|(name, ..)| name.as_str()).filter(|name| !name.starts_with('_')).collect();
        names.sort_unstable();
        names
    }

    /// The attribute of a name that is not ours to choose.
    pub fn entry(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| value.kind != Kind::Null)
    }

    /// The attribute, unless it is `null`; it counts as known from here on.
    pub fn raw(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.push(key);
        self.entry(key)
    }

    pub fn text(&mut self, key: &'static str, report: &mut Report) -> Option<String> {
        match &self.raw(key)?.kind {
            Kind::Text(text) => Some(text.clone()),
            other => {
                wrong_kind(&self.place.join(key), "a string", other, report);
                None
            }
        }
    }

    pub fn whole(&mut self, key: &'static str, report: &mut Report) -> Option<i64> {
        match &self.raw(key)?.kind {
            Kind::Integer(number) => Some(*number),
            other => {
                wrong_kind(&self.place.join(key), "a whole number", other, report);
                None
            }
        }
    }

    pub fn flag(&mut self, key: &'static str, report: &mut Report) -> bool {
        match self.raw(key).map(|value| &value.kind) {
            Some(Kind::Bool(truth)) => *truth,
            None => false,
            Some(other) => {
                wrong_kind(&self.place.join(key), "true or false", other, report);
                false
            }
        }
    }

    pub fn texts(&mut self, key: &'static str, report: &mut Report) -> Vec<String> {
        let text = |kind: &Kind| if let Kind::Text(text) = kind { Some(text.clone()) } else { None };
        self.list(key, ("a list of strings", "a string"), text, report)
    }

    pub fn wholes(&mut self, key: &'static str, report: &mut Report) -> Vec<i64> {
        let whole = |kind: &Kind| if let Kind::Integer(number) = kind { Some(*number) } else { None };
        self.list(key, ("a list of whole numbers", "a whole number"), whole, report)
    }

    /// The values of a list that are as wanted: what it should be, and what each of them.
    fn list<T>(
        &mut self,
        key: &'static str,
        (all, each): (&str, &str),
        wanted: impl Fn(&Kind) -> Option<T>,
        report: &mut Report,
    ) -> Vec<T> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let at = self.place.join(key);
        let Kind::List(values) = &value.kind else {
            wrong_kind(&at, all, &value.kind, report);
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, value) in values.iter().enumerate() {
            match wanted(&value.kind) {
                Some(value) => found.push(value),
                None => wrong_kind(&at.join(index), each, &value.kind, report),
            }
        }
        found
    }

    /// Names an attribute that has no counterpart, unless it says nothing.
    pub fn leave(&mut self, key: &'static str, usual: &[Usual], help: &str, report: &mut Report) {
        let Some(value) = self.raw(key) else { return };
        if says_nothing(&value.kind) || usual.iter().any(|usual| usual.is(&value.kind)) {
            return;
        }
        let shown = shown(&value.kind);
        report.left_out(&self.place.join(key), format!("`{key}{shown}` has no counterpart"), help);
    }

    /// Shell code that disko runs around its own steps, but for what has been understood.
    pub fn hooks(&mut self, report: &mut Report) {
        let all =
            ["preCreateHook", "postCreateHook", "preMountHook", "postMountHook", "preUnmountHook", "postUnmountHook"];
        for key in all.into_iter().filter(|key| !self.asked.contains(key)).collect::<Vec<_>>() {
            let help = "homehive runs no shell code of yours on disks: do it in a NixOS module of the machine, or by hand \
                        after `disks apply`";
            self.leave(key, &[], help, report);
        }
    }

    /// Names everything that nobody asked for.
    pub fn close(&self, report: &mut Report) {
        for name in self.names() {
            let value = self.entry(name).filter(|value| !says_nothing(&value.kind));
            if let Some(value) = value.filter(|_| !self.asked.contains(&name)) {
                let shown = shown(&value.kind);
                let message = format!("`{}{shown}` is not known to homehive", name.escape_debug());
                report.left_out(&self.place.join(name), message, "do what it does by hand, or in a NixOS module");
            }
        }
    }
}

/// A short value, to be recognised by.
fn shown(kind: &Kind) -> String {
    let text = match kind {
        Kind::Text(text) => format!("\"{}\"", text.escape_debug()),
        Kind::Integer(number) => number.to_string(),
        Kind::Bool(truth) => truth.to_string(),
        Kind::List(values) => {
            let texts: Vec<_> = values
                .iter()
                .filter_map(|value| match &value.kind {
                    Kind::Text(text) => Some(format!("\"{}\"", text.escape_debug())),
                    Kind::Integer(number) => Some(number.to_string()),
                    _ => None,
                })
                .collect();
            format!("[{}]", texts.join(" "))
        }
        Kind::Null | Kind::Float(_) | Kind::Table(_) => return String::new(),
    };
    if text.chars().count() > 60 { String::new() } else { format!(" = {text}") }
}

fn wrong_kind(place: &Place, wanted: &str, found: &Kind, report: &mut Report) {
    let message = format!("{wanted} belongs here, and this is {}", found.name());
    report.left_out(place, message, "mend it in disko's tree, and import again");
}
