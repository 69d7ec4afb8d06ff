//! How text becomes a string, a name, a path or a comment of Nix, and never anything else (the grammar of strings is in
//! Nix' `lexer.l`).

use std::fmt::Write as _;

/// Words that are no attribute's name without quotes.
const KEYWORDS: [&str; 11] = ["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with", "__curPos"];

/// `"…"`
pub(super) fn quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if rest.peek() == Some(&'{') => out.push_str("\\$"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// `''…''` if such a string means the same text, else `"…"`.
pub(super) fn lines(text: &str, out: &mut String) {
    if !fits_lines(text) {
        return quoted(text, out);
    }
    out.push_str("''\n");
    for line in text.lines() {
        out.push_str(&line.replace("${", "''${"));
        out.push('\n');
    }
    out.push_str("''");
}

/// Nix takes the common indentation off, which must be none; and nothing in the text may look like an end or an escape.
fn fits_lines(text: &str) -> bool {
    let plain =
        |line: &str| !line.chars().any(char::is_control) && (line.is_empty() || !line.trim_matches(' ').is_empty());
    text.ends_with('\n')
        && !["''", "'$", "$$"].iter().any(|mark| text.contains(mark))
        && text.lines().all(plain)
        && !text.contains('\r')
        && text.lines().any(|line| line.starts_with(|c: char| c != ' '))
        && text.lines().next_back().is_some_and(|line| !line.is_empty())
        && !text.starts_with('\n')
}

/// An attribute's name, quoted where it must be.
pub(super) fn name(text: &str, out: &mut String) {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '\'');
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(inner);
    if plain && !KEYWORDS.contains(&text) {
        out.push_str(text);
    } else {
        quoted(text, out);
    }
}

/// A path relative to the file: `./a/b`.
pub(super) fn path(text: &str, out: &mut String) {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_-.+".contains(c);
    let text = text.trim_end_matches('/');
    let plain = text.split('/').all(|part| !part.is_empty() && part.chars().all(inner));
    let lead = if text.starts_with("./") || text.starts_with("../") { "" } else { "./" };
    if plain {
        let _ = write!(out, "{lead}{text}");
    } else {
        out.push_str("(./. + ");
        quoted(&format!("/{text}"), out);
        out.push(')');
    }
}

/// `# …`, one for each line.
pub(super) fn comment(text: &str, out: &mut String) {
    for line in text.split(['\n', '\r']) {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        let _ = writeln!(out, "# {}", line.trim_end());
    }
}
