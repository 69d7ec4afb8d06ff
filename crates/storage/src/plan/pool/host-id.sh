# Lets ZFS know this machine under a number: a pool that was last used under another is another machine's. An installer has a
# number of its own, and what it leaves behind must be the machine's from its first boot on. See spl(4).
#
# arguments: ID, 8 hexadecimal digits
set -eu
printf '0x%s\n' "$1" >/sys/module/spl/parameters/spl_hostid
