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

    /// Words of a POSIX shell that print it. They are the shell's own: no process is begun that bears them.
    pub(crate) fn to_sh(&self) -> Zeroizing<String> {
        let mut words = Zeroizing::new(String::with_capacity(16 + 5 * self.0.len()));
        words.push_str("printf %b '");
        for byte in self.0.iter() {
            let _ = write!(words, "\\0{byte:03o}");
        }
        words.push('\'');
        words
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
