//! The machine's own part of a deployment, `deploy.sh`, run by a real shell in a mount namespace: with a profile, a `/run`
//! and a `/var/lib` of its own, and stand-ins for what moves a machine (systemd, Nix, the systems' own switch).

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod stage;

use stage::story;

/// Each row: what it is about, what is done, and what is called and said then, line by line.
fn hold(rows: &[(&str, &str, &str)]) {
    for (case, scenario, expected) in rows {
        let Some(story) = story(scenario) else { return };
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(story.lines().collect::<Vec<_>>(), expected, "{case}:\n{story}");
    }
}

#[test]
fn the_way_back_brings_the_network_first_and_starts_again_only_for_that() {
    hold(&[
        (
            "all goes well",
            "taken a new; told a boot; told a switch 60; told a back 'not well'; outcome; profile; left; phase",
            "unit homehive-boot-a
            new boot
            unit homehive-switch-a
            unit homehive-back-a
            new test
            old test
            old boot
            then running: not well
            profile: system-1-link, generations: system-1-link system-2-link
            left:
            phase: none",
        ),
        (
            "/boot has died meanwhile: it runs what it did before, and does not start again into the new system",
            "taken a new; told a boot; echo 1 >$place/old.boot; told a switch 60; told a back 'not well'; outcome; left",
            "unit homehive-boot-a
            new boot
            unit homehive-switch-a
            unit homehive-back-a
            new test
            old test
            old boot
            then running: not well; its boot menu could not be written (status 1): the next start may be into /s/new
            left: menu-unsettled",
        ),
        (
            "it can be reached, but not all came back, and a start would be into the new system: it stays up",
            "taken a new; told a boot; echo 1 >$place/old.boot; echo 2 >$place/old.test; told a switch 60; told a back bad; outcome",
            "unit homehive-boot-a
            new boot
            unit homehive-switch-a
            unit homehive-back-a
            new test
            old test
            old boot
            then running: bad; going back ended with status 2; its boot menu could not be written (status 1): the next start may be into /s/new",
        ),
        (
            "what ran does not come back: it starts again",
            "taken a new; told a boot; echo 2 >$place/old.test; told a switch 60; told a back bad; outcome; left",
            "unit homehive-boot-a
            new boot
            unit homehive-switch-a
            unit homehive-back-a
            new test
            old test
            old boot
            reboot
            reboot --force --force
            then rebooting: bad; going back ended with status 2
            left:",
        ),
        (
            "its address does not come back: it starts again",
            "taken a new; told a boot; told a switch 60; : >$place/addresses; told a back bad; outcome",
            "unit homehive-boot-a
            new boot
            unit homehive-switch-a
            unit homehive-back-a
            new test
            old test
            old boot
            reboot
            reboot --force --force
            then rebooting: bad; going back ended with status 0, 192.168.1.11 is on no interface",
        ),
        (
            "a link-local address is there, whatever interface it was said with",
            "address=fe80::1%eth0; taken a new; told a boot; told a switch 60; told a back bad; outcome",
            "unit homehive-boot-a
            new boot
            unit homehive-switch-a
            unit homehive-back-a
            new test
            old test
            old boot
            then running: bad",
        ),
    ]);
}

#[test]
fn what_is_given_up_before_it_ran_leaves_no_trace() {
    hold(&[
        (
            "a full /boot: the generation goes before the old menu is written again",
            ": >$place/full; taken a new; told a boot; phase; profile; say undone: $(told a undone); left",
            "unit homehive-boot-a
            new boot
            old boot
            phase: booted 1
            profile: system-1-link, generations: system-1-link
            undone: 0
            left:",
        ),
        (
            "a generation that was there before stays",
            "ln -s $place/new system-2-link; echo 1 >$place/new.boot; taken a new 2; told a boot; phase; profile; left",
            "unit homehive-boot-a
            new boot
            old boot
            phase: booted 1
            profile: system-1-link, generations: system-1-link system-2-link
            left:",
        ),
        (
            "one that Nix took again for the same system stays, too",
            "ln -s $place/new system-2-link; echo 1 >$place/new.boot; taken a new; told a boot; profile",
            "unit homehive-boot-a
            new boot
            old boot
            profile: system-1-link, generations: system-1-link system-2-link",
        ),
        (
            "a dead /boot: that the menu could not be set back is said",
            "echo 1 >$place/new.boot; echo 1 >$place/old.boot; taken a new; told a boot; phase; say undone: $(told a undone); left",
            "unit homehive-boot-a
            new boot
            old boot
            phase: booted 1
            undone: 1
            left: menu-unsettled",
        ),
        (
            "the switch cannot begin",
            "taken a new; told a boot; : >$place/no-units; told a switch 60; rm $place/no-units; told a unbegun; phase; profile",
            "unit homehive-boot-a
            new boot
            switch: 1
            unit homehive-unbegun-a
            old boot
            phase: unbegun 0
            profile: system-1-link, generations: system-1-link",
        ),
        (
            "interrupted between boot entry and switch: it is free afterwards, and no switch begins any more",
            "taken a new; told a boot; told a unbegun unattended; phase; profile; told a switch 60; taken b new; phase",
            "unit homehive-boot-a
            new boot
            unit homehive-unbegun-a
            old boot
            phase: none
            profile: system-1-link, generations: system-1-link
            switch: 77
            phase: locked",
        ),
        (
            "a switch that comes after it was given up is refused",
            "taken a new; told a boot; told a unbegun; told a switch 60; phase; profile",
            "unit homehive-boot-a
            new boot
            unit homehive-unbegun-a
            old boot
            switch: 76
            phase: unbegun 0
            profile: system-1-link, generations: system-1-link",
        ),
        (
            "what is armed is not given up",
            "taken a new; told a boot; told a switch 60; told a unbegun; phase; profile",
            "unit homehive-boot-a
            new boot
            unit homehive-switch-a
            unit homehive-back-a
            new test
            unbegun: 76
            phase: switched 0
            profile: system-2-link, generations: system-1-link system-2-link",
        ),
        (
            "a boot trial that could not be prepared leaves no generation",
            "echo 1 >$place/old.boot; taken a new; told a trial; phase; profile",
            "unit homehive-trial-a
            old boot
            old boot
            phase: tried 1
            profile: system-1-link, generations: system-1-link",
        ),
    ]);
}

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

#[test]
fn what_was_taken_back_is_noted_until_it_is_found_well() {
    let notes = "say notes: $(cat /var/lib/homehive/taken-back)";
    let once = "taken a new; told a boot; told a switch 60; told a back bad;";
    let story_of_once = "unit homehive-boot-a
        new boot
        unit homehive-switch-a
        unit homehive-back-a
        new test
        old test
        old boot";
    let rows = [
        ("taken back", format!("{once} {notes}"), format!("{story_of_once}\nnotes: 2 /s/new")),
        (
            "deployed again, and well: the same generation is good now; another's note stays",
            format!(
                "{once} echo '7 /x' >>/var/lib/homehive/taken-back; taken b new; told b boot; told b switch 60; \
                 told b disarm; {notes}; profile"
            ),
            format!(
                "{story_of_once}
                unit homehive-boot-b
                new boot
                unit homehive-switch-b
                unit homehive-back-b
                new test
                notes: 7 /x
                profile: system-2-link, generations: system-1-link system-2-link"
            ),
        ),
        (
            "the same by a boot trial",
            format!(
                "{once} taken b new; told b trial; told b oneshot 60 grub Entry; restart new; told b confirm; {notes}"
            ),
            format!(
                "{story_of_once}
                unit homehive-trial-b
                old boot
                next entry
                unit homehive-confirm-b
                new boot
                notes:"
            ),
        ),
        (
            "a trial that the judge found failed is noted, and is over",
            format!("taken a new; told a trial; told a oneshot 60 grub Entry; restart old; sh $judge; {notes}; left"),
            "unit homehive-trial-a
            old boot
            next entry
            notes: 2 /s/new
            left:"
                .to_owned(),
        ),
        (
            "so is one that only we saw fail; the machine has started again already",
            format!(
                "taken a new; told a trial; told a oneshot 60 grub Entry; restart old; \
                 told a condemn 'it did not come up' stay; {notes}; left; outcome"
            ),
            "unit homehive-trial-a
            old boot
            next entry
            notes: 2 /s/new
            left:
            then running: it did not come up"
                .to_owned(),
        ),
    ];
    let rows: Vec<_> = rows.iter().map(|(case, scenario, then)| (*case, scenario.as_str(), then.as_str())).collect();
    hold(&rows);
}

#[test]
fn scripts_of_others_stay_until_they_are_old() {
    hold(&[(
        "another deployment has put its script there a moment ago, and is yet to take the machine",
        "touch /run/homehive/b.sh; touch -d '3 hours ago' /run/homehive/c.sh; taken a new; say $(cd /run/homehive && ls *.sh)",
        "a.sh b.sh",
    )]);
}
