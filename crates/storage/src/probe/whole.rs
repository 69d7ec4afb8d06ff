//! What stands on several devices at once: arrays, btrfs, ZFS pools.

use super::assemble::Look;
use super::kernel::Files;
use super::sections::NOT_FOUND;
use super::{btrfs, zfs};
use crate::facts::{Array, Btrfs, Content, Device, FactsError, Pool};

/// Every btrfs; of one that is mounted also what is in it. Without the tool nothing is known of any.
pub(super) fn all_btrfs(look: &Look<'_>, devices: &[Device]) -> Result<Vec<Btrfs>, FactsError> {
    if devices.iter().all(|device| device.btrfs().is_none()) {
        return Ok(Vec::new());
    }
    let section = look.sections.get("btrfs")?;
    if section.status != 0 {
        return Ok(Vec::new());
    }
    let mut found = btrfs::show(section.text, |path| look.known.name(path))?;
    for one in &mut found {
        let device = one.devices.iter().find(|device| {
            look.sections.get(&format!("subvolumes:/dev/{}", device.device)).is_ok_and(|section| section.status == 0)
        });
        let Some(path) = device.map(|device| format!("/dev/{}", device.device)) else { continue };
        one.subvolumes = Some(btrfs::subvolumes(look.sections.get(&format!("subvolumes:{path}"))?.text));
        (one.data, one.metadata) = btrfs::profiles(look.sections.get(&format!("profiles:{path}"))?.text);
    }
    found.retain(|one| !one.devices.is_empty());
    Ok(found)
}

/// Every pool that is imported, with where its datasets are mounted.
pub(super) fn pools(look: &Look<'_>, files: &Files<'_>) -> Result<Vec<Pool>, FactsError> {
    let Ok(status) = look.sections.get("pools") else { return Ok(Vec::new()) };
    let text = |name: &str| look.sections.tool(name, "zfs");
    if status.status == NOT_FOUND {
        return Err(FactsError::NoTool { tool: "zpool", needed: "the machine's kernel has ZFS".into() });
    }
    let datasets = [text("datasets")?, text("dataset-kinds")?].concat();
    let name = |path: &str| look.known.name(path);
    let mut pools = zfs::pools(text("pools")?, text("pool-guids")?, text("pool-properties")?, &datasets, name)?;
    for line in files.mounts().into_iter().filter(|line| line.format == "zfs") {
        let (pool, path) = line.source.split_once('/').unwrap_or((&line.source, ""));
        let pool = pools.iter_mut().find(|known| known.name == pool);
        if let Some(dataset) = pool.and_then(|pool| pool.datasets.iter_mut().find(|known| known.path == path)) {
            dataset.mounts.push(line.target);
        }
    }
    Ok(pools)
}

/// What a volume of a pool lies on: all devices of the pool.
pub(super) fn below_zvol(pools: &[Pool], links: &[&str]) -> Vec<String> {
    let named = links.iter().find_map(|link| link.strip_prefix("/dev/zvol/")?.split('/').next());
    let pool = pools.iter().find(|pool| Some(pool.name.as_str()) == named);
    pool.into_iter().flat_map(Pool::members).filter_map(|member| member.device.clone()).collect()
}

/// The kernel's arrays, with what only their members' superblocks tell.
pub(super) fn arrays(files: &Files<'_>, devices: &[Device]) -> Vec<Array> {
    let arrays = files.arrays().into_iter().map(|lines| {
        let superblock = lines.members.iter().find_map(|member| {
            let device = devices.iter().find(|device| device.name == member.device)?;
            match &device.content {
                Content::Member { array, name, level, devices, .. } => Some((*array, name, level, *devices)),
                _ => None,
            }
        });
        let link = devices
            .iter()
            .find(|device| device.name == lines.device)
            .and_then(|device| device.links.iter().find_map(|link| link.strip_prefix("/dev/md/")));
        let (uuid, name, level, wanted) = match superblock {
            Some((array, name, level, devices)) => (Some(array), Some(name.as_str()), level.as_str(), devices),
            None => (None, None, "", 0),
        };
        Array {
            uuid: lines.uuid.filter(|uuid| !uuid.is_nil()).or(uuid).unwrap_or_default(),
            name: name.or(link).unwrap_or(&lines.device).to_owned(),
            level: if lines.level.is_empty() { level.to_owned() } else { lines.level },
            metadata: lines.metadata.filter(|_| lines.active),
            active: lines.active,
            devices: if lines.devices == 0 { wanted } else { lines.devices },
            members: lines.members,
            action: lines.action,
            done: lines.done,
            left: lines.left,
            device: lines.device,
        }
    });
    arrays.collect()
}
