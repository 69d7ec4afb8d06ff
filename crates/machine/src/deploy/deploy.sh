#!/bin/sh
# The machine's own part of a deployment: deploy.sh VERB WORD… It is placed on the machine (in /run, for root alone) and runs
# there apart from the connection that placed it, from the system that ran before: with that one's interpreter and programs.
#
#   lock ID WHO SECONDS NEW GENERATION ADDRESS TARGET
#                                                takes the machine for one deployment: 75, and who has it, if it is taken.
#                                                GENERATION is the profile's of before, TARGET that of NEW if it has one
#   boot ID                                      profile and boot entry of NEW, in a unit of its own
#   switch ID DEADLINE                           arms the way back, then activates NEW, in a unit of its own
#   unbegun ID [unattended]                      gives up before anything is armed, in a unit of its own: profile and menu as
#                                                they were; then free, if nobody attends. 76 if it is too late for that
#   poll ID                                      how far it is
#   disarm ID                                    the new system stays: 76 if the machine is on its way back already
#   back ID WHY                                  the way back, now
#   free ID                                      gives the machine free
#   trial ID                                     NEW becomes a generation, but not the one that boots
#   oneshot ID SECONDS grub|systemd-boot WORD    the next boot is NEW's, once, and the machine starts again
#   confirm ID                                  the system on trial becomes the one that boots, in a unit of its own
#   condemn ID WHY [stay]                        the system on trial is given up; the machine starts again, unless it has
set -u
base=/run/homehive
dir=$base/deploy
state=/var/lib/homehive
profiles=/nix/var/nix/profiles
verb=$1 id=$2
self=$base/$id.sh
marker=$state/boot-trial
# There while the profile may mean one system and the boot menu name another.
unsettled=$state/menu-unsettled
# Activation moves what is linked into the root; emulated or on old disks it takes its time.
limit=900

have() { # $1: a note of the deployment
	cat "$dir/$1" 2>/dev/null
}
note() { # $1: a note, $2: what it says; whole or not at all
	printf '%s\n' "$2" >"$dir/$1.new" && mv "$dir/$1.new" "$dir/$1"
}
field() { # $1: a key of the marker of a boot trial
	sed -n "s/^$1 //p" $marker 2>/dev/null
}
uptime_seconds() {
	read -r up _ </proc/uptime
	echo "${up%.*}"
}
failed_units() {
	systemctl list-units --failed --plain --no-legend --full | cut -d' ' -f1 | LC_ALL=C sort
}
mine() {
	[ "$(have id)" = "$id" ] || {
		echo "the deployment $id has ended" >&2
		exit 77
	}
}
apart() { # $1: options of systemd-run, $2…: words for this script; a unit that neither a connection nor a switch ends
	old=$(have old)
	options=$1
	shift
	# shellcheck disable=SC2086 # options are several words
	systemd-run --quiet --collect --no-block $options \
		--setenv=HOME=/root --setenv=PATH="$old/sw/bin:$old/sw/sbin:$old/sw/usr/sbin:$old/sw/usr/bin" -- "$(have shell)" "$self" "$@"
}
# From here on the profile moves, and the menu has to follow.
unsettle() {
	install -d -m 0700 $state
	: >$unsettled
	sync -f $unsettled
}
menu() { # $1: a system; the menu's default becomes that
	timeout $limit "$1/bin/switch-to-configuration" boot >>$dir/log 2>&1 && in_place || return
	rm -f $unsettled
}
# GRUB knows nothing of a journal: what it reads has to be in its place before the power may go. A filesystem's own sync writes
# it there, but only that of the device has the drive keep it.
# The menu lies on /boot, or on an EFI system partition of its own; what is kept in step with that, its copying sees to.
in_place() {
	for mounted in /boot /boot/efi /efi; do
		[ -d $mounted ] || continue
		[ $mounted = /boot ] || mountpoint -q $mounted || continue
		sync -f $mounted || return
		device=$(df -P $mounted | tail -n 1)
		device=${device%% *}
		[ ! -b "$device" ] || sync "$device" || return
	done
} 2>>$dir/log
# A new generation of NEW, noted as made here unless there was one: Nix takes the last one where that is of NEW.
make_generation() {
	unsettle
	links=$(echo $profiles/system-*-link)
	timeout 300 nix-env -p $profiles/system --set "$(have new)" >>$dir/log 2>&1
	status=$?
	made=$(readlink $profiles/system)
	case " $links " in *" $profiles/$made "*) ;; *) note made "$made" ;; esac
	return $status
}
# The profile's generation. Nix first, for it knows of locks; its link by hand if Nix is what is broken, not if there is none.
set_generation() { # $1: its number
	unsettle
	timeout 120 nix-env -p $profiles/system --switch-generation "$1" && return
	[ -L "$profiles/system-$1-link" ] || {
		echo "generation $1 is gone"
		return 1
	}
	ln -sfn "system-$1-link" $profiles/.system.new && mv -T $profiles/.system.new $profiles/system
}
# Drops a boot trial that was never booted. Its marker goes last: as long as the loader may choose it, a start is to be judged.
drop_trial() {
	case $(field loader) in
	grub) grub-editenv /boot/grub/grubenv unset next_entry && in_place ;;
	systemd-boot) bootctl set-oneshot '' ;;
	esac >>$dir/log 2>&1 && rm -f $marker
}
outcome() { # $1: why, $2: what follows
	install -d -m 0700 $state
	printf 'id %s\nat %s\nthen %s\nwhy %s\n' "$id" "$(date +%s)" "$2" "$(printf %s "$1" | tr '\n' ' ')" >$state/outcome.new
	mv $state/outcome.new $state/outcome
	sync -f $state/outcome
}
taken_back() { # $1: a generation's number or link, $2: its system; it is kept, but nothing goes back to it unasked
	number=${1#system-}
	install -d -m 0700 $state
	printf '%s %s\n' "${number%-link}" "$2" >>$state/taken-back
}
kept() { # $1: a system that was found well: whatever was noted of it before is over
	[ -e $state/taken-back ] || return 0
	while read -r number system; do [ "$system" = "$1" ] || echo "$number $system"; done <$state/taken-back >$state/taken-back.new
	mv $state/taken-back.new $state/taken-back
}
prepare() { # $@: notes of a deployment that is about to take the machine
	fresh=$base/lock-$id
	install -d -m 0700 $base
	rm -rf "$fresh" && mkdir -m 700 "$fresh"
	for pair in "id $id" "old $(readlink -f /run/current-system)" "shell $(readlink -f /proc/$$/exe)" "$@"; do
		printf '%s\n' "${pair#* }" >"$fresh/${pair%% *}"
	done
	: >"$fresh/log"
}
# Takes the machine by one rename, which makes what is in $fresh its notes: 75, and who has it, if it is taken.
take() {
	if ! mv -T "$fresh" $dir 2>/dev/null; then
		# It is taken. Who took it may be gone for good, before anything that would bring it to an end was armed.
		last=$(have until)
		if [ -e $dir/armed ] || [ -e $dir/firing ] || [ "$(uptime_seconds)" -lt "${last:-0}" ]; then
			echo "$(have since) $(have who)"
			exit 75
		fi
		mv -T $dir "$base/stale-$id" && rm -rf "$base/stale-$id"
		mv -T "$fresh" $dir 2>/dev/null || {
			echo "$(have since) $(have who)"
			exit 75
		}
	fi
}
release() {
	systemctl stop --no-block "homehive-back-$id.timer" 2>/dev/null
	mv -T $dir "$base/over-$id" 2>/dev/null && rm -rf "$base/over-$id"
}
newly_failed() {
	failed_units | LC_ALL=C comm -13 $dir/failed-before - | tr '\n' ' '
}
# 0 if a switch that ended with status $1 has done its work: 4 is "it runs, but units have failed", before us perhaps.
good() {
	[ "$1" = 0 ] || { [ "$1" = 4 ] && [ -z "$(newly_failed)" ]; }
}
why_of() { # $1: the status of a switch
	newly=$(newly_failed)
	if [ -n "$newly" ]; then echo "switching ended with status $1; failed: $newly"; else echo "switching ended with status $1: $(tail -n 1 $dir/log)"; fi
}

# Profile and boot menu as they were; what that ended with is noted. A generation that was made for this and never ran goes
# first: a loader copies the kernels of all before it removes any, and a full /boot is why we may be here.
unbegun() {
	generation=$(have generation) made=$(have made)
	set_generation "$generation" >>$dir/log 2>&1
	if [ -n "$made" ] && [ "$(readlink $profiles/system)" != "$made" ]; then rm -f "$profiles/$made"; fi
	menu "$profiles/system-$generation-link"
	note undone $?
}

way_back() { # $1: why. One rename decides between this and whoever confirms at this moment.
	mv $dir/armed $dir/firing 2>/dev/null || exit 0
	note phase "back"
	# Whoever is still switching is in the way; unless it is we ourselves.
	[ "${unit_of_mine:-}" = switch ] || systemctl kill --signal=KILL "homehive-switch-$id.service" 2>/dev/null
	old=$(have old) generation=$(have generation) address=$(have address)
	taken_back "$(readlink $profiles/system)" "$(have new)"
	set_generation "$generation" >>$dir/log 2>&1
	link=$(readlink -f "$profiles/system-$generation-link")
	# What runs comes first: it brings the network back, and needs no /boot. The menu may take minutes, or fail.
	timeout $limit "$old/bin/switch-to-configuration" test >>$dir/log 2>&1
	status=$?
	for unit in sshd.service ssh.service sshd.socket; do
		[ "$(systemctl show --property=LoadState --value "$unit")" = loaded ] || continue
		case $unit in
		*.socket) systemctl try-restart "$unit" ;;
		*) systemctl is-enabled --quiet "$unit" 2>/dev/null || systemctl is-active --quiet "$unit" || systemctl is-failed --quiet "$unit" || continue
			timeout 60 systemctl restart "$unit" ;;
		esac
	done >>$dir/log 2>&1
	# The address by which it was reached has to be there again.
	tries=0 there=
	while [ -n "$address" ] && [ -z "$there" ] && [ $tries -lt 60 ]; do
		if ip -o address show | grep -qF " $address/"; then there=yes; else sleep 1; fi
		tries=$((tries + 1))
	done
	menu "$link"
	booted=$?
	cp $dir/log $state/log 2>/dev/null
	trouble=$1 back=
	if good "$status" && { [ -z "$address" ] || [ -n "$there" ]; }; then
		back=yes
	else
		trouble="$trouble; going back ended with status $status"
		[ -z "$address" ] || [ -n "$there" ] || trouble="$trouble, $address is on no interface"
	fi
	[ $booted = 0 ] || trouble="$trouble; its boot menu could not be written (status $booted): the next start may be into $(have new)"
	# A start that may be into what is taken back is worth it only where nobody can reach the machine as it is.
	if [ -n "$back" ] || { [ $booted != 0 ] && [ -n "$there" ]; }; then
		outcome "$trouble" running
		release
		exit 0
	fi
	outcome "$trouble" rebooting
	sync
	systemctl reboot
	sleep 120
	systemctl reboot --force --force
}

case $verb in
lock)
	who=$3 seconds=$4
	if [ -e $marker ] && [ "$(field system)" = "$(readlink -f /run/booted-system)" ]; then
		echo "$(field since) $(field who)"
		exit 75
	fi
	# Of a link-local address the interface is no part here.
	prepare "phase locked" "who $who" "since $(date +%s)" "until $(($(uptime_seconds) + seconds))" \
		"new $5" "generation $6" "address ${7%%\%*}" "target $8"
	failed_units >"$fresh/failed-before"
	take
	# Whoever starts a boot trial holds the machine until it is down. So this one is over, and nothing here has noticed.
	[ ! -e $marker ] || drop_trial
	# Scripts of deployments long past; one of now may have been put there a moment ago, and its deployment is yet to ask.
	find "$base" -maxdepth 1 -name "*.sh" ! -path "$self" -mmin +120 -delete
	;;
boot | switch | trial)
	mine
	[ ! -e $dir/given-up ] || exit 76
	note phase "$verb"
	if [ "$verb" = switch ]; then
		note deadline "$3"
		: >$dir/ready
		# Each of the two writes its own word before it reads the other's.
		[ ! -e $dir/given-up ] || {
			rm -f $dir/ready
			exit 76
		}
	fi
	apart "--unit=homehive-$verb-$id" "do-$verb" "$id"
	;;
unbegun)
	mine
	: >$dir/given-up
	# One rename decides between this and a switch that is about to begin.
	[ ! -e $dir/ready ] || mv $dir/ready $dir/given-up 2>/dev/null
	for gone in armed disarmed firing; do [ ! -e $dir/$gone ] || exit 76; done
	[ "$(field id)" != "$id" ] || exit 76
	apart "--unit=homehive-unbegun-$id" do-unbegun "$id" "${3:-}"
	;;
do-unbegun)
	# What is setting profile and menu comes to its end first: cut in the middle, neither would be whole.
	tries=0
	while [ $tries -lt $((2 * limit)) ]; do
		case $(have phase) in boot | trial) sleep 1 ;; *) break ;; esac
		tries=$((tries + 1))
	done
	if [ "$(have phase)" = locked ]; then
		note undone 0
	elif [ ! -e $dir/undone ]; then
		unbegun
		cp $dir/log $state/log 2>/dev/null
	fi
	note phase "unbegun $(have undone)"
	[ "$3" != unattended ] || release
	;;
do-boot)
	target=$(have target)
	if [ -n "$target" ]; then
		set_generation "$target" >>$dir/log 2>&1
	else
		make_generation
	fi
	status=$?
	if [ $status = 0 ]; then
		menu "$(have new)"
		status=$?
	fi
	[ $status = 0 ] || unbegun
	note phase "booted $status"
	;;
do-switch)
	unit_of_mine=switch
	seconds=$(have deadline)
	mv $dir/ready $dir/armed 2>/dev/null || exit 0
	# It counts from the moment the switch begins.
	apart "--unit=homehive-back-$id --on-active=$seconds --timer-property=AccuracySec=1s" do-back "$id" || {
		rm -f $dir/armed
		unbegun
		note phase "switched 70"
		exit 1
	}
	note phase "armed"
	# Its own deadline is the way back, which ends it.
	"$(have new)/bin/switch-to-configuration" test >>$dir/log 2>&1
	status=$?
	if good $status; then
		note phase "switched $status"
	else
		why=$(why_of $status)
		way_back "$why"
	fi
	;;
do-back) way_back "$(have why || echo "nobody confirmed it within $(have deadline) s")" ;;
poll)
	echo "phase $(have phase)"
	echo "uptime $(uptime_seconds)"
	[ ! -e $state/outcome ] || cat $state/outcome
	;;
disarm)
	mine
	mv $dir/armed $dir/disarmed 2>/dev/null || exit 76
	kept "$(have new)"
	release
	;;
back)
	mine
	[ -e $dir/armed ] || exit 76
	note why "$3"
	systemctl start --no-block "homehive-back-$id.service"
	;;
free)
	mine
	release
	;;
do-trial)
	target=$(have target) generation=$(have generation)
	status=0
	if [ -z "$target" ]; then
		make_generation
		status=$?
		target=$(readlink $profiles/system)
		target=${target#system-}
		note target "${target%-link}"
		# A generation from now on, but what boots stays what it was.
		set_generation "$generation" >>$dir/log 2>&1
	fi
	if [ $status = 0 ]; then
		menu "$profiles/system-$generation-link"
		status=$?
	fi
	[ $status = 0 ] || unbegun
	note phase "tried $status"
	;;
oneshot)
	mine
	install -d -m 0700 $state
	rm -f $state/outcome $marker.*
	# The judge reads it: it is on the disk before a loader is told anything.
	if ! {
		printf 'id %s\nsystem %s\nbefore %s\nloader %s\n' "$id" "$(have new)" "$(have old)" "$4" &&
			printf 'generation %s\nseconds %s\nsince %s\nwho %s\n' "$(have target)" "$3" "$(have since)" "$(have who)"
	} >$marker.new || ! sync $marker.new || ! mv $marker.new $marker || ! sync $state; then
		rm -f $marker.new $marker
		echo "the marker of the trial could not be written: $marker" >&2
		exit 74
	fi
	case $4 in
	grub) grub-editenv /boot/grub/grubenv set "next_entry=$5" ;;
	systemd-boot) bootctl set-oneshot "$5" ;;
	esac || {
		status=$?
		# What it refuses altogether it has not taken.
		drop_trial || rm -f $marker
		exit $status
	}
	# Held until it is down, however long that takes.
	note until $(($(uptime_seconds) + limit))
	sync
	# A moment later, so that this connection hears that it worked.
	systemd-run --quiet --collect --no-block --on-active=1 --timer-property=AccuracySec=1s -- "$(command -v systemctl)" reboot || {
		status=$?
		drop_trial
		exit $status
	}
	;;
confirm)
	# Told twice because the first answer was lost, it does no harm.
	[ "$(have id)" != "$id" ] || exit 0
	[ "$(field id)" = "$id" ] || exit 76
	# What was noted is gone with the restart.
	prepare "phase confirm" "who $(field who)" "since $(field since)" "until $(($(uptime_seconds) + limit + 300))" \
		"new $(field system)" "generation $(field generation)"
	take
	apart "--unit=homehive-confirm-$id" do-confirm "$id" || {
		release
		exit 1
	}
	;;
do-confirm)
	# One rename decides between this and the judge.
	mv $marker $marker.confirmed 2>/dev/null || {
		note phase "confirmed 76"
		exit 0
	}
	kept "$(have new)"
	# Its generation may have been collected since.
	set_generation "$(have generation)" >>$dir/log 2>&1 || make_generation
	status=$?
	# What is in no generation may be collected after the next start: it does not become what boots.
	if [ $status = 0 ]; then
		menu "$(have new)"
		status=$?
	fi
	rm -f $marker.confirmed
	note phase "confirmed $status"
	;;
condemn)
	[ "$(field id)" = "$id" ] && mv $marker $marker.over 2>/dev/null || exit 76
	if [ "${4:-}" = stay ]; then outcome "$3" running; else outcome "$3" rebooting; fi
	marker=$marker.over
	taken_back "$(field generation)" "$(field system)"
	rm -f "$marker"
	[ "${4:-}" = stay ] || systemctl reboot
	;;
log) tail -n 12 $dir/log ;;
undone) have undone ;;
esac
