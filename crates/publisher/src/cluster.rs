//! The cluster's API: watches Services and shares, and says what is wanted whenever that changes.

use crate::knowledge::Knowledge;
use crate::options::Options;
use crate::service::Balancer;
use crate::share::{Share, SmbShare};
use crate::wanted::Wanted;
use futures_util::{Stream, StreamExt as _, stream};
use k8s_openapi::api::core::v1::Service;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;

/// The Services of the Samba operator.
const SERVICES: &str = "app.kubernetes.io/name=samba";

/// Why the cluster cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// It is not known how to reach it.
    #[error("{}: {source}; name a kubeconfig by --kubeconfig or KUBECONFIG", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<KubeconfigError>,
    },
    /// What the file says cannot be used.
    #[error("{}: {source}", path.display())]
    Client {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<kube::Error>,
    },
}

/// One thing that was seen.
#[derive(Clone, Debug)]
pub enum Sighting {
    /// Of a Service.
    Service(Event<Balancer>),
    /// Of a share.
    Share(Event<Share>),
}

/// The cluster, as one client may see it.
#[derive(Debug)]
pub struct Cluster {
    services: Api<Service>,
    shares: Api<SmbShare>,
    options: Options,
}

impl Cluster {
    /// Reads how to reach the cluster; nothing is sent yet.
    ///
    /// # Errors
    /// The kubeconfig cannot be read or used.
    pub async fn open(options: &Options) -> Result<Self, ClusterError> {
        let path = || options.kubeconfig.clone();
        let unread = |source| ClusterError::Kubeconfig { path: path(), source: Box::new(source) };
        let file = Kubeconfig::read_from(&options.kubeconfig).map_err(unread)?;
        let mut config =
            kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(unread)?;
        config.connect_timeout = Some(Duration::from_secs(5));
        let client = Client::try_from(config)
            .map_err(|source| ClusterError::Client { path: path(), source: Box::new(source) })?;
        Ok(Self {
            services: Api::namespaced(client.clone(), &options.namespace),
            shares: Api::namespaced(client, &options.namespace),
            options: options.clone(),
        })
    }

    /// Says what is wanted whenever that changes, for ever. What was known stays wanted while the API is away: the shares
    /// are served without it.
    pub async fn watch(self, wanted: watch::Sender<Option<Wanted>>) {
        let services = watcher(self.services, watcher::Config::default().labels(SERVICES));
        let services = sightings(services, "Services", |service| Balancer::of(&service), Sighting::Service);
        let shares = watcher(self.shares, watcher::Config::default());
        let shares = sightings(shares, "SmbShares", |share| Share::of(&share), Sighting::Share);
        let mut all = std::pin::pin!(stream::select(services, shares));
        let mut known = Knowledge::default();
        while let Some(sighting) = all.next().await {
            match sighting {
                Sighting::Service(event) => known.services.take(event, |service| service.name.clone()),
                Sighting::Share(event) => known.shares.take(event, |share| share.object.clone()),
            }
            let now = known.wanted(&self.options.host_name);
            wanted.send_if_modified(|before| {
                let changed = now.is_some() && *before != now;
                if changed {
                    *before = now;
                }
                changed
            });
        }
    }
}

/// What a watch sees, reduced to what is asked of it at once; its errors are told, each once, and it goes on.
fn sightings<K, T>(
    watch: impl Stream<Item = watcher::Result<Event<K>>>,
    what: &'static str,
    reduce: impl Fn(K) -> T,
    sighting: impl Fn(Event<T>) -> Sighting,
) -> impl Stream<Item = Sighting> {
    let mut told = None;
    watch.backoff(Pauses::default()).filter_map(move |event| {
        let seen = match event {
            Ok(event) => {
                // A watch that goes on where it was cut says nothing until something changes.
                if told.take().is_some() {
                    crate::publish::say(&format!("{what} can be watched again"));
                }
                Some(sighting(map(event, &reduce)))
            }
            Err(error) => {
                let text = reason(&error);
                if told.as_ref() != Some(&text) {
                    crate::publish::say(&format!("{what} cannot be watched: {text}; trying again"));
                    told = Some(text);
                }
                None
            }
        };
        std::future::ready(seen)
    })
}

fn map<K, T>(event: Event<K>, reduce: impl Fn(K) -> T) -> Event<T> {
    match event {
        Event::Apply(object) => Event::Apply(reduce(object)),
        Event::Delete(object) => Event::Delete(reduce(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(reduce(object)),
        Event::InitDone => Event::InitDone,
    }
}

/// What the API answered, or else what kept it from that.
fn reason(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.message.clone(),
        other => causes(other),
    }
}

/// An error with what is behind it: that of a watch alone does not tell why.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// Pauses between tries: from a quarter of a second, doubled, to ten seconds.
#[derive(Debug, Default)]
struct Pauses(u32);

impl Pauses {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(10);
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = Self::FIRST * 2_u32.pow(self.0.min(6));
        self.0 += 1;
        Some(pause.min(Self::LONGEST))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Pauses;
    use kube::runtime::utils::Backoff as _;

    #[test]
    fn pauses_grow_to_ten_seconds_and_begin_anew_after_a_success() {
        let mut pauses = Pauses::default();
        let all: Vec<u128> = pauses.by_ref().take(9).map(|pause| pause.as_millis()).collect();
        assert_eq!(all, [250, 500, 1000, 2000, 4000, 8000, 10000, 10000, 10000]);
        pauses.reset();
        assert_eq!(pauses.next().map(|pause| pause.as_millis()), Some(250));
    }
}
