//! Boot trials: confirmed, given up, and never begun without what judges them.

use super::hold;

#[test]
fn a_trial_is_confirmed_apart_and_is_nobody_elses() {
    const TRIAL: &str = "taken a new; told a trial; told a oneshot 60 grub Entry;";
    let begun = "unit homehive-trial-a
        old boot
        next entry";
    let with = |rest: &str| format!("{TRIAL} {rest}");
    let rows = [
        (
            "the lock of a second deployment leaves the marker, between the choice and the restart",
            with("taken b other >/dev/null; left; restart new; taken c other >/dev/null; left"),
            "lock: 75
            left: boot-trial
            lock: 75
            left: boot-trial",
        ),
        (
            "one that nobody has judged is over: whoever takes the machine takes the marker away",
            with("restart old; taken b other; left; phase"),
            "next entry: none
            left:
            phase: locked",
        ),
        (
            "where the loader does not forget the choice the marker stays: that start would be judged",
            with("restart old; : >$place/no-loader; taken b other; left; phase"),
            "left: boot-trial
            phase: locked",
        ),
        (
            "what the loader has forgotten is on the disk before the marker goes",
            with("restart old; echo /boot >$place/bad-disk; taken b other; left"),
            "next entry: none
            left: boot-trial",
        ),
        (
            "confirmed: by a unit of its own, and taken meanwhile",
            with(
                "restart new; told a confirm; phase; taken b other >/dev/null; told a confirm; told a free; profile; left",
            ),
            "unit homehive-confirm-a
            new boot
            phase: confirmed 0
            lock: 75
            profile: system-2-link, generations: system-1-link system-2-link
            left:",
        ),
        (
            "the menu could not be written: said, and remembered",
            with("restart new; echo 3 >$place/new.boot; told a confirm; phase; left"),
            "unit homehive-confirm-a
            new boot
            phase: confirmed 3
            left: menu-unsettled",
        ),
        (
            "its time was over",
            with("restart new; rm /var/lib/homehive/boot-trial; told a confirm; phase"),
            "confirm: 76
            phase: none",
        ),
        (
            "the unit is refused: the trial is as it was, for the judge",
            with("restart new; : >$place/no-units; told a confirm 2>/dev/null; phase; left"),
            "confirm: 1
            phase: none
            left: boot-trial",
        ),
        (
            "what is to be started once is not given up",
            with("told a unbegun; left"),
            "unbegun: 76
            left: boot-trial",
        ),
    ];
    let rows: Vec<_> =
        rows.iter().map(|(case, scenario, then)| (*case, scenario, format!("{begun}\n{then}"))).collect();
    // The restart of the oneshot is a unit without a name.
    let rows: Vec<_> = rows.iter().map(|(case, scenario, then)| (*case, scenario.as_str(), then.as_str())).collect();
    hold(&rows);
}

#[test]
fn a_trial_is_confirmed_with_a_generation() {
    let begun = "unit homehive-trial-a
        old boot
        next entry
        unit homehive-confirm-a";
    let row = |case, rest: &str, then: &str| {
        let scenario = format!("taken a new; told a trial; told a oneshot 60 grub Entry; restart new; {rest}");
        (case, scenario, format!("{begun}\n{then}"))
    };
    let rows = [
        row(
            "it was collected meanwhile: it is one again",
            "rm system-2-link; told a confirm; phase; profile; left",
            "new boot
            phase: confirmed 0
            profile: system-2-link, generations: system-1-link system-2-link
            left:",
        ),
        row(
            "nor can Nix make it: said, and the profile means what it did",
            "rm system-2-link; : >$place/no-nix; told a confirm; phase; profile; say log: $(told a log)",
            "phase: confirmed 1
            profile: system-1-link, generations: system-1-link
            log: no Nix here generation 2 is gone no Nix here",
        ),
        row(
            "Nix alone is broken: the link is set by hand",
            ": >$place/no-nix; told a confirm; phase; profile",
            "new boot
            phase: confirmed 0
            profile: system-2-link, generations: system-1-link system-2-link",
        ),
    ];
    let rows: Vec<_> = rows.iter().map(|(case, scenario, then)| (*case, scenario.as_str(), then.as_str())).collect();
    hold(&rows);
}

/// Without its marker nobody would judge what starts.
#[test]
fn a_trial_that_cannot_be_judged_does_not_begin() {
    hold(&[
        (
            "the marker is on the disk before the loader hears of anything",
            "taken a new; told a trial; : >$place/tell-syncs; told a oneshot 60 grub Entry",
            "unit homehive-trial-a
            old boot
            sync /var/lib/homehive/boot-trial.new
            sync /var/lib/homehive
            next entry
            sync",
        ),
        (
            "no room for the marker",
            "taken a new; told a trial; mount -t tmpfs -o size=4k none /var/lib/homehive; \
             head -c 4096 /dev/zero >/var/lib/homehive/full; told a oneshot 60 grub Entry 2>/dev/null; left",
            "unit homehive-trial-a
            old boot
            oneshot: 74
            left:",
        ),
        (
            "a disk that does not take it",
            "taken a new; told a trial; echo /var/lib/homehive/boot-trial.new >$place/bad-disk; told a oneshot 60 grub Entry 2>/dev/null; left",
            "unit homehive-trial-a
            old boot
            oneshot: 74
            left:",
        ),
        (
            "one that does not take its name",
            "taken a new; told a trial; echo /var/lib/homehive >$place/bad-disk; told a oneshot 60 grub Entry 2>/dev/null; left",
            "unit homehive-trial-a
            old boot
            oneshot: 74
            left:",
        ),
        (
            "the restart is refused: nothing is left of it",
            "taken a new; told a trial; : >$place/no-units; told a oneshot 60 grub Entry 2>/dev/null; left",
            "unit homehive-trial-a
            old boot
            next entry
            next entry: none
            oneshot: 1
            left:",
        ),
        (
            "the same with systemd-boot, and by whoever comes next",
            "taken a new; told a trial; told a oneshot 60 systemd-boot new.conf; restart old; taken b other; left",
            "unit homehive-trial-a
            old boot
            one shot: new.conf
            one shot: none
            left:",
        ),
        (
            "the loader refuses the choice: what it may have taken of it is forgotten",
            "taken a new; told a trial; : >$place/half; told a oneshot 60 grub Entry 2>/dev/null; left",
            "unit homehive-trial-a
            old boot
            next entry
            next entry: none
            oneshot: 1
            left:",
        ),
        (
            "the loader refuses everything: nothing is left of it",
            "taken a new; told a trial; : >$place/no-loader; told a oneshot 60 grub Entry 2>/dev/null; left",
            "unit homehive-trial-a
            old boot
            oneshot: 1
            left:",
        ),
        (
            "a menu that does not reach its disk is none",
            "taken a new; echo /boot >$place/bad-disk; told a boot; phase; left",
            "unit homehive-boot-a
            new boot
            old boot
            phase: booted 1
            left: menu-unsettled",
        ),
    ]);
}

#[test]
fn what_no_marker_tells_is_given_up() {
    let row = |case, rest: &str, then: &str| {
        let scenario = format!("taken a new; told a trial; told a oneshot 1 grub Entry; {rest}");
        (case, scenario, format!("unit homehive-trial-a\nold boot\nnext entry\n{then}"))
    };
    let marker = "/var/lib/homehive/boot-trial";
    let notes = "say notes: $(cat /var/lib/homehive/taken-back 2>/dev/null)";
    let judged = "sh $judge 2>/dev/null; left";
    let rows = [
        row(
            "it holds nothing",
            &format!("restart new; : >{marker}; {judged}; {notes}"),
            "reboot
            left:
            notes:",
        ),
        row(
            "it breaks off",
            &format!("restart new; sed -i '/^seconds/,$d' {marker}; {judged}; {notes}"),
            "reboot
            left:
            notes: 2 /s/new",
        ),
        row(
            "it cannot be taken away: the system of before does not start again and again for it",
            &format!("restart old; : >{marker}; read_only; {judged}"),
            "left: boot-trial",
        ),
        row(
            "nor can a whole one: nobody has confirmed it",
            &format!("restart new; read_only; {judged}"),
            "reboot
            left: boot-trial",
        ),
        row(
            "nor can a whole one, before the system of before: that stays",
            &format!("restart old; read_only; {judged}"),
            "left: boot-trial",
        ),
    ];
    let rows: Vec<_> = rows.iter().map(|(case, scenario, then)| (*case, scenario.as_str(), then.as_str())).collect();
    hold(&rows);
}
