//! What `stat -c %N` prints of links: `'/dev/disk/by-id/x' -> '../../sda'`.

use std::collections::BTreeMap;

/// Links by the kernel name they lead to, sorted. A line of another form is passed over: a link less is a disk that is
/// not found, never a wrong one.
pub(super) fn parse(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        let Some((link, target)) = line.split_once(" -> ") else { continue };
        let (Some(link), Some(target)) = (bare(link), bare(target)) else { continue };
        let name = target.trim_start_matches("../").trim_start_matches("/dev/");
        found.entry(name).or_default().push(link);
    }
    for links in found.values_mut() {
        links.sort_unstable();
    }
    found
}

/// Link and target, whatever they are.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (link, target) = line.split_once(" -> ")?;
        Some((bare(link)?, bare(target)?))
    })
}

/// What stands between single quotes.
fn bare(quoted: &str) -> Option<&str> {
    quoted.trim().strip_prefix('\'')?.strip_suffix('\'')
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn links() {
        let links = parse(
            "'/dev/disk/by-id/b' -> '../../sda'\n'/dev/disk/by-id/a' -> '../../sda'\n/odd -> x\n'/dev/md/nas' -> '../md127'\n",
        );
        assert_eq!(links["sda"], ["/dev/disk/by-id/a", "/dev/disk/by-id/b"]);
        assert_eq!(links["md127"], ["/dev/md/nas"]);
        assert_eq!(links.len(), 2);
    }
}
