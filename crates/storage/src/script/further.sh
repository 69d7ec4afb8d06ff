
# differ NODE NODE KEY KEY: a further key is another one than the container's own
differ() {
    [ "$3" != "$4" ] || die "$1: this is the key of $2; give each a line of its own"
}

# pair KEY KEY: both, a line each, as the shell's printf reads them (%b)
pair() {
    printf '%s\n' "$1" "$2" | sed 's/\\/\\\\/g'
}
