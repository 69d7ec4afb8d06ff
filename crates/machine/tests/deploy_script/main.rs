//! The machine's own part of a deployment, `deploy.sh`, run by a real shell in a mount namespace: with a profile, a `/run`
//! and a `/var/lib` of its own, and stand-ins for what moves a machine (systemd, Nix, the systems' own switch).

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod stage;
mod trials;

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
