//! Finds the compressed kernel inside a bzImage, so that QEMU can start it unpacked: an emulated guest would spend
//! seconds on unpacking itself. Running the unpacker is the builder's business.

/// How a kernel is packed, with the bytes to unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed<'a> {
    /// For `xz -d`.
    Xz(&'a [u8]),
    /// For `gzip -d`.
    Gzip(&'a [u8]),
    /// For `zstd -d`.
    Zstd(&'a [u8]),
}

/// The packed kernel inside `image`; nothing if it is no bzImage of boot protocol 2.08 or later, or packed in a way not
/// known here. Fields and their places: "The Linux/x86 Boot Protocol" in the kernel's documentation.
pub fn packed(image: &[u8]) -> Option<Packed<'_>> {
    let word = |at: usize| Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?));
    let version = u16::from_le_bytes(image.get(0x206..0x208)?.try_into().ok()?);
    if image.get(0x202..0x206)? != b"HdrS" || version < 0x208 {
        return None;
    }
    let sectors = match *image.get(0x1f1)? {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let start = (sectors + 1) * 512 + usize::try_from(word(0x248)?).ok()?;
    let end = start.checked_add(usize::try_from(word(0x24c)?).ok()?)?;
    let payload = image.get(start..end)?;
    // The build appends the unpacked size, four bytes; gzip has it in its own format.
    let unsized_end = payload.len().checked_sub(4)?;
    match payload {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packed::Xz(&payload[..unsized_end])),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packed::Zstd(&payload[..unsized_end])),
        [0x1f, 0x8b, ..] => Some(Packed::Gzip(payload)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Packed, packed};

    fn image(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 1024];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
        image[0x248..0x24c].copy_from_slice(&8_u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        image.extend_from_slice(&[0; 8]);
        image.extend_from_slice(payload);
        image
    }

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let xz = b"\xfd7zXZ\0kernelSIZE";
        assert_eq!(packed(&image(xz)), Some(Packed::Xz(b"\xfd7zXZ\0kernel")));
        assert_eq!(packed(&image(b"\x1f\x8bkernel")), Some(Packed::Gzip(b"\x1f\x8bkernel")));
        assert_eq!(packed(&image(b"LZ4?")), None);
        assert_eq!(packed(&image(xz)[..1030]), None, "cut short");
        assert_eq!(packed(b"\x7fELF"), None);
    }
}
