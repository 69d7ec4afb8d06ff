//! What of the volumes may not follow what was rendered before: a share that shrinks, data whose place moves. Pure: the
//! files are read by others.

use crate::monitoring;
use crate::volumes::{Local, UNKNOWN, bytes, of_share};
use fleet::{Fleet, ShareName};
use serde_json::Value;
use std::fmt;
use storage::Size;

/// Whose data a volume holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A share's.
    Share(ShareName),
    /// Monitoring's.
    Monitoring,
}

impl Whose {
    /// The file in which all volumes of the kind stood before each had one of its own.
    fn former(&self) -> &'static str {
        match self {
            Self::Share(_) => "10-volumes.yaml",
            Self::Monitoring => "10-monitoring-volumes.yaml",
        }
    }
}

/// A volume that may not follow what was rendered before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Whose data it holds.
    pub whose: Whose,
    /// The file that was rendered before.
    pub file: String,
    /// What may not be.
    pub what: What,
}

/// What may not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It is to hold less than it was told.
    Shrunk {
        /// What it was told.
        was: Size,
        /// What the fleet says now.
        is: Size,
    },
    /// It is to lie elsewhere. Kubernetes changes neither machine nor directory of a volume, and data do not follow.
    Moved {
        /// Where it was.
        was: Place,
        /// Where the fleet says now.
        is: Place,
    },
}

/// Where data lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The machine.
    pub machine: String,
    /// The directory.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.path, self.machine)
    }
}

/// The volumes of the fleet that may not follow what was rendered before, one for each share and one for monitoring. `read`
/// gives the text of a file of the folder of manifests, if it is there. A share that had no size, or has none now, does not
/// shrink; what is no such file has no volumes.
pub fn breaches(fleet: &Fleet, read: impl Fn(&str) -> Option<String>) -> Vec<Breach> {
    let shares = fleet.shares.iter().map(|(name, share)| (Whose::Share(name.clone()), of_share(name, share)));
    let monitoring = monitoring::volumes(fleet).into_iter().map(|volume| (Whose::Monitoring, volume));
    let mut found: Vec<Breach> = shares.chain(monitoring).filter_map(|(whose, is)| breach(whose, &is, &read)).collect();
    found.dedup_by(|later, first| later.whose == first.whose);
    found
}

fn breach(whose: Whose, is: &Local<'_>, read: impl Fn(&str) -> Option<String>) -> Option<Breach> {
    let files = [is.file_name(), whose.former().to_owned()];
    let (file, was) = files.into_iter().find_map(|file| {
        let was = volume(&read(&file)?, &is.name)?;
        Some((file, was))
    })?;
    let place = Place { machine: is.machine.to_string(), path: is.path.clone() };
    let what = match (where_it_was(&was).filter(|was| *was != place), size(&was).zip(is.size)) {
        (Some(was), _) => What::Moved { was, is: place },
        (None, Some((was, is))) if is < was => What::Shrunk { was, is },
        (None, _) => return None,
    };
    Some(Breach { whose, file, what })
}

/// The volume of this name, in a file.
fn volume(text: &str, name: &str) -> Option<Value> {
    let objects = serde_saphyr::from_multiple::<Value>(text).unwrap_or_default();
    objects.into_iter().find(|it| {
        it.pointer("/kind").is_some_and(|kind| kind == "PersistentVolume")
            && it.pointer("/metadata/name").is_some_and(|found| found == name)
    })
}

fn where_it_was(volume: &Value) -> Option<Place> {
    let text = |pointer: &str| volume.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let machine = text("/spec/nodeAffinity/required/nodeSelectorTerms/0/matchExpressions/0/values/0")?;
    Some(Place { machine, path: text("/spec/local/path")? })
}

fn size(volume: &Value) -> Option<Size> {
    let text = volume.pointer("/spec/capacity/storage").and_then(Value::as_str)?;
    Some(text).filter(|text| *text != UNKNOWN).and_then(bytes)
}

#[cfg(test)]
mod tests {
    use super::{What, breaches};
    use fleet::{Fleet, Format};
    use std::collections::BTreeMap;

    const NAS: &str = include_str!("../../../examples/nas/fleet.toml");
    const CLUSTER: &str = include_str!("../../../examples/cluster/fleet.toml");

    fn fleet(text: &str) -> Fleet {
        Fleet::parse(text, "fleet.toml", Format::Toml).unwrap()
    }

    /// What was rendered, by file.
    fn files(fleet: &Fleet) -> BTreeMap<String, String> {
        let catalogue = crate::versions(fleet).unwrap();
        let mut all = crate::volumes::manifests(fleet).unwrap();
        all.extend(crate::monitoring::manifests(fleet, &catalogue).unwrap());
        all.iter().map(|file| (file.file_name(), file.text().unwrap())).collect()
    }

    /// The same volumes as homehive rendered them before each had a file of its own.
    fn former(files: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let all =
            |part: &str| files.iter().filter(|(name, _)| name.contains(part)).map(|(_, text)| text.as_str()).collect();
        let (shares, monitoring) = (all("volume-share-"), all("volume-monitoring-"));
        [("10-volumes.yaml".to_owned(), shares), ("10-monitoring-volumes.yaml".to_owned(), monitoring)].into()
    }

    fn told(text: &str, before: &BTreeMap<String, String>) -> Vec<String> {
        let told = |what: &What| match what {
            What::Shrunk { was, is } => format!("{was} to {is}"),
            What::Moved { was, is } => format!("{was} to {is}"),
        };
        let found = breaches(&fleet(text), |file| before.get(file).cloned());
        found.iter().map(|it| format!("{}: {}", it.file, told(&it.what))).collect()
    }

    #[test]
    fn what_may_not_follow_what_was_rendered() {
        let size = |size: &str| NAS.replace("size = \"2TiB\"", &format!("size = \"{size}\""));
        let timemachine = |line: &str| {
            CLUSTER.replace("[shares.timemachine]\nmachine = \"nas\"", &format!("[shares.timemachine]\n{line}"))
        };
        let monitoring = |line: &str| CLUSTER.replace("[monitoring]\n", &format!("[monitoring]\n{line}\n"));
        let moved = "/data/kubernetes/shares/timemachine on nas to /data/kubernetes/shares/timemachine on worker";
        let measured = "/data/kubernetes/monitoring/prometheus on nas to /data/kubernetes/monitoring/prometheus on";
        let (share, prometheus) = ("10-volume-share-timemachine.yaml", "10-volume-monitoring-prometheus.yaml");
        for (case, before, now, wanted) in [
            ("the same", NAS, size("2TiB"), None),
            ("grown", NAS, size("3TiB"), None),
            ("shrunk", NAS, size("1TiB"), Some((share, "2TiB to 1TiB".to_owned()))),
            ("a byte less", NAS, size("2047GiB"), Some((share, "2TiB to 2047GiB".to_owned()))),
            (
                "another machine",
                CLUSTER,
                timemachine("machine = \"worker\"").replace("2TiB", "100GiB"),
                Some((share, moved.to_owned())),
            ),
            ("gone", CLUSTER, CLUSTER.replace("[shares.timemachine]", "[shares.other]"), None),
            ("monitoring, named as it was", CLUSTER, monitoring("machine = \"nas\""), None),
            (
                "monitoring, elsewhere",
                CLUSTER,
                monitoring("machine = \"hive2\""),
                Some((prometheus, format!("{measured} hive2"))),
            ),
            // Nobody has said a word of monitoring: its machine follows from where the shares lie.
            (
                "monitoring, by a share",
                CLUSTER,
                CLUSTER.to_owned() + "\n[shares.more]\nmachine = \"worker\"\n",
                Some((prometheus, format!("{measured} hive1"))),
            ),
        ] {
            let before = files(&fleet(before));
            let wanted = wanted.map(|(file, what)| format!("{file}: {what}"));
            let found = told(&now, &before);
            assert_eq!(
                found.iter().find(|it| it.starts_with("10-volume-share") || wanted.as_ref() == Some(*it)),
                wanted.as_ref(),
                "{case}: {found:?}"
            );
            assert_eq!(found.is_empty(), wanted.is_none(), "{case}: {found:?}");
            // By a tree of an older homehive the same is found, in its files.
            let old = told(&now, &former(&before));
            assert_eq!(old.len(), found.len(), "{case}: {old:?}");
            assert!(
                old.iter()
                    .all(|it| it.starts_with("10-volumes.yaml: ") || it.starts_with("10-monitoring-volumes.yaml: ")),
                "{old:?}"
            );
        }
    }

    #[test]
    fn what_says_nothing_forbids_nothing() {
        let name = "10-volume-share-storage.yaml".to_owned();
        assert_eq!(told(NAS, &[(name.clone(), "nonsense: [".to_owned())].into()), <[String; 0]>::default());
        assert_eq!(told(NAS, &BTreeMap::new()), <[String; 0]>::default());
        // It had no size: it was told of no limit.
        let unlimited = files(&fleet(&NAS.replace("size = \"10TiB\"\n", "")));
        assert!(unlimited[&name].contains("8191Ti"));
        assert_eq!(told(NAS, &unlimited), <[String; 0]>::default());
    }
}
