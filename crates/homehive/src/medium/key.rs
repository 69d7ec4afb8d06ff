//! The installer's host key on a boot image: a small filesystem behind it, named in its partition table. The image itself
//! comes out of the Nix store, which everybody may read; this part never lies there.

use super::image::fill;
use cmd::Cmd;
use machine::{RunError, run_local};
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

/// By which the medium finds it: `/dev/disk/by-label/HOMEHIVE-KEY`.
pub const LABEL: &str = "HOMEHIVE-KEY";
/// The file on it.
pub const FILE: &str = "ssh_host_ed25519_key";

/// Why the key is not on the image.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Files cannot be read or written.
    #[error("the image or a file beside it: {0}")]
    Files(#[from] io::Error),
    /// The tool that makes the filesystem failed; it is part of e2fsprogs.
    #[error(transparent)]
    Tool(#[from] RunError),
    /// The image is none that a partition can be added to.
    #[error("{0}")]
    Table(#[from] TableError),
}

/// Why a partition table takes no further partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// There is none.
    #[error("the image has no MBR: it is no hybrid image")]
    None,
    /// It is only there to protect a GPT.
    #[error("the image has a GPT, to which nothing can be added without rewriting it")]
    Gpt,
    /// All four places are taken.
    #[error("the image has four partitions already")]
    Full,
    /// It would lie where an MBR cannot point.
    #[error("the image is larger than 2 TiB")]
    Large,
}

/// Sectors of an MBR, whatever the device has.
const SECTOR: u64 = 512;
/// Partitions begin at whole MiB.
const ALIGN: u64 = 1 << 20;
const LINUX: u8 = 0x83;
const PROTECTIVE: u8 = 0xee;
const SOON: Duration = Duration::from_mins(1);

/// A filesystem that holds `secret` and nothing else.
///
/// # Errors
/// mke2fs is missing or fails. What it needs lies in a directory of its own that only its owner may enter, and is gone
/// afterwards.
pub async fn filesystem(secret: &str) -> Result<Vec<u8>, KeyError> {
    // Memory if there is a place in it: what is not written to a disk need not be erased from one.
    let place = ["/dev/shm", "/run"].into_iter().find_map(|dir| tempfile::tempdir_in(dir).ok());
    let dir = place.map_or_else(tempfile::tempdir, Ok)?;
    let tree = dir.path().join("tree");
    fs::create_dir(&tree)?;
    let mut key = File::options().write(true).create_new(true).mode(0o600).open(tree.join(FILE))?;
    key.write_all(secret.trim_end().as_bytes())?;
    key.write_all(b"\n")?;
    drop(key);
    let image = dir.path().join("image");
    let make = Cmd::new("mke2fs").args(["-q", "-t", "ext2", "-L", LABEL, "-m", "0", "-N", "16", "-b", "1024", "-d"]);
    let make = make.arg(tree.display().to_string()).arg(image.display().to_string()).arg("1024k");
    run_local(&make, SOON).await?;
    Ok(fs::read(&image)?)
}

/// Appends `filesystem` to the image and names it in its table: first the filesystem, on stable storage, then the table.
/// Where it begins, in bytes.
pub fn append(image: &mut File, filesystem: &[u8]) -> Result<u64, KeyError> {
    let mut first = [0; 512];
    image.rewind()?;
    if fill(image, &mut first)? < first.len() {
        return Err(TableError::None.into());
    }
    let end = image.seek(SeekFrom::End(0))?;
    let size = (filesystem.len() as u64).next_multiple_of(ALIGN);
    let start = entry(&mut first, end, size)?;
    image.set_len(start + size)?;
    image.seek(SeekFrom::Start(start))?;
    image.write_all(filesystem)?;
    image.sync_all()?;
    image.rewind()?;
    image.write_all(&first)?;
    image.sync_all()?;
    Ok(start)
}

/// Writes a partition of `size` bytes behind everything else into the MBR of an image that ends at `end`: where it begins.
fn entry(mbr: &mut [u8; 512], end: u64, size: u64) -> Result<u64, TableError> {
    if mbr[510..] != [0x55, 0xaa] {
        return Err(TableError::None);
    }
    let number = |at: usize| u64::from(u32::from_le_bytes([mbr[at], mbr[at + 1], mbr[at + 2], mbr[at + 3]]));
    // Each of the four: a flag, a CHS address, the type, a CHS address, first sector, sectors; an empty one has no sectors.
    let slots = [446, 462, 478, 494];
    if slots.iter().any(|at| mbr[at + 4] == PROTECTIVE) {
        return Err(TableError::Gpt);
    }
    let ends = slots.iter().map(|at| (number(at + 8) + number(at + 12)) * SECTOR);
    let start = ends.chain([end]).max().unwrap_or(end).next_multiple_of(ALIGN);
    let slot = *slots.iter().find(|at| number(*at + 12) == 0).ok_or(TableError::Full)?;
    let sectors = |bytes: u64| u32::try_from(bytes / SECTOR).map_err(|_| TableError::Large);
    let (first, count) = (sectors(start)?, sectors(size)?);
    // CHS addresses of places beyond 8 GB, which tells everybody to read the sectors.
    mbr[slot..slot + 8].copy_from_slice(&[0, 0xfe, 0xff, 0xff, LINUX, 0xfe, 0xff, 0xff]);
    mbr[slot + 8..slot + 12].copy_from_slice(&first.to_le_bytes());
    mbr[slot + 12..slot + 16].copy_from_slice(&count.to_le_bytes());
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::{KeyError, LABEL, TableError, append, entry, filesystem};
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    const SECRET: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nnot really\n-----END OPENSSH PRIVATE KEY-----";

    fn table(types: &[(u8, u32, u32)]) -> [u8; 512] {
        let mut mbr = [0; 512];
        mbr[510..].copy_from_slice(&[0x55, 0xaa]);
        for (slot, (kind, first, count)) in types.iter().enumerate() {
            let at = 446 + 16 * slot;
            mbr[at + 4] = *kind;
            mbr[at + 8..at + 12].copy_from_slice(&first.to_le_bytes());
            mbr[at + 12..at + 16].copy_from_slice(&count.to_le_bytes());
        }
        mbr
    }

    #[test]
    fn a_free_place_behind_everything() {
        let mib = 1 << 20;
        // What xorriso makes of a NixOS image: the whole image as type 0, and the EFI image in it.
        let hybrid = [(0, 0, 12_288), (0xef, 136, 4096)];
        let four = [(1, 1, 1), (1, 2, 1), (1, 3, 1), (1, 4, 1)];
        for (types, end, expected) in [
            (&hybrid[..], 6 * mib, Ok(6 * mib)),
            (&hybrid, 6 * mib + 1, Ok(7 * mib)),
            (&[(0x83, 0, 40_960)], 6 * mib, Ok(20 * mib)),
            (&[(0xee, 1, 4000)], 6 * mib, Err(TableError::Gpt)),
            (&four, 6 * mib, Err(TableError::Full)),
            (&[], 1 << 42, Err(TableError::Large)),
        ] {
            let mut mbr = table(types);
            assert_eq!(entry(&mut mbr, end, mib), expected, "{types:?}");
            assert_eq!(&mbr[446..446 + 16 * types.len()], &table(types)[446..446 + 16 * types.len()], "others stay");
        }
        assert_eq!(entry(&mut [0; 512], mib, mib), Err(TableError::None));
    }

    /// A tool that answers; a test without it says so.
    fn tool(words: &[&str]) -> Option<String> {
        let Ok(out) = Command::new(words[0]).args(&words[1..]).output() else {
            eprintln!("skipped: {} is missing", words[0]);
            return None;
        };
        assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
        Some(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// What finds the key on a machine finds it on the image: the partition by the table, its label by probing, the file
    /// by the filesystem.
    fn found_by_real_tools(image: &Path, number: usize) {
        let path = image.display().to_string();
        let Some(listed) = tool(&["partx", "--show", "--output", "START,SECTORS", "--noheadings", "--bytes", &path])
        else {
            return;
        };
        let line: Vec<u64> =
            listed.lines().nth(number - 1).unwrap().split_whitespace().map(|n| n.parse().unwrap()).collect();
        let bytes = fs::read(image).unwrap();
        let start = usize::try_from(line[0] * 512).unwrap();
        assert_eq!(start + usize::try_from(line[1] * 512).unwrap(), bytes.len());
        let alone = image.with_extension("key");
        fs::write(&alone, &bytes[start..]).unwrap();
        let alone = alone.display().to_string();
        let offset = (line[0] * 512).to_string();
        let probe = ["blkid", "--probe", "--offset", &offset, "--match-tag", "LABEL", "--output", "value", &path];
        if let Some(label) = tool(&probe) {
            assert_eq!(label.trim(), LABEL);
        }
        if let Some(said) = tool(&["debugfs", "-R", "cat ssh_host_ed25519_key", &alone]) {
            assert_eq!(said, format!("{SECRET}\n"));
        }
        if let Some(said) = tool(&["debugfs", "-R", "stat ssh_host_ed25519_key", &alone]) {
            assert!(said.contains("Mode:  0600"), "{said}");
        }
        tool(&["e2fsck", "-f", "-n", &alone]);
    }

    #[tokio::test]
    async fn the_key_is_found_behind_an_image() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("small.img");
        let mut content = vec![3; 2_500_000];
        content[..512].copy_from_slice(&table(&[(0x83, 64, 4000)]));
        fs::write(&path, &content).unwrap();
        let filesystem = match filesystem(SECRET).await {
            Ok(bytes) => bytes,
            Err(KeyError::Tool(error)) => {
                eprintln!("skipped: {error}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let mut image = File::options().read(true).write(true).open(&path).unwrap();
        assert_eq!(append(&mut image, &filesystem).unwrap(), 3 << 20);
        let now = fs::read(&path).unwrap();
        assert!(now[512..content.len()] == content[512..], "nothing else moves");
        found_by_real_tools(&path, 2);
    }

    /// A hybrid image as nixpkgs' make-iso9660-image.sh makes it, but for what is in it.
    fn hybrid(dir: &Path) -> Option<PathBuf> {
        let [bios, mbr] = ["isolinux.bin", "isohdpfx.bin"].map(|name| Path::new("/usr/lib/ISOLINUX").join(name));
        if !bios.exists() || !mbr.exists() {
            eprintln!("skipped: isolinux is missing");
            return None;
        }
        let tree = dir.join("tree");
        fs::create_dir_all(tree.join("isolinux")).unwrap();
        fs::copy(bios, tree.join("isolinux/isolinux.bin")).unwrap();
        fs::write(tree.join("efi.img"), vec![0; 1 << 20]).unwrap();
        let path = dir.join("hybrid.iso");
        let (mbr, out, tree) = (mbr.display().to_string(), path.display().to_string(), tree.display().to_string());
        let words = [
            "xorriso",
            "-boot_image",
            "any",
            "gpt_disk_guid=11111111111141118111111111111111",
            "-as",
            "mkisofs",
            "-iso-level",
            "3",
            "-volid",
            "nixos-test",
            "-joliet",
            "-eltorito-boot",
            "isolinux/isolinux.bin",
            "-eltorito-catalog",
            ".boot.cat",
            "-no-emul-boot",
            "-boot-load-size",
            "4",
            "-boot-info-table",
            "-isohybrid-mbr",
            &mbr,
            "-eltorito-alt-boot",
            "-e",
            "efi.img",
            "-no-emul-boot",
            "-isohybrid-gpt-basdat",
            "-r",
            "-output",
            &out,
            &tree,
        ];
        tool(&words).map(|_| path)
    }

    #[tokio::test]
    async fn the_key_is_found_behind_a_hybrid_iso_which_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let Some(path) = hybrid(dir.path()) else { return };
        let Ok(filesystem) = filesystem(SECRET).await else {
            eprintln!("skipped: mke2fs is missing");
            return;
        };
        let before = fs::read(&path).unwrap();
        append(&mut File::options().read(true).write(true).open(&path).unwrap(), &filesystem).unwrap();
        found_by_real_tools(&path, 3);
        assert!(fs::read(&path).unwrap()[512..before.len()] == before[512..]);
        let out = path.display().to_string();
        if let Some(said) = tool(&["blkid", "--probe", "--match-tag", "LABEL", "--output", "value", &out]) {
            assert_eq!(said.trim(), "nixos-test", "the medium itself is still found by its own label");
        }
    }
}
