# How far an installation below ROOT came: sh -s -- ROOT. A line for each thing that is there.
look() {
    root=$1
    link=$(readlink "$root/nix/var/nix/profiles/system")
    [ -z "$link" ] || echo "profile $(readlink "$root/nix/var/nix/profiles/$link")"
    key=$root/etc/ssh/ssh_host_ed25519_key
    # Of the secret half nothing is printed.
    [ ! -s "$key" ] || echo "key $(ssh-keygen -y -P '' -f "$key" 2>/dev/null)"
    # What boots the first entry, where the loader itself is there. Where GRUB was installed is noted behind its
    # installation: in `state` by NixOS, in `devices` by the stand-in.
    menu=
    if [ -s "$root/boot/grub/devices" ] || [ -s "$root/boot/grub/state" ]; then
        menu=$root/boot/grub/grub.cfg
    else
        # systemd-boot: its binary, and the entry that its configuration names, perhaps as a pattern.
        default=$(sed -n 's/^default  *//p' "$root/boot/loader/loader.conf" 2>/dev/null | head -n 1)
        for binary in "$root"/boot/EFI/systemd/systemd-boot*.efi; do
            [ -s "$binary" ] || continue
            for menu in "$root/boot/loader/entries/"${default:-none}; do break; done
        done
    fi
    if [ -n "$menu" ]; then
        entry=$(grep -o 'init=/nix/store/[^ /"'"'"']*/init' "$menu" 2>/dev/null | head -n 1)
        entry=${entry#init=}
        echo "boots ${entry%/init}"
    fi
}
look "$@" </dev/null
