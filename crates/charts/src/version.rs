//! Versions of charts and tags of images, in their order.

use semver::{Prerelease, Version};
use std::cmp::Ordering;

/// A version as its project writes it: with or without `v`, and with one to three numbers (`v0.8` is `0.8.0`). Anything
/// else, such as `latest` or a digest, is no version.
pub fn parse(text: &str) -> Option<Version> {
    let (plain, rest) = split(text);
    let missing = match numbers(text) {
        1 => ".0.0",
        2 => ".0",
        3 => "",
        _ => return None,
    };
    Version::parse(&format!("{plain}{missing}{rest}")).ok()
}

/// The numbers, and what follows them.
fn split(text: &str) -> (&str, &str) {
    let plain = text.strip_prefix('v').unwrap_or(text);
    plain.split_at(plain.find(['-', '+']).unwrap_or(plain.len()))
}

/// How many numbers it is written with.
fn numbers(text: &str) -> usize {
    split(text).0.split('.').count()
}

/// Their order; what is no version comes before all that are. `v0.8` and `v0.8.0` are one version.
pub fn order(one: &str, other: &str) -> Ordering {
    parse(one).cmp(&parse(other))
}

/// The newest of them that is written like `current` (with `v` or without); pre-releases count only if `pre`, or if
/// `current` is one. Of several spellings of one version it is the one with as many numbers as `current`.
pub fn newest<'a>(all: impl IntoIterator<Item = &'a str>, current: &str, pre: bool) -> Option<&'a str> {
    let is_pre = |version: &Version| version.pre != Prerelease::EMPTY;
    let pre = pre || parse(current).is_some_and(|current| is_pre(&current));
    let fits = |text: &&str| {
        text.starts_with('v') == current.starts_with('v') && parse(text).is_some_and(|version| pre || !is_pre(&version))
    };
    let alike = |text: &str| numbers(text) == numbers(current);
    all.into_iter()
        .filter(fits)
        .max_by(|one, other| order(one, other).then_with(|| alike(one).cmp(&alike(other))).then_with(|| one.cmp(other)))
}

#[cfg(test)]
mod tests {
    use super::{newest, order, parse};
    use proptest::prelude::*;
    use std::cmp::Ordering;

    #[test]
    fn versions_as_projects_write_them() {
        for (text, version) in [
            ("0.16.1", Some("0.16.1")),
            ("v0.8", Some("0.8.0")),
            ("v3", Some("3.0.0")),
            ("88.5.3-rc.1", Some("88.5.3-rc.1")),
            ("1.2.3+build", Some("1.2.3+build")),
            ("latest", None),
            ("1.2.3.4", None),
            ("sha-0a1b2c", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|it| it.to_string()).as_deref(), version, "{text}");
        }
    }

    #[test]
    fn the_newest_is_by_number_and_no_pre_release_unless_asked() {
        let all = ["v0.9.0", "v0.42.4", "v0.43.0-rc.0", "0.99.0", "main-2026", "latest", "v0.42.10"];
        assert_eq!(newest(all, "v0.42.4", false), Some("v0.42.10"));
        assert_eq!(newest(all, "v0.42.4", true), Some("v0.43.0-rc.0"));
        assert_eq!(newest(all, "v0.43.0-rc.0", false), Some("v0.43.0-rc.0"), "who is on one is told of the next");
        assert_eq!(newest(all, "0.1.0", false), Some("0.99.0"), "written as the pin is");
        assert_eq!(newest(["latest"], "v1", true), None);
    }

    #[test]
    fn numbers_that_are_not_written_are_nought() {
        for (one, other, wanted) in [
            ("v0.8", "v0.8.0", Ordering::Equal),
            ("3", "3.0.0", Ordering::Equal),
            ("v0.8", "v0.8.1", Ordering::Less),
            ("v0.9", "v0.8.1", Ordering::Greater),
            ("v0.8-rc.1", "v0.8.0", Ordering::Less),
        ] {
            assert_eq!(order(one, other), wanted, "{one} {other}");
        }
        // The pin's own spelling, of this version and of the next one.
        let all = ["v0.7.0", "v0.8", "v0.8.0", "v0.7"];
        for (pin, wanted) in
            [("v0.8", "v0.8"), ("v0.8.0", "v0.8.0"), ("v0.7", "v0.8"), ("v0.7.0", "v0.8.0"), ("v0", "v0.8.0")]
        {
            assert_eq!(newest(all, pin, false), Some(wanted), "{pin}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_one(a in "v?[0-9]{1,2}(\\.[0-9]{1,2}){0,2}(-rc\\.[0-9])?", b in "v?[0-9]{1,2}(\\.[0-9]){0,2}", c in "[0-9.]{1,6}") {
            prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
            prop_assert_eq!(order(&a, &a), Ordering::Equal);
            if order(&a, &b) == Ordering::Less && order(&b, &c) == Ordering::Less {
                prop_assert_eq!(order(&a, &c), Ordering::Less);
            }
        }
    }
}
