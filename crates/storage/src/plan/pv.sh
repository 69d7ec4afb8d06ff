# Makes a physical volume. One of ours that lost its metadata in a power cut is made anew: to pvcreate(8) it is damaged.
#
# arguments: DEVICE UUID [WORD]…
physical_volume() {
    device=$1
    shift
    pvcreate --quiet --yes --norestorefile --uuid "$@" "$device" >&2 && return
    # Its UUID, no group, and no area for metadata that could be read.
    there=$(pvs --noheadings --separator / --options pv_uuid,vg_name,pv_mda_count "$device" 2>/dev/null | tr -d ' ')
    [ "$there" = "$1//0" ] || return 5
    wipefs --all --quiet "$device" && pvcreate --quiet --yes --norestorefile --uuid "$@" "$device" >&2
}

