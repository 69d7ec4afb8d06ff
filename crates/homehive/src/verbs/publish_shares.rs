//! `publish-shares`: what the machines' own `homehive-publish-shares` does, from here.

use crate::failure::Failure;

pub async fn run(options: &publisher::Options) -> Result<(), Failure> {
    let next = format!("homehive publish-shares --kubeconfig {}", cmd::quote(&options.kubeconfig.to_string_lossy()));
    publisher::run(options).await.map_err(|error| Failure::failed("publishing shares", error, next))
}
