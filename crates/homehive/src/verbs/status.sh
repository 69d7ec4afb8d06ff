# How a machine is, beyond its generations and disks; lines of a word and a value.
echo "uptime $(cut -d. -f1 /proc/uptime)"
for name in kernel initrd kernel-modules; do
	for which in booted current; do
		path=$(readlink -f /run/$which-system/$name) && [ -e "$path" ] && echo "$which $name $path"
	done
done
exit 0
