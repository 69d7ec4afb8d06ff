//! `[pins]`: which names it may have. What they stand for is the catalogue's business.

/// The charts and images that a fleet may move, as homehive's catalogue calls them.
pub const NAMES: [&str; 7] = [
    "kube-prometheus-stack",
    "metallb",
    "prometheus-smartctl-exporter",
    "samba-metrics",
    "samba-operator",
    "samba-server",
    "thanos",
];
