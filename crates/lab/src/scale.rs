//! How large a disk of the lab is for a disk of the world: small enough for a laptop, with the order of sizes kept.

use crate::qemu::DiskKind;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What is left of a declared size: `base` for a disk of 1 GiB, and one `step` more each time the disk grows by a
/// quarter of a doubling (about 19 %). Aims: a USB stick about 512 MiB, an NVMe drive about 3 GiB, a SATA disk about
/// 400 MiB, so that XFS (300 MiB at least, mkfs.xfs(8)) and a root filesystem fit.
const fn rule(kind: DiskKind) -> (u64, u64) {
    match kind {
        DiskKind::Usb => (384 * MIB, 8 * MIB),
        DiskKind::Nvme | DiskKind::Virtio => (768 * MIB, 64 * MIB),
        DiskKind::Sata => (160 * MIB, 5 * MIB),
    }
}

/// The size in bytes that is taken for a disk whose size is not declared.
pub const fn assumed(kind: DiskKind) -> u64 {
    match kind {
        DiskKind::Usb => 32 * GIB,
        DiskKind::Nvme | DiskKind::Virtio => 512 * GIB,
        DiskKind::Sata => 8192 * GIB,
    }
}

/// The size in bytes of the lab's disk for one of `declared` bytes.
///
/// Never larger than declared; the same for the same size; of two disks of a kind the larger one is never the smaller one
/// in the lab, and twice as large means larger. Always a whole number of MiB (or what was declared, if less is declared).
pub fn disk(kind: DiskKind, declared: u64) -> u64 {
    let (base, step) = rule(kind);
    let gib = u128::from((declared / GIB).clamp(1, 1 << 31));
    // log2(x⁴) is four times log2(x): quarter doublings without fractions.
    let quarters = u64::from(gib.pow(4).ilog2());
    (base + quarters * step).min(declared)
}

/// The size in bytes of a partition or volume of `part` declared bytes, on something that had `whole` declared bytes and
/// has `lab` in the lab: the same share of it, in whole MiB, but no less than `least` (what its content needs).
pub fn part(part: u64, whole: u64, lab: u64, least: u64) -> u64 {
    let share = u128::from(part) * u128::from(lab) / u128::from(whole.max(1));
    let share = u64::try_from(share).unwrap_or(u64::MAX) / MIB * MIB;
    share.max(least.min(part)).min(part)
}

#[cfg(test)]
mod tests {
    use super::{DiskKind, GIB, MIB, disk, part};
    use proptest::prelude::*;

    #[test]
    fn sizes_people_buy() {
        for (kind, declared, lab) in [
            (DiskKind::Usb, 16 * GIB, 512),
            (DiskKind::Usb, 32_000_000_000, 536),
            (DiskKind::Nvme, 256 * GIB, 2816),
            (DiskKind::Nvme, 500_107_862_016, 3008),
            (DiskKind::Nvme, 2_000_398_934_016, 3520),
            (DiskKind::Sata, 4_000_787_030_016, 395),
            (DiskKind::Sata, 8_001_563_222_016, 415),
            (DiskKind::Sata, 512 * MIB, 160),
            (DiskKind::Sata, 100 * MIB, 100),
        ] {
            assert_eq!(disk(kind, declared) / MIB, lab, "{kind:?} {declared}");
        }
    }

    #[test]
    fn parts_keep_their_share() {
        let (whole, lab) = (500 * GIB, 3000 * MIB);
        for (declared, least, expected) in [
            (250 * GIB, 0, 1500 * MIB),
            (GIB, 320 * MIB, 320 * MIB),
            (MIB, 320 * MIB, MIB),
            (96 * GIB, 320 * MIB, 576 * MIB),
        ] {
            assert_eq!(part(declared, whole, lab, least), expected, "{declared}");
        }
    }

    fn kinds() -> impl Strategy<Value = DiskKind> {
        prop::sample::select(vec![DiskKind::Usb, DiskKind::Nvme, DiskKind::Sata, DiskKind::Virtio])
    }

    proptest! {
        #[test]
        fn order_is_kept(kind in kinds(), a in 1_u64..1 << 56, b in 1_u64..1 << 56) {
            let (small, large) = (a.min(b), a.max(b));
            prop_assert!(disk(kind, small) <= disk(kind, large));
            prop_assert!(disk(kind, large) <= large);
            if small >= 4 * GIB && large / 2 >= small {
                prop_assert!(disk(kind, small) < disk(kind, large));
            }
        }
    }
}
