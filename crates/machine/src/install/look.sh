# How far an installation below ROOT came: sh -s -- ROOT. A line for each thing that is there.
look() {
    root=$1
    link=$(readlink "$root/nix/var/nix/profiles/system")
    [ -z "$link" ] || echo "profile $(readlink "$root/nix/var/nix/profiles/$link")"
    key=$root/etc/ssh/ssh_host_ed25519_key
    # Of the secret half nothing is printed.
    [ ! -s "$key" ] || echo "key $(ssh-keygen -y -P '' -f "$key" 2>/dev/null)"
    # Where GRUB was installed is noted behind its installation, and the menu is written behind that.
    if [ -s "$root/boot/grub/devices" ]; then
        entry=$(grep -o 'init=/nix/store/[^ /"'"'"']*/init' "$root/boot/grub/grub.cfg" 2>/dev/null | head -n 1)
        entry=${entry#init=}
        echo "boots ${entry%/init}"
    fi
}
look "$@" </dev/null
