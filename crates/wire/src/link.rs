//! What one way from a machine to another does to frames.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a way from one machine to another is. The default is a good one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Nothing passes.
    #[serde(default)]
    pub cut: bool,
    /// Every frame comes so many milliseconds late; frames stay in their order.
    #[serde(default)]
    pub delay_ms: u64,
    /// How many frames are lost.
    #[serde(default)]
    pub loss: Loss,
}

impl Link {
    /// Does it pass every frame at once?
    pub fn is_good(self) -> bool {
        self == Self::default()
    }
}

/// As people read it: `cut`, `50 ms late, loses 10%`, `well`.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (late, loses) = (self.delay_ms > 0, self.loss != Loss::default());
        match (self.cut, late, loses) {
            (true, ..) => f.write_str("cut"),
            (false, true, true) => write!(f, "{} ms late, loses {}", self.delay_ms, self.loss),
            (false, true, false) => write!(f, "{} ms late", self.delay_ms),
            (false, false, true) => write!(f, "loses {}", self.loss),
            (false, false, false) => f.write_str("well"),
        }
    }
}

/// A share of all frames, in thousandths. Written in percent: `10%`, `0.5%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Loss(u16);

/// Why a text is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share from 0% to 100%, with one decimal at most")]
pub struct LossError(String);

impl Loss {
    /// Of a thousand frames, how many are lost.
    pub fn of_thousand(self) -> u16 {
        self.0.min(1000)
    }
}

impl FromStr for Loss {
    type Err = LossError;

    fn from_str(text: &str) -> Result<Self, LossError> {
        let wrong = || LossError(text.to_owned());
        let number = text.strip_suffix('%').ok_or_else(wrong)?;
        let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(tenth) || tenth.len() > 1 {
            return Err(wrong());
        }
        let (whole, tenth): (u16, u16) = (whole.parse().map_err(|_| wrong())?, tenth.parse().map_err(|_| wrong())?);
        let share = whole.checked_mul(10).and_then(|share| share.checked_add(tenth));
        share.filter(|share| *share <= 1000).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenth) = (self.0 / 10, self.0 % 10);
        if tenth == 0 { write!(f, "{whole}%") } else { write!(f, "{whole}.{tenth}%") }
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, Loss};

    #[test]
    fn shares() {
        for (text, expected) in [
            ("10%", Some("10%")),
            ("0.5%", Some("0.5%")),
            ("100%", Some("100%")),
            ("0%", Some("0%")),
            ("100.1%", None),
            ("1.25%", None),
            ("10", None),
            ("-1%", None),
            ("+1%", None),
            (".5%", None),
            ("9999999%", None),
            ("%", None),
        ] {
            assert_eq!(text.parse::<Loss>().ok().map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn links_are_told() {
        let loss = "0.5%".parse().unwrap();
        for (link, told) in [
            (Link::default(), "well"),
            (Link { cut: true, delay_ms: 5, loss }, "cut"),
            (Link { delay_ms: 50, ..Link::default() }, "50 ms late"),
            (Link { delay_ms: 50, loss, cut: false }, "50 ms late, loses 0.5%"),
        ] {
            assert_eq!(link.to_string(), told);
        }
    }
}
