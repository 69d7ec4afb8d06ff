//! OpenSSH public keys, checked for real: the type, the base64, and what is written inside (RFC 4253, RFC 8709,
//! `PROTOCOL.u2f`). Who may use a key is not known here.

use crate::text::as_text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

/// One line of an `id_….pub` file: type, base64, and a comment if there is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    kind: Kind,
    blob: String,
    comment: String,
}

/// The key types that a current OpenSSH takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Ed25519,
    Rsa,
    P256,
    P384,
    P521,
    SkEd25519,
    SkP256,
}

const KINDS: [(Kind, &str); 7] = [
    (Kind::Ed25519, "ssh-ed25519"),
    (Kind::Rsa, "ssh-rsa"),
    (Kind::P256, "ecdsa-sha2-nistp256"),
    (Kind::P384, "ecdsa-sha2-nistp384"),
    (Kind::P521, "ecdsa-sha2-nistp521"),
    (Kind::SkEd25519, "sk-ssh-ed25519@openssh.com"),
    (Kind::SkP256, "sk-ecdsa-sha2-nistp256@openssh.com"),
];

/// Why a text is no [`PublicKey`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret half.
    #[error("this is a private key, which must never leave its owner's machine")]
    Private,
    /// More than one line.
    #[error("a public key is one line")]
    Lines,
    /// No known type first.
    #[error("a public key starts with its type, such as ssh-ed25519, not with `{0}`")]
    Kind(String),
    /// Gone from OpenSSH.
    #[error("DSA keys are not taken by any current OpenSSH")]
    Dsa,
    /// Only the type.
    #[error("the key itself is missing after its type")]
    NoBlob,
    /// Not base64.
    #[error("the key is not whole: its second word is not base64")]
    Base64,
    /// The base64 holds something else than the type says.
    #[error("the key is not whole: its second word does not hold a key of this type")]
    Blob,
    /// Too few bits.
    #[error("an RSA key of {0} bits is too short to be safe")]
    Short(usize),
    /// Repeated bytes.
    #[error("the key is made up: nobody holds its private half")]
    MadeUp,
}

impl PublicKey {
    /// The key without its comment, as `authorized_keys` needs it; two keys are the same if this is.
    pub fn bare(&self) -> String {
        format!("{} {}", self.word(), self.blob)
    }

    /// What stands behind the key: usually whose it is.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    fn word(&self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self.kind).map_or("", |(_, word)| word)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with("-----BEGIN") {
            return Err(KeyError::Private);
        }
        if text.chars().any(char::is_control) {
            return Err(KeyError::Lines);
        }
        let mut words = text.splitn(3, ' ');
        let first = words.next().unwrap_or_default();
        if first == "ssh-dss" {
            return Err(KeyError::Dsa);
        }
        let (kind, word) = KINDS
            .into_iter()
            .find(|(_, word)| *word == first)
            .ok_or_else(|| KeyError::Kind(first.chars().take(40).collect()))?;
        let blob = words.next().filter(|blob| !blob.is_empty()).ok_or(KeyError::NoBlob)?;
        let bytes = STANDARD.decode(blob).map_err(|_| KeyError::Base64)?;
        inside(kind, word, &bytes)?;
        let comment = words.next().unwrap_or_default().trim().to_owned();
        Ok(Self { kind, blob: blob.to_owned(), comment })
    }
}

/// Does the blob hold a key of this kind, and nothing else?
fn inside(kind: Kind, word: &str, bytes: &[u8]) -> Result<(), KeyError> {
    let mut rest = bytes;
    let mut next = || field(&mut rest).ok_or(KeyError::Blob);
    let good = next()? == word.as_bytes()
        && match kind {
            Kind::Ed25519 => random(next()?, 32)?,
            Kind::SkEd25519 => random(next()?, 32)? && !next()?.is_empty(),
            Kind::P256 => next()? == b"nistp256" && point(next()?, 32)?,
            Kind::P384 => next()? == b"nistp384" && point(next()?, 48)?,
            Kind::P521 => next()? == b"nistp521" && point(next()?, 66)?,
            Kind::SkP256 => next()? == b"nistp256" && point(next()?, 32)? && !next()?.is_empty(),
            Kind::Rsa => {
                let exponent = next()?;
                let modulus = next()?;
                let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
                let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
                if bits < 2048 {
                    return Err(KeyError::Short(bits));
                }
                !exponent.is_empty() && random(modulus, modulus.len())?
            }
        };
    if good && rest.is_empty() { Ok(()) } else { Err(KeyError::Blob) }
}

/// One length-prefixed field (RFC 4251, section 5).
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let (field, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = tail;
    Some(field)
}

/// An uncompressed point of a curve with coordinates of so many bytes.
fn point(bytes: &[u8], size: usize) -> Result<bool, KeyError> {
    match bytes {
        [4, coordinates @ ..] => random(coordinates, 2 * size),
        _ => Ok(false),
    }
}

/// Bytes of this length that could come from a key generator: 32 random bytes have fewer than 12 different values less
/// than once in 10^18 times, and what a person types to fill the place has.
fn random(bytes: &[u8], size: usize) -> Result<bool, KeyError> {
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    if bytes.len() != size {
        Ok(false)
    } else if seen.iter().filter(|seen| **seen).count() < 12 {
        Err(KeyError::MadeUp)
    } else {
        Ok(true)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.comment.is_empty() { "" } else { " " };
        write!(f, "{} {}{space}{}", self.word(), self.blob, self.comment)
    }
}

as_text!(
    PublicKey,
    "fleet::bad_key",
    "^(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$",
    "put the one line of ~/.ssh/id_ed25519.pub here; `ssh-keygen -t ed25519` makes a pair if there is none"
);
