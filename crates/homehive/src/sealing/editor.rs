//! A secret in the user's editor: in a file that only the user can read, in memory where there is room, wiped afterwards.

use crate::answer;
use crate::failure::Failure;
use std::fs;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

/// What statfs(2) says of filesystems that lie in memory: tmpfs and ramfs.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// A private directory whose files are overwritten before they are removed.
struct Private(tempfile::TempDir);

impl Private {
    fn new() -> io::Result<Self> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let places = runtime.into_iter().chain([PathBuf::from("/dev/shm")]);
        let in_memory =
            |place: &PathBuf| rustix::fs::statfs(place).is_ok_and(|found| IN_MEMORY.contains(&found.f_type));
        let make = |place: &Path| {
            tempfile::Builder::new()
                .prefix("homehive-")
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(place)
        };
        for place in places.filter(in_memory) {
            if let Ok(dir) = make(&place) {
                return Ok(Self(dir));
            }
        }
        make(&std::env::temp_dir()).map(Self)
    }

    /// Overwrites what lies there: the file, and what an editor left beside it.
    fn wipe(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.0.path())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                wipe(&entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Err(error) = self.wipe() {
            answer::aside(format_args!("cannot wipe {}: {error}; remove it by hand", self.0.path().display()));
        }
    }
}

fn wipe(path: &Path) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    file.rewind()?;
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_all()
}

/// Opens `$VISUAL`, `$EDITOR` or `vi` on the text `before`, and returns what was saved.
///
/// # Errors
/// The editor cannot be started, or ended badly: then nothing is to be changed.
pub async fn edit(name: &str, before: &str) -> Result<Zeroizing<String>, Failure> {
    let variable = |name| std::env::var(name).ok().filter(|words| !words.trim().is_empty());
    let words = variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let failed = |error: io::Error| Failure::failed("the editor", error, "name yours in EDITOR, then the same again");
    let private = Private::new().map_err(failed)?;
    let path = private.0.path().join(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    file.write_all(before.as_bytes()).map_err(failed)?;
    if !before.is_empty() {
        file.write_all(b"\n").map_err(failed)?;
    }
    drop(file);
    // Ctrl-C is the editor's; whoever ends us gets the file wiped first.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let mut parts = words.split_whitespace();
    let mut command = Command::new(parts.next().unwrap_or("vi"));
    let mut child = command.args(parts).arg(&path).kill_on_drop(true).spawn().map_err(failed)?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(failed)?,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => return Err(Failure::Refused("nothing was changed: we were ended".to_owned())),
            _ = hangup.recv() => return Err(Failure::Refused("nothing was changed: the terminal is gone".to_owned())),
        }
    };
    if !status.success() {
        return Err(Failure::Refused(format!("nothing was changed: `{words}` ended with {status}")));
    }
    let mut text = Zeroizing::new(String::with_capacity(8192));
    let file = fs::File::open(&path).map_err(failed)?;
    file.take(8192).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
