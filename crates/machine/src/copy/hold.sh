# Sent with a verb to a machine that receives store paths: sh -c SCRIPT sh VERB ROOT STORE WORD…
#   hold COUNT SILENCE    reads COUNT paths, says which are missing, and keeps the garbage collector out until its input ends
#                         or is silent for SILENCE seconds: a connection that was cut may take hours to end here
#   unpack PACKER         reads an archive
#   finish SYSTEM SESSION reads a registration; SESSION is what `hold` said of itself. 75 if that has ended
set -eu
verb=$1 root=$2 nix=$3 word=$4
store=${root%/}/nix/store
state=${root%/}/nix/var/nix
umask 077

# Words that may write to the store: NixOS mounts it read-only for all but who remounts it in a namespace of their own.
writing() {
	if [ -w "$store" ]; then
		"$@"
	else
		# shellcheck disable=SC2016 # for the inner shell
		unshare --mount -- sh -c 'mount -o remount,bind,rw "$0" && exec "$@"' "$store" "$@"
	fi
}

case $verb in
hold)
	(umask 022 && mkdir -p "$store" "$state")
	exec 8>>"$state/homehive-copy.lock"
	flock --nonblock 8 || exit 75
	# The lock that Nix' garbage collector takes exclusively (`gc.lock`, locked by flock(2)); shared, any number of others
	# may go on beside us, but a collector waits. It ends with this process, and so with the connection.
	exec 9>>"$state/gc.lock"
	flock --shared --nonblock 9 || {
		echo collecting
		flock --shared --timeout 1800 9 || exit 76
	}
	for tool in zstd gzip; do
		if command -v $tool >/dev/null; then
			echo "packer $tool"
			break
		fi
	done
	missing=$(head -n "$word" | xargs nix-store --store "$nix" --check-validity --print-invalid)
	# Whatever lies where a path belongs and is not valid is half of something.
	for path in $missing; do
		echo "missing $path"
		if [ -e "${root%/}$path" ] || [ -L "${root%/}$path" ]; then writing rm -rf "${root%/}$path"; fi
	done
	echo "held $$"
	# What waits holds neither lock: it may outlive this session.
	while [ -n "$(exec 8>&- 9>&- && timeout "$5" head -c 1)" ]; do :; done
	;;
unpack)
	case $word in
	zstd | gzip) set -- --use-compress-program="$word" ;;
	*) set -- ;;
	esac
	umask 022
	writing tar --extract --preserve-permissions --blocking-factor=256 --directory="$root" "$@"
	;;
finish)
	# A collector that came in after the session may have taken what nobody had registered. From here on none comes in.
	exec 9>>"$state/gc.lock"
	flock --shared --nonblock 9 && [ -e "/proc/$5/fd/9" ] || exit 75
	sync -f "$store"
	nix-store --store "$nix" --load-db
	umask 022
	mkdir -p "$state/gcroots"
	ln -sfn "$word" "$state/gcroots/homehive-next.new"
	mv -fT "$state/gcroots/homehive-next.new" "$state/gcroots/homehive-next"
	;;
esac
