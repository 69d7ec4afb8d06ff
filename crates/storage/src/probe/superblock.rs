//! The first 5 KiB of devices as `head -v | od` prints them, and the superblocks of XFS, ext4 and md in them.

use crate::facts::FactsError;
use std::collections::BTreeMap;
use uuid::Uuid;

/// How much of each device the script prints.
const HEAD: usize = 5120;
/// How much of a device's end it prints: the superblock of metadata 1.0.
pub(super) const END: usize = 4096;
/// More than this is not what the script printed: 1,000 devices.
const LIMIT: usize = 1000 * (HEAD + 64);

/// What a filesystem's superblock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Filesystem {
    pub size: u64,
    pub block: u32,
    pub unfinished: bool,
}

/// What the superblock of a member of an md array says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub array: Uuid,
    pub name: String,
    pub level: &'static str,
    pub devices: u32,
    pub events: u64,
    pub slot: Option<u32>,
    pub dirty: bool,
    pub recovering: bool,
}

/// The heads by the path of their device.
pub(super) fn heads(dump: &str) -> Result<BTreeMap<String, Vec<u8>>, FactsError> {
    heads_of(dump, HEAD)
}

/// The heads by the path of their device, `size` bytes of each.
pub(super) fn heads_of(dump: &str, size: usize) -> Result<BTreeMap<String, Vec<u8>>, FactsError> {
    let bytes = undump(dump)?;
    let mut found = BTreeMap::new();
    let mut rest = bytes.as_slice();
    while let Some(path) = header(rest) {
        rest = &rest[path.len() + OPEN.len() + CLOSE.len()..];
        // A disk that fails may give less: then the next header stands earlier.
        let whole = rest.len() == size
            || rest.get(size).is_some_and(|byte| *byte == b'\n') && header(&rest[size + 1..]).is_some();
        let end = if whole {
            size
        } else {
            (0..rest.len()).find(|at| rest[*at] == b'\n' && header(&rest[at + 1..]).is_some()).unwrap_or(rest.len())
        };
        found.insert(String::from_utf8_lossy(path).into_owned(), rest[..end].to_vec());
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Ok(found)
}

const OPEN: &[u8] = b"==> ";
const CLOSE: &[u8] = b" <==\n";

/// The path in a header of `head -v` that stands at the start.
fn header(bytes: &[u8]) -> Option<&[u8]> {
    let path = bytes.strip_prefix(OPEN)?;
    let path = &path[..path.windows(CLOSE.len()).take(255).position(|window| window == CLOSE)?];
    path.starts_with(b"/dev/").then_some(path)
}

/// Turns `od -A x -t x1` back into bytes; `*` stands for lines like the one before it.
fn undump(dump: &str) -> Result<Vec<u8>, FactsError> {
    let garbled = |line: &str| FactsError::Garbled { section: "heads".into(), reason: format!("`{line}`") };
    let mut bytes: Vec<u8> = Vec::new();
    let mut repeat = false;
    for line in dump.lines().filter(|line| !line.trim().is_empty()) {
        if line == "*" {
            repeat = true;
            continue;
        }
        let mut words = line.split_ascii_whitespace();
        let address = words.next().and_then(|word| usize::from_str_radix(word, 16).ok());
        let address = address.filter(|address| *address <= LIMIT).ok_or_else(|| garbled(line))?;
        if repeat && bytes.len() >= 16 {
            let last = bytes[bytes.len() - 16..].to_vec();
            while bytes.len() < address {
                bytes.extend_from_slice(&last);
            }
        }
        repeat = false;
        if bytes.len() != address {
            return Err(garbled(line));
        }
        for word in words {
            bytes.push(u8::from_str_radix(word, 16).map_err(|_| garbled(line))?);
        }
    }
    Ok(bytes)
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    take(bytes, at).map(u32::from_be_bytes)
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    take(bytes, at).map(u16::from_le_bytes)
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    take(bytes, at).map(u32::from_le_bytes)
}

/// XFS: `struct xfs_dsb` of the kernel's `fs/xfs/libxfs/xfs_format.h`. mkfs.xfs clears `sb_inprogress` last.
pub(super) fn xfs(head: &[u8]) -> Option<Filesystem> {
    if take(head, 0)? != *b"XFSB" {
        return None;
    }
    let blocks = u64::from_be_bytes(take(head, 8)?);
    let size = blocks.checked_mul(u64::from(be32(head, 4)?))?;
    let sector = u16::from_be_bytes(take(head, 102)?);
    Some(Filesystem { size, block: u32::from(sector), unfinished: *head.get(126)? != 0 })
}

/// How many bytes a mounted XFS spans, as `xfs_growfs(8)` prints its geometry:
/// `data     =                       bsize=4096   blocks=655360, imaxpct=25`.
pub(super) fn xfs_spans(geometry: &str) -> Option<u64> {
    let data = geometry.lines().find(|line| line.starts_with("data"))?;
    let value = |key: &str| {
        let word = data.split([' ', ',']).find_map(|word| word.strip_prefix(key))?;
        word.parse::<u64>().ok()
    };
    value("bsize=")?.checked_mul(value("blocks=")?)
}

/// ext2, ext3, ext4: `struct ext4_super_block` of the kernel's `fs/ext4/ext4.h`, which stands at 1 KiB.
///
/// mke2fs writes it last and marked valid; one that was never mounted and yet is not valid was not finished.
pub(super) fn ext(head: &[u8]) -> Option<Filesystem> {
    const WIDE: u32 = 0x80; // INCOMPAT_64BIT
    let superblock = head.get(1024..2048)?;
    if le16(superblock, 0x38)? != 0xef53 {
        return None;
    }
    let block = 1024_u32.checked_shl(le32(superblock, 0x18)?).filter(|block| (1024..=65536).contains(block))?;
    let high = if le32(superblock, 0x60)? & WIDE == 0 { 0 } else { le32(superblock, 0x150)? };
    let blocks = u64::from(high) << 32 | u64::from(le32(superblock, 4)?);
    let valid = le16(superblock, 0x3a)? & 1 == 1;
    let mounted = le32(superblock, 0x2c)? != 0;
    Some(Filesystem { size: blocks.checked_mul(u64::from(block))?, block, unfinished: !valid && !mounted })
}

/// f2fs: `struct f2fs_super_block` of the kernel's `include/linux/f2fs_fs.h`, which stands at 1 KiB.
///
/// mkfs.f2fs writes it last; whether drives had the rest by then, only the label tells.
pub(super) fn f2fs(head: &[u8]) -> Option<Filesystem> {
    let superblock = head.get(1024..2048)?;
    if le32(superblock, 0)? != 0xf2f5_2010 {
        return None;
    }
    let block = 1_u32.checked_shl(le32(superblock, 16)?).filter(|block| (4096..=65536).contains(block))?;
    let blocks = u64::from_le_bytes(take(superblock, 36)?);
    Some(Filesystem { size: blocks.checked_mul(u64::from(block))?, block, unfinished: false })
}

/// md, metadata 1.1 (at 0) and 1.2 (at 4 KiB): `struct mdp_superblock_1` of the kernel's `uapi/linux/raid/md_p.h`.
pub(super) fn md(head: &[u8]) -> Option<Member> {
    const MAGIC: u32 = 0xa92b_4efc;
    const RECOVERY: u32 = 2; // MD_FEATURE_RECOVERY_OFFSET
    let at = [4096, 0].into_iter().find(|at| le32(head, *at) == Some(MAGIC) && le32(head, at + 4) == Some(1))?;
    let superblock = head.get(at..)?;
    let text: [u8; 32] = take(superblock, 32)?;
    let name = String::from_utf8_lossy(text.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
    let level = match i32::from_le_bytes(take(superblock, 72)?) {
        -1 => "linear",
        0 => "raid0",
        1 => "raid1",
        4 => "raid4",
        5 => "raid5",
        6 => "raid6",
        10 => "raid10",
        _ => "unknown",
    };
    let index = usize::try_from(le32(superblock, 160)?).ok()?;
    let role = index.checked_mul(2).and_then(|offset| le16(superblock, offset.checked_add(256)?));
    Some(Member {
        array: Uuid::from_bytes(take(superblock, 16)?),
        name: name.split_once(':').map_or(name.clone(), |(_, name)| name.to_owned()),
        level,
        devices: le32(superblock, 92)?,
        events: u64::from_le_bytes(take(superblock, 200)?),
        // 0xffff is a spare, 0xfffe faulty, 0xfffd a journal.
        slot: role.filter(|role| *role < 0xff00).map(u32::from),
        // `resync_offset`: up to where parity is known to be right; all ones when nothing was being written.
        dirty: u64::from_le_bytes(take(superblock, 208)?) != u64::MAX,
        recovering: le32(superblock, 8)? & RECOVERY != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::{Filesystem, HEAD, ext, f2fs, heads, md, undump, xfs, xfs_spans};
    use proptest::prelude::*;

    #[test]
    fn lines_that_repeat() {
        let dump = "000000 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41\n*\n000030 42\n000031\n";
        let bytes = undump(dump).unwrap();
        assert_eq!((bytes.len(), bytes[47], bytes[48]), (49, 0x41, 0x42));
        for (case, dump) in [
            ("a gap", "000000 41\n000010 42\n"),
            ("no number", "000000 4x\n"),
            ("endless", "000000 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41\n*\nffffffffffff\n"),
        ] {
            assert!(undump(dump).is_err(), "{case}");
        }
    }

    fn dumped(parts: &[(&str, &[u8])]) -> String {
        let mut bytes = Vec::new();
        for (at, (path, head)) in parts.iter().enumerate() {
            bytes.extend_from_slice(if at == 0 { b"" } else { b"\n" });
            bytes.extend_from_slice(format!("==> {path} <==\n").as_bytes());
            bytes.extend_from_slice(head);
        }
        let lines = bytes.chunks(16).enumerate().map(|(row, line)| {
            let hex: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{:06x} {}\n", row * 16, hex.join(" "))
        });
        lines.collect()
    }

    #[test]
    fn a_failing_disk_gives_less_and_a_hostile_one_no_more() {
        let mut forged = vec![0; HEAD];
        forged[100..120].copy_from_slice(b"\n==> /dev/sdb <==\nXX");
        let full = vec![7; HEAD];
        let found = heads(&dumped(&[("/dev/sda", &forged), ("/dev/sdb", &full[..9]), ("/dev/sdc", &full)])).unwrap();
        let lengths: Vec<_> = found.iter().map(|(path, head)| (path.as_str(), head.len())).collect();
        assert_eq!(lengths, [("/dev/sda", HEAD), ("/dev/sdb", 9), ("/dev/sdc", HEAD)]);
    }

    #[test]
    fn a_mounted_xfs_tells_its_size() {
        let text = "meta-data=/dev/dm-0  isize=512    agcount=4, agsize=38400 blks\n\
                    data     =                       bsize=4096   blocks=153600, imaxpct=25\n\
                    log      =internal log           bsize=4096   blocks=16384, version=2\n";
        assert_eq!(xfs_spans(text), Some(600 << 20));
        assert_eq!(xfs_spans("xfs_growfs: /data is not a mounted XFS filesystem\n"), None);
        assert_eq!(xfs_spans("data = bsize=4096 blocks=99999999999999999999,"), None);
    }

    #[test]
    fn xfs_says_when_it_is_finished() {
        let mut head = vec![0; HEAD];
        head[..4].copy_from_slice(b"XFSB");
        head[4..8].copy_from_slice(&4096_u32.to_be_bytes());
        head[8..16].copy_from_slice(&1000_u64.to_be_bytes());
        head[102..104].copy_from_slice(&512_u16.to_be_bytes());
        assert_eq!(xfs(&head), Some(Filesystem { size: 4_096_000, block: 512, unfinished: false }));
        head[126] = 1;
        assert_eq!(xfs(&head), Some(Filesystem { size: 4_096_000, block: 512, unfinished: true }));
        assert_eq!(xfs(b"XFS"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(mut head in proptest::collection::vec(any::<u8>(), 0..HEAD), magic in 0..5) {
            let put = |head: &mut Vec<u8>, at: usize, magic: &[u8]| {
                if let Some(place) = head.get_mut(at..at + magic.len()) { place.copy_from_slice(magic); }
            };
            match magic {
                0 => put(&mut head, 0, b"XFSB"),
                1 => put(&mut head, 1024 + 0x38, &[0x53, 0xef]),
                4 => put(&mut head, 1024, &[0x10, 0x20, 0xf5, 0xf2]),
                2 => put(&mut head, 4096, &[0xfc, 0x4e, 0x2b, 0xa9, 1, 0, 0, 0]),
                _ => put(&mut head, 0, &[0xfc, 0x4e, 0x2b, 0xa9, 1, 0, 0, 0]),
            }
            let _ = (xfs(&head), ext(&head), f2fs(&head), md(&head));
        }

        #[test]
        fn any_text_is_a_dump_or_an_error(text in "([0-9a-f]{0,6} ?|\\*|\n)*") {
            let _ = heads(&text);
        }
    }
}
