//! Where in a document something stands.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The keys that lead to a value: `machines.nas.storage.disk.usb`.
///
/// Cheap to clone and to [`join`](Path::join): paths share the keys of what holds them.
#[derive(Clone, Default)]
pub struct Path(Option<Arc<Link>>);

struct Link {
    parent: Path,
    key: Box<str>,
    depth: usize,
}

impl Path {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// One key further down; an index of a list is written as its decimal number.
    #[must_use]
    pub fn join(&self, key: impl fmt::Display) -> Self {
        let key = key.to_string().into_boxed_str();
        Self(Some(Arc::new(Link { parent: self.clone(), key, depth: self.depth() + 1 })))
    }

    /// The keys, outermost first.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys = Vec::with_capacity(self.depth());
        let mut here = self;
        while let Some(node) = &here.0 {
            keys.push(&*node.key);
            here = &node.parent;
        }
        keys.reverse();
        keys
    }

    /// The innermost key; none for the document itself.
    pub fn last(&self) -> Option<&str> {
        self.0.as_ref().map(|node| &*node.key)
    }

    /// The value that holds this one; the root's is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        self.0.as_ref().map_or_else(Self::root, |node| node.parent.clone())
    }

    /// Does this lie at or below `other`?
    pub fn within(&self, other: &Self) -> bool {
        let mut here = self;
        while here.depth() > other.depth() {
            let Some(node) = &here.0 else { break };
            here = &node.parent;
        }
        here == other
    }

    fn depth(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.depth)
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        let (mut left, mut right) = (self, other);
        loop {
            match (&left.0, &right.0) {
                (None, None) => return true,
                (Some(a), Some(b)) if Arc::ptr_eq(a, b) => return true,
                (Some(a), Some(b)) if a.depth == b.depth && a.key == b.key => {
                    (left, right) = (&a.parent, &b.parent);
                }
                _ => return false,
            }
        }
    }
}

impl Eq for Path {}

impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut here = self;
        while let Some(node) = &here.0 {
            node.key.hash(state);
            here = &node.parent;
        }
    }
}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        self.keys().cmp(&other.keys())
    }
}

impl<K: fmt::Display> FromIterator<K> for Path {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        keys.into_iter().fold(Self::root(), |path, key| path.join(key))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.keys().join("."))
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn below_and_beside() {
        let nas = Path::from_iter(["machines", "nas"]);
        let disk = nas.join("storage").join("disk");
        for (case, path, other, within) in [
            ("itself", &nas, &nas, true),
            ("below", &disk, &nas, true),
            ("above", &nas, &disk, false),
            ("the root holds all", &disk, &Path::root(), true),
            ("beside", &Path::from_iter(["machines", "pi"]), &nas, false),
            ("same key elsewhere", &Path::from_iter(["shares", "nas"]), &nas, false),
        ] {
            assert_eq!(path.within(other), within, "{case}");
        }
        assert_eq!(disk.parent().parent(), nas);
        assert_eq!(disk.to_string(), "machines.nas.storage.disk");
        assert_eq!(disk.keys(), ["machines", "nas", "storage", "disk"]);
        assert_eq!(disk.last(), Some("disk"));
    }
}
