//! Installing a system closure on disks that are mounted below a directory, as nixos-install does: copy, profile, host key,
//! activation, boot loader, unmount. What the closure is, and which machine, is the caller's business.

use crate::copy::{self, Closure, CopyError};
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
    /// Device-mapper groups and arrays to be put to rest when all is unmounted, so that they are clean: words of
    /// commands, in order.
    pub rest: &'a [Cmd],
}

/// Why a system is not installed; the machine is not to be rebooted.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The closure was not copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
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

/// Installs `closure` on `machine`. Every phase can be done again: what is there already stays.
///
/// # Errors
/// The first phase that fails ends it; the boot loader is the last one, so that a machine whose installation failed
/// boots what it booted before.
pub async fn install(
    machine: &Machine,
    closure: &Closure,
    target: &Target<'_>,
    story: &Story,
) -> Result<(), InstallError> {
    let root = target.root;
    let below = |path: &str| format!("{root}{path}");
    copy::copy_one(copy::Target { machine, root, closure }, story).await?;
    let run = async |phase: &'static str, cmd: Cmd, deadline: Duration| {
        machine.run(&cmd, deadline).await.map_err(|source| InstallError::Phase { phase, source })
    };
    story.stage(machine.name(), "activates the system below its root");
    let store = format!("local?root={root}");
    run("setting the system profile", profile::set(Some(&store), &below(PROFILE), &closure.system), SOON).await?;
    let key = below("/etc/ssh/ssh_host_ed25519_key");
    // Nobody else's from its first byte on.
    run("placing the host key", Cmd::new("install").args(["-D", "-m", "0600", "/dev/null", &key]), SOON).await?;
    let write = Cmd::new("dd").arg(format!("of={key}")).args(["status=none", "conv=fsync"]).input(target.host_key);
    run("placing the host key", write, SOON).await?;
    run("activating", enter(root, &[&format!("{}/activate", closure.system)]), LOADER).await?;
    story.stage(machine.name(), "installs the boot loader");
    let switch = format!("{PROFILE}/bin/switch-to-configuration");
    let switch = enter(root, &[&switch, "boot"]);
    let mut loader = Cmd::new("env").arg("NIXOS_INSTALL_BOOTLOADER=1");
    loader.words.extend(switch.words);
    loader.input = switch.input;
    run("installing the boot loader", loader, LOADER).await?;
    story.stage(machine.name(), "unmounts");
    run("writing everything out", Cmd::new("sync"), LOADER).await?;
    run("unmounting", Cmd::new("umount").args(["--recursive", root]), LOADER).await?;
    for cmd in target.rest {
        run("putting its disks to rest", cmd.clone(), SOON).await?;
    }
    Ok(())
}
