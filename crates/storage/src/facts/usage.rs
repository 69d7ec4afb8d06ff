//! Who uses a device: what is mounted from it, swap, and the arrays and volumes that stand on it.

use super::{Device, DeviceKind, Facts};

impl Facts {
    /// Who uses a device or anything on it, in words: `mounted on /data`, `held by array nas (/dev/md127), mounted on
    /// /data`. A partition alone is no use.
    pub fn used(&self, device: &Device) -> Option<String> {
        if let Some(mount) = self.mounts_of(device).next() {
            return Some(format!("mounted on {}", mount.target));
        }
        if self.swaps.contains(&device.name) {
            return Some("in use as swap".to_owned());
        }
        if let Some(pool) = self.pool_of(&device.name) {
            return Some(format!("held by ZFS pool {}", pool.name));
        }
        let begun = |array: &&super::Array| array.members.iter().any(|member| member.device == device.name);
        let begun = self.arrays.iter().find(begun).and_then(|array| self.device(&array.device));
        self.children(&device.name).chain(begun).find_map(|child| self.uses(child))
    }

    /// How this device, which stands on another, uses that.
    fn uses(&self, child: &Device) -> Option<String> {
        let above = self.used(child);
        let held = match child.kind {
            DeviceKind::Disk | DeviceKind::Partition => {
                return above.map(|above| format!("{above} ({})", child.path));
            }
            DeviceKind::Array => {
                let array = self.arrays.iter().find(|array| array.device == child.name);
                let name = array.map_or_else(String::new, |array| format!(" {}", array.name));
                format!("held by array{name} ({})", child.path)
            }
            DeviceKind::Volume => format!("held by volume {}", child.path),
            DeviceKind::Zvol => format!("held by ZFS volume {}", child.path),
            DeviceKind::Crypt => format!("opened as {}", child.path),
            DeviceKind::Other => format!("held by {}", child.path),
        };
        Some(above.map_or_else(|| held.clone(), |above| format!("{held}, {above}")))
    }
}
