//! What a step that was cut has left: cleared away where the journal knows of it, refused everywhere else.

#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{NAS, facts, wish};
use storage::facts::{Content, Facts, Mount};
use storage::health::State;
use storage::plan;
use storage::plan::{Action, Begun, Consent, Risk};
use storage::wish::Kind;

/// The steps that the plan for blank disks begins, as the journal keeps them.
fn begun() -> Vec<Begun> {
    let (wish, facts) = (wish(NAS), facts("blank"));
    let steps = plan(&wish, &facts, &Consent::default()).steps;
    steps.iter().flat_map(|step| step.begins(&wish, &facts)).collect()
}

/// Blank disks, but for this content of the stick.
fn left(content: &Content) -> Facts {
    let mut facts = facts("blank");
    let stick = facts.devices.iter_mut().find(|device| device.transport.as_deref() == Some("usb")).unwrap();
    stick.content = content.clone();
    facts
}

fn pmbr() -> Content {
    Content::Table { label: "dos".into(), uuid: None, id: None, first: 512, end: 1 << 20, mbr: Vec::new() }
}

#[test]
fn every_node_that_is_written_anew_is_journaled() {
    let nodes: Vec<String> = begun().iter().map(|begun| begun.node.to_string()).collect();
    for node in [
        "disk.usb",
        "disk.nvme",
        "disk.sata1",
        "disk.sata6",
        "disk.nvme.cache",
        "mdadm.nas",
        "lvm_vg.nas.data",
        "disk.usb.boot",
    ] {
        assert!(nodes.iter().any(|known| known == node), "{node}: {nodes:?}");
    }
    assert!(begun().iter().all(|begun| begun.disks.iter().all(|mark| mark.contains("serial "))));
}

#[test]
fn pieces_are_cleared_away_by_the_journals_word_alone() {
    let wish = wish(NAS);
    let stick = |begun: &Begun| begun.node.as_str() == "disk.usb";
    let journal = || begun().into_iter().filter(stick).collect::<Vec<_>>();
    let mut other = journal();
    other[0].disks = vec!["serial ANOTHER, 570425344 bytes".into()];
    let mut unmarked = journal();
    unmarked[0].disks = vec!["570425344 bytes".into()];
    let swap = Content::Swap { uuid: None };
    let named =
        Content::Table { label: "dos".into(), uuid: None, id: Some(7), first: 512, end: 1 << 20, mbr: Vec::new() };
    for (case, content, begun, cleared) in [
        ("bytes that no tool knows", Content::Unknown, journal(), true),
        ("a table without an identity", pmbr(), journal(), true),
        ("the journal knows of nothing", Content::Unknown, Vec::new(), false),
        ("begun on another disk", Content::Unknown, other, false),
        ("a disk with no name", Content::Unknown, unmarked, false),
        ("somebody's table", named, journal(), false),
        ("something whole", swap, journal(), false),
    ] {
        let facts = left(&content);
        let plan = plan(&wish, &facts, &Consent { begun, ..Consent::default() });
        let wiped = plan.steps.first().is_some_and(|step| matches!(step.what, Action::Wipe(_)));
        assert_eq!((wiped, plan.refusals.is_empty()), (cleared, cleared), "{case}: {}", plan.to_text());
        if cleared {
            assert_eq!(plan.steps[0].risk, Risk::Creates, "{case}: nobody's data are lost");
            assert!(plan.destroyed().is_empty(), "{case}");
            assert!(plan.to_text().contains("wipe what a cut step left on disk.usb"), "{case}: {}", plan.to_text());
        }
    }
}

#[test]
fn what_is_in_use_is_no_piece() {
    let mut facts = left(&Content::Unknown);
    let device = facts.devices.iter().find(|device| device.content == Content::Unknown).unwrap().name.clone();
    facts.mounts.push(Mount { device, target: "/srv".into(), format: "zfs".into(), read_only: false, subvolume: None });
    let plan = plan(&wish(NAS), &facts, &Consent { begun: begun(), ..Consent::default() });
    assert!(!plan.refusals.is_empty(), "{}", plan.to_text());
}

#[test]
fn a_filesystem_that_is_being_made_is_made_anew() {
    for (label, steps) in [(None, false), (Some("HH-BEGUN"), true), (Some("boot"), false)] {
        let mut facts = facts("complete");
        facts.mounts.clear();
        for device in &mut facts.devices {
            if let Content::Filesystem { format, label: found, .. } = &mut device.content
                && format == "ext4"
            {
                *found = label.map(str::to_owned);
            }
        }
        let text = plan(&wish(NAS), &facts, &Consent::default()).to_text();
        assert_eq!(text.contains("make ext4 for /boot"), steps, "{label:?}: {text}");
    }
}

/// Superblocks are written one after another; an array with some of them is dirty and degraded, and never starts.
#[test]
fn an_array_that_was_cut_between_its_members_is_made_anew() {
    let wish = wish(NAS);
    let uuid =
        wish.nodes.iter().find_map(|node| if let Kind::Array(array) = &node.kind { Some(array.uuid) } else { None });
    for (case, events, journal, verb) in [
        ("as the journal has it", 0, begun(), "create"),
        ("the journal knows of nothing", 0, Vec::new(), "assemble"),
        ("it has run", 7, begun(), "assemble"),
    ] {
        let mut facts = facts("blank");
        let disks = facts.devices.iter_mut().filter(|it| it.serial.as_ref().is_some_and(|it| it.contains("SATA")));
        for (slot, disk) in (0..5).zip(disks) {
            let (name, level, slot) = ("nas".into(), "raid6".into(), Some(slot));
            disk.content = Content::Member {
                array: uuid.unwrap(),
                name,
                level,
                devices: 6,
                events,
                slot,
                dirty: false,
                recovering: false,
            };
        }
        let plan = plan(&wish, &facts, &Consent { begun: journal, ..Consent::default() });
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
        assert!(steps.contains(&format!("mdadm.nas/{verb}").as_str()), "{case}: {}", plan.to_text());
    }
}

/// The superblocks of a RAID0 look for ever as if it had never run.
#[test]
fn a_raid0_is_made_anew_by_the_journals_word_alone() {
    let member = |disk: &str| {
        format!("[disk.{disk}]\nserial = \"LABSATA000{disk}\"\ncontent = {{ type = \"mdraid\", name = \"a\" }}\n")
    };
    let wish = wish(&format!("{}{}[mdadm.a]\nlevel = 0\n", member("1"), member("2")));
    let blank = facts("blank");
    let steps = plan(&wish, &blank, &Consent::default()).steps;
    let journal: Vec<Begun> = steps.iter().flat_map(|step| step.begins(&wish, &blank)).collect();
    let Some(Kind::Array(array)) = wish.node(&"mdadm.a".into()).map(|node| &node.kind) else { panic!("no array") };
    for (case, slots, journal, made, state) in [
        ("as the journal has it", 1, journal.clone(), Some("create"), State::Broken),
        ("the journal knows of nothing", 1, Vec::new(), None, State::Broken),
        ("all of it", 2, Vec::new(), Some("assemble"), State::Inactive),
        ("all of it, and nobody was told", 2, journal, Some("assemble"), State::Inactive),
    ] {
        let mut facts = blank.clone();
        for slot in 0..slots {
            let serial = format!("LABSATA000{}", slot + 1);
            let disk = facts.devices.iter_mut().find(|it| it.serial.as_ref() == Some(&serial)).unwrap();
            let (name, level, events, slot) = ("a".into(), "raid0".into(), 0, Some(slot));
            let (array, devices, dirty, recovering) = (array.uuid, 2, false, false);
            disk.content = Content::Member { array, name, level, devices, events, slot, dirty, recovering };
        }
        let plan = plan(&wish, &facts, &Consent { begun: journal, ..Consent::default() });
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.id.0.as_str()).collect();
        let made: Vec<String> = made.iter().map(|verb| format!("mdadm.a/{verb}")).collect();
        assert_eq!(
            (steps, plan.refusals.is_empty()),
            (made.iter().map(String::as_str).collect(), !made.is_empty()),
            "{case}"
        );
        let found = storage::health(&wish, &facts);
        assert_eq!(found.iter().find(|it| it.node.as_str() == "mdadm.a").unwrap().state, state, "{case}");
    }
}

/// A physical volume says that it is of a group before that group's metadata stand; what was written last may be all that a
/// power cut forgets. But the metadata may be on an array that does not run yet.
#[test]
fn a_group_that_was_cut_before_its_metadata_is_made_anew() {
    let wish = wish(NAS);
    let lost = Content::Other { name: "LVM2_member (its group is not to be found)".into() };
    let (lost, torn) = (&lost, &Content::Unknown);
    for (case, state, left, journal, verdict) in [
        (
            "as the journal has it",
            "complete",
            lost,
            begun(),
            Some("wipe what a cut step left on disk.nvme.cache, what a cut"),
        ),
        ("the journal knows of nothing", "complete", lost, Vec::new(), None),
        ("the array does not run", "inactive", lost, begun(), Some("assemble md/nas from 6")),
        ("nor does the journal know of it", "inactive", lost, Vec::new(), Some("assemble md/nas from 6")),
        ("bytes that no tool knows beside it", "inactive", torn, begun(), Some("assemble md/nas from 6")),
    ] {
        let mut facts = facts(state);
        facts.mounts.clear();
        facts.groups.clear();
        facts.devices.retain(|device| !device.name.starts_with("dm-"));
        for device in &mut facts.devices {
            if matches!(device.content, Content::PhysicalVolume { .. }) {
                device.content = left.clone();
            }
        }
        let plan = plan(&wish, &facts, &Consent { begun: journal, ..Consent::default() });
        let text = plan.to_text();
        let told = verdict.map_or(!plan.refusals.is_empty(), |words| plan.refusals.is_empty() && text.contains(words));
        assert!(told, "{case}: {text}");
        assert_eq!(text.contains("create volume group"), case == "as the journal has it", "{case}: {text}");
        assert!(plan.destroyed().is_empty(), "{case}");
        let restored = plan.refusals.iter().all(|refusal| refusal.remedy.contains("vgcfgrestore(8); to destroy that"));
        assert!(restored, "{case}: {text}");
    }
}

/// A wipe that failed may have left the device as it was: what nobody could tell from its pieces needs the word again.
#[test]
fn a_wipe_of_what_no_tool_knows_is_not_begun() {
    let wish = wish(NAS);
    let swap = Content::Swap { uuid: None };
    let named = Consent { wipe: ["disk.usb".into()].into(), ..Consent::default() };
    let cut = Consent { begun: begun(), ..Consent::default() };
    for (case, content, consent, journaled) in [
        ("bytes that no tool knows", &Content::Unknown, &named, false),
        ("something whole", &swap, &named, true),
        ("what a cut step left", &Content::Unknown, &cut, true),
    ] {
        let facts = left(content);
        let plan = plan(&wish, &facts, consent);
        let wipe = plan.steps.iter().find(|step| matches!(step.what, Action::Wipe(_))).unwrap();
        assert_eq!(!wipe.begins(&wish, &facts).is_empty(), journaled, "{case}: {}", plan.to_text());
    }
}
