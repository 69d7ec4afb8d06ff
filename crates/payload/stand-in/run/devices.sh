#!/bin/sh
# Has udev look at every device that the kernel found before udev was there: what storage and network need, first.
udevadm trigger --type=subsystems --action=add
udevadm trigger --type=devices --action=add --subsystem-match=pci --subsystem-match=virtio --subsystem-match=net --subsystem-match=usb
udevadm trigger --type=devices --action=add --subsystem-match=block --subsystem-match=nvme --subsystem-match=scsi --subsystem-match=tty --subsystem-match=mem --subsystem-match=misc --subsystem-match=acpi --subsystem-match=hwmon
