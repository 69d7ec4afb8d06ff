//! Bytes that nobody may see: they are fed to a command, and shown nowhere.

use std::fmt::{self, Write as _};
use zeroize::Zeroizing;

/// A key or passphrase, as the command that wants it reads it from standard input. Nothing prints it, and its memory is
/// overwritten behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Two of them for one command, a line each, as `printf %b` reads it: whatever bytes they are, a shell keeps them apart.
    #[must_use]
    pub fn pair(first: &Self, second: &Self) -> Self {
        let mut lines = Zeroizing::new(String::with_capacity(2 + 5 * (first.0.len() + second.0.len())));
        for key in [first, second] {
            key.octals(&mut lines);
            lines.push('\n');
        }
        Self::new(lines.as_bytes())
    }

    /// Words of a POSIX shell that print it. They are the shell's own: no process is begun that bears them.
    pub(crate) fn to_sh(&self) -> Zeroizing<String> {
        let mut words = Zeroizing::new(String::with_capacity(16 + 5 * self.0.len()));
        words.push_str("printf %b '");
        self.octals(&mut words);
        words.push('\'');
        words
    }

    fn octals(&self, text: &mut String) {
        for byte in self.0.iter() {
            let _ = write!(text, "\\0{byte:03o}");
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
