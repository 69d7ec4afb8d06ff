//! Attribute sets and `let` bindings, put together entry by entry in the order in which people read them.

use super::Expr;

/// The entries of an attribute set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set {
    pub(super) entries: Vec<Entry>,
    pub(super) comment: Option<String>,
}

/// One `path = value;`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub comment: Option<String>,
    pub path: Vec<String>,
    pub value: Expr,
}

impl Set {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the next entry is for; a comment above it, line by line.
    #[must_use]
    pub fn note(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// An entry under a path of homehive's own: `services.openssh.enable`.
    #[must_use]
    pub fn put(self, path: &'static str, value: impl Into<Expr>) -> Self {
        self.add(path.split('.').map(str::to_owned).collect(), value.into())
    }

    /// An entry under a name that may be anything, below a path of homehive's own (or none, if that is empty).
    #[must_use]
    pub fn put_named(self, path: &'static str, name: impl Into<String>, value: impl Into<Expr>) -> Self {
        let mut all: Vec<String> = path.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        all.push(name.into());
        self.add(all, value.into())
    }

    /// `inherit name;`
    #[must_use]
    pub fn inherit(self, name: &'static str) -> Self {
        self.add(vec![name.to_owned()], Expr::Inherited)
    }

    /// All entries of another set.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// Holds it nothing?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn add(mut self, path: Vec<String>, value: Expr) -> Self {
        let comment = self.comment.take();
        self.entries.push(Entry { comment, path, value });
        self
    }
}
