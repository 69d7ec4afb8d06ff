//! The lab's own installer, for a machine of the lab that starts it by kexec.

use super::bench::{failed, open};
use crate::failure::Failure;
use crate::kexecing::Made;
use crate::load::Loaded;
use crate::verbs::Context;

/// The installer of the fleet's lab for `machine`, with the keys that its medium has.
pub async fn kexec_installer(context: &Context, machine: &str) -> Result<Made, Failure> {
    let declared = Loaded::declared(&context.global)?;
    let mut bench = open(&declared, &context.story)?;
    let (image, keys) = bench.medium().await?;
    let files = tempfile::tempdir().map_err(failed)?;
    let value = bench.lab().kexec(machine, &image, &keys, files.path()).await?;
    Ok(Made { value, files: Some(files) })
}
