//! Lengths of time as a scenario writes them: `30s`, `5min`, `1h`.

use document::{Decode, Path, Problems, Value, parse_text};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time in whole seconds, minutes or hours, a day at most and never nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Patience(u64);

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time from 1s to 24h")]
pub struct PatienceError(String);

const UNITS: [(&str, u64); 3] = [("s", 1), ("min", 60), ("h", 3600)];
const DAY: u64 = 24 * 3600;

impl Patience {
    /// As the clock has it.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Patience {
    type Err = PatienceError;

    fn from_str(text: &str) -> Result<Self, PatienceError> {
        let wrong = || PatienceError(text.to_owned());
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = trimmed[..digits].parse().map_err(|_| wrong())?;
        let unit = UNITS.iter().find(|(unit, _)| *unit == trimmed[digits..].trim());
        let seconds = unit.and_then(|(_, factor)| number.checked_mul(*factor));
        seconds.filter(|seconds| (1..=DAY).contains(seconds)).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS.iter().rev().find(|(_, factor)| self.0.is_multiple_of(*factor)).unwrap_or(&UNITS[0]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl Decode for Patience {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let help = "a whole number and s, min or h: \"30s\", \"5min\", \"1h\"";
        parse_text(value, at, "scenario::bad_time", help, problems)
    }
}

impl schemars::JsonSchema for Patience {
    fn schema_name() -> Cow<'static, str> {
        "Patience".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": r"^\s*[0-9]+\s*(s|min|h)\s*$" })
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;

    #[test]
    fn lengths_of_time() {
        for (text, expected) in [
            ("30s", Some("30s")),
            ("90 s", Some("90s")),
            ("120s", Some("2min")),
            ("24h", Some("24h")),
            ("25h", None),
            ("0s", None),
            ("5m", None),
            ("5", None),
            ("-5s", None),
            ("99999999999999999999h", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Patience>().ok().map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }
}
