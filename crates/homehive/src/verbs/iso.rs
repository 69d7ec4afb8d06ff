//! `iso`: the installation medium as an image, built by Nix, with its pinned host key behind it.

use super::Context;
use crate::answer;
use crate::args::Iso;
use crate::failure::Failure;
use crate::hostkeys::{HostKeys, INSTALLER, reveal};
use crate::load::Loaded;
use crate::medium::image::hex;
use crate::medium::{build, key};
use crate::reach;
use crate::rendering;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The answer of `iso --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct IsoAnswer {
    /// The image. It holds a secret key: only its owner may read it.
    pub image: String,
    /// Bytes.
    pub bytes: u64,
    /// The hash of the whole image.
    pub sha256: String,
    /// The public host key that the medium shows.
    pub host_key: String,
}

pub async fn run(context: &Context, args: &Iso) -> Result<(), Failure> {
    if context.global.in_lab {
        return Err(Failure::usage("the lab has a medium of its own", "boot it: homehive lab boot MACHINE --medium"));
    }
    let loaded = Loaded::for_verb(&context.global)?;
    let machine = args.machine.as_deref().map(|name| loaded.machine(name)).transpose()?;
    let suffix = machine.as_ref().map_or_else(String::new, |name| format!("-{name}"));
    let out = match &args.out {
        Some(out) => out.clone(),
        None => place()?.join(format!("{}-installer{suffix}.iso", loaded.fleet.about.name)),
    };
    if below(&out, &loaded.dir()) {
        return Err(Failure::Refused(format!(
            "{} would hold a secret key and lie in the fleet's directory, which Nix copies into its store, where everybody \
             may read it; nothing was built\n  name another place: --out FILE, or leave it out",
            out.display()
        )));
    }
    if out.exists() {
        let text = format!("{} is there already; nothing was built", out.display());
        return Err(Failure::Refused(format!("{text}\n  to make it again: remove it, or name another --out FILE")));
    }
    let again = context.again(&format!("iso{}", machine.map_or_else(String::new, |name| format!(" {name}"))));
    let failed =
        |doing: &str, error: &dyn std::fmt::Display| Failure::failed(doing, error, format!("mend that, then {again}"));
    // The keys first: without them the best of images is of no use.
    let keys = HostKeys::of(&loaded.dir());
    let admins: Vec<String> = loaded.fleet.admin.keys.iter().map(ToString::to_string).collect();
    let made = keys.ensure(INSTALLER, admins.iter().map(String::as_str));
    let public = made.map_err(|error| failed("the medium's host key", &error))?;
    let secret = keys.secret(INSTALLER, &reach::unlocking(&loaded)?);
    let secret = secret.map_err(|error| failed("the medium's host key", &error))?;

    let dir = rendering::bring(&loaded, &again)?;
    context.story.stage("image", "is built by Nix, which takes long the first time");
    let built = build::build(&dir, &format!("packages.x86_64-linux.installer-iso{suffix}")).await;
    let image = built.and_then(|built| build::iso(&built)).map_err(|error| failed("no image", &error))?;

    context.story.stage("image", "gets the medium's host key");
    let filesystem = key::filesystem(reveal(&secret)).await.map_err(|error| failed("the medium's host key", &error))?;
    let (bytes, sha256) = put(&image, &filesystem, &out).map_err(|error| failed(&out.display().to_string(), &error))?;
    let image = out.display().to_string();
    if context.global.json {
        answer::json("iso", &IsoAnswer { image, bytes, sha256, host_key: public });
        return Ok(());
    }
    answer::text(&format!(
        "{image} is a boot medium of {bytes} bytes, sha256 {sha256}\nit shows the host key {public}\n\
         it holds a secret key: do not publish it\nnext: homehive write-medium {} /dev/disk/by-id/usb-…",
        cmd::quote(&image)
    ));
    Ok(())
}

/// Where images go: they can be made again at any time, and nobody else may look in there.
fn place() -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| set("HOME").map(|home| home.join(".cache")));
    let dir = base.ok_or_else(|| Failure::usage("no place for the image: HOME is not set", "name one: --out FILE"))?;
    let dir = dir.join("homehive/media");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
    made.map_err(|error| Failure::Failed(format!("cannot make {}: {error}", dir.display())))?;
    Ok(dir)
}

/// Would `file` lie in `dir` or below it?
fn below(file: &Path, dir: &Path) -> bool {
    let parent = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(parent).starts_with(real(dir))
}

/// Copies the image out of the store, appends the key, and gives it its name only then; readable by its owner alone from
/// its first byte on. Its length and hash.
fn put(image: &Path, filesystem: &[u8], out: &Path) -> Result<(u64, String), key::KeyError> {
    let dir = out.parent().filter(|dir| !dir.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut copy = tempfile::NamedTempFile::new_in(dir)?;
    io::copy(&mut File::open(image)?, copy.as_file_mut())?;
    copy.flush()?;
    key::append(copy.as_file_mut(), filesystem)?;
    let mut hash = Sha256::new();
    io::copy(&mut File::open(copy.path())?, &mut hash)?;
    let file = copy.persist_noclobber(out).map_err(|error| error.error)?;
    let bytes = file.metadata()?.len();
    File::open(out)?.sync_all()?;
    Ok((bytes, hex(&hash.finalize())))
}

#[cfg(test)]
mod tests {
    use super::{below, put};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_nix_copies_holds_no_image() {
        let dir = tempfile::tempdir().unwrap();
        let (home, beside) = (dir.path().join("home"), dir.path().join("beside"));
        fs::create_dir_all(home.join("media")).unwrap();
        fs::create_dir(&beside).unwrap();
        std::os::unix::fs::symlink(&home, dir.path().join("link")).unwrap();
        for (file, within) in [
            (home.join("x.iso"), true),
            (home.join("media/x.iso"), true),
            (dir.path().join("link/x.iso"), true),
            (home.join("../beside/x.iso"), false),
            (beside.join("x.iso"), false),
        ] {
            assert_eq!(below(&file, &home), within, "{}", file.display());
        }
    }

    #[test]
    fn only_its_owner_reads_the_image() {
        let dir = tempfile::tempdir().unwrap();
        let (image, out) = (dir.path().join("store.iso"), dir.path().join("out.iso"));
        let mut content = vec![1; 4096];
        content[446..510].fill(0);
        content[510..512].copy_from_slice(&[0x55, 0xaa]);
        fs::write(&image, content).unwrap();
        fs::set_permissions(&image, fs::Permissions::from_mode(0o444)).unwrap();
        let (bytes, sha256) = put(&image, &[9; 1024], &out).unwrap();
        assert_eq!((bytes, sha256.len()), (2 << 20, 64));
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(put(&image, &[9; 1024], &out).is_err(), "an image that is there is not replaced");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "and nothing is left beside it");
    }
}
