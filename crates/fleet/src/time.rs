//! Times of the week and of the day, and lengths of time; no clock is read here.

use crate::text::as_text;
use std::fmt;
use std::str::FromStr;

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not `03:00` or `Sun 03:00`.
    #[error("this is neither `HH:MM` nor a day and `HH:MM`")]
    Schedule,
    /// Not `02:00-06:00`.
    #[error("a window is two times of the day, `HH:MM-HH:MM`, that differ")]
    Window,
    /// Not `30min`.
    #[error("this is not a length of time")]
    Span,
}

const DAYS: [(&str, &str); 7] = [
    ("Mon", "monday"),
    ("Tue", "tuesday"),
    ("Wed", "wednesday"),
    ("Thu", "thursday"),
    ("Fri", "friday"),
    ("Sat", "saturday"),
    ("Sun", "sunday"),
];

/// Minutes from midnight of `HH:MM`.
fn clock(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str, below: u16| {
        let number: u16 = text.parse().ok().filter(|number| *number < below)?;
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then_some(number)
    };
    Some(two(hours, 24)? * 60 + two(minutes, 60)?)
}

fn show(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Every day or every week at a time of the day: `03:00`, `Sun 03:00`. As text it is what systemd.time(7) calls a
/// calendar event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    day: Option<u8>,
    minute: u16,
}

impl Schedule {
    /// Minutes from midnight.
    pub fn minute(self) -> u16 {
        self.minute
    }
}

impl FromStr for Schedule {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let (day, time) = match text.trim().split_once(' ') {
            None => (None, text.trim()),
            Some((day, time)) => {
                let word = day.to_ascii_lowercase();
                let known = |(short, long): &(&str, &str)| short.eq_ignore_ascii_case(&word) || *long == word;
                let day = DAYS.iter().position(known).ok_or(TimeError::Schedule)?;
                (u8::try_from(day).ok(), time.trim())
            }
        };
        clock(time).map(|minute| Self { day, minute }).ok_or(TimeError::Schedule)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((short, _)) = self.day.and_then(|day| DAYS.get(usize::from(day))) {
            write!(f, "{short} ")?;
        }
        f.write_str(&show(self.minute))
    }
}

as_text!(
    Schedule,
    "fleet::bad_schedule",
    r"^([A-Za-z]+\s+)?[0-9]{2}:[0-9]{2}$",
    "for example \"Sun 03:00\", or \"03:00\" for every day"
);

/// A part of every day, over midnight if it ends before it starts: `02:00-06:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    from: u16,
    to: u16,
}

impl Window {
    /// Its start, in minutes from midnight.
    pub fn from(self) -> u16 {
        self.from
    }

    /// Its end, in minutes from midnight.
    pub fn to(self) -> u16 {
        self.to
    }

    /// Does this minute of the day lie in the window?
    pub fn contains(self, minute: u16) -> bool {
        let day = 24 * 60;
        (minute % day + day - self.from) % day <= (self.to + day - self.from) % day
    }
}

impl FromStr for Window {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let (from, to) = text.split_once('-').ok_or(TimeError::Window)?;
        let (from, to) = clock(from.trim()).zip(clock(to.trim())).ok_or(TimeError::Window)?;
        if from == to { Err(TimeError::Window) } else { Ok(Self { from, to }) }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", show(self.from), show(self.to))
    }
}

as_text!(
    Window,
    "fleet::bad_window",
    r"^\s*[0-9]{2}:[0-9]{2}\s*-\s*[0-9]{2}:[0-9]{2}\s*$",
    "two times of the day: \"02:00-06:00\""
);

/// A length of time in whole minutes, hours or days: `30min`, `6h`, `30d`. As text it suits systemd.time(7), and in
/// days Thanos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    number: u32,
    unit: &'static str,
}

const UNITS: [(&str, u64); 3] = [("min", 1), ("h", 60), ("d", 24 * 60)];

impl Span {
    /// So many days.
    pub fn days(number: u32) -> Self {
        Self { number, unit: "d" }
    }

    /// So many minutes.
    pub fn of_minutes(number: u32) -> Self {
        Self { number, unit: "min" }
    }

    /// How many minutes.
    pub fn minutes(self) -> u64 {
        let factor = UNITS.iter().find(|(unit, _)| *unit == self.unit).map_or(1, |(_, factor)| *factor);
        u64::from(self.number) * factor
    }
}

impl FromStr for Span {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number = text[..digits].parse().map_err(|_| TimeError::Span)?;
        let (unit, _) = UNITS.iter().find(|(unit, _)| *unit == text[digits..].trim()).ok_or(TimeError::Span)?;
        Ok(Self { number, unit })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, self.unit)
    }
}

as_text!(
    Span,
    "fleet::bad_span",
    r"^\s*[0-9]+\s*(min|h|d)\s*$",
    "a whole number and min, h or d: \"30min\", \"6h\", \"30d\""
);

#[cfg(test)]
mod tests {
    use super::{Schedule, Span, Window};

    #[test]
    fn times() {
        for (text, shown) in [
            ("Sun 03:00", Some("Sun 03:00")),
            ("sunday 03:00", Some("Sun 03:00")),
            ("23:59", Some("23:59")),
            ("24:00", None),
            ("3:00", None),
            ("+3:00", None),
            ("Sonntag 03:00", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Schedule>().ok().map(|it| it.to_string()).as_deref(), shown, "{text}");
        }
        for (text, minutes) in
            [("30min", Some(30)), ("6 h", Some(360)), ("30d", Some(43_200)), ("30", None), ("h", None)]
        {
            assert_eq!(text.parse::<Span>().ok().map(Span::minutes), minutes, "{text}");
        }
    }

    #[test]
    fn windows() {
        for (window, time, inside) in [
            ("02:00-06:00", 3 * 60, true),
            ("02:00-06:00", 8 * 60, false),
            ("23:00-05:00", 30, true),
            ("23:00-05:00", 12 * 60, false),
            ("23:00-05:00", 25 * 60, true),
        ] {
            assert_eq!(window.parse::<Window>().unwrap().contains(time), inside, "{window} {time}");
        }
        assert!("02:00-02:00".parse::<Window>().is_err());
    }
}
