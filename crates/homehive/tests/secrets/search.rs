//! Looking for secrets where none may be, in the forms in which they would be found there.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Texts, each with its place, in which no secret may be found.
#[derive(Default)]
pub struct Haystack {
    texts: Vec<(String, Vec<u8>)>,
}

/// A secret, and all forms that it is looked for in.
pub struct Needle {
    name: String,
    forms: Vec<String>,
}

impl Needle {
    /// By its name, which may be told.
    pub fn new(name: &str, secret: &str) -> Self {
        assert!(secret.len() >= 12, "{name} is too short to be found for certain");
        let mut forms = vec![secret.to_owned(), hexadecimal(secret, false), hexadecimal(secret, true)];
        let json = serde_json::to_string(secret).unwrap();
        forms.push(json.trim_matches('"').to_owned());
        // In Base64 of something longer it looks different by where it begins there; its first and last characters
        // depend on its neighbours.
        for engine in [STANDARD, URL_SAFE] {
            for before in 0..3 {
                let bytes = [&vec![b' '; before], secret.as_bytes()].concat();
                let text = engine.encode(bytes).trim_end_matches('=').to_owned();
                let inner = text[(before * 8).div_ceil(6)..text.len() - 1].to_owned();
                forms.push(inner);
            }
        }
        forms.sort();
        forms.dedup();
        Self { name: name.to_owned(), forms }
    }
}

fn hexadecimal(text: &str, upper: bool) -> String {
    text.bytes().fold(String::new(), |mut digits, byte| {
        let _ = if upper { write!(digits, "{byte:02X}") } else { write!(digits, "{byte:02x}") };
        digits
    })
}

impl Haystack {
    pub fn add(&mut self, place: impl Into<String>, text: impl Into<Vec<u8>>) {
        self.texts.push((place.into(), text.into()));
    }

    /// All files below a directory, their names as well.
    pub fn add_tree(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let place = path.display().to_string();
            self.add(format!("the name {place}"), place.clone());
            if path.is_dir() && !path.is_symlink() {
                self.add_tree(&path);
            } else if let Ok(bytes) = fs::read(&path) {
                self.add(place, bytes);
            }
        }
    }

    /// How much was looked through.
    pub fn len(&self) -> usize {
        self.texts.iter().map(|(_, text)| text.len()).sum()
    }

    /// Where which secret is found; never the secret itself.
    pub fn find(&self, needles: &[Needle]) -> Vec<String> {
        let mut found = Vec::new();
        for (place, text) in &self.texts {
            let text = String::from_utf8_lossy(text);
            for needle in needles {
                if needle.forms.iter().any(|form| text.contains(form.as_str())) {
                    found.push(format!("{} in {place}", needle.name));
                }
            }
        }
        found
    }
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret = "hunter2-\"quoted\"-ü";
    let needles = [Needle::new("canary", secret)];
    for (form, text) in [
        ("plain", format!("password={secret}\n")),
        ("JSON", serde_json::json!({ "password": secret }).to_string()),
        ("Base64", STANDARD.encode(secret)),
        ("Base64 with a newline", STANDARD.encode(format!("{secret}\n"))),
        ("Base64 in a longer text, 1", STANDARD.encode(format!("x{secret}yz"))),
        ("Base64 in a longer text, 2", STANDARD.encode(format!("xy{secret}z"))),
        ("hexadecimal", hexadecimal(secret, false)),
    ] {
        let mut haystack = Haystack::default();
        haystack.add("there", format!("before {text} after"));
        assert_eq!(haystack.find(&needles), ["canary in there"], "{form}");
    }
    let mut haystack = Haystack::default();
    haystack.add("there", "nothing of the kind");
    assert!(haystack.find(&needles).is_empty());
}
