//! A boot loader's menu as text: which entry boots which system, and which one is the default. Pure; what is asked for is
//! the entry of a system, found by the `init=` that it boots, whatever it is called.

/// Which boot loader, and its menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Menu {
    pub(super) loader: Loader,
    entries: Vec<Entry>,
    /// The system that the default entry boots, if that can be told.
    pub(super) default: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loader {
    Grub,
    SystemdBoot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// What a one-time choice names: `Submenu>Title` for GRUB, the entry's id for systemd-boot.
    name: String,
    /// The store path that it boots.
    system: String,
}

impl Loader {
    /// The word for it in `deploy.sh` and `loader.sh`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Grub => "grub",
            Self::SystemdBoot => "systemd-boot",
        }
    }
}

impl Menu {
    /// Reads what `loader.sh` prints; an error is why no boot can be tried out on this machine.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (head, files) = text.split_once("\nfile ").unwrap_or((text, ""));
        let told = |key: &str| head.lines().find_map(|line| line.strip_prefix(key)).map_or("", str::trim);
        match told("loader ") {
            "grub" => {
                let (format, kind) = (told("format "), told("kind "));
                // GRUB forgets the choice by writing its blocks in place, and cannot through md, LVM, btrfs or ZFS
                // (grub manual, "The GRUB environment block"): then every boot would be the trial's.
                if !["part", "disk"].contains(&kind) || !["ext2", "ext3", "ext4", "xfs", "vfat"].contains(&format) {
                    return Err(format!("GRUB could not forget the one-time choice: /boot is {format} on a {kind}"));
                }
                if told("editor ").is_empty() {
                    return Err("grub-editenv is not on the machine".to_owned());
                }
                let (_, config) = files.split_once('\n').unwrap_or_default();
                Ok(grub(config))
            }
            "systemd-boot" => Ok(systemd_boot(files)),
            _ => Err("neither GRUB's nor systemd-boot's menu is in /boot".to_owned()),
        }
    }

    /// The name of an entry that boots `system`.
    pub(super) fn entry(&self, system: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.system == system).map(|entry| entry.name.as_str())
    }
}

/// The system in a kernel's words: `init=/nix/store/…/init`.
fn system(words: &str) -> Option<String> {
    let words = words.split_whitespace().map(|word| word.trim_matches(['\'', '"']));
    words.filter_map(|word| word.strip_prefix("init=")?.strip_suffix("/init")).map(str::to_owned).next()
}

/// GRUB's menu: `menuentry` and `submenu` blocks, `set default=NUMBER`.
fn grub(config: &str) -> Menu {
    /// An open block.
    enum Block {
        Submenu(String),
        Entry(String),
        Other,
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut entries = Vec::new();
    let (mut tops, mut default) = (Vec::new(), None);
    for line in config.lines().map(str::trim) {
        let word = line.split_whitespace().next().unwrap_or_default();
        if line.ends_with('{') {
            let name = title(line[word.len()..].trim_start()).replace('>', ">>");
            if blocks.is_empty() && ["menuentry", "submenu"].contains(&word) {
                tops.push(None);
            }
            blocks.push(match word {
                "menuentry" => Block::Entry(name),
                "submenu" => Block::Submenu(name),
                _ => Block::Other,
            });
        } else if line == "}" {
            blocks.pop();
        } else if word.starts_with("linux") {
            let names = blocks.iter().filter_map(|block| match block {
                Block::Submenu(name) | Block::Entry(name) => Some(name.as_str()),
                Block::Other => None,
            });
            let name = names.collect::<Vec<_>>().join(">");
            if let Some(system) = system(line) {
                if let ([Block::Entry(_)], Some(top)) = (blocks.as_slice(), tops.last_mut()) {
                    *top = Some(system.clone());
                }
                entries.push(Entry { name, system });
            }
        } else if let Some(number) = line.strip_prefix("set default=").and_then(|number| number.parse::<usize>().ok()) {
            default = Some(number);
        }
    }
    let default = default.and_then(|number| tops.get(number).cloned().flatten());
    Menu { loader: Loader::Grub, entries, default }
}

/// The first word of `text` as GRUB's shell reads it: quotes of both kinds, and what is between them joined.
fn title(text: &str) -> String {
    let mut out = String::new();
    let (mut quote, mut chars) = (None, text.chars());
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None | Some('"'), '\\') => out.extend(chars.next()),
            (None, _) if c.is_whitespace() => break,
            _ => out.push(c),
        }
    }
    out
}

/// systemd-boot's files, each behind its path: `loader.conf` names the default, an entry's file name is its id.
fn systemd_boot(files: &str) -> Menu {
    let mut entries = Vec::new();
    let mut defaults: Vec<(bool, String)> = Vec::new();
    for file in format!("\nfile {files}").split("\nfile ").skip(1) {
        let (path, text) = file.split_once('\n').unwrap_or((file, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        let values = |key: &'static str| {
            text.lines().filter_map(move |line| line.strip_prefix(key)).filter(|rest| rest.starts_with([' ', '\t']))
        };
        if name == "loader.conf" {
            defaults.extend(values("preferred").map(|value| (true, value.trim().to_owned())));
            defaults.extend(values("default").map(|value| (false, value.trim().to_owned())));
        } else if let Some(system) = values("options").find_map(system) {
            entries.push(Entry { name: id(name), system });
        }
    }
    // `preferred` goes before `default` (loader.conf(5)).
    defaults.sort_by_key(|(preferred, _)| !preferred);
    let default = defaults.first().map(|(_, wanted)| id(wanted));
    let default = default.and_then(|id| entries.iter().find(|it| it.name == id)).map(|it| it.system.clone());
    Menu { loader: Loader::SystemdBoot, entries, default }
}

/// A file name without the counters of tries, which are no part of the id: `nixos-generation-4+3-1.conf`.
fn id(name: &str) -> String {
    let stem = name.strip_suffix(".conf").unwrap_or(name);
    let counted = |tail: &str| !tail.is_empty() && tail.chars().all(|c| c.is_ascii_digit() || c == '-');
    match stem.rsplit_once('+') {
        Some((plain, tail)) if counted(tail) => format!("{plain}.conf"),
        _ => format!("{stem}.conf"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Loader, Menu, title};

    fn store(number: u8) -> String {
        format!("/nix/store/{number:032}-nixos-system-nas-26.05")
    }

    fn on(format: &str, kind: &str, config: &str) -> Result<Menu, String> {
        let head = format!("loader grub\nformat {format}\nkind {kind}\neditor grub-editenv\n");
        Menu::read(&format!("{head}file /boot/grub/grub.cfg\n{config}"))
    }

    #[test]
    fn nixos_on_grub() {
        let menu = on("ext4", "part", include_str!("fixtures/grub-nixos.cfg")).unwrap();
        assert_eq!(menu.default, Some(store(1)));
        assert_eq!(menu.entry(&store(1)), Some("NixOS"));
        let two = "NixOS - All configurations>NixOS - Configuration 2 (2026-11-24 - 26.05.20261120.abcdef0 >> test)";
        assert_eq!(menu.entry(&store(2)), Some(two));
        let three = "NixOS - All configurations>NixOS - Configuration 1 (2026-11-01 - 26.05.20261101.0123456)>\
                     NixOS - Configuration 1 - (debug - 2026-11-01 - 26.05.20261101.0123456)";
        assert_eq!(menu.entry(&store(3)), Some(three));
        assert_eq!(menu.entry(&store(4)), None);
    }

    #[test]
    fn a_default_that_is_remembered_is_none_that_can_be_told() {
        let config = include_str!("fixtures/grub-nixos.cfg").replace("default=0", "default=\"${saved_entry}\"");
        assert_eq!(on("ext4", "part", &config).unwrap().default, None);
    }

    #[test]
    fn where_grub_cannot_forget_nothing_is_tried() {
        for (format, kind) in [("btrfs", "part"), ("ext4", "raid1"), ("ext4", "lvm"), ("zfs", ""), ("xfs", "crypt")] {
            on(format, kind, "").unwrap_err();
        }
        Menu::read("loader none\n").unwrap_err();
        Menu::read("loader grub\nformat ext4\nkind part\nfile /boot/grub/grub.cfg\n").unwrap_err();
    }

    #[test]
    fn the_stand_in_on_grub() {
        let config = format!(
            "if [ \"${{next_entry}}\" ]; then\n  set default=\"${{next_entry}}\"\nelse\n  set default=0\nfi\n\n\
             menuentry 'Stand-in' {{\n  linux /kernels/k 'init={}/init' 'root=UUID=1'\n  initrd /kernels/i\n}}\n\
             submenu 'Stand-in - All configurations' {{\n  menuentry 'Stand-in - Configuration 2 (d - it'\\''s)' {{\n    \
             linux /kernels/k 'init={}/init'\n  }}\n}}\n",
            store(1),
            store(2)
        );
        let menu = on("ext4", "part", &config).unwrap();
        assert_eq!(menu.default, Some(store(1)));
        let two = "Stand-in - All configurations>Stand-in - Configuration 2 (d - it's)";
        assert_eq!(menu.entry(&store(2)), Some(two));
    }

    #[test]
    fn titles() {
        for (text, expected) in [
            ("\"a b\" --class x {", "a b"),
            ("'it'\\''s' {", "it's"),
            ("\"say \\\"hi\\\"\" {", "say \"hi\""),
            ("plain {", "plain"),
        ] {
            assert_eq!(title(text), expected, "{text}");
        }
    }

    /// Entries by generation as NixOS wrote them up to 26.05, and by content as it does since.
    #[test]
    fn nixos_on_systemd_boot() {
        let entry = |name: &str, number| {
            format!(
                "file /boot/loader/entries/{name}\ntitle NixOS\nversion Generation {number} NixOS 26.05, built on 2026-11-24\n\
                 linux /EFI/nixos/1a-linux-6.12.1-bzImage.efi\ninitrd /EFI/nixos/1a-initrd.efi\n\
                 options init={}/init root=fstab loglevel=4\nmachine-id 0123456789abcdef0123456789abcdef\nsort-key nixos\n\n",
                store(number)
            )
        };
        for (conf, default) in [
            ("timeout 5\ndefault nixos-generation-1.conf\nconsole-mode keep\n", Some(store(1))),
            ("timeout 5\ndefault nixos-*\neditor 0\n", None),
            ("timeout 5\ndefault nixos-*\npreferred nixos-2f61.conf\n", Some(store(2))),
        ] {
            let text = format!(
                "loader systemd-boot\nfile /boot/loader/loader.conf\n{conf}\n{}{}",
                entry("nixos-generation-1.conf", 1),
                entry("nixos-2f61+3-1.conf", 2)
            );
            let menu = Menu::read(&text).unwrap();
            assert_eq!(menu.loader, Loader::SystemdBoot);
            assert_eq!(menu.default, default, "{conf}");
            assert_eq!(menu.entry(&store(1)), Some("nixos-generation-1.conf"));
            assert_eq!(menu.entry(&store(2)), Some("nixos-2f61.conf"));
        }
    }
}
