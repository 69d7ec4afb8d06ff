//! What makes store paths valid: what `nix-store --dump-db` prints and `--load-db` reads. Pure.

use std::collections::BTreeSet;

/// The registration of some store paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registration {
    text: String,
    paths: Vec<String>,
    bytes: u64,
}

impl Registration {
    /// Reads what `nix-store --dump-db` prints: of each path, a line with the path, its hash, its size as a Nix archive,
    /// its deriver (or nothing), the number of its references, and these.
    pub fn read(text: &str) -> Self {
        let mut this = Self { text: text.to_owned(), ..Self::default() };
        let mut lines = text.lines();
        while let (Some(path), Some(_hash), Some(size), Some(_deriver), Some(references)) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        {
            this.paths.push(path.to_owned());
            this.bytes += size.parse::<u64>().unwrap_or(0);
            let skipped: usize = references.parse().unwrap_or(0);
            if skipped > 0 {
                lines.nth(skipped - 1);
            }
        }
        this
    }

    /// For `nix-store --load-db`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The paths.
    pub fn paths(&self) -> BTreeSet<&str> {
        self.paths.iter().map(String::as_str).collect()
    }

    /// How many paths.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Bytes of all paths as Nix archives.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Registration;

    #[test]
    fn paths_and_sizes_are_read() {
        let text = "/nix/store/a-x\nsha256:00\n120\n\n0\n/nix/store/b-y\nsha256:11\n900\n/nix/store/c.drv\n2\n\
                    /nix/store/a-x\n/nix/store/b-y\n/nix/store/d-z\nsha256:22\n1\n\n0\n";
        let read = Registration::read(text);
        assert_eq!(read.paths, ["/nix/store/a-x", "/nix/store/b-y", "/nix/store/d-z"]);
        assert_eq!((read.len(), read.bytes(), read.text()), (3, 1021, text));
        assert_eq!(Registration::read(""), Registration::default());
    }
}
