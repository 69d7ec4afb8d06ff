//! An image to be written: what it is by its first bytes, packed or not, how large, and its hash. All of it is read once
//! before any device is touched.

use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

/// An image that can be read to its end.
#[derive(Clone, Debug)]
pub struct Image {
    path: PathBuf,
    packed: bool,
    /// Bytes, unpacked.
    pub bytes: u64,
    /// Of the unpacked bytes.
    pub sha256: String,
}

/// Why a file cannot be written as an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It cannot be read to its end, or unpacked.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system, or the decoder, says.
        source: io::Error,
    },
    /// It is packed in a way that is not known here.
    #[error("{} is packed with {with}; unpack it first: {with} -d {}", path.display(), path.display())]
    Packed {
        /// Which file.
        path: PathBuf,
        /// The program that packs so.
        with: &'static str,
    },
    /// No firmware would boot it.
    #[error("{} is no boot medium: its first sector bears no boot signature, as hybrid ISO and disk images do", .0.display())]
    Unbootable(PathBuf),
}

const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const OTHERS: [(&[u8], &str); 3] =
    [(&[0x1f, 0x8b], "gzip"), (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"), (b"BZh", "bzip2")];

impl Image {
    /// Reads the whole file once; `told` hears how many unpacked bytes have been read.
    pub fn open(path: &Path, told: impl Fn(u64)) -> Result<Self, ImageError> {
        let failed = |source| ImageError::Read { path: path.to_owned(), source };
        let mut magic = Vec::new();
        File::open(path).and_then(|file| file.take(8).read_to_end(&mut magic)).map_err(failed)?;
        if let Some((_, with)) = OTHERS.iter().find(|(begin, _)| magic.starts_with(begin)) {
            return Err(ImageError::Packed { path: path.to_owned(), with });
        }
        let mut image =
            Self { path: path.to_owned(), packed: magic.starts_with(ZSTD), bytes: 0, sha256: String::new() };
        let mut reader = image.reader()?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
        let mut signature = [0; 2];
        loop {
            let count = fill(&mut reader, &mut buffer).map_err(failed)?;
            if image.bytes == 0 && count >= 512 {
                signature.copy_from_slice(&buffer[510..512]);
            }
            hash.update(&buffer[..count]);
            image.bytes += count as u64;
            told(image.bytes);
            if count < buffer.len() {
                break;
            }
        }
        image.sha256 = hex(&hash.finalize());
        if signature != [0x55, 0xaa] {
            return Err(ImageError::Unbootable(path.to_owned()));
        }
        Ok(image)
    }

    /// The unpacked bytes from the beginning.
    pub fn reader(&self) -> Result<Box<dyn Read + Send>, ImageError> {
        let failed = |source| ImageError::Read { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let file = BufReader::with_capacity(1 << 20, file);
        if !self.packed {
            return Ok(Box::new(file));
        }
        let unpacked =
            ruzstd::decoding::StreamingDecoder::new(file).map_err(|error| failed(io::Error::other(error)))?;
        Ok(Box::new(unpacked))
    }
}

/// Reads until `buffer` is full or nothing more comes; how many bytes that were.
pub fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match reader.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
pub mod tests {
    use super::{Image, ImageError};
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// An image that looks like one that boots, of a length that fits no block.
    pub fn image(dir: &Path, bytes: usize) -> PathBuf {
        let mut content: Vec<u8> =
            (0..bytes).map(|at| (at % 251).to_le_bytes()[0] ^ (at >> 13).to_le_bytes()[0]).collect();
        content[510..512].copy_from_slice(&[0x55, 0xaa]);
        let path = dir.join("medium.img");
        fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn packed_and_plain_are_the_same_image() {
        let dir = tempfile::tempdir().unwrap();
        let path = image(dir.path(), 3_000_001);
        let plain = Image::open(&path, |_| ()).unwrap();
        assert_eq!(plain.bytes, 3_000_001);
        match Command::new("zstd").args(["-q", "-k"]).arg(&path).status() {
            Ok(status) if status.success() => {
                let packed = Image::open(&path.with_extension("img.zst"), |_| ()).unwrap();
                assert_eq!((packed.bytes, &packed.sha256), (plain.bytes, &plain.sha256));
                let mut cut = fs::read(path.with_extension("img.zst")).unwrap();
                cut.truncate(cut.len() / 2);
                fs::write(dir.path().join("cut.zst"), cut).unwrap();
                let error = Image::open(&dir.path().join("cut.zst"), |_| ()).unwrap_err();
                assert!(matches!(error, ImageError::Read { .. }), "{error}");
            }
            _ => eprintln!("skipped: zstd is missing"),
        }
    }

    #[test]
    fn what_does_not_boot_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = |bytes: &[u8]| {
            let path = dir.path().join("file");
            fs::write(&path, bytes).unwrap();
            Image::open(&path, |_| ()).unwrap_err().to_string()
        };
        assert!(file(b"a letter").contains("is no boot medium"));
        assert!(file(&[0; 4096]).contains("is no boot medium"));
        assert!(file(b"\x1f\x8b\x08\x00").contains("is packed with gzip; unpack it first: gzip -d "));
        assert!(file(b"\xfd7zXZ\x00\x00").contains("is packed with xz"));
    }
}
