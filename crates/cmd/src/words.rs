//! A command: its words and what it reads on standard input.

use crate::quote;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One word of a command: text, or the name of a place that is known only where the command runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Word {
    /// A word as it is.
    Text(String),
    /// The device of a node, such as `disk.nvme.root`: its path is looked up where the command runs, because kernel
    /// names (`/dev/sda`) change from boot to boot.
    Device {
        /// The node's name.
        device: String,
    },
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A command as words; nothing in it is ever read by a shell as anything but a word.
///
/// ```
/// use cmd::Cmd;
/// let mkfs = Cmd::new("mkfs.ext4").args(["-L", "a; rm -rf /"]).device("disk.usb.boot");
/// assert_eq!(mkfs.to_string(), "mkfs.ext4 -L 'a; rm -rf /' {disk.usb.boot}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Cmd {
    /// Program and arguments.
    pub words: Vec<Word>,
    /// What the command reads on standard input; nothing if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The node whose key it reads on standard input. The key itself is known only to whoever runs the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The node of a second key, which it reads behind the first: [`Secret::pair`](crate::Secret::pair).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub further: Option<String>,
}

impl Cmd {
    /// A command without arguments.
    pub fn new(program: &str) -> Self {
        Self { words: vec![program.into()], input: None, key: None, further: None }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, word: impl Into<Word>) -> Self {
        self.words.push(word.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args<W: Into<Word>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// With the device of a node as one more argument.
    #[must_use]
    pub fn device(mut self, node: impl fmt::Display) -> Self {
        self.words.push(Word::Device { device: node.to_string() });
        self
    }

    /// With `text` on standard input.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// With the key of a node on standard input.
    #[must_use]
    pub fn key(mut self, node: impl fmt::Display) -> Self {
        self.key = Some(node.to_string());
        self
    }

    /// With two keys on standard input, a line each.
    #[must_use]
    pub fn keys(mut self, node: impl fmt::Display, further: impl fmt::Display) -> Self {
        self.further = Some(further.to_string());
        self.key(node)
    }

    /// The same command with every device word replaced by what `path` answers for its node; the first node that it
    /// does not know is the error.
    pub fn resolve(&self, mut path: impl FnMut(&str) -> Option<String>) -> Result<Self, String> {
        let words = self.words.iter().map(|word| match word {
            Word::Text(_) => Ok(word.clone()),
            Word::Device { device } => path(device).map(Word::Text).ok_or_else(|| device.clone()),
        });
        Ok(Self { words: words.collect::<Result<_, _>>()?, ..self.clone() })
    }

    /// The words as text; a device that was not resolved stands as `{node}`.
    pub fn argv(&self) -> Vec<String> {
        self.words
            .iter()
            .map(|word| match word {
                Word::Text(text) => text.clone(),
                Word::Device { device } => format!("{{{device}}}"),
            })
            .collect()
    }

    /// The command on one line, for an error: of a script that stands in it, its first line.
    ///
    /// ```
    /// # use cmd::Cmd;
    /// assert_eq!(Cmd::new("sh").args(["-c", "# Wipes.\nrm x\n", "wipe"]).brief(), "sh -c '# Wipes. …' wipe");
    /// ```
    pub fn brief(&self) -> String {
        let words = self.words.iter().map(|word| match word {
            Word::Text(text) => match text.split_once('\n') {
                Some((first, _)) => Word::Text(format!("{first} …")),
                None => word.clone(),
            },
            Word::Device { .. } => word.clone(),
        });
        Self { words: words.collect(), input: None, key: None, further: None }.to_string()
    }

    /// The words quoted for a POSIX shell, a device as what `device` makes of its node (`"$disk_nvme"`, say).
    pub fn to_sh(&self, device: impl Fn(&str) -> String) -> String {
        let words = self.words.iter().map(|word| match word {
            Word::Text(text) => quote(text),
            Word::Device { device: node } => device(node),
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The words as a person would type them; standard input is not shown, for it may be a secret.
impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_sh(|node| format!("{{{node}}}")))
    }
}

#[cfg(test)]
mod tests {
    use super::Cmd;

    #[test]
    fn devices_are_filled_in_where_the_command_runs() {
        let cmd = Cmd::new("mkfs.xfs").arg("-f").device("disk.nvme.root");
        let filled = cmd.resolve(|node| (node == "disk.nvme.root").then(|| "/dev/nvme0n1p1".to_owned()));
        assert_eq!(filled.unwrap().to_string(), "mkfs.xfs -f /dev/nvme0n1p1");
        assert_eq!(cmd.resolve(|_| None), Err("disk.nvme.root".to_owned()));
    }
}
