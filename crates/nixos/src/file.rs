//! A rendered file: a path in the tree, and text in the form that nixfmt gives it.

use crate::syntax::Expr;
use serde::Serialize;

/// One file of the rendered tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Where, relative to the tree.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl File {
    /// A Nix file: what it is for as the comment at its head, and one expression.
    ///
    /// # Errors
    /// The formatter's complaint, which is always a mistake of ours; and of a NUL character, which no Nix text can hold.
    pub fn nix(path: impl Into<String>, head: &str, body: &Expr) -> Result<Self, FormatError> {
        let path = path.into();
        let mut text = String::new();
        for line in head.lines() {
            text.extend(["# ", line, "\n"]);
        }
        text.push_str(&body.to_string());
        text.push('\n');
        if text.contains('\0') {
            return Err(FormatError { path, reason: "it would hold a NUL character, which Nix does not know".into() });
        }
        match nixfmt_rs::format(&text) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) => Err(FormatError { path, reason: error.to_string() }),
        }
    }
}

/// Text that cannot be formatted as Nix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` cannot be rendered: {reason}")]
pub struct FormatError {
    /// Which file.
    pub path: String,
    /// Why.
    pub reason: String,
}
