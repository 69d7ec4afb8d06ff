//! The words of `homehive-publish-shares` and of `homehive publish-shares`.

use crate::pattern::NamePattern;
use std::path::PathBuf;

/// What to publish, and where from.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How to reach the cluster, and as whom
    #[arg(long, value_name = "FILE", env = "KUBECONFIG")]
    pub kubeconfig: PathBuf,
    /// The namespace that the shares are in
    #[arg(long, value_name = "NAME", default_value = "samba")]
    pub namespace: String,
    /// A share's host name below .local, with a place for the share's name
    #[arg(long, value_name = "PATTERN", default_value_t, env = "HOMEHIVE_SHARE_HOST_NAME")]
    pub host_name: NamePattern,
}
