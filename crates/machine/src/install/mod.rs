//! Installing a system closure on disks that are mounted below a directory, as nixos-install does: profile, host key,
//! activation, boot loader, unmount. Bringing the closure there is done before; what it is, and which machine, is the
//! caller's business.

use crate::profile::{self, PROFILE, SOON};
use crate::{Machine, RunError, Story};
use cmd::Cmd;
use std::time::Duration;

/// Where the system goes, and what proves who it is.
pub struct Target<'a> {
    /// The directory below which its filesystems are mounted, such as `/mnt`.
    pub root: &'a str,
    /// The secret half of its SSH host key, in OpenSSH's form.
    pub host_key: &'a str,
    /// The public half of it.
    pub host_public: &'a str,
    /// Device-mapper groups and arrays to be put to rest when all is unmounted, so that they are clean: words of
    /// commands, in order.
    pub rest: &'a [Cmd],
}

/// Why a system is not installed; the machine is not to be rebooted.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A phase failed.
    #[error("{phase}: {source}")]
    Phase {
        /// What was done.
        phase: &'static str,
        /// Why it failed.
        source: RunError,
    },
}

/// GRUB's installer reads every device there is; emulated it takes 30 s.
const LOADER: Duration = Duration::from_mins(10);

/// A shell script that runs words with another root directory.
const ENTER: &str = include_str!("enter.sh");

/// Words with `root` as their root directory, with devices, in mount and process namespaces that end with them.
fn enter(root: &str, words: &[&str]) -> Cmd {
    let unshare = ["--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-s", "--", root];
    Cmd::new("unshare").args(unshare).args(words.iter().copied()).input(ENTER)
}

/// How far an installation came, as the machine itself shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The system that the profile names.
    pub profile: Option<String>,
    /// The public half of the host key that is there.
    pub host_key: Option<String>,
    /// The system that the boot menu's first entry starts, if the boot loader itself was whole before the menu was written.
    pub boots: Option<String>,
}

impl Found {
    /// Is `system` what the profile names?
    pub fn has_profile(&self, system: &str) -> bool {
        self.profile.as_deref() == Some(system)
    }

    /// Is `public` the host key that is there? Comments do not count.
    pub fn has_key(&self, public: &str) -> bool {
        let bare = |key: &str| key.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
        self.host_key.as_deref().is_some_and(|key| bare(key) == bare(public))
    }

    /// Is `system` installed to its last step? The menu is what is written last, after all that it needs.
    pub fn is_whole(&self, system: &str, public: &str) -> bool {
        self.has_profile(system) && self.has_key(public) && self.boots.as_deref() == Some(system)
    }
}

/// Looks below `root` on `machine`; nothing is changed.
pub async fn look(machine: &Machine, root: &str) -> Result<Found, InstallError> {
    let words = Cmd::new("sh").args(["-s", "--", root]).input(LOOK);
    let said = machine.run(&words, SOON).await;
    let said = said.map_err(|source| InstallError::Phase { phase: "looking what is installed", source })?.stdout;
    Ok(read(&said))
}

const LOOK: &str = include_str!("look.sh");

fn read(said: &str) -> Found {
    let value = |key: &str| {
        let mut values = said.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        values.next().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    Found { profile: value("profile"), host_key: value("key"), boots: value("boots") }
}

/// Runs one word of a phase.
async fn run(machine: &Machine, phase: &'static str, cmd: Cmd, deadline: Duration) -> Result<(), InstallError> {
    machine.run(&cmd, deadline).await.map(drop).map_err(|source| InstallError::Phase { phase, source })
}

/// Makes `system`, whose closure is there, the one that the profile names, with its host key, and activates it below its
/// root. What `found` has already stays.
pub async fn activate(
    machine: &Machine,
    system: &str,
    target: &Target<'_>,
    found: &Found,
    story: &Story,
) -> Result<(), InstallError> {
    let root = target.root;
    let below = |path: &str| format!("{root}{path}");
    story.stage(machine.name(), "activates the system below its root");
    if !found.has_profile(system) {
        let store = format!("local?root={root}");
        let set = profile::set(Some(&store), &below(PROFILE), system);
        run(machine, "setting the system profile", set, SOON).await?;
    }
    if !found.has_key(target.host_public) {
        let key = below("/etc/ssh/ssh_host_ed25519_key");
        // Nobody else's from its first byte on.
        let place = Cmd::new("install").args(["-D", "-m", "0600", "/dev/null", &key]);
        run(machine, "placing the host key", place, SOON).await?;
        let write = Cmd::new("dd").arg(format!("of={key}")).args(["status=none", "conv=fsync"]).input(target.host_key);
        run(machine, "placing the host key", write, SOON).await?;
    }
    run(machine, "activating", enter(root, &[&format!("{system}/activate")]), LOADER).await
}

/// Installs the boot loader and the boot menu, the last thing that changes what the machine boots.
pub async fn boot(machine: &Machine, target: &Target<'_>, story: &Story) -> Result<(), InstallError> {
    story.stage(machine.name(), "installs the boot loader");
    let switch = format!("{PROFILE}/bin/switch-to-configuration");
    let switch = enter(target.root, &[&switch, "boot"]);
    let mut loader = Cmd::new("env").arg("NIXOS_INSTALL_BOOTLOADER=1");
    loader.words.extend(switch.words);
    loader.input = switch.input;
    run(machine, "installing the boot loader", loader, LOADER).await?;
    run(machine, "writing everything out", Cmd::new("sync"), LOADER).await
}

/// Unmounts everything and puts what lay below it to rest: the machine may be switched off.
pub async fn close(machine: &Machine, target: &Target<'_>, story: &Story) -> Result<(), InstallError> {
    story.stage(machine.name(), "unmounts");
    run(machine, "writing everything out", Cmd::new("sync"), LOADER).await?;
    run(machine, "unmounting", Cmd::new("umount").args(["--recursive", target.root]), LOADER).await?;
    for cmd in target.rest {
        run(machine, "putting its disks to rest", cmd.clone(), SOON).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Found, LOOK, look, read};
    use crate::Machine;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(read(""), Found::default());
        assert_eq!(read("profile \nkey\nboots \n"), Found::default());
        assert!(!Found::default().is_whole("/nix/store/a", "ssh-ed25519 AAAA"));
    }

    #[test]
    fn whole_is_all_of_it() {
        let whole = Found {
            profile: Some("/nix/store/a".into()),
            host_key: Some("ssh-ed25519 AAAA nas".into()),
            boots: Some("/nix/store/a".into()),
        };
        let key = "ssh-ed25519 AAAA other comment";
        assert!(whole.is_whole("/nix/store/a", key));
        assert!(!whole.is_whole("/nix/store/b", key) && !whole.is_whole("/nix/store/a", "ssh-ed25519 BBBB"));
        for lacking in [
            Found { profile: None, ..whole.clone() },
            Found { host_key: None, ..whole.clone() },
            Found { boots: Some("/nix/store/old".into()), ..whole.clone() },
        ] {
            assert!(!lacking.is_whole("/nix/store/a", key), "{lacking:?}");
        }
    }

    #[tokio::test]
    async fn a_tree_as_an_installation_leaves_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let machine = Machine::local("here", false);
        let found = async || look(&machine, &root.display().to_string()).await.unwrap();
        assert_eq!(found().await, Found::default());
        fs::create_dir_all(root.join("nix/var/nix/profiles")).unwrap();
        symlink("system-3-link", root.join("nix/var/nix/profiles/system")).unwrap();
        symlink("/nix/store/abc-system", root.join("nix/var/nix/profiles/system-3-link")).unwrap();
        fs::create_dir_all(root.join("etc/ssh")).unwrap();
        let key = root.join("etc/ssh/ssh_host_ed25519_key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f"]).arg(&key).status();
        let Ok(true) = made.map(|status| status.success()) else {
            eprintln!("skipped: ssh-keygen is missing");
            return;
        };
        fs::create_dir_all(root.join("boot/grub")).unwrap();
        let menu = "set default=0\nmenuentry 'new' {\n  linux /kernels/k init=/nix/store/abc-system/init quiet\n}\n\
                    menuentry 'old' {\n  linux /kernels/k init=/nix/store/old-system/init quiet\n}\n";
        fs::write(root.join("boot/grub/grub.cfg"), menu).unwrap();
        let half = found().await;
        assert_eq!(half.boots, None, "a menu without its loader boots nothing");
        assert!(half.has_profile("/nix/store/abc-system"));
        assert!(half.has_key(&fs::read_to_string(key.with_extension("pub")).unwrap()), "{half:?}");
        fs::write(root.join("boot/grub/devices"), "/dev/disk/by-id/usb-x\n").unwrap();
        assert_eq!(found().await.boots.as_deref(), Some("/nix/store/abc-system"));
        // NixOS notes elsewhere where its GRUB is, and machines with EFI have another loader altogether.
        fs::rename(root.join("boot/grub/devices"), root.join("boot/grub/state")).unwrap();
        assert_eq!(found().await.boots.as_deref(), Some("/nix/store/abc-system"));
        fs::remove_dir_all(root.join("boot/grub")).unwrap();
        fs::create_dir_all(root.join("boot/loader/entries")).unwrap();
        fs::write(root.join("boot/loader/loader.conf"), "timeout 5\ndefault nixos-generation-3*\n").unwrap();
        for (generation, system) in [(2, "old"), (3, "abc")] {
            let entry = format!("title NixOS\noptions init=/nix/store/{system}-system/init quiet\n");
            fs::write(root.join(format!("boot/loader/entries/nixos-generation-{generation}.conf")), entry).unwrap();
        }
        assert_eq!(found().await.boots, None, "entries without a loader boot nothing");
        fs::create_dir_all(root.join("boot/EFI/systemd")).unwrap();
        fs::write(root.join("boot/EFI/systemd/systemd-bootx64.efi"), "MZ").unwrap();
        assert_eq!(found().await.boots.as_deref(), Some("/nix/store/abc-system"));
        // A key that was cut while it was written is none.
        fs::write(&key, "-----BEGIN OPENSSH").unwrap();
        assert_eq!(found().await.host_key, None);
        assert!(!LOOK.contains('\t'));
    }
}
