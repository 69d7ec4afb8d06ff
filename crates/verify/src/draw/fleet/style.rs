//! Colours and type of the picture. Colours are written out, once for light and once for dark screens, for many a viewer
//! of SVG knows no variables.

const RULES: &str = concat!(include_str!("../parts.css"), include_str!("fleet.css"));

/// Names of colours, light and dark.
const COLOURS: [(&str, &str, &str); 20] = [
    ("paper", "#ffffff", "#0f151c"),
    ("band", "#f4f6f9", "#151c25"),
    ("ink", "#17202b", "#e7ecf2"),
    ("soft", "#5a6675", "#9daab9"),
    ("card", "#ffffff", "#1b232d"),
    ("edge", "#ccd4de", "#36424f"),
    ("line", "#9aa7b6", "#64748b"),
    ("frame", "#e9edf3", "#10161d"),
    ("disk", "#64748b", "#94a3b8"),
    ("partition", "#0d9488", "#2dd4bf"),
    ("array", "#4f46e5", "#818cf8"),
    ("volume", "#9333ea", "#c084fc"),
    ("filesystem", "#0284c7", "#38bdf8"),
    ("degraded", "#b45309", "#fbbf24"),
    ("missing", "#c81e1e", "#f87171"),
    ("machine", "#0369a1", "#38bdf8"),
    ("gateway", "#17202b", "#e7ecf2"),
    ("dhcp", "#b45309", "#fbbf24"),
    ("pool", "#7e22ce", "#c084fc"),
    ("host", "#0f766e", "#2dd4bf"),
];

fn coloured(colour: impl Fn(&(&str, &str, &str)) -> String) -> String {
    COLOURS.iter().fold(RULES.to_owned(), |rules, it| rules.replace(&format!("var(--{})", it.0), &colour(it)))
}

/// The whole style sheet.
pub(super) fn style() -> String {
    let light = coloured(|it| it.1.to_owned());
    let dark = coloured(|it| it.2.to_owned());
    format!("{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n@media print {{\n{light}}}\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_colour_is_known() {
        assert!(!super::style().contains("var("), "a colour without a value");
    }
}
