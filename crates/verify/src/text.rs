//! Text of unknown origin made fit for a page, a picture or a terminal.

use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `text` without what neither XML 1.0 (production 2, Char) nor a terminal should be given: every control character
/// but newline and tab, and non-characters, each shown as U+FFFD.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(bad) { Cow::Owned(text.replace(bad, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// `text` cut to at most `columns` columns of a fixed-width font, its end marked by an ellipsis if it was cut.
pub(crate) fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used < columns
    });
    Cow::Owned(kept.chain(['…']).collect())
}

/// Seconds as people read them: `0.4 s`, `38 s`, `6 min 05 s`, `2 h 00 min`.
pub(crate) fn seconds(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0).round();
    if !tenths.is_finite() {
        return "?".to_owned();
    }
    if tenths < 100.0 {
        return format!("{:.1} s", tenths / 10.0);
    }
    let (hours, rest) = ((seconds.round() / 3600.0).floor(), seconds.round() % 3600.0);
    let (minutes, rest) = ((rest / 60.0).floor(), rest % 60.0);
    match (hours, minutes) {
        (0.0, 0.0) => format!("{rest:.0} s"),
        (0.0, _) => format!("{minutes:.0} min {rest:02.0} s"),
        _ => format!("{hours:.0} h {minutes:02.0} min"),
    }
}

/// Bytes as people read them: `28.6 GiB`, `512 MiB`, `0 B`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0;
    let mut tenths = bytes.saturating_mul(10);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if tenth == 0 || whole >= 100 {
        format!("{whole} {}", UNITS[unit])
    } else {
        format!("{whole}.{tenth} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, clean, fit, seconds};

    #[test]
    fn controls_are_shown_not_obeyed() {
        assert_eq!(clean("a\u{1b}[31mb\0\tc\n"), "a\u{fffd}[31mb\u{fffd}\tc\n");
        assert_eq!(clean("größer"), "größer");
    }

    #[test]
    fn long_text_is_cut_visibly() {
        for (text, columns, wanted) in
            [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 4, "日…"), ("abc", 1, "…"), ("", 0, "")]
        {
            assert_eq!(fit(text, columns), wanted, "{text}");
        }
    }

    #[test]
    fn sizes_are_short() {
        for (value, wanted) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (536_870_912, "512 MiB"),
            (30_752_000_000, "28.6 GiB"),
            (128_035_676_160, "119 GiB"),
            (4_000_787_030_016, "3.6 TiB"),
        ] {
            assert_eq!(bytes(value), wanted, "{value}");
        }
    }

    #[test]
    fn durations_are_short() {
        for (value, wanted) in [
            (0.04, "0.0 s"),
            (0.44, "0.4 s"),
            (9.96, "10 s"),
            (38.2, "38 s"),
            (59.7, "1 min 00 s"),
            (365.0, "6 min 05 s"),
            (7200.0, "2 h 00 min"),
            (-1.0, "0.0 s"),
            (f64::NAN, "0.0 s"),
            (f64::INFINITY, "?"),
        ] {
            assert_eq!(seconds(value), wanted, "{value}");
        }
    }
}
