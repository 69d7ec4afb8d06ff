//! Writes an image to a device and reads it back. Which device, and whether it may be, is decided before.

use super::image::{Image, ImageError, fill, hex};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Bytes go to the device.
    Write,
    /// Bytes come back from it.
    Verify,
}

/// Why a device does not hold the image.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The image could not be read any more.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The image is not what it was when it was read first.
    #[error("the image changed while it was written")]
    Changed,
    /// The device takes or gives no more.
    #[error("{} byte {at}: {source}", match pass { Pass::Write => "writing at", Pass::Verify => "reading back at" })]
    Device {
        /// Which way.
        pass: Pass,
        /// Where.
        at: u64,
        /// What the system says.
        source: io::Error,
    },
    /// What comes back is not what was written.
    #[error("bytes {from} to {to} are not what was written: the stick is broken, or smaller than it says")]
    Differs {
        /// The first byte of the piece that differs.
        from: u64,
        /// One behind its last.
        to: u64,
    },
}

/// A piece that goes to the device at once.
const PIECE: usize = 1 << 20;
/// Where tables, superblocks and their copies lie: at both ends of a device.
const ENDS: u64 = 1 << 20;
/// The page cache is passed by only from memory that is aligned so; no device wants more.
const ALIGN: usize = 4096;

/// A buffer at an address that the kernel takes for direct writing.
struct Buffer {
    memory: Vec<u8>,
    start: usize,
}

impl Buffer {
    fn new() -> Self {
        let memory = vec![0; PIECE + ALIGN];
        let start = memory.as_ptr().align_offset(ALIGN);
        Self { memory, start }
    }

    fn piece(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + PIECE]
    }
}

/// Writes `image` to `device`, which has `size` bytes in blocks of `block` and is opened past the page cache; syncs; and
/// compares what comes back. `told` hears of every piece.
///
/// The first piece is written last, and the end of the device is cleared of what was there: a stick whose writing was cut
/// bears no partition table, and nothing takes it for a medium.
pub fn write(
    image: &Image,
    device: &mut File,
    size: u64,
    block: usize,
    told: &dyn Fn(Pass, u64),
) -> Result<(), WriteError> {
    let mut buffer = Buffer::new();
    let mut reader = image.reader()?;
    let source = |source| WriteError::Image(ImageError::Read { path: "the image".into(), source });
    let (mut whole, mut pieces) = (Sha256::new(), Vec::new());

    let mut head = Buffer::new();
    let first = fill(&mut reader, head.piece()).map_err(source)?;
    whole.update(&head.piece()[..first]);
    pieces.push(Sha256::digest(&head.piece()[..first]));
    // What the old content was known by goes first.
    put(device, 0, &buffer.piece()[..first.next_multiple_of(block)])?;
    let clear = size.saturating_sub(ENDS) / ALIGN as u64 * ALIGN as u64;
    let clear = clear.max(image.bytes.next_multiple_of(ALIGN as u64));
    if clear < size {
        let length = usize::try_from(size - clear).unwrap_or(0) / block * block;
        put(device, clear, &buffer.piece()[..length])?;
    }
    let mut at = first as u64;
    let mut count = first;
    while count == PIECE {
        let piece = buffer.piece();
        count = fill(&mut reader, piece).map_err(source)?;
        if count == 0 {
            break;
        }
        whole.update(&piece[..count]);
        pieces.push(Sha256::digest(&piece[..count]));
        let padded = count.next_multiple_of(block);
        piece[count..padded].fill(0);
        put(device, at, &piece[..padded])?;
        at += count as u64;
        told(Pass::Write, at);
    }
    if at != image.bytes || hex(&whole.finalize()) != image.sha256 {
        return Err(WriteError::Changed);
    }
    sync(device, at)?;
    head.piece()[first..first.next_multiple_of(block)].fill(0);
    put(device, 0, &head.piece()[..first.next_multiple_of(block)])?;
    sync(device, at)?;
    told(Pass::Write, at);
    verify(device, image.bytes, block, &pieces, &mut buffer, told)
}

fn verify(
    device: &mut File,
    bytes: u64,
    block: usize,
    pieces: &[sha2::digest::Output<Sha256>],
    buffer: &mut Buffer,
    told: &dyn Fn(Pass, u64),
) -> Result<(), WriteError> {
    let mut at = 0_u64;
    for expected in pieces {
        let count = usize::try_from(bytes - at).unwrap_or(PIECE).min(PIECE);
        let piece = &mut buffer.piece()[..count.next_multiple_of(block)];
        // What it held before must not pass for what is read.
        piece.fill(!piece[0]);
        let broken = |source| WriteError::Device { pass: Pass::Verify, at, source };
        device.seek(SeekFrom::Start(at)).and_then(|_| device.read_exact(piece)).map_err(broken)?;
        let end = at + count as u64;
        if Sha256::digest(&piece[..count]) != *expected {
            return Err(WriteError::Differs { from: at, to: end });
        }
        at = end;
        told(Pass::Verify, at);
    }
    Ok(())
}

fn put(device: &mut File, at: u64, bytes: &[u8]) -> Result<(), WriteError> {
    let broken = |source| WriteError::Device { pass: Pass::Write, at, source };
    device.seek(SeekFrom::Start(at)).and_then(|_| device.write_all(bytes)).map_err(broken)
}

fn sync(device: &File, at: u64) -> Result<(), WriteError> {
    device.sync_all().map_err(|source| WriteError::Device { pass: Pass::Write, at, source })
}

#[cfg(test)]
mod tests {
    use super::{PIECE, Pass, WriteError, write};
    use crate::medium::image::Image;
    use crate::medium::image::tests::image;
    use crate::medium::look;
    use crate::medium::stick::Objection;
    use std::cell::RefCell;
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// A loop device of our own over a file; it goes with the test.
    struct Loop {
        device: PathBuf,
    }

    impl Drop for Loop {
        fn drop(&mut self) {
            let _ = Command::new("losetup").arg("-d").arg(&self.device).status();
        }
    }

    impl Loop {
        fn over(file: &Path, bytes: u64) -> Option<Self> {
            let mut old = vec![0xee_u8; usize::try_from(bytes).unwrap()];
            old[510..512].copy_from_slice(&[0x55, 0xaa]);
            fs::write(file, old).unwrap();
            let said = Command::new("losetup").args(["-f", "--show"]).arg(file).output();
            let made = said.ok().filter(|said| said.status.success());
            if made.is_none() {
                eprintln!("skipped: no loop device can be made here (root's rights, losetup)");
            }
            made.map(|said| Self { device: String::from_utf8(said.stdout).unwrap().trim().into() })
        }
    }

    #[tokio::test]
    async fn a_real_loop_device_is_refused_as_a_stick_and_written_as_a_device() {
        let dir = tempfile::tempdir().unwrap();
        let size = 24 << 20;
        let Some(device) = Loop::over(&dir.path().join("disk"), size) else { return };
        let image = Image::open(&image(dir.path(), 2 * PIECE + 12_345), |_| ()).unwrap();
        let stick = look::look(&device.device).await.unwrap();
        assert_eq!((stick.kind.as_str(), stick.bytes), ("loop", size));
        let objections = stick.objections(image.bytes, Some(&stick.word()));
        assert_eq!(objections, [Objection::NotById(Vec::new()), Objection::NotRemovable(None)]);

        let mut file = look::open(&stick).await.unwrap().expect("nothing has changed");
        let busy = look::open(&stick).await.unwrap_err();
        assert!(matches!(busy, look::LookError::Busy(_)), "{busy}");
        let told = RefCell::new(Vec::new());
        write(&image, &mut file, size, 512, &|pass, at| told.borrow_mut().push((pass, at))).unwrap();
        drop(file);
        let written = fs::read(dir.path().join("disk")).unwrap();
        let wanted = fs::read(dir.path().join("medium.img")).unwrap();
        assert!(written[..wanted.len()] == wanted[..], "the image, byte for byte");
        assert!(written[(23 << 20)..].iter().all(|byte| *byte == 0), "no table's copy is left at the end");
        assert!(
            written[(20 << 20)..(23 << 20)].iter().all(|byte| *byte == 0xee),
            "and what lies between is not touched"
        );
        assert_eq!(told.borrow().first(), Some(&(Pass::Write, 2 * PIECE as u64)));
        assert_eq!(told.borrow().last(), Some(&(Pass::Verify, image.bytes)));
    }

    #[tokio::test]
    async fn what_comes_back_otherwise_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let image = Image::open(&image(dir.path(), PIECE + 700), |_| ()).unwrap();
        let path = dir.path().join("device");
        fs::write(&path, vec![0; 2 * PIECE]).unwrap();
        let mut file = File::options().read(true).write(true).open(&path).unwrap();
        // A stick that loses a byte as soon as all is written.
        let spoil = |pass, at| {
            if (pass, at) == (Pass::Write, image.bytes) {
                let file = File::options().write(true).open(&path).unwrap();
                std::os::unix::fs::FileExt::write_all_at(&file, b"?", PIECE as u64 + 3).unwrap();
            }
        };
        let error = write(&image, &mut file, 2 * PIECE as u64, 512, &spoil).unwrap_err();
        let expected = format!("bytes {PIECE} to {} are not what was written", PIECE + 700);
        assert!(error.to_string().starts_with(&expected), "{error}");
    }

    #[test]
    fn a_cut_leaves_no_boot_sector() {
        let dir = tempfile::tempdir().unwrap();
        let path = image(dir.path(), 3 * PIECE);
        let read = Image::open(&path, |_| ()).unwrap();
        // The image is not what it was: writing stops before the first piece goes there.
        let mut other = fs::read(&path).unwrap();
        other[2 * PIECE] ^= 1;
        fs::write(&path, other).unwrap();
        let device = dir.path().join("device");
        fs::write(&device, vec![0x55; 4 * PIECE]).unwrap();
        let mut file = File::options().read(true).write(true).open(&device).unwrap();
        let error = write(&read, &mut file, 4 * PIECE as u64, 512, &|_, _| ()).unwrap_err();
        assert!(matches!(error, WriteError::Changed), "{error}");
        assert!(fs::read(&device).unwrap()[..512].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_full_device_ends_it_with_the_place() {
        let dir = tempfile::tempdir().unwrap();
        let image = Image::open(&image(dir.path(), PIECE), |_| ()).unwrap();
        let Ok(mut full) = File::options().read(true).write(true).open("/dev/full") else {
            eprintln!("skipped: no /dev/full");
            return;
        };
        let error = write(&image, &mut full, PIECE as u64, 512, &|_, _| ()).unwrap_err();
        assert!(error.to_string().starts_with("writing at byte 0: "), "{error}");
    }
}
