//! What a plan's steps write over, and therefore is saved before.

mod common;

use common::{NAS, facts, wish};
use storage::facts::Facts;
use storage::plan;
use storage::plan::{Consent, Overwritten};

const MIB: u64 = 1 << 20;

fn overwritten(facts: &Facts, consent: &Consent) -> Vec<Overwritten> {
    let plan = plan(&wish(NAS), facts, consent);
    assert!(plan.refusals.is_empty(), "{}", plan.to_text());
    plan.overwrites(&wish(NAS), facts).concat()
}

#[test]
fn blank_disks_hold_nothing_to_save() {
    assert_eq!(overwritten(&facts("blank"), &Consent::default()), []);
}

/// The first and the last MiB of each disk that is wiped and of each of its partitions, and all of a new table's places.
#[test]
fn what_is_wiped_is_saved_at_both_ends() {
    let facts = facts("foreign");
    let refused = plan(&wish(NAS), &facts, &Consent::default());
    let wipe = refused.refusals.iter().map(|refusal| refusal.node.clone()).collect();
    let saved = overwritten(&facts, &Consent { wipe, ..Consent::default() });
    assert!(saved.len() >= refused.refusals.len(), "{saved:?}");
    for saved in &saved {
        assert!(saved.whole && saved.known.contains("serial ") && !saved.guards.is_empty(), "{saved:?}");
        let disk = facts.devices.iter().find(|device| device.path == saved.path).unwrap();
        let covers = |from: u64, to: u64| {
            saved.areas.iter().any(|area| area.offset <= from && area.offset + area.length >= to.min(disk.size))
        };
        assert!(covers(0, MIB) && covers(disk.size - MIB, disk.size), "{saved:?}");
        for part in facts.children(&disk.name) {
            let start = part.partition.as_ref().unwrap().start;
            assert!(covers(start, start + part.size.min(MIB)), "{}: {saved:?}", part.path);
            let end = start + part.size;
            assert!(covers(end - part.size.min(MIB), end), "{}: {saved:?}", part.path);
        }
        assert!(saved.areas.windows(2).all(|two| two[0].offset + two[0].length < two[1].offset), "{saved:?}");
    }
}

/// A filesystem made anew writes all over: it is saved for the record.
#[test]
fn a_filesystem_made_anew_is_not_to_be_put_back() {
    let mut facts = facts("complete");
    facts.mounts.clear();
    let saved = overwritten(&facts, &Consent { reinstall: true, ..Consent::default() });
    assert!(!saved.is_empty() && saved.iter().all(|saved| !saved.whole), "{saved:?}");
}
