//! The script that keeps EFI system partitions in step, run by a real shell on two filesystems of its own in memory: what comes
//! over, what goes, and that a cut at any moment leaves a menu that names only what is there.

#![expect(clippy::unwrap_used, clippy::disallowed_types, reason = "a test, which runs programs")]

use std::path::Path;
use std::process::Command;

/// $1: a directory, $2: the script. `first` and `second` are mounted; `generation NAME [KIB]` has NixOS write a menu with that one
/// alone; `story` says what a menu of a mirror comes to.
const MACHINE: &str = r#"
set -u
dir=$1 script=$2
mount -t tmpfs none /run
mkdir -p "$dir/first" "$dir/second"
mount -t tmpfs -o size=${first-4m} none "$dir/first"
mount -t tmpfs -o size=${second-4m} none "$dir/second"
cd "$dir"
generation() {
	mkdir -p first/EFI/nixos first/EFI/BOOT first/EFI/systemd first/loader/entries
	rm -f first/EFI/nixos/* first/loader/entries/*
	head -c "$((${2-4} * 1024))" /dev/zero | tr '\0' "$1" >"first/EFI/nixos/$1-kernel.efi"
	printf 'linux /EFI/nixos/%s-kernel.efi\n' "$1" >"first/loader/entries/nixos-$1.conf"
	printf 'timeout 5\ndefault nixos-%s.conf\n' "$1" >first/loader/loader.conf
	echo "loader of $1" | tee first/EFI/BOOT/BOOTX64.EFI >first/EFI/systemd/systemd-bootx64.efi
	date +%N >first/loader/random-seed
}
mirrors() { sh "$script" "$1" "$dir/first" "$dir/second" 2>&1 | sed "s|$dir||g"; }
said() { mirrors "$1" | sed 's|; free there.*||'; }
boots() { # what the second one starts by its own menu; `nothing` if that names what is not there
	entry=second/loader/entries/$(sed -n 's/^default //p' second/loader/loader.conf 2>/dev/null)
	kernel=second$(sed -n 's/^linux //p' "$entry" 2>/dev/null)
	# A kernel is whole if it is all of its letter.
	letter=${kernel##*/}
	letter=${letter%-kernel.efi}
	if [ -f "$kernel" ] && [ -f second/EFI/BOOT/BOOTX64.EFI ] && [ -s "$kernel" ] && [ -z "$(tr -d "$letter" <"$kernel")" ]; then
		echo "boots $letter"
	else
		echo "boots nothing"
	fi
}
files() { (cd second && find . -type f | LC_ALL=C sort | tr '\n' ' ') && echo; }
"#;

/// What a scenario says; none where there can be no such machine, and that is said.
fn story(settings: &str, scenario: &str) -> Option<String> {
    let private = Command::new("unshare").args(["--mount", "true"]).status();
    if !private.is_ok_and(|status| status.success()) {
        println!("skipped: a mount namespace of one's own (root's rights, util-linux)");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("nix/boot-mirrors.sh");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &format!("{settings}\n{MACHINE}\n{scenario}"), "sh"])
        .args([dir.path(), &script])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{scenario}\n{said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_mirror_has_what_the_first_has_and_keeps_what_is_its_own() {
    for (case, settings, scenario, expected) in [
        (
            "a new disk: it is filled, and starts the machine",
            "",
            "generation a; said check; said sync; said check; boots; files",
            "/second: EFI/BOOT/BOOTX64.EFI is not what /first has
            boots a
            ./EFI/BOOT/BOOTX64.EFI ./EFI/nixos/a-kernel.efi ./EFI/systemd/systemd-bootx64.efi ./loader/entries/nixos-a.conf ./loader/loader.conf",
        ),
        (
            "another generation takes the place of the first; what others put there stays, leftovers of a cut go",
            "",
            "generation a; said sync; mkdir second/EFI/vendor; : >second/EFI/vendor/tool.efi; : >second/EFI/nixos/x.homehive-new
             echo own >second/loader/random-seed; generation b; said check; said sync; said check; boots; files; cat second/loader/random-seed",
            "/second: EFI/BOOT/BOOTX64.EFI is not what /first has
            boots b
            ./EFI/BOOT/BOOTX64.EFI ./EFI/nixos/b-kernel.efi ./EFI/systemd/systemd-bootx64.efi ./EFI/vendor/tool.efi ./loader/entries/nixos-b.conf ./loader/loader.conf ./loader/random-seed
            own",
        ),
        (
            "what only the mirror has is told of, and goes",
            "",
            "generation a; said sync; cp second/loader/entries/nixos-a.conf second/loader/entries/old.conf; said check; said sync; said check",
            "/second: loader/entries/old.conf is not in /first",
        ),
        (
            "it is missing: that is told, and stops nothing",
            "",
            "generation a; umount second; mirrors sync; echo status $?; mirrors check; find second -type f",
            "boot mirror /second: it is not mounted, and is left as it was
            status 0
            /second: it is not mounted",
        ),
        (
            "the first is missing: no mirror is emptied for that",
            "",
            "generation a; said sync; umount first; mirrors sync; mirrors check; boots",
            "/first: it is not mounted, and nothing can be in step with it
            /first: it is not mounted, and nothing can be in step with it
            /first: it is not mounted
            boots a",
        ),
        (
            "mounted and empty, as on a replaced disk: no mirror is emptied for that",
            "",
            "generation a; said sync; umount first; mount -t tmpfs none first
             sh \"$script\" sync \"$dir/first\" \"$dir/second\" 2>said; echo status $?; sed \"s|$dir||g\" said; mirrors check; boots",
            "status 1
            /first: it has no boot menu, and boot mirror /second keeps what it has
            /first: it has no boot menu, and nothing can be in step with it
            boots a",
        ),
        (
            "a boot loader without a menu, or a menu without kernels, is no more than that",
            "",
            "generation a; said sync; generation b; rm -r first/loader; said sync; boots; generation b; rm -r first/EFI/nixos; said sync; boots",
            "/first: it has no boot menu, and boot mirror /second keeps what it has
            boots a
            /first: it has no boot menu, and boot mirror /second keeps what it has
            boots a",
        ),
        (
            "a file cannot be read: that is no want of room, and the old stays",
            "",
            r#"generation a; said sync; generation b; mkdir bin
             printf '#!/bin/sh\necho "cp: error reading $1: Input/output error" >&2\nexit 1\n' >bin/cp; chmod +x bin/cp
             (PATH=$dir/bin:$PATH; said sync); boots; said sync; boots"#,
            "boot mirror /second could not be brought into step
            boots a
            boots b",
        ),
        (
            "a kernel that the menu names stays, also where FROM shows no such file",
            "",
            "generation a; said sync; cp first/EFI/nixos/a-kernel.efi first/EFI/nixos/other.efi; rm first/EFI/nixos/a-kernel.efi
             said sync; boots",
            "boots a",
        ),
        (
            "room for the new or the old: the old goes first, as it has in the first",
            "second=3m",
            "generation a 2000; said sync; boots; generation b 2000; said sync; said check; boots",
            "boots a
            boots b",
        ),
        (
            "no room at all: that is told",
            "second=1m",
            "generation a; said sync; generation b 2000; mirrors sync | grep -c 'could not be brought into step; free there'; said check",
            "1
            /second: EFI/nixos/b-kernel.efi is not what /first has",
        ),
    ] {
        let Some(story) = story(settings, scenario) else { return };
        let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        // `cp` and `cmp` say what fails in their own words.
        let said: Vec<String> =
            lines(&story).into_iter().filter(|line| !line.starts_with("cp: ") && !line.starts_with("cmp: ")).collect();
        assert_eq!(said, lines(expected), "{case}");
    }
}

/// The first is an ext4 of a disk that dies while it is mounted: errors for whatever the kernel does not remember.
#[test]
fn of_a_disk_that_cannot_be_read_nothing_is_believed() {
    // A mount anew forgets what was read.
    let disk = r"
        umount first; truncate -s 8M disk
        mkfs.ext4 -q disk 2>/dev/null && mount -o loop disk first 2>/dev/null || { echo skipped; exit; }
        dies() { umount first; mount -o loop disk first; $1; truncate -s 0 disk; }
    ";
    for (case, scenario) in [
        ("nothing is found", "generation a; said sync; dies true"),
        (
            "all is found that was read before",
            "generation a; said sync; generation b; sync; dies 'find first -exec cat {} +'",
        ),
    ] {
        let end = "mirrors sync; mirrors check; boots";
        let Some(story) = story("", &format!("{disk}{scenario} >/dev/null 2>&1; {end}")) else { return };
        if story == "skipped\n" {
            return println!("skipped: an ext4 on a loop device (e2fsprogs)");
        }
        let expected = "/first: it cannot be read, and boot mirror /second keeps what it has
/first: it cannot be read, and nothing can be in step with it
boots a
";
        assert_eq!(story, expected, "{case}");
    }
}

/// From some moment on nothing is renamed or removed any more, as if the power had gone: wherever that is, the mirror starts the
/// old generation or the new one.
#[test]
fn a_cut_at_any_moment_leaves_a_menu_that_names_what_is_there() {
    let scenario = r#"
        mkdir bin
        for program in mv rm; do
            real=$(command -v $program)
            printf '#!/bin/sh\nn=$(($(cat %s/count) + 1))\necho $n >%s/count\n[ $n -gt "$(cat %s/limit)" ] || exec %s "$@"\nexit 1\n' \
                "$dir" "$dir" "$dir" "$real" >bin/$program
            chmod +x bin/$program
        done
        limit=0
        while [ $limit -le 12 ]; do
            rm -rf second/EFI second/loader
            generation a; sh "$script" sync "$dir/first" "$dir/second"
            generation b
            echo 0 >count; echo $limit >limit
            PATH=$dir/bin:$PATH sh "$script" sync "$dir/first" "$dir/second" >/dev/null 2>&1
            echo "$limit: $(boots)"
            said sync; said check
            boots
            limit=$((limit + 1))
        done"#;
    let Some(story) = story("", scenario) else { return };
    let (cut, mended): (Vec<&str>, Vec<&str>) = story.lines().partition(|line| line.contains(": boots "));
    assert!(cut.iter().all(|line| line.ends_with("boots a") || line.ends_with("boots b")), "{story}");
    assert!(
        cut[0].ends_with("boots a") && cut[12].ends_with("boots b"),
        "it is cut on the way, and not always: {story}"
    );
    assert!(mended.iter().all(|line| *line == "boots b"), "the next run brings it into step: {story}");
}
