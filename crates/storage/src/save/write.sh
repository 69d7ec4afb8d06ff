# Writes standard input, in base64, to a device, past every cache.
#
# arguments: DEVICE OFFSET
set -eu
base64 -d | dd "of=$1" bs=65536 "seek=$2" iflag=fullblock oflag=direct,seek_bytes conv=notrunc,nocreat,fsync status=none
