#!/bin/sh
# The NAS of examples/nas by hand, from blank disks to mounted, on a machine of the lab: the bare commands one after
# another, as a careful person writes them down. Nothing is probed, asked again or recorded. The identities are those
# that `homehive show` announces; benches/disks-apply.sh fails if what this makes is not exactly what is declared.
#
# arguments: the root partition's size, such as 2GiB
set -eu
root_size=$1

id=/dev/disk/by-id
usb=$id/usb-QEMU_QEMU_HARDDISK_4C530001230415117295-0:0
nvme=$id/nvme-QEMU_NVMe_Ctrl_S4EWNX0R512347K
sata=$id/ata-QEMU_HARDDISK_WD-WX

# Partitions.
sfdisk --quiet --wipe=always "$usb" <<END
label: dos
label-id: 0x90b442b0
type=83, bootable
END
sfdisk --quiet --wipe=always "$nvme" <<END
label: gpt
label-id: 641c557c-d2a1-56b1-b73d-724770ff4769
size=$root_size, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=297ad0b0-5932-5895-96bf-88a86e699335, name="root"
type=E6D6D379-F507-44C2-A23C-238F2A3DF928, uuid=2f4e8c3b-5d0c-595e-9098-f6e4e9f8b021, name="cache"
END
udevadm settle

# The boot stick and the system's filesystem.
boot_uuid=07339cc9-ec61-5d78-a06a-0a9057ffd6b0
mkfs.ext4 -q -F -U $boot_uuid -E hash_seed=$boot_uuid "$usb-part1"
mkfs.xfs -q -f -m uuid=a604b0a7-5c21-51bf-b88b-4104b90750c6 "$nvme-part1"

# The array.
mdadm --create /dev/md/nas --run --quiet --metadata=1.2 --homehost='<none>' --name=nas \
    --uuid=a702a6fd:0e7f5b29:8ca18d47:71489716 --level=6 --raid-devices=6 --bitmap=internal \
    "${sata}11D34A7K2P" "${sata}11D34A7N8C" "${sata}11D34A7R0F" "${sata}21D85H4T6L" "${sata}21D85H4V1M" \
    "${sata}21D85H4Y9E"
udevadm settle

# The volume group: `data` on the array, `cache` on the NVMe disk.
pvcreate --quiet --yes --norestorefile --uuid 68f4f7-255e-d55d-6cbf-09d8-bc62-58d963 "$nvme-part2"
pvcreate --quiet --yes --norestorefile --uuid a4ce0c-746b-ec5b-a991-1d49-9d64-cd92b8 /dev/md/nas
vgcreate --quiet nas "$nvme-part2" /dev/md/nas
lvcreate --quiet --yes --name cache --extents 100%PVS nas "$nvme-part2"
lvcreate --quiet --yes --name data --extents 100%PVS nas /dev/md/nas
vgchange --quiet --activate n nas

# LVM takes no UUIDs for groups and volumes: they are written into its metadata.
metadata=$(mktemp)
vgcfgbackup --quiet --file "$metadata" nas
sed -i -e '/^nas {/,/physical_volumes/ s/^\tid = .*/\tid = "9d4a89-dbf7-3c50-79b5-53f2-6104-e5633d"/' \
    -e '/^\t\tcache {/,/^\t\t}/ s/^\t\t\tid = .*/\t\t\tid = "b3a66f-9316-8758-8a89-df0c-90a6-6df4bc"/' \
    -e '/^\t\tdata {/,/^\t\t}/ s/^\t\t\tid = .*/\t\t\tid = "2b4776-1afc-d65a-83bb-00aa-2599-a1ab5e"/' "$metadata"
vgcfgrestore --quiet --yes --file "$metadata" nas
rm "$metadata"

# The cache goes in front before there is a filesystem: it changes the block size.
lvconvert --quiet --yes --type writecache --cachevol cache nas/data
vgchange --quiet --activate y nas
mkfs.xfs -q -f -m uuid=44656871-a837-553c-821f-2693e1cc350e /dev/nas/data

# Mounts.
mkdir -p /mnt
mount "$nvme-part1" /mnt
mkdir -p /mnt/boot /mnt/data
mount "$usb-part1" /mnt/boot
mount /dev/nas/data /mnt/data
