//! A small syntax tree of Nix: what values of the fleet may become. A user's text is always a string, an attribute's name,
//! a path or a comment; code comes from homehive's own text alone.

mod print;
mod set;
mod text;

pub use set::Set;

/// A Nix expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Code that homehive itself brings: only its own text is `'static`, so nothing of a user can get here.
    Code(&'static str),
    /// A string.
    Text(String),
    /// A string of several lines, written as such where Nix' indented strings can hold it unchanged.
    Lines(String),
    /// A path relative to the file that it stands in.
    Path(String),
    /// A whole number.
    Int(i64),
    /// `true` or `false`.
    Bool(bool),
    /// `[ … ]`
    List(Vec<Expr>),
    /// `{ … }`
    Set(Set),
    /// Attributes of something that code names: `pkgs.htop`.
    Select(&'static str, Vec<String>),
    /// A function applied to arguments: `f a b`.
    Apply(&'static str, Vec<Expr>),
    /// A function: what stands before the colon, and its body.
    Function(&'static str, Box<Expr>),
    /// `let … in …`
    Let(Set, Box<Expr>),
    /// `with scope; …`
    With(&'static str, Box<Expr>),
    /// In an attribute set: what the name means around it.
    Inherited,
    /// `a // b`, or any other operator between expressions.
    Join(&'static str, Vec<Expr>),
}

impl Expr {
    /// A list of strings.
    pub fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(|item| Self::Text(item.to_string())).collect())
    }

    /// A string.
    pub fn text<T: ToString + ?Sized>(text: &T) -> Self {
        Self::Text(text.to_string())
    }

    /// A function with the usual arguments of a NixOS module.
    pub fn module(arguments: &'static str, body: impl Into<Self>) -> Self {
        Self::Function(arguments, Box::new(body.into()))
    }
}

impl From<bool> for Expr {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u32> for Expr {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<u16> for Expr {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<Set> for Expr {
    fn from(set: Set) -> Self {
        Self::Set(set)
    }
}

impl From<Vec<Self>> for Expr {
    fn from(list: Vec<Self>) -> Self {
        Self::List(list)
    }
}

impl From<&str> for Expr {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Expr {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
