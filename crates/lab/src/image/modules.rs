//! Which kernel modules must be loaded before a given one, from `modules.dep`.

use std::collections::HashMap;

/// The paths (relative to the modules' directory) of `wanted` and all they depend on, each after what it needs; the
/// first name that the table does not know is the error.
///
/// The table is that of depmod(8): `path: needed needed …`, the nearest need first. Names may be written with `-` or `_`.
pub fn in_order(table: &str, wanted: &[&str]) -> Result<Vec<String>, String> {
    let rows: HashMap<String, (&str, Vec<&str>)> = table
        .lines()
        .filter_map(|line| {
            let (path, needs) = line.split_once(':')?;
            Some((name(path), (path, needs.split_whitespace().collect())))
        })
        .collect();
    let mut order: Vec<String> = Vec::new();
    for wanted in wanted {
        let (path, needs) = rows.get(&name(wanted)).ok_or_else(|| (*wanted).to_owned())?;
        for path in needs.iter().rev().chain([path]) {
            if !order.iter().any(|known| known == path) {
                order.push((*path).to_owned());
            }
        }
    }
    Ok(order)
}

/// `kernel/fs/nls/nls_iso8859-1.ko.xz` is `nls_iso8859_1`.
fn name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::in_order;

    const TABLE: &str = "kernel/drivers/virtio/virtio.ko:\n\
        kernel/drivers/virtio/virtio_ring.ko: kernel/drivers/virtio/virtio.ko\n\
        kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n\
        kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko\n";

    #[test]
    fn needs_come_first_and_once() {
        let order = in_order(TABLE, &["virtio_pci", "virtio_rng"]).unwrap();
        let names: Vec<_> = order.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["virtio.ko", "virtio_ring.ko", "virtio_pci.ko", "virtio-rng.ko"]);
        assert_eq!(in_order(TABLE, &["virtio_pci", "floppy"]), Err("floppy".to_owned()));
    }
}
