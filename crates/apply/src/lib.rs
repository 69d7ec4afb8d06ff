//! Brings a cluster to the objects that the fleet says: what differs, in which order, waiting until each wave is ready,
//! and pruning of what homehive made and the fleet no longer says. What the objects are is `cluster`'s business.
