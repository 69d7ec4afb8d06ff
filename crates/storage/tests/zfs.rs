//! A ZFS pool as the lab showed it: made, and grown by a third device.

mod common;

use common::facts;
use storage::facts::Content;
use storage::health::{self, State};
use storage::plan::Consent;
use storage::{Wish, identity, plan};

#[test]
fn what_is_imported_is_whole() {
    let wish = Wish::new(&common::storage(include_str!("common/tank.toml")), identity::namespace("pools", "one"));
    let facts = facts("zfs/imported");
    let [pool] = &facts.pools[..] else { panic!("{:?}", facts.pools) };
    assert_eq!((pool.name.as_str(), pool.health.as_str(), pool.damaged), ("tank", "ONLINE", 0));
    let members: Vec<_> = pool.members().filter_map(|member| member.device.as_deref()).collect();
    assert_eq!(members, ["nvme0n1p1", "nvme1n1p1", "nvme2n1p1"]);
    for member in &members {
        let device = facts.devices.iter().find(|device| device.name == *member).unwrap();
        assert!(matches!(&device.content, Content::PoolMember { gone: false, .. }), "{device:?}");
    }
    let paths: Vec<_> = pool.datasets.iter().map(|dataset| dataset.path.as_str()).collect();
    assert_eq!(paths, ["", "media", "papers", "papers/old", "papers/swap", "volume"]);
    let plan = plan(&wish, &facts, &Consent::default());
    assert!(plan.is_empty(), "{}", plan.to_text());
    for finding in health::health(&wish, &facts) {
        assert_eq!(finding.state, State::Good, "{finding:?}");
    }
}
