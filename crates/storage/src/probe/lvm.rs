//! What `lvm fullreport --reportformat json` prints: volume groups, their physical volumes, and their volumes.

use crate::facts::{FactsError, Fill, Group, Volume};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The group of a physical volume that says it has one, where no metadata of that is to be found.
pub(super) const UNKNOWN: &str = "[unknown]";

/// A physical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Physical {
    /// Path of its device.
    pub path: String,
    pub uuid: String,
    pub group: Option<String>,
    pub size: u64,
    pub used: u64,
}

/// Groups in the order of their names, and all physical volumes that are there. A volume's `on` holds device paths,
/// which only who knows the devices can turn into kernel names.
pub(super) fn parse(text: &str) -> Result<(Vec<Group>, Vec<Physical>), FactsError> {
    let garbled = |reason: String| FactsError::Garbled { section: "lvm".into(), reason };
    if text.trim().is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    // What stands where the report should is the best hint of what is wrong on that machine.
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
        garbled(format!("{error}: `{}`", line.trim().chars().take(120).collect::<String>()))
    })?;
    let reports = value["report"].as_array().ok_or_else(|| garbled("no `report`".into()))?;
    let (mut groups, mut physical): (Vec<Group>, Vec<Physical>) = (Vec::new(), Vec::new());
    for report in reports {
        for row in rows(report, "pv") {
            let path = text_of(row, "pv_name");
            // A volume that is missing is counted by its group.
            if path.is_empty() || path.starts_with('[') || !text_of(row, "pv_missing").is_empty() {
                continue;
            }
            physical.push(Physical {
                path: path.to_owned(),
                uuid: text_of(row, "pv_uuid").to_owned(),
                group: Some(text_of(row, "vg_name")).filter(|name| !name.is_empty()).map(str::to_owned),
                size: number_of(row, "pv_size")?,
                used: number_of(row, "pv_used")?,
            });
        }
        for row in rows(report, "vg") {
            let name = text_of(row, "vg_name");
            if name.is_empty() {
                continue;
            }
            groups.push(Group {
                name: name.to_owned(),
                uuid: text_of(row, "vg_uuid").to_owned(),
                extent: number_of(row, "vg_extent_size")?,
                free: number_of(row, "vg_free_count")?,
                missing: u32::try_from(number_of(row, "vg_missing_pv_count")?).unwrap_or(u32::MAX),
                volumes: volumes(report)?,
            });
        }
    }
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((groups, physical))
}

fn volumes(report: &Value) -> Result<Vec<Volume>, FactsError> {
    let kinds: BTreeMap<_, _> =
        rows(report, "seg").map(|row| (text_of(row, "lv_uuid"), text_of(row, "segtype"))).collect();
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows(report, "pvseg") {
        places.entry(text_of(row, "lv_uuid")).or_default().insert(text_of(row, "pv_name"));
    }
    let own: BTreeMap<_, _> = rows(report, "lv").map(|row| (bare(text_of(row, "lv_name")), row)).collect();
    let mut found = Vec::new();
    for row in rows(report, "lv") {
        let name = text_of(row, "lv_name");
        // The volume's own devices, and those of the inner volumes that it stands on.
        let (mut on, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![bare(name)]);
        while let Some(inner) = open.pop() {
            let Some(row) = own.get(inner).filter(|_| seen.insert(inner)) else { continue };
            on.extend(places.get(text_of(row, "lv_uuid")).into_iter().flatten().map(|path| (*path).to_owned()));
            open.extend([bare(text_of(row, "origin")), bare(text_of(row, "pool_lv"))]);
            open.extend(own.keys().filter(|name| is_part(inner, name)));
        }
        let pool = Some(bare(text_of(row, "pool_lv"))).filter(|pool| !pool.is_empty());
        let segment = kinds.get(text_of(row, "lv_uuid")).copied().unwrap_or_default();
        let (thin, is_pool) = (segment == "thin", segment == "thin-pool");
        let percent = |key| thousandths(text_of(row, key));
        let fill = || Some(Fill { data: percent("data_percent")?, metadata: percent("metadata_percent")? });
        found.push(Volume {
            name: bare(name).to_owned(),
            uuid: text_of(row, "lv_uuid").to_owned(),
            size: number_of(row, "lv_size")?,
            segment: segment.to_owned(),
            active: text_of(row, "lv_active") == "active",
            hidden: name.starts_with('['),
            fault: Some(text_of(row, "lv_health_status")).filter(|fault| !fault.is_empty()).map(str::to_owned),
            synced: thousandths(text_of(row, "sync_percent")),
            cache: pool.filter(|_| !thin).map(|pool| pool.strip_suffix("_cvol").unwrap_or(pool).to_owned()),
            pool: pool.filter(|_| thin).map(str::to_owned),
            fill: is_pool.then(fill).flatten(),
            on: on.into_iter().collect(),
        });
    }
    Ok(found)
}

/// Is this hidden volume a part of that RAID volume or pool: `data_rimage_0`, `data_rmeta_0` of `data`, `pool_tdata`,
/// `pool_tmeta` of `pool`?
fn is_part(volume: &str, hidden: &str) -> bool {
    if matches!(hidden.strip_prefix(volume), Some("_tdata" | "_tmeta")) {
        return true;
    }
    let number = |rest: &str| rest.strip_prefix("_rimage_").or_else(|| rest.strip_prefix("_rmeta_")).map(str::to_owned);
    let number = hidden.strip_prefix(volume).and_then(number);
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Of `99.50`: 995.
fn thousandths(percent: &str) -> Option<u32> {
    let (whole, part) = percent.split_once('.')?;
    let tenth = part.get(..1)?.parse::<u32>().ok()?;
    Some(whole.parse::<u32>().ok()? * 10 + tenth)
}

fn rows<'a>(report: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    report[name].as_array().into_iter().flatten()
}

fn text_of<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

/// A name without the brackets of a hidden volume.
fn bare(name: &str) -> &str {
    name.trim_start_matches('[').trim_end_matches(']')
}

fn number_of(row: &Value, key: &str) -> Result<u64, FactsError> {
    let text = text_of(row, key);
    let reason = || format!("`{key}` is `{text}`");
    text.parse().map_err(|_| FactsError::Garbled { section: "lvm".into(), reason: reason() })
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// Of a lab's machine: two physical volumes, a pool, three volumes in it.
    const THIN: &str = include_str!("../../tests/fixtures/thin/fullreport.json");

    #[test]
    fn thin_pools_and_what_is_in_them() {
        let (groups, _) = parse(THIN).unwrap();
        let seen = groups[0].volumes.iter().map(|it| {
            let fill = it.fill.map(|fill| (fill.data, fill.metadata));
            (it.name.as_str(), it.segment.as_str(), it.hidden, it.active, it.pool.as_deref(), fill, it.on.len())
        });
        let pool = Some("pool");
        assert_eq!(
            seen.collect::<Vec<_>>(),
            [
                ("data", "thin", false, true, pool, None, 2),
                ("home", "thin", false, true, pool, None, 2),
                ("lvol0_pmspare", "linear", true, false, None, None, 1),
                ("more", "thin", false, false, pool, None, 2),
                ("pool", "thin-pool", false, true, None, Some((344, 129)), 2),
                ("pool_tdata", "linear", true, true, None, None, 2),
                ("pool_tmeta", "linear", true, true, None, None, 1),
            ]
        );
        assert!(groups[0].volumes.iter().all(|volume| volume.cache.is_none()));
    }

    #[test]
    fn refuses_and_passes_over() {
        assert_eq!(parse(" \n").unwrap().0.len(), 0);
        for (case, text) in [
            ("no JSON", "  WARNING: lvmlockd"),
            ("no report", "{}"),
            ("no number", r#"{"report":[{"pv":[{"pv_name":"/dev/sda","pv_size":"1.00g"}]}]}"#),
        ] {
            assert!(parse(text).is_err(), "{case}");
        }
        let missing = r#"{"report":[{"pv":[{"pv_name":"[unknown]","pv_missing":"missing"}]}]}"#;
        assert!(parse(missing).unwrap().1.is_empty());
    }
}
