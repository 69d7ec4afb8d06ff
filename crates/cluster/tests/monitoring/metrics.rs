//! Every metric that an alert or a panel asks for is one that an exporter of the catalogue exports.

use crate::common::EXAMPLES;
use crate::{dashboards, rules};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the exporters export, from their own words.
const KNOWN: &str = include_str!("../../data/metrics.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exporter {
    /// Which version was asked, and how.
    seen: String,
    metrics: Vec<String>,
}

fn known() -> BTreeMap<String, Exporter> {
    toml::from_str(KNOWN).unwrap()
}

/// The names of metrics in a query: identifiers that are neither functions nor words of the language, outside of strings,
/// selectors, ranges and lists of labels.
fn metrics(query: &str) -> BTreeSet<String> {
    const WORDS: [&str; 16] = [
        "and",
        "or",
        "unless",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
        "inf",
        "nan",
        "start",
        "end",
        "atan2",
    ];
    let mut names = BTreeSet::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let end = |close: char| rest.find(close).map_or(rest.len(), |at| at + close.len_utf8());
        match first {
            '{' => {
                // Braces do not nest, and may stand in strings.
                let mut quoted = false;
                let mut last = ' ';
                let at = rest.find(|c: char| {
                    if c == '"' && last != '\\' {
                        quoted = !quoted;
                    }
                    last = c;
                    c == '}' && !quoted
                });
                rest = &rest[at.map_or(rest.len(), |at| at + 1)..];
            }
            '[' => rest = &rest[end(']')..],
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
                let (word, after) = rest.split_at(length.unwrap_or(rest.len()));
                let next = after.trim_start();
                if WORDS.contains(&word) {
                    // A list of labels follows, or nothing.
                    let labels = ["by", "without", "on", "ignoring", "group_left", "group_right"].contains(&word);
                    rest = match next.strip_prefix('(') {
                        Some(list) if labels => list.split_once(')').map_or("", |(_, after)| after),
                        _ => after,
                    };
                } else {
                    // A function, or an aggregation with its labels first: `sum by (x) (…)`.
                    let called = next.starts_with('(') || next.starts_with("by ") || next.starts_with("without ");
                    if !called {
                        names.insert(word.to_owned());
                    }
                    rest = after;
                }
            }
            c if c.is_ascii_digit() => {
                let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
                rest = &rest[length.unwrap_or(rest.len())..];
            }
            c => rest = &rest[c.len_utf8()..],
        }
    }
    names
}

#[test]
fn names_in_a_query() {
    let cases: [(&str, &[&str]); 7] = [
        ("up", &["up"]),
        ("rate(a_total{b=\"c\"}[5m]) > 0", &["a_total"]),
        ("sum by (x, y) (a) / on (x) group_left (z) b", &["a", "b"]),
        ("max(a) without (b) == 1", &["a"]),
        ("time() - a > 2 * 3600", &["a"]),
        ("a{b=~\"x{2}\"} and on (n) c{d!=\"\"} offset 5m", &["a", "c"]),
        ("absent(a:b{c=\"d\"}) or 1e3 < x", &["a:b", "x"]),
    ];
    for (query, expected) in cases {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(metrics(query), expected, "{query}");
    }
}

#[test]
fn every_metric_is_exported() {
    let exporters = known();
    let all: BTreeSet<&str> = exporters.values().flat_map(|exporter| &exporter.metrics).map(String::as_str).collect();
    let mut asked = BTreeSet::new();
    for (example, text) in EXAMPLES {
        for rule in rules::groups(text).iter().flat_map(|group| group["rules"].as_array().unwrap()) {
            let names = metrics(rule["expr"].as_str().unwrap());
            assert!(!names.is_empty(), "{rule}");
            asked.extend(names);
        }
        for (_, dashboard) in dashboards::dashboards(text) {
            for (title, query) in dashboards::queries(&dashboard) {
                let names = metrics(&query);
                assert!(!names.is_empty(), "{example}: {title}");
                asked.extend(names);
            }
        }
    }
    let unknown: Vec<_> = asked.iter().filter(|name| !all.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "nobody exports {unknown:?}");
    assert!(asked.len() >= 25, "{asked:?}");
}

#[test]
fn the_list_says_where_it_comes_from() {
    for (name, exporter) in known() {
        assert!(!exporter.seen.is_empty() && !exporter.metrics.is_empty(), "{name}");
        let mut sorted = exporter.metrics.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted, exporter.metrics, "{name}: sorted, each once");
    }
}
