//! A line into words, with the quotes that a shell has and nothing else of it: no variables, no patterns, no pipes.

/// The words of a line; `#` at the beginning of a word makes a remark of the rest.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word): (Vec<String>, Option<String>) = (Vec::new(), None);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '#' if word.is_none() => break,
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('\'') => break,
                        Some(letter) => word.push(letter),
                        None => return Err(OPEN.to_owned()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some('"') => break,
                        Some('\\') => match letters.next() {
                            // POSIX, 2.2.3: elsewhere the backslash stays.
                            Some(letter @ ('"' | '\\' | '$' | '`')) => word.push(letter),
                            Some(letter) => word.extend(['\\', letter]),
                            None => return Err(OPEN.to_owned()),
                        },
                        Some(letter) => word.push(letter),
                        None => return Err(OPEN.to_owned()),
                    }
                }
            }
            '\\' => match letters.next() {
                Some(letter) => word.get_or_insert_default().push(letter),
                None => return Err("nothing follows the backslash".to_owned()),
            },
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

const OPEN: &str = "a quote is not closed";

#[cfg(test)]
mod tests {
    use super::split;
    use proptest::prelude::*;

    #[test]
    fn words() {
        for (line, expected) in [
            ("a  b\tc", Some(&["a", "b", "c"][..])),
            ("''", Some(&[""])),
            ("a'b c'\"d e\"f", Some(&["ab cd ef"])),
            (r#""a\"b\n" \'"#, Some(&["a\"b\\n", "'"])),
            ("a #b", Some(&["a"])),
            ("a#b", Some(&["a#b"])),
            ("$HOME | *", Some(&["$HOME", "|", "*"])),
            ("'a", None),
            ("\"a\\", None),
            ("a\\", None),
        ] {
            let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(split(line).ok(), expected, "{line}");
        }
    }

    proptest! {
        /// What is quoted for a shell is read back as it was.
        #[test]
        fn quoted_words_come_back(words in prop::collection::vec("\\PC*", 0..5)) {
            let line = words.iter().map(|word| cmd::quote(word)).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(split(&line), Ok(words));
        }
    }
}
