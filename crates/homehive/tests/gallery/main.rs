//! The layouts of a checkout of disko on a machine of the lab, one after the other: imported, refused on disks that hold
//! something else, made, planned once more, unmounted and mounted, reinstalled with and without what is persistent,
//! destroyed and made anew; and those that a BIOS starts installed on and started. What each showed is printed, a line each.
//!
//! `HOMEHIVE_DISKO` names the checkout, and `HOMEHIVE_LAYOUTS` the layouts: `all`, or some with commas between. All of them
//! take more than half an hour.

#![expect(clippy::unwrap_used, reason = "a test, which stops where it fails")]

#[path = "../bench/mod.rs"]
mod bench;
mod boots;
mod layout;
mod machine;

use layout::{Layout, chosen, import, name};
use machine::Machine;
use std::fs;
use std::time::Instant;

#[test]
fn in_the_lab_the_layouts_of_disko_are_made_destroyed_and_reinstalled() {
    let Some(files) = chosen() else { return };
    // The largest of them has 14 disks.
    let largest = if files.iter().any(|file| file.ends_with("zfs-with-vdevs.nix")) { 14 } else { 4 };
    let zfs = files.iter().any(|file| fs::read_to_string(file).unwrap().contains("zpool"));
    let Some(mut machine) = Machine::new(largest, zfs) else { return };
    let (mut wrong, mut applied, mut in_part) = (Vec::new(), 0, 0);
    for file in &files {
        let name = name(file);
        let begun = Instant::now();
        let Layout { storage, left_out, mended } = import(&machine.bench, file, "nvme-QEMU_NVMe_Ctrl_");
        let mut done = String::new();
        let played = machine.play(&storage, &mut done);
        let disks = storage["disk"].as_object().unwrap().len();
        let cleared = machine.clear(disks);
        let whole = left_out.is_empty();
        let word = match (&played, whole) {
            (Ok(()), true) => "whole",
            (Ok(()), false) => "in part",
            (Err(_), _) => "no",
        };
        applied += usize::from(played.is_ok() && whole);
        in_part += usize::from(played.is_ok() && !whole);
        let seconds = begun.elapsed().as_secs();
        println!("{name:30} {word:8} {seconds:4} s  {}", done.trim_end_matches(", "));
        for (word, lines) in [("left out", &left_out), ("changed", &mended)] {
            for line in lines {
                println!("    {word}: {line}");
            }
        }
        for error in [played.err(), cleared.as_ref().err().cloned()].into_iter().flatten() {
            println!("    {error}");
            // What was imported as a whole can be had as a whole.
            if whole {
                wrong.push(name.clone());
            }
        }
        if cleared.is_err() {
            drop(machine);
            machine = Machine::new(largest, zfs).unwrap();
        }
    }
    println!("of {}, {applied} were applied whole, {in_part} without what was left out", files.len());
    assert!(wrong.is_empty(), "{wrong:?}");
}
