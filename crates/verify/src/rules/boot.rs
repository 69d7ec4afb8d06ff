//! Boot sector and boot menu: does GRUB start from this disk, and does it start the current generation?

use super::{output, verdict};
use crate::Printed;
use crate::judge::Verdict;
use schemars::JsonSchema;
use serde::Serialize;

/// What is true of the boot loader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BootRule {
    /// The first 1024 bytes of the disk, as `od -An -v -tx1` prints them, are GRUB's boot sector and the head of what
    /// it loads.
    Sector,
    /// The menu starts the system of the profile by default. Answers: `grub.cfg`, and the profile's store path.
    Generation,
    /// What every entry loads is there. Answers: `grub.cfg`, and all files of the boot filesystem that are not empty.
    Kernels {
        /// Where the boot filesystem is mounted.
        mountpoint: String,
    },
}

impl BootRule {
    pub(super) fn judge(&self, answers: &[&Printed]) -> Verdict {
        match self {
            Self::Sector => sector(output(answers, 0)?),
            Self::Generation => generation(output(answers, 0)?, output(answers, 1)?.trim()),
            Self::Kernels { mountpoint } => kernels(output(answers, 0)?, output(answers, 1)?, mountpoint),
        }
    }
}

/// Offsets of GRUB's `boot/i386/pc/boot.S` and `include/grub/i386/pc/boot.h`: the 64-bit sector number of what is
/// loaded next stands at 0x5c, the message `GRUB ` in the code, the BIOS's signature at 0x1fe.
fn sector(dump: &str) -> Verdict {
    let bytes: Option<Vec<u8>> = dump.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let bytes = bytes.filter(|bytes| bytes.len() == 1024).ok_or("the boot sector could not be read")?;
    let mut wrong = Vec::new();
    if bytes[0x1fe..0x200] != [0x55, 0xaa] {
        wrong.push("no boot signature: the BIOS will not start this disk".to_owned());
    }
    if !bytes[..0x1fe].windows(5).any(|window| window == b"GRUB ") {
        wrong.push("the boot sector is not GRUB's".to_owned());
    }
    let next = bytes[0x5c..0x64].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    if next == 0 || next == 1 && bytes[0x200..].iter().all(|byte| *byte == 0) {
        wrong.push("nothing is there for the boot sector to load".to_owned());
    }
    verdict(&wrong, format!("GRUB, goes on at sector {next}"))
}

/// What a menu entry loads and starts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry<'a> {
    title: &'a str,
    files: Vec<&'a str>,
    init: Option<&'a str>,
}

/// The entries of a `grub.cfg`, and which of them starts by itself.
fn menu(config: &str) -> (Vec<Entry<'_>>, usize) {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut default = 0;
    for line in config.lines().map(str::trim) {
        if let Some(number) = line.strip_prefix("set default=") {
            default = number.trim_matches(['"', '\'']).parse().unwrap_or(default);
        }
        if let Some(rest) = line.strip_prefix("menuentry ") {
            let mark = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
            let title = mark.and_then(|mark| rest[1..].split(mark).next());
            let title = title.or_else(|| rest.split_whitespace().next()).unwrap_or_default();
            entries.push(Entry { title, ..Entry::default() });
        }
        // No word of ours holds a space: quotes stand around whole words.
        let mut words = line.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        let (Some(entry), Some(word)) = (entries.last_mut(), words.next()) else { continue };
        if matches!(word, "linux" | "linux16" | "initrd" | "initrd16") {
            let kernel = word.starts_with("linux");
            let files = words.clone().take(if kernel { 1 } else { usize::MAX });
            entry.files.extend(files);
            if kernel {
                entry.init = words.find_map(|word| word.strip_prefix("init="));
            }
        }
    }
    (entries, default)
}

fn generation(config: &str, system: &str) -> Verdict {
    let store = system.strip_prefix("/nix/store/").filter(|name| !name.is_empty());
    let store = store.ok_or_else(|| format!("the system profile leads to `{system}`, which is no store path"))?;
    let (entries, default) = menu(config);
    let Some(entry) = entries.get(default) else {
        return Err(format!("the menu has {} entries, and number {default} is the default", entries.len()));
    };
    let wanted = format!("{system}/init");
    match entry.init {
        Some(init) if init == wanted => Ok(format!("`{}` starts {store}", entry.title)),
        Some(init) => Err(format!("`{}` starts {init}, but the profile is {system}", entry.title)),
        None => Err(format!("`{}` names no system to start", entry.title)),
    }
}

fn kernels(config: &str, files: &str, mountpoint: &str) -> Verdict {
    let there: std::collections::HashSet<&str> = files.lines().map(str::trim).collect();
    let (entries, _) = menu(config);
    let mut wrong = Vec::new();
    let mut loaded = std::collections::BTreeSet::new();
    for file in entries.iter().flat_map(|entry| &entry.files) {
        // `($drive1)//kernels/…`: a device in front, slashes doubled.
        let path = file.rsplit(')').next().unwrap_or(file);
        let path = path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let full = format!("{}/{path}", mountpoint.trim_end_matches('/'));
        // With the system on the boot filesystem itself, GRUB loads from the store.
        if !path.starts_with("nix/store/") && !there.contains(full.as_str()) && !there.contains(&*format!("/{path}")) {
            wrong.push(format!("{full} is missing or empty"));
        }
        loaded.insert(path);
    }
    wrong.dedup();
    if loaded.is_empty() {
        wrong.push("the menu loads no kernel".to_owned());
    }
    verdict(&wrong, format!("{} files of {} entries", loaded.len(), entries.len()))
}

#[cfg(test)]
mod tests {
    use super::{generation, kernels, sector};

    fn dump(change: impl Fn(&mut Vec<u8>)) -> String {
        // The head of Debian 12's /usr/lib/grub/i386-pc/boot.img as grub-install places it, zeroes left out.
        let mut bytes = vec![0_u8; 1024];
        bytes[..2].copy_from_slice(&[0xeb, 0x63]);
        bytes[0x5c] = 1;
        bytes[0x180..0x185].copy_from_slice(b"GRUB ");
        bytes[0x1fe..0x200].copy_from_slice(&[0x55, 0xaa]);
        bytes[0x200..0x204].copy_from_slice(&[0x52, 0xe8, 0x28, 0x01]);
        change(&mut bytes);
        let lines =
            bytes.chunks(16).map(|chunk| chunk.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn boot_sectors() {
        let cases: [(&str, String, Result<&str, &str>); 6] = [
            ("GRUB", dump(|_| {}), Ok("GRUB, goes on at sector 1")),
            ("blank", dump(|bytes| bytes.fill(0)), Err("no boot signature")),
            ("table only", dump(|bytes| bytes[..0x1fe].fill(0)), Err("not GRUB's")),
            ("core missing", dump(|bytes| bytes[0x200..].fill(0)), Err("nothing is there")),
            ("short", "eb 63 90".into(), Err("could not be read")),
            ("not hex", "od: /dev/sda: Permission denied".into(), Err("could not be read")),
        ];
        for (case, text, wanted) in cases {
            match (sector(&text), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{case}"),
                (Err(found), Err(wanted)) => assert!(found.contains(wanted), "{case}: {found}"),
                (found, _) => panic!("{case}: {found:?}"),
            }
        }
    }

    const NIXOS: &str = r#"
if [ "${next_entry}" ]; then
  set default="${next_entry}"
else
  set default=0
fi
menuentry "NixOS - Default" --class nixos --unrestricted {
search --set=drive1 --fs-uuid 5e3b4cf2-0f54-5c8e-9a3b-6d7c0d9a2b11
  linux ($drive1)//kernels/aaaa-linux-6.12.9-bzImage init=/nix/store/1111-nixos-system-nas-26.05/init loglevel=4
  initrd ($drive1)//kernels/bbbb-initrd-linux-6.12.9-initrd
}
submenu "NixOS - All configurations" --class submenu {
menuentry "NixOS - Configuration 1" {
  linux ($drive1)//kernels/cccc-linux-6.12.8-bzImage init=/nix/store/0000-nixos-system-nas-26.05/init loglevel=4
  initrd ($drive1)//kernels/dddd-initrd-linux-6.12.8-initrd
}
}
"#;

    #[test]
    fn menus_start_the_current_generation() {
        let system = "/nix/store/1111-nixos-system-nas-26.05";
        assert_eq!(generation(NIXOS, system).unwrap(), "`NixOS - Default` starts 1111-nixos-system-nas-26.05");
        for (case, config, system, wanted) in [
            ("another generation", NIXOS, "/nix/store/2222-nixos-system-nas-26.05", "but the profile is"),
            ("empty", "", system, "0 entries"),
            ("no profile", NIXOS, "", "no store path"),
            ("no init", "menuentry 'x' {\n linux /vmlinuz\n}", system, "names no system"),
            ("default beyond", "set default=\"7\"\nmenuentry x {\n}", system, "number 7"),
        ] {
            let found = generation(config, system).unwrap_err();
            assert!(found.contains(wanted), "{case}: {found}");
        }
    }

    /// As the stand-in writes it.
    const QUOTED: &str = "set default=0\nset timeout=1\nmenuentry 'nas: generation 1' {\n\
        \x20 linux /kernels/aaaa-vmlinuz 'init=/nix/store/1111-system/init' 'console=ttyS0'\n\
        \x20 initrd /kernels/bbbb-initrd\n}\n";

    #[test]
    fn quoted_words_are_read() {
        let found = generation(QUOTED, "/nix/store/1111-system").unwrap();
        assert_eq!(found, "`nas: generation 1` starts 1111-system");
        let files = "/boot/kernels/aaaa-vmlinuz\n/boot/kernels/bbbb-initrd\n";
        assert_eq!(kernels(QUOTED, files, "/boot").unwrap(), "2 files of 1 entries");
    }

    #[test]
    fn kernels_are_there() {
        let all = "/boot/kernels/aaaa-linux-6.12.9-bzImage\n/boot/kernels/bbbb-initrd-linux-6.12.9-initrd\n\
                   /boot/kernels/cccc-linux-6.12.8-bzImage\n/boot/kernels/dddd-initrd-linux-6.12.8-initrd\n";
        assert_eq!(kernels(NIXOS, all, "/boot").unwrap(), "4 files of 2 entries");
        let some = all.replace("bbbb", "eeee");
        let wanted = "/boot/kernels/bbbb-initrd-linux-6.12.9-initrd is missing or empty";
        assert_eq!(kernels(NIXOS, &some, "/boot").unwrap_err(), wanted);
        assert_eq!(kernels("", all, "/boot").unwrap_err(), "the menu loads no kernel");
    }
}
