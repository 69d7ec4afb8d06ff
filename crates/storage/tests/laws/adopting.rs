//! A machine of somebody else's: with its identities in the tree, there is nothing to do on it.

use super::common::{storage, wish};
use super::trees::trees;
use super::world::World;
use document::{Format, Path, edit};
use proptest::prelude::*;
use storage::adopt::adopt;
use storage::plan::Consent;
use storage::{Wish, identity, plan};

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn what_is_adopted_is_as_declared(tree in trees()) {
        let mut world = World::new(tree.disks);
        world.converge(&wish(&tree.text), Consent::default());
        let facts = world.seen();
        let own = |text: &str| Wish::new(&storage(text), identity::namespace("another", "nas"));
        prop_assert!(!plan(&own(&tree.text), &facts, &Consent::default()).refusals.is_empty(), "it is somebody else's");

        let found = adopt(&storage(&tree.text), &Path::root(), &own(&tree.text), &facts);
        prop_assert_eq!(&found.strange, &[]);
        let texts: Vec<_> = found.identities.into_iter().map(|it| (it.at, it.uuid)).collect();
        let text = edit(&tree.text, Format::Toml, &texts).unwrap();
        let plan = plan(&own(&text), &facts, &Consent::default());
        prop_assert!(plan.is_empty() && plan.refusals.is_empty(), "{}", plan.to_text());
        let again = adopt(&storage(&text), &Path::root(), &own(&text), &facts);
        prop_assert!(again.identities.is_empty() && again.strange.is_empty(), "{again:?}");
    }
}
