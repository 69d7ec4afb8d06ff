
# ask_key NODE: asks for a passphrase, or reads it from standard input, a line for each or one for all; it is in $key then
key=
ask_key() {
    if [ -t 0 ]; then
        shown=$(stty -g)
        trap 'stty "$shown"' EXIT
        trap 'exit 1' HUP INT TERM
        stty -echo
        printf 'new passphrase of %s: ' "$1" >&2
        IFS= read -r key || key=
        printf '\nthe same again: ' >&2
        IFS= read -r again || again=
        printf '\n' >&2
        stty "$shown"
        trap - EXIT HUP INT TERM
        [ "$key" = "$again" ] || die "$1: these were two different passphrases"
    else
        IFS= read -r line || :
        [ -z "$line" ] || key=$line
    fi
    [ -n "$key" ] || die "$1: no passphrase was given"
}
