//! One word for a POSIX shell, whatever it holds.

use std::borrow::Cow;

/// `word` quoted so that a POSIX `sh` reads back exactly `word`.
///
/// A NUL byte can stand in no argument (execve(2)) and is dropped.
pub fn quote(word: &str) -> String {
    let word = if word.contains('\0') { Cow::Owned(word.replace('\0', "")) } else { Cow::Borrowed(word) };
    // A leading `~` or `=` and a `#` are special only unquoted, and shlex quotes all of them.
    shlex::try_quote(&word).map_or_else(|_| String::from("''"), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::quote;
    use proptest::prelude::*;

    #[test]
    fn plain_words_stay_plain() {
        for (word, quoted) in [
            ("mkfs.xfs", "mkfs.xfs"),
            ("", "''"),
            ("a b", "'a b'"),
            ("a; rm -rf /", "'a; rm -rf /'"),
            ("it's", "\"it's\""),
            ("~root", "'~root'"),
        ] {
            assert_eq!(quote(word), quoted, "{word}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// A real `sh` reads every word back as it was.
        #[test]
        #[expect(clippy::disallowed_types, reason = "the law is about a real shell")]
        fn sh_reads_it_back(words in prop::collection::vec("[^\\x00]{0,24}", 1..8)) {
            let line: Vec<String> = words.iter().map(|word| quote(word)).collect();
            let out = std::process::Command::new("sh").arg("-c").arg(format!("printf '%s\\036' {}", line.join(" "))).output().unwrap();
            let mut wanted = words.join("\u{1e}");
            wanted.push('\u{1e}');
            prop_assert_eq!(String::from_utf8(out.stdout).unwrap(), wanted);
        }
    }
}
