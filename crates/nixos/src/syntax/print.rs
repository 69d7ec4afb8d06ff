//! From the tree to text that means exactly it; how it looks is the formatter's business.

use super::set::Entry;
use super::{Expr, Set, text};
use std::fmt::{self, Write as _};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        expr(self, &mut out);
        f.write_str(&out)
    }
}

fn expr(it: &Expr, out: &mut String) {
    match it {
        Expr::Code(code) => out.push_str(code),
        Expr::Text(value) => text::quoted(value, out),
        Expr::Lines(value) => text::lines(value, out),
        Expr::Path(value) => text::path(value, out),
        // A minus is an operator, and would be one in a list.
        Expr::Inherited => {}
        Expr::Int(number) if *number < 0 => {
            let _ = write!(out, "({number})");
        }
        Expr::Int(number) => out.push_str(&number.to_string()),
        Expr::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Expr::List(items) => {
            out.push('[');
            for item in items {
                out.push(' ');
                operand(item, out);
            }
            out.push_str(" ]");
        }
        Expr::Set(set) => {
            out.push('{');
            entries(set, out);
            out.push('}');
        }
        Expr::Select(scope, names) => {
            out.push_str(scope);
            for name in names {
                out.push('.');
                text::name(name, out);
            }
        }
        Expr::Apply(function, arguments) => {
            out.push_str(function);
            for argument in arguments {
                out.push(' ');
                operand(argument, out);
            }
        }
        Expr::Function(head, body) => {
            out.push_str(head);
            out.push_str(":\n");
            expr(body, out);
        }
        Expr::Let(bindings, body) => {
            out.push_str("let");
            entries(bindings, out);
            out.push_str("in\n");
            expr(body, out);
        }
        Expr::With(scope, body) => {
            out.push_str("with ");
            out.push_str(scope);
            out.push_str("; ");
            expr(body, out);
        }
        Expr::Join(operator, parts) => {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                    out.push_str(operator);
                    out.push(' ');
                }
                operand(part, out);
            }
        }
    }
}

/// An expression where only a simple one may stand: in a list, as an argument, beside an operator.
fn operand(it: &Expr, out: &mut String) {
    let simple = match it {
        Expr::Code(code) if code.starts_with('(') && code.ends_with(')') => true,
        Expr::Code(code) => code.chars().all(|c| c.is_ascii_alphanumeric() || "._-'/".contains(c)),
        Expr::Apply(_, arguments) => arguments.is_empty(),
        Expr::Function(..) | Expr::Let(..) | Expr::With(..) | Expr::Join(..) => false,
        _ => true,
    };
    if simple {
        return expr(it, out);
    }
    out.push('(');
    expr(it, out);
    out.push(')');
}

/// Does it take several lines, most likely?
fn long(it: &Expr) -> bool {
    match it {
        Expr::Set(set) => set.entries.len() > 1,
        Expr::List(items) => items.len() > 1,
        Expr::Lines(_) | Expr::Function(..) | Expr::Let(..) | Expr::Code(_) => true,
        _ => false,
    }
}

/// Entries, one a line; a blank line before what has a comment, and behind it if it is long.
fn entries(set: &Set, out: &mut String) {
    out.push('\n');
    let mut before: Option<&Entry> = None;
    for entry in &set.entries {
        let apart = |before: &Entry| before.comment.is_some() && long(&before.value);
        if before.is_some_and(|before| apart(before) || entry.comment.is_some()) {
            out.push('\n');
        }
        if let Some(comment) = &entry.comment {
            text::comment(comment, out);
        }
        if entry.value == Expr::Inherited {
            out.push_str("inherit ");
        }
        for (at, name) in entry.path.iter().enumerate() {
            if at > 0 {
                out.push('.');
            }
            text::name(name, out);
        }
        if entry.value != Expr::Inherited {
            out.push_str(" = ");
            expr(&entry.value, out);
        }
        out.push_str(";\n");
        before = Some(entry);
    }
}
