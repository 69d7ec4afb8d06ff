# The NAS of examples/nas in disko's words, for benches/disks-apply.sh: the same partitions, array, volumes and cache. disko has no
# word for a cache, so it is put in front by a hook, before there is a filesystem.
rootSize:
let
  id = "/dev/disk/by-id";
  sata = serial: {
    type = "disk";
    device = "${id}/ata-QEMU_HARDDISK_${serial}";
    content = { type = "mdraid"; name = "nas"; };
  };
  serials = [ "WD-WX11D34A7K2P" "WD-WX11D34A7N8C" "WD-WX11D34A7R0F" "WD-WX21D85H4T6L" "WD-WX21D85H4V1M" "WD-WX21D85H4Y9E" ];
in
{
  disko.devices = {
    disk = {
      usb = {
        type = "disk";
        device = "${id}/usb-QEMU_QEMU_HARDDISK_4C530001230415117295-0:0";
        content = {
          type = "table";
          format = "msdos";
          partitions = [ { start = "1MiB"; end = "100%"; bootable = true; content = { type = "filesystem"; format = "ext4"; mountpoint = "/boot"; }; } ];
        };
      };
      nvme = {
        type = "disk";
        device = "${id}/nvme-QEMU_NVMe_Ctrl_S4EWNX0R512347K";
        content = {
          type = "gpt";
          partitions.root = { size = rootSize; content = { type = "filesystem"; format = "xfs"; mountpoint = "/"; }; };
          partitions.cache = { size = "100%"; content = { type = "lvm_pv"; vg = "nas"; }; };
        };
      };
    } // builtins.listToAttrs (map (s: { name = s; value = sata s; }) serials);
    mdadm.nas = { type = "mdadm"; level = 6; content = { type = "lvm_pv"; vg = "nas"; }; };
    lvm_vg.nas = {
      type = "lvm_vg";
      # It has no word for where a volume lies either: this one is made first, and takes the first free space.
      lvs.cache.size = "512M";
      lvs.data = {
        size = "100%FREE"; priority = 2000;
        content = { type = "filesystem"; format = "xfs"; mountpoint = "/data"; preCreateHook = "lvchange --activate n nas/cache; lvconvert --yes --type writecache --cachevol cache nas/data"; };
      };
    };
  };
}
