//! A write that is read back: the same bytes, by their hash.

use super::output;
use crate::Printed;
use crate::judge::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// What `write.sh` prints is the hash of what it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WriteRule {
    /// SHA-256 of the content, in hexadecimal digits.
    pub sha256: String,
    /// Bytes written.
    pub bytes: usize,
}

impl WriteRule {
    pub(super) fn judge(&self, answers: &[&Printed]) -> Verdict {
        let found = output(answers, 0)?.trim();
        if found == self.sha256 {
            return Ok(format!(
                "{} KiB written, synced, read back; SHA-256 {}…",
                self.bytes / 1024,
                &self.sha256[..12]
            ));
        }
        Err(format!("what was read back has SHA-256 `{found}`, written was {}", self.sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::WriteRule;
    use crate::Printed;

    #[test]
    fn only_the_same_bytes_pass() {
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let rule = WriteRule { sha256: hash.into(), bytes: 262_144 };
        for (case, status, stdout, good) in [
            ("same", 0, format!("{hash}\n"), true),
            ("other", 0, hash.replace('9', "0"), false),
            ("nothing", 0, String::new(), false),
            ("full", 1, String::new(), false),
            ("same, but it failed", 1, hash.to_owned(), false),
        ] {
            let printed = Printed { status, stdout, stderr: "cat: write error: No space left on device".into() };
            assert_eq!(rule.judge(&[&printed]).is_ok(), good, "{case}");
        }
    }
}
