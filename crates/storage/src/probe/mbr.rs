//! The first sector of a disk with a GPT: is its MBR a hybrid one? UEFI's specification, 5.2, tells the form.

use crate::facts::MbrEntry;
use crate::tree::MbrType;

/// The entries of a hybrid MBR; none if only the GPT stands in it. `sector` is the disk's own, in bytes.
pub(super) fn hybrid(head: &[u8], sector: u64) -> Vec<MbrEntry> {
    let Some([0x55, 0xaa]) = head.get(510..512) else { return Vec::new() };
    let number = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_le_bytes)
    };
    let sectors = |count: u32| u64::from(count) * sector;
    let entries = (1..).zip(head[446..510].chunks_exact(16)).filter(|(_, entry)| entry[4] != 0);
    let entries: Vec<MbrEntry> = entries
        .map(|(place, entry)| MbrEntry {
            number: place,
            kind: MbrType(entry[4]),
            active: entry[0] & 0x80 != 0,
            start: sectors(number(entry, 8)),
            size: sectors(number(entry, 12)),
        })
        .collect();
    if entries.iter().all(|entry| entry.kind == MbrType::GPT) { Vec::new() } else { entries }
}

#[cfg(test)]
mod tests {
    use super::hybrid;
    use crate::facts::MbrEntry;
    use crate::tree::MbrType;

    /// What sfdisk wrote: a protective MBR, and one that names the first partition too, active.
    const PLAIN: &str = "00000200eeffffff01000000ffff0100";
    const GPT: &str = "00000200ee20200001000000ff070000";
    const FAT: &str = "802021000c2524010008000000400000";

    fn sector(entries: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0; 446];
        let text = entries.concat();
        bytes.extend((0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()));
        bytes.resize(510, 0);
        bytes.extend([0x55, 0xaa]);
        bytes
    }

    #[test]
    fn entries() {
        let gpt = |number| MbrEntry { number, kind: MbrType::GPT, active: false, start: 512, size: 2047 * 512 };
        let fat = |number| MbrEntry { number, kind: MbrType(0x0c), active: true, start: 1 << 20, size: 8 << 20 };
        for (case, head, expected) in [
            ("plain", sector(&[PLAIN]), vec![]),
            ("hybrid", sector(&[GPT, FAT]), vec![gpt(1), fat(2)]),
            ("the GPT last", sector(&[FAT, GPT]), vec![fat(1), gpt(2)]),
            ("not read", vec![], vec![]),
            ("no MBR", vec![0; 512], vec![]),
        ] {
            assert_eq!(hybrid(&head, 512), expected, "{case}");
        }
        assert_eq!(hybrid(&sector(&[GPT, FAT]), 4096)[1].start, 8 << 20);
    }
}
