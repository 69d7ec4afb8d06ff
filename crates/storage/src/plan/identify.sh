# Gives a volume group, or inactive volumes of it, the identities that were derived for them. See vgcfgrestore(8).
#
# LVM restores a group with thin volumes only if it is told to: what is in a pool must be what its notes in the group's
# metadata say. They do, for it is the very metadata that stands, but for the identities.
#
# arguments: GROUP, then pairs: NAME UUID; a name of - means the group itself
set -eu
group=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
vgcfgbackup --quiet --file "$dir/before" "$group" >&2
while [ $# -gt 0 ]; do
    echo "$1 $2"
    shift 2
done >"$dir/wanted"
awk '
NR == FNR { wanted[$1] = $2; next }
/[{]$/ { depth++; section[depth] = $1 }
$1 == "}" { depth-- }
$1 == "id" && depth == 1 && ("-" in wanted) { print "id = \"" wanted["-"] "\""; next }
$1 == "id" && depth == 3 && section[2] == "logical_volumes" && (section[3] in wanted) {
    print "id = \"" wanted[section[3]] "\""
    next
}
{ print }
' "$dir/wanted" "$dir/before" >"$dir/after"
force=
if grep -q '^[[:space:]]*type = "thin' "$dir/before"; then force=--force; fi
vgcfgrestore --quiet --yes $force --file "$dir/after" "$group" >&2
