//! What ZFS's tools print (`OpenZFS` 2.1 and later): `zdb -l`, `zpool status`, `zpool get`, `zfs get`.

use crate::facts::{Content, Dataset, FactsError, Pool, PoolMember, Vdev};
use crate::wish::VdevClass;
use std::collections::BTreeMap;

/// What a pool's properties tell that lasts. The others change by themselves.
const LASTING: [&str; 12] = [
    "ashift",
    "autoexpand",
    "autoreplace",
    "autotrim",
    "bootfs",
    "comment",
    "compatibility",
    "delegation",
    "expandsize",
    "failmode",
    "listsnapshots",
    "multihost",
];

/// What `zdb -l` tells of one device. Its labels are copies of one another.
pub(super) fn label(text: &str) -> Option<Content> {
    // The first label's own lines stand four blanks in; those of its vdevs further.
    let own = |key: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("    ")?.strip_prefix(key)?.strip_prefix(": "));
        lines.map(|value| value.trim().trim_matches('\'').to_owned()).next()
    };
    let state = own("state")?;
    // POOL_STATE_DESTROYED; a label that was never followed by what it announces has the number 0.
    let gone = state == "2" || own("txg").as_deref() == Some("0");
    // Decimal, and none or 0 of a machine that has none.
    let host_id = own("hostid").and_then(|id| id.parse::<u32>().ok()).filter(|id| *id != 0);
    let host_id = host_id.map(|id| format!("{id:08x}"));
    Some(Content::PoolMember { pool: own("name"), guid: own("pool_guid"), mark: own("comment"), host_id, gone })
}

/// The pools: `status` is `zpool status -pLP`, `guids` the same with `-g`, `properties` `zpool get -Hp -o
/// name,property,value all`, `datasets` both `zfs get -Hp -o name,property,value` one after the other. `name` knows kernel
/// names by path.
pub(super) fn pools(
    status: &str,
    guids: &str,
    properties: &str,
    datasets: &str,
    name: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Pool>, FactsError> {
    let guids = rows(guids);
    let of = |pool: &str| {
        let mine = properties.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let mine = mine.filter_map(|words| match words[..] {
            [of, property, value, ..] if of == pool => Some((property.to_owned(), value.to_owned())),
            _ => None,
        });
        mine.collect::<BTreeMap<String, String>>()
    };
    let garbled =
        |pool: &str, reason: &str| FactsError::Garbled { section: "pools".into(), reason: format!("{pool}: {reason}") };
    let mut found = Vec::new();
    for told in read_status(status) {
        let properties = of(&told.name);
        let number = |key: &str| properties.get(key).and_then(|value| value.parse().ok());
        let guid = properties.get("guid").ok_or_else(|| garbled(&told.name, "no `guid`"))?.clone();
        // Row by row the same, but that each is called by its GUID there: also vdevs, whose mode is not told then.
        let numbered = guids.iter().find(|(other, _)| *other == told.name).map(|(_, rows)| rows.as_slice());
        let numbered = numbered.filter(|rows| rows.len() == told.rows);
        let numbered = numbered.ok_or_else(|| garbled(&told.name, "its devices changed meanwhile"))?;
        let mut vdevs = told.vdevs;
        let members = vdevs.iter_mut().flat_map(|vdev| &mut vdev.members);
        for (member, row) in members.zip(&told.members) {
            member.device = name(&member.name);
            numbered[*row].clone_into(&mut member.name);
        }
        found.push(Pool {
            guid,
            health: properties.get("health").cloned().unwrap_or_default(),
            size: number("size").unwrap_or_default(),
            used: number("allocated").unwrap_or_default(),
            vdevs,
            datasets: read_datasets(datasets, &told.name),
            action: told.action,
            done: told.done,
            damaged: told.damaged,
            properties: properties.into_iter().filter(|(key, _)| LASTING.contains(&key.as_str())).collect(),
            name: told.name,
        });
    }
    Ok(found)
}

/// What `zpool status` tells of a pool.
#[derive(Default)]
struct Told {
    name: String,
    vdevs: Vec<Vdev>,
    action: Option<String>,
    done: u32,
    damaged: u32,
    /// How many rows its table of devices has.
    rows: usize,
    /// In which of them each device stands.
    members: Vec<usize>,
}

/// What stands in the first column of each pool's table of devices.
fn rows(text: &str) -> Vec<(String, Vec<String>)> {
    let mut pools: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("  pool: ") {
            pools.push((name.trim().to_owned(), Vec::new()));
        } else if let (Some(row), Some((_, rows))) = (line.strip_prefix('\t'), pools.last_mut()) {
            rows.extend(row.split_ascii_whitespace().next().map(str::to_owned));
        } else if let (true, Some((_, rows))) = (line.starts_with("config:"), pools.last_mut()) {
            // What was told before of a scan is no row.
            rows.clear();
        }
    }
    pools
}

fn read_status(text: &str) -> Vec<Told> {
    let mut pools: Vec<Told> = Vec::new();
    let mut class = VdevClass::Data;
    let mut in_config = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("  pool: ") {
            pools.push(Told { name: name.trim().to_owned(), ..Told::default() });
            in_config = false;
            continue;
        }
        let Some(pool) = pools.last_mut() else { continue };
        if let Some(scan) = line.strip_prefix("  scan: ") {
            let word = scan.split_ascii_whitespace().next().unwrap_or_default();
            pool.action = scan.contains(" in progress").then(|| word.to_owned());
        } else if line.starts_with("config:") {
            in_config = true;
            class = VdevClass::Data;
        } else if let Some(errors) = line.strip_prefix("errors: ") {
            in_config = false;
            pool.damaged = errors.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0);
        } else if let (Some(row), true) = (line.strip_prefix('\t'), in_config) {
            row_of(pool, row, &mut class);
            pool.rows += usize::from(!row.trim().is_empty());
        } else if let Some((_, percent)) = line.split_once(", ").filter(|(_, rest)| rest.contains("% done")) {
            pool.done = thousandths(percent).unwrap_or(0);
        }
    }
    pools
}

/// `12.34% done, 0 days 00:01:02 to go`
fn thousandths(text: &str) -> Option<u32> {
    let (percent, _) = text.split_once('%')?;
    let (whole, part) = percent.trim().split_once('.').unwrap_or((percent.trim(), ""));
    let tenth = part.chars().next().and_then(|c| c.to_digit(10)).unwrap_or(0);
    whole.parse::<u32>().ok()?.checked_mul(10)?.checked_add(tenth)
}

/// A row of the table of devices: two blanks in is a vdev, four a device of one, six one of two that share a place.
fn row_of(pool: &mut Told, row: &str, class: &mut VdevClass) {
    let depth = row.len() - row.trim_start_matches(' ').len();
    let words: Vec<&str> = row.split_ascii_whitespace().collect();
    let [name, rest @ ..] = words.as_slice() else { return };
    let state = rest.first().copied().unwrap_or_default();
    let errors = rest.iter().skip(1).take(3).filter_map(|word| word.parse::<u64>().ok()).sum();
    match depth {
        0 => {
            *class = match *name {
                "special" => VdevClass::Special,
                "dedup" => VdevClass::Dedup,
                "logs" => VdevClass::Log,
                "cache" => VdevClass::Cache,
                "spares" => VdevClass::Spare,
                _ => VdevClass::Data,
            };
        }
        2 => {
            let mode = name.rsplit_once('-').filter(|(kind, _)| {
                ["mirror", "raidz", "draid", "replacing", "spare"].iter().any(|it| kind.starts_with(it))
            });
            // In a pool of single devices the two that share a place stand where one stood.
            let mode = mode.map(|(kind, _)| kind).filter(|kind| !matches!(*kind, "replacing" | "spare"));
            let shared = name.starts_with("replacing-") || name.starts_with("spare-");
            let alone = mode.is_none() && !shared;
            let member = PoolMember {
                device: None,
                name: (*name).to_owned(),
                state: state.to_owned(),
                replacing: false,
                errors,
            };
            pool.vdevs.push(Vdev {
                class: *class,
                mode: mode.map(str::to_owned),
                state: state.to_owned(),
                members: if alone { vec![member] } else { Vec::new() },
            });
            pool.members.extend(alone.then_some(pool.rows));
        }
        _ => {
            let shared = ["replacing-", "spare-"].iter().any(|it| name.starts_with(it));
            let Some(vdev) = pool.vdevs.last_mut().filter(|_| !shared) else { return };
            let replacing = depth > 4 || vdev.mode.is_none();
            let (name, state) = ((*name).to_owned(), state.to_owned());
            vdev.members.push(PoolMember { device: None, name, state, replacing, errors });
            pool.members.push(pool.rows);
        }
    }
}

fn read_datasets(text: &str, pool: &str) -> Vec<Dataset> {
    let mut found: Vec<Dataset> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        let [full, property, value, ..] = words[..] else { continue };
        let path = match full.strip_prefix(pool) {
            Some("") => "",
            Some(rest) if rest.starts_with('/') => &rest[1..],
            _ => continue,
        };
        let at = found.iter().position(|dataset| dataset.path == path).unwrap_or_else(|| {
            found.push(Dataset {
                path: path.to_owned(),
                volume: None,
                properties: BTreeMap::new(),
                mounts: Vec::new(),
            });
            found.len() - 1
        });
        match (property, value) {
            ("volsize", bytes) => found[at].volume = bytes.parse().ok(),
            ("type", _) | (_, "-") => {}
            _ => drop(found[at].properties.insert(property.to_owned(), value.to_owned())),
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

#[cfg(test)]
mod tests {
    use super::{label, pools, read_status};
    use crate::facts::Content;
    use crate::wish::VdevClass;

    #[test]
    fn labels() {
        let text = |state: &str, txg: &str| {
            format!(
                "------------------------------------\nLABEL 0 \n------------------------------------\n    version: 5000\n    \
                 name: 'tank'\n    state: {state}\n    txg: {txg}\n    pool_guid: 12\n    hostid: 6566\n    comment: 'it'\n    vdev_tree:\n        \
                 type: 'disk'\n        name: 'inner'\n"
            )
        };
        let member = |gone| Content::PoolMember {
            pool: Some("tank".into()),
            guid: Some("12".into()),
            mark: Some("it".into()),
            host_id: Some("000019a6".into()),
            gone,
        };
        for (case, text, expected) in [
            ("in use", text("0", "4"), Some(member(false))),
            ("exported", text("1", "4"), Some(member(false))),
            ("destroyed", text("2", "4"), Some(member(true))),
            ("cut in its making", text("0", "0"), Some(member(true))),
            (
                "a spare",
                "    version: 5000\n    state: 3\n    guid: 9\n".to_owned(),
                Some(Content::PoolMember { pool: None, guid: None, mark: None, host_id: None, gone: false }),
            ),
            ("no label", "failed to unpack label 0\n".to_owned(), None),
        ] {
            assert_eq!(label(&text), expected, "{case}");
        }
    }

    const STATUS: &str = "  pool: tank
 state: DEGRADED
status: One or more devices is currently being resilvered.
  scan: resilver in progress since Sat Nov 28 09:00:00 2026
\t1.2G scanned at 10M/s, 100M issued at 1M/s, 2G total
\t50M resilvered, 12.34% done, 00:01:02 to go
config:

\tNAME                 STATE     READ WRITE CKSUM
\ttank                 DEGRADED     0     0     0
\t  raidz1-0           DEGRADED     0     0     0
\t    /dev/sda1        ONLINE       0     0     0
\t    replacing-1      DEGRADED     0     0     0
\t      /dev/sdb1      UNAVAIL      1     2     3  was /dev/sdb1
\t      /dev/sdc1      ONLINE       0     0     0
\t  /dev/sdh1          ONLINE       0     0     0
\tlogs\t
\t  mirror-2           ONLINE       0     0     0
\t    /dev/sdd1        ONLINE       0     0     0
\t    /dev/sde1        ONLINE       0     0     0
\tcache
\t  /dev/sdf1          ONLINE       0     0     0
\tspares
\t  /dev/sdg1          AVAIL   

errors: 2 data errors, use '-v' for a list
";

    #[test]
    fn status() {
        let told = read_status(STATUS);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].action.as_deref(), told[0].done, told[0].damaged), (Some("resilver"), 123, 2));
        let rows: Vec<String> = told[0]
            .vdevs
            .iter()
            .map(|vdev| {
                let members = vdev.members.iter().map(|it| {
                    let word = if it.replacing { "*" } else { "" };
                    format!("{}{word}:{}:{}", it.name, it.state, it.errors)
                });
                format!(
                    "{:?} {} {}",
                    vdev.class,
                    vdev.mode.as_deref().unwrap_or("-"),
                    members.collect::<Vec<_>>().join(" ")
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                "Data raidz1 /dev/sda1:ONLINE:0 /dev/sdb1*:UNAVAIL:6 /dev/sdc1*:ONLINE:0",
                "Data - /dev/sdh1:ONLINE:0",
                "Log mirror /dev/sdd1:ONLINE:0 /dev/sde1:ONLINE:0",
                "Cache - /dev/sdf1:ONLINE:0",
                "Spare - /dev/sdg1:AVAIL:0",
            ]
        );
    }

    #[test]
    fn whole_pools() {
        let status = "  pool: t\n state: ONLINE\nconfig:\n\n\tNAME STATE READ WRITE CKSUM\n\tt ONLINE 0 0 0\n\t  mirror-0 ONLINE 0 0 0\n\t    /dev/sda1 ONLINE 0 0 0\n\t    /dev/sdb1 ONLINE 0 0 0\n\nerrors: No known data errors\n";
        let guids = status.replace("/dev/sda1", "77").replace("mirror-0", "66").replace("/dev/sdb1", "78");
        let properties =
            "t\tguid\t5\nt\thealth\tONLINE\nt\tcomment\tit\nt\tsize\t100\nt\tallocated\t10\nt\tload_guid\t9\n";
        let datasets = "t\tcompression\tzstd\nt\ttype\tfilesystem\nt\tvolsize\t-\nt/v\ttype\tvolume\nt/v\tvolsize\t1048576\ntt\tx\ty\n";
        let found = pools(status, &guids, properties, datasets, |path| path.strip_prefix("/dev/").map(str::to_owned));
        let found = found.unwrap().remove(0);
        assert_eq!((found.mark(), found.guid.as_str(), found.size, found.used), (Some("it"), "5", 100, 10));
        assert!(found.has("sda1") && found.has("sdb1") && found.vdevs[0].class == VdevClass::Data);
        assert_eq!(found.members().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["77", "78"]);
        assert_eq!(found.datasets.len(), 2);
        assert_eq!(found.dataset("v").unwrap().volume, Some(1 << 20));
        assert_eq!(found.dataset("").unwrap().properties["compression"], "zstd");
        assert!(!found.properties.contains_key("load_guid"));
    }
}
