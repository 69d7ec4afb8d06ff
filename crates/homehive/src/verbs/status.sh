# How a machine is, beyond its generations and disks; lines of a word and a value.
echo "uptime $(cut -d. -f1 /proc/uptime)"
for name in kernel initrd kernel-modules; do
	for which in booted current; do
		path=$(readlink -f /run/$which-system/$name) && [ -e "$path" ] && echo "$which $name $path"
	done
done
# EFI system partitions that are to be in step with the first, and are not.
if command -v homehive-boot-mirrors >/dev/null; then
	homehive-boot-mirrors check | while read -r line; do echo "mirror $line"; done
fi
exit 0
