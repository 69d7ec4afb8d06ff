//! How an object is called on a command line: `Service/monitoring/thanos-query`, `Namespace/samba`.

use cluster::Key;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// `KIND/NAMESPACE/NAME`, or `KIND/NAME` where the kind has no namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Name(String);

/// Why a word names no object.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` names no object: write KIND/NAMESPACE/NAME, or KIND/NAME where the kind has no namespaces")]
pub struct NameError(String);

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parts: Vec<&str> = text.split('/').collect();
        if matches!(parts.len(), 2 | 3) && parts.iter().all(|part| !part.is_empty()) {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError(text.to_owned()))
    }
}

impl From<&Key> for Name {
    fn from(key: &Key) -> Self {
        Self(match &key.namespace {
            Some(namespace) => format!("{}/{namespace}/{}", key.kind, key.name),
            None => format!("{}/{}", key.kind, key.name),
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was named on the command line, and is not done without.
#[derive(Clone, Debug, Default)]
pub struct Consent {
    /// Objects whose fields are taken from whoever else has set them.
    pub force: Vec<Name>,
    /// Objects that are deleted although data hangs on them.
    pub prune: Vec<Name>,
}

impl Consent {
    pub(crate) fn forces(&self, key: &Key) -> bool {
        self.force.contains(&Name::from(key))
    }

    pub(crate) fn prunes(&self, key: &Key) -> bool {
        self.prune.contains(&Name::from(key))
    }
}

#[cfg(test)]
mod tests {
    use super::Name;
    use cluster::Key;

    #[test]
    fn names() {
        for (text, good) in [
            ("Service/monitoring/thanos", true),
            ("Namespace/samba", true),
            ("samba", false),
            ("Service//x", false),
            ("a/b/c/d", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Name>().is_ok(), good, "{text}");
        }
        let key = |namespace: Option<&str>| Key {
            api_version: "v1".into(),
            kind: "Service".into(),
            namespace: namespace.map(str::to_owned),
            name: "x".into(),
        };
        assert_eq!(Name::from(&key(Some("y"))).to_string(), "Service/y/x");
        assert_eq!(Name::from(&key(None)).to_string(), "Service/x");
    }
}
