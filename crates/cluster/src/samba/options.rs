//! Options of smb.conf(5) and `vfs_fruit(8)`, each for one share alone.

use fleet::{Share, ShareKind};
use std::collections::BTreeMap;
use storage::Size;

/// What the operator v0.8 writes for every server by itself. A share's own `vfs objects` take the place of these, so that
/// `fileid` must be named there again.
pub const GLOBALS: [(&str, &str); 8] = [
    ("load printers", "no"),
    ("printing", "bsd"),
    ("printcap name", "/dev/null"),
    ("disable spoolss", "yes"),
    ("dos charset", "ascii"),
    ("smb ports", "445"),
    ("vfs objects", "fileid"),
    ("fileid:algorithm", "fsid"),
];

/// What holds for all shares: macOS finds its metadata where it looks for them, and everybody who may use the share may
/// use all of it.
const ALL: [(&str, &str); 10] = [
    ("vfs objects", "catia fruit streams_xattr fileid"),
    ("fruit:metadata", "stream"),
    ("fruit:model", "MacSamba"),
    ("fruit:veto_appledouble", "no"),
    ("fruit:nfs_aces", "no"),
    ("fruit:wipe_intentionally_left_blank_rfork", "yes"),
    ("fruit:delete_empty_adfiles", "yes"),
    ("ea support", "yes"),
    ("force create mode", "0666"),
    ("force directory mode", "0777"),
];

/// The options of a share.
pub fn options(share: &Share) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        ALL.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    // The operator adds and changes options, and takes none away: what is not said here stays what it was. So every kind
    // of share says all of them, `no` and `0` (no limit) being what Samba takes where they are absent.
    let (takes_backups, most) = match share.kind {
        // Durable handles and what Time Machine wants of locks come with it.
        ShareKind::TimeMachine => ("yes", share.size.map(fruit_size)),
        ShareKind::Storage => ("no", None),
    };
    all.insert("fruit:time machine".into(), takes_backups.into());
    all.insert("fruit:time machine max size".into(), most.unwrap_or_else(|| "0".into()));
    all
}

/// A size in the largest unit of `vfs_fruit(8)` that divides it; its units are powers of 1024.
fn fruit_size(size: Size) -> String {
    let units = [("P", 50_u32), ("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    let fits = units.into_iter().find(|(_, bits)| size.0 > 0 && size.0.is_multiple_of(1 << bits));
    fits.map_or_else(|| size.0.to_string(), |(unit, bits)| format!("{}{unit}", size.0 >> bits))
}

#[cfg(test)]
mod tests {
    use super::fruit_size;
    use storage::Size;

    #[test]
    fn sizes_as_fruit_reads_them() {
        for (text, wanted) in
            [("2TiB", "2T"), ("1536GiB", "1536G"), ("2TB", "1953125000K"), ("1GiB", "1G"), ("1025KiB", "1025K")]
        {
            assert_eq!(fruit_size(text.parse::<Size>().unwrap()), wanted, "{text}");
        }
    }
}
