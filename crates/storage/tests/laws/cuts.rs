//! The power goes again and again, between steps and inside of them: what follows reaches the same end, and destroys nothing.

use super::common::wish;
use super::state;
use super::trees::{Tree, trees};
use super::world::{World, shown};
use proptest::prelude::*;
use storage::facts::Content;
use storage::plan::{
    Action, ArrayAction, Begun, BtrfsAction, Consent, FilesystemAction, GroupAction, LuksAction, PoolAction, Sight,
    Step, TableAction,
};
use storage::tree::TableKind;
use storage::wish::Kind;
use storage::{Wish, plan};

/// Where the power goes, and what of the step that it interrupts is on the disks.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// After so many steps of the plan; modulo their number.
    step: usize,
    /// What is left of the next one.
    rest: Rest,
    /// Does the machine start again, or only the connection?
    reboot: bool,
}

/// What a step that was cut may leave on the disks. Drives write in no order: it may be any part.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// Nothing: it was not begun.
    NotBegun,
    /// Nothing of what it began.
    Nothing,
    /// Bytes that no tool knows, on some of what it writes anew.
    Pieces(usize),
    /// What its tool writes first, without what it writes last; of several devices on some.
    Begun(usize),
    /// All of it, and nobody was told.
    Untold,
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let rest = prop_oneof![
        Just(Rest::NotBegun),
        Just(Rest::Nothing),
        (0_usize..9).prop_map(Rest::Pieces),
        (0_usize..9).prop_map(Rest::Begun),
        Just(Rest::Untold),
    ];
    let cut = (0_usize..40, rest, any::<bool>()).prop_map(|(step, rest, reboot)| Cut { step, rest, reboot });
    prop::collection::vec(cut, 1..5)
}

/// Plans and applies with a journal, as the program does, until the power goes or nothing is left to do.
fn run(wish: &Wish, world: &mut World, journal: &mut Vec<Begun>, cut: Option<Cut>) {
    let mut last = String::new();
    for _ in 0..9 {
        let facts = world.seen();
        let plan = plan(wish, &facts, &Consent { begun: journal.clone(), ..Consent::default() });
        assert_eq!(plan.refusals, [], "{}", plan.to_text());
        assert!(plan.destroyed().is_empty(), "{}", plan.to_text());
        if plan.is_empty() {
            journal.clear();
            return;
        }
        last = plan.to_text();
        let at = cut.map(|cut| cut.step % (plan.steps.len() + 1));
        for (number, step) in plan.steps.iter().enumerate() {
            let begins = step.begins(wish, &facts);
            if let Some(cut) = cut.filter(|_| at == Some(number)) {
                if !matches!(cut.rest, Rest::NotBegun) {
                    journal.extend(begins);
                    leave(wish, world, step, cut.rest);
                }
                break;
            }
            done(wish, world, step);
            journal.retain(|known| !begins.contains(known));
        }
        if let Some(cut) = cut {
            if cut.reboot {
                world.reboot();
            }
            return;
        }
    }
    panic!("never done: {last}");
}

fn done(wish: &Wish, world: &mut World, step: &Step) {
    match &step.what {
        // Only what cut steps have left is wiped here.
        Action::Wipe(wipe) => {
            for node in &wipe.devices {
                let name = world.name(wish, node);
                world.device(&name).content = Content::Blank;
            }
        }
        Action::Array(ArrayAction::Assemble { uuid, missing, .. })
            if !world.all.arrays.iter().any(|known| known.uuid == *uuid) =>
        {
            // Its members were written, and it never ran: it is dirty.
            assert_eq!(*missing, 0, "no kernel starts an array that is dirty and degraded: {}", step.describe());
            let Kind::Array(array) = &wish.node(&step.node).unwrap().kind else { panic!() };
            let (name, level) = (array.name.clone(), array.level);
            let (members, spares) = (array.members.clone(), array.spares.clone());
            let create = ArrayAction::Create {
                name,
                level,
                metadata: array.metadata,
                uuid: *uuid,
                members,
                spares,
                stop: false,
            };
            world.apply(wish, &Step { what: Action::Array(create), ..step.clone() });
        }
        _ => world.apply(wish, step),
    }
}

fn leave(wish: &Wish, world: &mut World, step: &Step, rest: Rest) {
    match rest {
        Rest::NotBegun | Rest::Nothing => {}
        Rest::Untold => done(wish, world, step),
        Rest::Pieces(some) => {
            let facts = world.seen();
            for (at, begun) in step.begins(wish, &facts).iter().enumerate() {
                // What is to become a partition of a table is not there yet.
                let there = Sight::new(wish, &facts).device(&begun.node).is_some();
                if there && at % (some + 1) == 0 {
                    let name = world.name(wish, &begun.node);
                    world.device(&name).content = Content::Unknown;
                }
            }
        }
        Rest::Begun(some) => begin(wish, world, step, some),
    }
}

/// What the tools of a step write first; where it writes to several devices, on the first few.
pub fn begin(wish: &Wish, world: &mut World, step: &Step, some: usize) {
    match &step.what {
        Action::Table(TableAction::Create { table, .. }) => {
            let name = world.name(wish, &step.node);
            // Of a GPT the protective MBR; of an MBR its signature without an identity.
            let first = if *table == TableKind::Gpt { 512 } else { 1 << 20 };
            let end = world.device(&name).size;
            world.device(&name).content =
                Content::Table { label: "dos".into(), uuid: None, id: None, first, end, mbr: Vec::new() };
        }
        Action::Filesystem(FilesystemAction::Make { format, uuid, .. }) => {
            let name = world.name(wish, &step.node);
            let (uuid, label, unfinished) = match some % 3 {
                0 => (None, None, true),
                1 => (None, None, false),
                _ => (Some(shown(*format, *uuid)), Some("HH-BEGUN".to_owned()), false),
            };
            let (format, size, block) = (format.word().to_owned(), None, None);
            world.device(&name).content = Content::Filesystem { format, uuid, label, size, block, unfinished };
        }
        Action::Array(ArrayAction::Create { members, spares, name, level, uuid, .. }) => {
            for (slot, member) in members.iter().chain(spares).enumerate().take(some) {
                let device = world.name(wish, member);
                world.device(&device).content = Content::Member {
                    array: *uuid,
                    name: name.to_string(),
                    level: format!("raid{}", level.number()),
                    devices: u32::try_from(members.len()).unwrap(),
                    events: 0,
                    slot: u32::try_from(slot).ok().filter(|_| slot < members.len()),
                    dirty: true,
                    recovering: false,
                };
            }
        }
        Action::Group(GroupAction::Create { pvs, .. } | GroupAction::Extend { pvs, .. }) => {
            let lost = some % 2 == 1 && matches!(&step.what, Action::Group(GroupAction::Create { .. }));
            for pv in pvs.iter().take(some) {
                let device = world.name(wish, &pv.node);
                let size = world.device(&device).size;
                world.device(&device).content = begun_volume(&pv.uuid, size, lost);
            }
        }
        Action::Btrfs(BtrfsAction::Make { uuid, members, .. }) => {
            for node in std::iter::once(&step.node).chain(members).take(some) {
                let name = world.name(wish, node);
                let (format, label) = ("btrfs".to_owned(), Some("HH-BEGUN".to_owned()));
                let (uuid, size, block, unfinished) = (Some(uuid.to_string()), None, None, false);
                world.device(&name).content = Content::Filesystem { format, uuid, label, size, block, unfinished };
            }
        }
        Action::Luks(LuksAction::Format { device, uuid, .. }) => {
            let name = world.name(wish, device);
            world.device(&name).content = match some % 3 {
                0 => Content::Other { name: "crypto_LUKS (its header is damaged)".into() },
                keys => {
                    let (uuid, label, offset) = (Some(*uuid), Some("HH-BEGUN".to_owned()), Some(16 << 20));
                    let keys = u32::try_from(keys).ok();
                    Content::Luks { version: 2, uuid, label, offset, keys, tokens: Some(vec![]) }
                }
            };
        }
        // systemd-cryptenroll writes a slot, then the token that tells how to open it.
        Action::Luks(LuksAction::Enrol { device, .. }) => {
            let name = world.name(wish, device);
            *world.opened_by(&name).0 += 1;
        }
        // A slot is gone, and its token still there.
        Action::Luks(LuksAction::Forget { device, tokens, .. }) => {
            let name = world.name(wish, device);
            let (keys, known) = world.opened_by(&name);
            for token in known.iter_mut().filter(|token| tokens.first().is_some_and(|stale| stale.token == token.id)) {
                *keys -= u32::try_from(token.slots.len()).unwrap();
                token.slots.clear();
            }
        }
        // Labels that announce what never came.
        Action::Pool(PoolAction::Create { name, vdevs, .. }) => {
            for node in vdevs.iter().flat_map(|vdev| &vdev.members).take(some) {
                let device = world.name(wish, node);
                let (pool, guid, mark, host_id) = (Some(name.clone()), Some("1".to_owned()), None, None);
                world.device(&device).content = Content::PoolMember { pool, guid, mark, host_id, gone: true };
            }
        }
        // They write in one piece, or nothing anew.
        Action::Wipe(_)
        | Action::Settle
        | Action::Table(_)
        | Action::Array(
            ArrayAction::Assemble { .. }
            | ArrayAction::Force { .. }
            | ArrayAction::Add { .. }
            | ArrayAction::Replace { .. }
            | ArrayAction::Release { .. }
            | ArrayAction::Reshape { .. },
        )
        | Action::Group(GroupAction::Resize { .. } | GroupAction::Activate { .. } | GroupAction::Identify { .. })
        | Action::Volume(_)
        | Action::Filesystem(FilesystemAction::Swap { .. } | FilesystemAction::Grow { .. })
        | Action::Btrfs(_)
        | Action::Pool(_)
        | Action::Luks(LuksAction::Open { .. } | LuksAction::Grow { .. })
        | Action::Mount(_)
        | Action::Nodev(_) => {}
    }
}

/// A physical volume of no group; or `lost`: that it is in use is written before what its group is.
fn begun_volume(uuid: &str, size: u64, lost: bool) -> Content {
    if lost {
        return Content::Other { name: "LVM2_member (its group is not to be found)".into() };
    }
    Content::PhysicalVolume { uuid: uuid.to_owned(), group: None, size, used: 0 }
}

fn holds(Tree { text, disks }: Tree, cuts: &[Cut]) -> Result<(), TestCaseError> {
    let wish = wish(&text);
    let mut whole = World::new(disks.clone());
    whole.converge(&wish, Consent::default());
    let (mut world, mut journal) = (World::new(disks), Vec::new());
    for cut in cuts {
        run(&wish, &mut world, &mut journal, Some(*cut));
    }
    run(&wish, &mut world, &mut journal, None);
    prop_assert_eq!(state(&wish, &world.all), state(&wish, &whole.all));
    Ok(())
}

proptest! {
    #![proptest_config(super::config())]

    /// However often the power goes, and wherever: the end is the same.
    #[test]
    fn cuts_inside_of_steps_change_nothing(tree in trees(), cuts in cuts()) {
        holds(tree, &cuts)?;
    }
}
