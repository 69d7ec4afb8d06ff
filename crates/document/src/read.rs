//! From text to tree: TOML and JSON.

use crate::{Kind, Path, Problem, Problems, Value};
use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.1.
    Toml,
    /// JSON, strictly.
    Json,
}

impl Format {
    /// By the ending of a file's name; TOML unless it is `.json`.
    pub fn of(file_name: &str) -> Self {
        let json = file_name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("json"));
        if json { Self::Json } else { Self::Toml }
    }
}

/// A document that is not even well-formed: what is wrong and where (bytes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    message: String,
    span: Range<usize>,
}

/// Reads `text` into a tree. What is not well-formed goes to `problems`, all of it as far as the format's parser can
/// go on; the tree then holds what could be read.
pub fn read(text: &str, format: Format, problems: &mut Problems) -> Value {
    let (value, malformed) = match format {
        Format::Toml => read_toml(text),
        Format::Json => read_json(text),
    };
    for Malformed { message, span } in malformed {
        problems.add_at(
            span,
            Problem {
                at: Path::root(),
                code: match format {
                    Format::Toml => "document::toml",
                    Format::Json => "document::json",
                },
                message,
                label: "here".into(),
                help: match format {
                    Format::Toml => "mend the TOML: strings want quotes, every key stands once".into(),
                    Format::Json => "mend the JSON: no comments, no trailing comma, every key stands once".into(),
                },
            },
        );
    }
    value
}

fn read_toml(text: &str) -> (Value, Vec<Malformed>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let malformed = errors
        .into_iter()
        .map(|error| Malformed { message: error.message().to_owned(), span: error.span().unwrap_or(0..0) })
        .collect();
    let span = table.span();
    (Value { span, kind: toml_table(table.into_inner()) }, malformed)
}

fn toml_table(table: DeTable<'_>) -> Kind {
    let entries = table.into_iter().map(|(key, value)| {
        let span = key.span();
        (key.into_inner().into_owned(), span, toml_value(value))
    });
    Kind::Table(entries.collect())
}

fn toml_value(value: Spanned<DeValue<'_>>) -> Value {
    let span = value.span();
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::Text(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Kind::Float(f64::INFINITY), Kind::Integer),
        DeValue::Float(number) => Kind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Kind::Bool(truth),
        DeValue::Datetime(time) => Kind::Text(time.to_string()),
        DeValue::Array(values) => Kind::List(values.into_iter().map(toml_value).collect()),
        DeValue::Table(table) => toml_table(table),
    };
    Value { span, kind }
}

fn read_json(text: &str) -> (Value, Vec<Malformed>) {
    let strict = jsonc_parser::ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let empty = || Value { span: 0..text.len(), kind: Kind::Table(Vec::new()) };
    match jsonc_parser::parse_to_ast(text, &jsonc_parser::CollectOptions::default(), &strict) {
        Ok(parsed) => {
            let mut malformed = Vec::new();
            let value = parsed.value.map(|value| json_value(value, &mut malformed));
            (value.unwrap_or_else(empty), malformed)
        }
        Err(error) => {
            let span = error.range().start..error.range().end;
            (empty(), vec![Malformed { message: error.kind().to_string(), span }])
        }
    }
}

fn json_value(value: ast::Value<'_>, malformed: &mut Vec<Malformed>) -> Value {
    let span = value.range().start..value.range().end;
    let kind = match value {
        ast::Value::NullKeyword(_) => Kind::Null,
        ast::Value::BooleanLit(lit) => Kind::Bool(lit.value),
        ast::Value::StringLit(lit) => Kind::Text(lit.value.into_owned()),
        ast::Value::NumberLit(lit) => match lit.value.parse() {
            Ok(whole) => Kind::Integer(whole),
            Err(_) => Kind::Float(lit.value.parse().unwrap_or(f64::NAN)),
        },
        ast::Value::Array(list) => {
            Kind::List(list.elements.into_iter().map(|value| json_value(value, malformed)).collect())
        }
        ast::Value::Object(object) => {
            let mut entries: Vec<(String, Range<usize>, Value)> = Vec::new();
            for property in object.properties {
                let span = property.name.range().start..property.name.range().end;
                let name = property.name.into_string();
                if entries.iter().any(|(known, ..)| *known == name) {
                    malformed.push(Malformed { message: format!("duplicate key `{name}`"), span });
                } else {
                    entries.push((name, span, json_value(property.value, malformed)));
                }
            }
            Kind::Table(entries)
        }
    };
    Value { span, kind }
}
