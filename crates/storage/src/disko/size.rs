//! Sizes as the tools behind disko read them: sgdisk(8) for GPT, parted(8) for the legacy table, lvcreate(8) for volumes.

/// What a text of sgdisk's or parted's means as the end or start of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Bytes from the start of the disk.
    At(u64),
    /// Bytes from the partition's start (`+1G`).
    After(u64),
    /// Bytes before the end of the disk; 0 is the end itself.
    Before(u64),
    /// A share of the disk in percent (parted).
    Percent(u8),
}

/// `[0-9]+[KMGTP]?`: powers of 1024, without a unit sectors of 512 bytes. The flag says that it was sectors.
pub(super) fn sgdisk(text: &str) -> Option<(u64, bool)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let (factor, sectors) = match &text[digits..] {
        "" | "s" | "S" => (512, true),
        unit => (binary(unit)?, false),
    };
    number.checked_mul(factor).map(|bytes| (bytes, sectors))
}

/// sgdisk's start or end of a partition; none if there is nothing in it.
pub(super) fn sgdisk_mark(text: &str) -> Option<Mark> {
    match text.split_at_checked(1)? {
        ("+", rest) => sgdisk(rest).map(|(bytes, _)| Mark::After(bytes)),
        ("-", rest) => sgdisk(rest).map(|(bytes, _)| Mark::Before(bytes)),
        _ => sgdisk(text).map(|(bytes, _)| Mark::At(bytes)),
    }
}

/// parted's start or end: `1MiB`, `500M` (powers of 1000), `50%`, `-1GiB`.
pub(super) fn parted(text: &str) -> Option<Mark> {
    if let Some(share) = text.strip_suffix('%') {
        return share.trim().parse().ok().filter(|share| *share <= 100).map(Mark::Percent);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number: u64 = rest[..digits].parse().ok()?;
    // Without a unit parted counts in megabytes.
    let factor = match rest[digits..].to_ascii_lowercase().as_str() {
        "s" => 512,
        "b" => 1,
        "k" | "kb" => 1000,
        "" | "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    let bytes = number.checked_mul(factor)?;
    Some(if sign { Mark::Before(bytes) } else { Mark::At(bytes) })
}

/// The size of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Volume {
    /// Bytes.
    Bytes(u64),
    /// A share of what is free when the volume is made.
    Free(u8),
    /// A share of the whole group.
    Group(u8),
}

/// disko hands a size to lvcreate: with `-l` if it has a percent sign (a bare one is of what is free), else with `-L`,
/// where units count in powers of 1024 and no unit means MiB.
pub(super) fn lvcreate(text: &str) -> Option<Volume> {
    if let Some((share, of)) = text.split_once('%') {
        let share = share.trim().parse().ok().filter(|share| (1..=100).contains(share))?;
        return match of.to_ascii_uppercase().as_str() {
            "" | "FREE" => Some(Volume::Free(share)),
            "VG" => Some(Volume::Group(share)),
            _ => None,
        };
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok().filter(|number| *number > 0)?;
    let factor = match text[digits..].to_ascii_uppercase().as_str() {
        "" => 1 << 20,
        "B" => 1,
        "S" => 512,
        unit => binary(unit.strip_suffix("IB").or_else(|| unit.strip_suffix('B')).unwrap_or(unit))?,
    };
    number.checked_mul(factor).map(Volume::Bytes)
}

fn binary(unit: &str) -> Option<u64> {
    let power = "KMGTP".find(unit.to_ascii_uppercase().as_str()).filter(|_| unit.len() == 1)?;
    Some(1 << (10 * (power + 1)))
}

#[cfg(test)]
mod tests {
    use super::{Mark, Volume, lvcreate, parted, sgdisk, sgdisk_mark};

    #[test]
    fn sgdisk_counts_in_powers_of_1024() {
        for (text, expected) in [
            ("500M", Some((500 << 20, false))),
            ("1G", Some((1 << 30, false))),
            ("2P", Some((2 << 50, false))),
            ("2048", Some((1 << 20, true))),
            ("34s", Some((34 * 512, true))),
            ("", None),
            ("G", None),
            ("1GiB", None),
            ("99999999999P", None),
        ] {
            assert_eq!(sgdisk(text), expected, "{text}");
        }
        for (text, expected) in [
            ("128M", Some(Mark::At(128 << 20))),
            ("+1G", Some(Mark::After(1 << 30))),
            ("-10G", Some(Mark::Before(10 << 30))),
            ("-0", Some(Mark::Before(0))),
            ("0", Some(Mark::At(0))),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(sgdisk_mark(text), expected, "{text}");
        }
    }

    #[test]
    fn parted_counts_in_powers_of_1000() {
        for (text, expected) in [
            ("500M", Some(Mark::At(500_000_000))),
            ("500", Some(Mark::At(500_000_000))),
            ("100MiB", Some(Mark::At(100 << 20))),
            ("-1GiB", Some(Mark::Before(1 << 30))),
            ("100%", Some(Mark::Percent(100))),
            ("101%", None),
            ("1 cylinder", None),
        ] {
            assert_eq!(parted(text), expected, "{text}");
        }
    }

    #[test]
    fn lvcreate_has_words_of_its_own() {
        for (text, expected) in [
            ("10M", Some(Volume::Bytes(10 << 20))),
            ("10m", Some(Volume::Bytes(10 << 20))),
            ("10GiB", Some(Volume::Bytes(10 << 30))),
            ("10", Some(Volume::Bytes(10 << 20))),
            ("100%FREE", Some(Volume::Free(100))),
            ("100%", Some(Volume::Free(100))),
            ("25%VG", Some(Volume::Group(25))),
            ("25%PVS", None),
            ("0M", None),
            ("0%", None),
            ("all", None),
        ] {
            assert_eq!(lvcreate(text), expected, "{text}");
        }
    }
}
