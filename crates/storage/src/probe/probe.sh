#!/bin/sh
# Prints all that homehive wants to know of a machine's disks, in sections that its parsers read.
# It only reads: no volume is activated, no array started, nothing written. Every process is counted, for on a slow
# machine each costs more than what it prints; so most questions go to /sys with the shell's own words.
# A section is `%% NAME`, what the tool printed, `%% NAME STATUS`; the last line is `%% end`.
set -u
LC_ALL=C
PATH=/run/current-system/sw/bin:/usr/sbin:/usr/bin:/sbin:/bin:${PATH-}
export LC_ALL PATH

# section NAME COMMAND…: what the command prints; status 127 says that it is not installed.
section() {
    section=$1
    shift
    printf '\n%%%% %s\n' "$section"
    if command -v "$1" >/dev/null; then "$@"; else (exit 127); fi
    printf '\n%%%% %s %s\n' "$section" "$?"
}

list_slaves() {
    for slave in /sys/class/block/*/slaves/*; do
        [ -e "$slave" ] || continue
        name=${slave#/sys/class/block/}
        echo "${name%%/*} ${slave##*/}"
    done
}

list_unreadable() {
    for device in $devices; do
        [ -r "$device" ] || echo "$device"
    done
}

# Superblocks of XFS (at 0), ext4 and f2fs (at 1 KiB) and md (at 0 or 4 KiB); MBRs.
list_heads() {
    [ -n "$heads" ] || return 0
    command -v od >/dev/null || return 127
    # shellcheck disable=SC2086 # device paths are words, and are split on purpose
    head -v -c 5120 $heads | od -A x -t x1
}

# Superblocks of md that stand at their device's end (metadata 1.0): where, wipefs has told.
list_ends() {
    command -v od >/dev/null || return 127
    for end in $ends; do
        printf '==> %s <==\n' "${end%:*}"
        dd "if=${end%:*}" bs=4096 "skip=$((${end##*:} / 4096))" count=1 status=none
        echo
    done | od -A x -t x1
}

# Headers of LUKS: where what is encrypted begins, and how many keys open it. LUKS2 has its keys behind that; of LUKS1 the
# beginning of the first is among it (from 4 KiB), which opens nothing without its rest.
list_luks() {
    command -v od >/dev/null || return 127
    # shellcheck disable=SC2086 # device paths are words, and are split on purpose
    head -v -c 16384 $luks | od -A x -t x1
}

# What a container could be opened with beside its key, as systemd-cryptenroll finds it; it is asked where the kernel has
# such a device at all.
list_enrol() {
    command -v systemd-cryptenroll >/dev/null || return 127
    echo --tpm2
    [ ! -e /sys/class/tpm/tpm0 ] || systemd-cryptenroll --tpm2-device=list
    echo --fido2
    for hid in /sys/class/hidraw/*; do
        [ ! -e "$hid" ] || systemd-cryptenroll --fido2-device=list
        break
    done
    :
}

# A device without any signature may still hold something: is its first MiB zero? And can it be read at all?
list_zero() {
    command -v cmp >/dev/null || return 127
    for device in $devices; do
        case $seen in *" $device "*) continue ;; esac
        size=0
        name=${device#/dev/}
        case $name in */*) name=${name%%/*}!${name#*/} ;; esac
        read -r size <"/sys/class/block/$name/size"
        bytes=1048576
        [ "$size" -lt 2048 ] && bytes=$((size * 512))
        # Side by side: each waits for its disk.
        (
            cmp -s -n "$bytes" "$device" /dev/zero
            case $? in
            0) echo "$device" ;;
            1) ;;
            *) echo "$device unreadable" ;;
            esac
        ) &
    done
    for device in $failed; do
        cmp -s -n 4096 "$device" /dev/zero
        [ $? -lt 2 ] || echo "$device unreadable"
    done
    wait
}

# What LVM says beside its report (another command has just written, say) it would print into the midst of it: so the report
# gets a way of its own, and no line of it what an lvm.conf has put before lines.
list_volumes() {
    [ -n "$volumes" ] || return 0
    command -v lvm >/dev/null || return 127
    LVM_REPORT_FD=3 LVM_SUPPRESS_FD_WARNINGS=1 lvm fullreport --all --reportformat json --units b --nosuffix \
        --config 'log/command_names=0 log/prefix=""' \
        --configreport vg --options vg_name,vg_uuid,vg_extent_size,vg_free_count,vg_missing_pv_count \
        --configreport pv --options pv_name,pv_uuid,vg_name,pv_size,pv_used,pv_missing,dev_size \
        --configreport lv --options lv_name,lv_uuid,lv_size,lv_layout,lv_role,lv_active,lv_dm_path,pool_lv,origin,lv_health_status,sync_percent,data_percent,metadata_percent \
        --configreport pvseg --options pv_name,pv_uuid,lv_uuid,pvseg_start,pvseg_size \
        --configreport seg --options lv_uuid,segtype 3>&1 1>&2
}

# unescape PATH: the kernel writes blanks and backslashes in paths as three octal digits; `%b` wants a zero before them, else
# it takes a digit behind them for a fourth.
unescape() {
    text=
    rest=$1
    while :; do
        case $rest in *\\*) ;; *) break ;; esac
        text=$text${rest%%\\*}\\0
        rest=${rest#*\\}
    done
    printf '%b' "$text$rest"
}

# What is in a btrfs is asked where it is mounted, once a device that it is mounted from; nothing is mounted for it.
list_btrfs() {
    section btrfs btrfs filesystem show --raw
    asked=' '
    while read -r _ _ _ _ target rest; do
        case $rest in *' - btrfs /dev/'*) ;; *) continue ;; esac
        source=${rest#*' - btrfs '}
        source=$(readlink -f "${source%% *}")
        case $asked in *" $source "*) continue ;; esac
        target=$(unescape "$target")
        section "subvolumes:$source" btrfs subvolume list "$target"
        section "profiles:$source" btrfs filesystem df --raw "$target"
        asked="$asked$source "
    done </proc/self/mountinfo
}

# How large a mounted XFS is, the kernel is asked: it writes that into the superblock when it likes, and past what was read
# of the device before. `-n` changes nothing.
list_xfs() {
    asked=' '
    while read -r _ _ number _ target rest; do
        case $rest in *' - xfs /dev/'*) ;; *) continue ;; esac
        # It may be mounted by any of its names; the kernel's own goes by the number.
        source=
        while IFS='=' read -r key value; do
            [ "$key" != DEVNAME ] || source=/dev/$value
        done <"/sys/dev/block/$number/uevent"
        case $asked in *" $source "*) continue ;; esac
        section "xfs:$source" xfs_growfs -n "$(unescape "$target")"
        asked="$asked$source "
    done </proc/self/mountinfo
}

# Of each device its label; and of the pools that are imported all that lasts. Without the module none is, and zpool would
# load it.
list_zfs() {
    for device in $zfs; do
        section "zfs:$device" zdb -l "$device"
    done
    [ -e /sys/module/zfs ] || return 0
    section pools zpool status -p -LP
    section pool-guids zpool status -p -g
    section pool-properties zpool get -Hp -o name,property,value all
    section datasets zfs get -Hp -t filesystem,volume -o name,property,value -s local,received all
    section dataset-kinds zfs get -Hp -t filesystem,volume -o name,property,value \
        type,volsize,mountpoint,encryption,encryptionroot,keyformat,keylocation,keystatus,casesensitivity,normalization,utf8only,volblocksize
}

# Files of the kernel, each line behind its name. Not every machine has arrays: a file that is not there is no matter,
# though grep then ends with status 2.
list_files() {
    grep -sH '' /proc/self/mountinfo /proc/swaps \
        /proc/sys/kernel/hostname /proc/sys/kernel/osrelease \
        /sys/class/net/*/address /sys/class/net/*/operstate /sys/class/net/*/speed \
        /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name \
        /sys/block/md*/md/array_state /sys/block/md*/md/level /sys/block/md*/md/raid_disks \
        /sys/block/md*/md/metadata_version /sys/block/md*/md/uuid \
        /sys/block/md*/md/sync_action /sys/block/md*/md/sync_completed /sys/block/md*/md/sync_speed \
        /sys/block/md*/md/dev-*/state /sys/block/md*/md/dev-*/slot
}

list_machine() {
    arch=
    # Kernels before 6.1 do not tell it there.
    { read -r arch </proc/sys/kernel/arch; } 2>/dev/null || arch=$(uname -m)
    echo "$arch"
    [ ! -d /sys/firmware/efi ] || echo efi
    while read -r line; do
        case $line in MemTotal*) echo "$line" && break ;; esac
    done </proc/meminfo
    # Of the first processor; its lines end with an empty one.
    while read -r line && [ -n "$line" ]; do
        case $line in vendor_id* | flags* | 'model name'*) echo "$line" ;; esac
    done </proc/cpuinfo
    for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
        online=1
        # The first one often cannot be taken off, and has no such file.
        [ ! -r "$cpu/online" ] || read -r online <"$cpu/online"
        [ "$online" = 0 ] || echo processor
    done
    [ -n "$arch" ]
}

# list_links LINK...: these links; which driver moves a device, and which kernel module the driver is of (one that is built
# in has none); and the classes of these devices, in the same form.
list_links() {
    for link in /sys/bus/pci/devices/*/driver /sys/bus/usb/devices/*/driver /sys/class/block/*/device/driver \
        /sys/class/hwmon/*/device/driver /sys/class/net/*/device/driver; do
        [ -h "$link" ] || continue
        set -- "$@" "$link"
        [ -h "$link/module" ] && set -- "$@" "$link/module"
        for file in class bInterfaceClass bInterfaceSubClass bInterfaceProtocol; do
            file=${link%driver}$file
            [ -r "$file" ] && read -r value <"$file" && printf "'%s' -> '%s'\n" "$file" "$value"
        done
    done
    [ $# -eq 0 ] || QUOTING_STYLE='locale' stat -c '%N' -- "$@"
}

# What no signature has to be known for.
list_rest() {
    section slaves list_slaves
    section unreadable list_unreadable
    section lsblk lsblk --json --bytes --list --exclude 1,2,7,11 \
        --output KNAME,PATH,TYPE,SIZE,LOG-SEC,SERIAL,WWN,MODEL,TRAN,RM,ROTA,RO,PKNAME,MAJ:MIN

    set --
    for link in /dev/disk/by-id/* /dev/disk/by-path/* /dev/md/* /dev/zvol/*/* /dev/zvol/*/*/* /dev/zvol/*/*/*/* \
        /dev/zvol/*/*/*/*/*; do
        [ -h "$link" ] && set -- "$@" "$link"
    done
    section links list_links "$@"

    section files list_files
    section machine list_machine
    section enrol list_enrol
    section addresses ip -o -4 address show
}

# What is on the devices, by their signatures.
list_content() {
    # wipefs that is not told to wipe prints signatures, all of them, and goes on after a blank device (blkid does not).
    # shellcheck disable=SC2086 # device paths are words, and are split on purpose
    signatures=$(wipefs --json $devices)
    status=$?
    # One device that cannot be read is the end of it: then one by one, and what fails is not looked at for blankness,
    # so that it counts as unknown.
    failed=' '
    if [ "$status" -ne 0 ] && [ "$status" -ne 127 ]; then
        signatures=
        status=0
        for device in $devices; do
            if one=$(wipefs --json "$device"); then
                signatures="$signatures
$one"
            else
                failed="$failed$device "
            fi
        done
    fi
    printf '\n%%%% signatures\n%s\n%%%% signatures %s\n' "$signatures" "$status"

    # What the signatures call for: tables are for sfdisk, superblocks are read here, volumes are for LVM.
    tables=
    heads=
    volumes=
    btrfs=
    xfs=
    luks=
    ends=
    zfs=
    offset=0
    seen=$failed
    # shellcheck disable=SC2086 # device paths are words, and are split on purpose
    set -- $signatures
    while [ $# -gt 1 ]; do
        value=${2%,}
        value=${value#\"}
        value=${value%\"}
        case $1 in
        '"device":')
            device=/dev/$value
            seen="$seen$device "
            ;;
        '"offset":') offset=$value ;;
        '"type":')
            case $value:$offset in
            linux_raid_member:0x0 | linux_raid_member:0x1000) ;;
            linux_raid_member:0x*) ends="$ends $device:$offset" ;;
            esac
            [ "$value" != xfs ] || xfs=yes
            case $value in
            gpt | dos)
                case " $tables " in *" $device "*) ;; *) tables="$tables $device" ;; esac
                # The MBR in front of a GPT may name partitions too, of which sfdisk does not speak.
                case $value:" $heads " in dos:* | *" $device "*) ;; *) heads="$heads $device" ;; esac
                ;;
            xfs | ext2 | ext3 | ext4 | f2fs | linux_raid_member)
                case " $heads " in *" $device "*) ;; *) heads="$heads $device" ;; esac
                ;;
            LVM2_member) volumes=yes ;;
            btrfs) btrfs=yes ;;
            zfs_member)
                case " $zfs " in *" $device "*) ;; *) zfs="$zfs $device" ;; esac
                ;;
            crypto_LUKS)
                case " $luks " in *" $device "*) ;; *) luks="$luks $device" ;; esac
                ;;
            esac
            ;;
        esac
        shift
    done

    section lvm list_volumes | {
        list_signed </dev/null
        cat
    }
}

# What the signatures call for, but for LVM.
list_signed() {
    for device in $tables; do
        section "table:$device" sfdisk --json "$device"
    done

    section heads list_heads
    [ -z "$ends" ] || section ends list_ends
    [ -z "$luks" ] || section luks list_luks
    [ -z "$btrfs" ] || list_btrfs
    [ -z "$xfs" ] || list_xfs
    [ -z "$zfs" ] || list_zfs
    section zero list_zero
}

# One function, so that a shell that reads this text from its standard input has read all of it before anything runs.
# Both sides of a pipe run at a time: what the left one prints, the right one passes on at its own end.
probe() {
    echo '%% homehive-probe 1'

    # Every block device by its path, leaving out what holds no data of its own, media that are not there, and arrays
    # that are not started.
    devices=
    for dir in /sys/class/block/*; do
        name=${dir##*/}
        case $name in loop* | ram* | zram* | sr* | fd* | mtd* | nbd*) continue ;; esac
        size=0
        read -r size <"$dir/size" || continue
        [ "$size" -gt 0 ] || continue
        case $name in *!*) name=${name%%!*}/${name#*!} ;; esac
        [ -b "/dev/$name" ] && devices="$devices /dev/$name"
    done

    list_rest | {
        list_content </dev/null
        cat
    }

    echo '%% end'
}
probe </dev/null
