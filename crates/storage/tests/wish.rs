//! The resolved tree: order, inheritance, identities, mounts.

mod common;

use common::{NAS, wish};
use storage::wish::draw;

#[test]
fn nas_as_branches() {
    insta::assert_snapshot!(draw(&wish(NAS).branches()));
}

#[test]
fn nas_announced() {
    let lines: Vec<String> =
        wish(NAS).announce().iter().map(|it| format!("{} {} {}", it.node, it.role, it.identity)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_lies_below_comes_first() {
    let wish = wish(NAS);
    for (at, node) in wish.nodes.iter().enumerate() {
        for below in &node.on {
            let found = wish.nodes.iter().position(|other| other.id == *below).unwrap();
            assert!(found < at, "{} before {below}", node.id);
        }
    }
    let kept: Vec<_> = wish.nodes.iter().filter(|node| node.persistent).map(|node| node.id.as_str()).collect();
    assert_eq!(kept, ["lvm_vg.nas", "lvm_vg.nas.cache", "lvm_vg.nas.data"]);
    let mounts: Vec<_> = wish.mounts.iter().map(|mount| mount.path.as_str()).collect();
    assert_eq!(mounts, ["/", "/boot", "/data"]);
    let disks: Vec<_> = wish.disks_of(&"lvm_vg.nas.cache".into()).iter().map(|node| node.id.to_string()).collect();
    assert_eq!(disks.len(), 7, "a volume lies on its group's disks");
}

/// What refers to nothing is left out, and a circle ends.
#[test]
fn broken_trees_do_not_panic() {
    let text = r#"
        [disk.a]
        content = { type = "mdraid", name = "none" }
        [mdadm.circle]
        level = 1
        content = { type = "lvm_pv", vg = "circle" }
        [lvm_vg.circle]
        lvs.a = { size = "1GiB", writecache = "none", content = { type = "mdraid", name = "circle" } }
    "#;
    assert_eq!(wish(text).nodes.len(), 4);
}
