//! The loop: what the cluster wants is handed in at the desk, until somebody says stop.

use crate::announcement::Announcement;
use crate::avahi::{Desk, News, State};
use crate::change::Change;
use crate::cluster::{Cluster, ClusterError};
use crate::notify::{self, Notify};
use crate::options::Options;
use crate::share::Kind;
use crate::wanted::{Key, Wanted};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// How long the bus is left alone after it could not be reached: doubled from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// Why publishing ends, other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It cannot begin.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// It would not hear that it is to stop.
    #[error("signals cannot be taken: {0}")]
    Signals(#[source] std::io::Error),
}

/// Publishes the shares of a cluster until SIGTERM or SIGINT, then withdraws them.
///
/// # Errors
/// The kubeconfig cannot be used. Everything that goes wrong later is told and tried again.
pub async fn run(options: &Options) -> Result<(), PublishError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(PublishError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(PublishError::Signals)?;
    let cluster = Cluster::open(options).await?;
    let (sender, wanted) = watch::channel(None);
    let watching = tokio::spawn(cluster.watch(sender));
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    publish(wanted, stop).await;
    watching.abort();
    Ok(())
}

/// Publishes what is wanted until `stop`, then withdraws it. While nothing is known (`None`) nothing is changed.
pub async fn publish(mut wanted: watch::Receiver<Option<Wanted>>, stop: impl Future<Output = ()>) {
    let notify = Notify::from_env();
    let mut stop = std::pin::pin!(stop);
    let mut watchdog = notify::watchdog().map(tokio::time::interval);
    let mut loop_ = Loop::new();
    let mut is_watched = true;
    notify.tell("READY=1");
    loop {
        let wake = loop_.wake();
        let sleep = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let alive = async {
            match &mut watchdog {
                Some(interval) => drop(interval.tick().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut stop => break,
            changed = wanted.changed(), if is_watched => {
                is_watched = changed.is_ok();
                let now = wanted.borrow_and_update().clone();
                if let Some(now) = now {
                    loop_.want(now).await;
                }
            }
            Some(news) = loop_.news.recv() => loop_.hear(news).await,
            () = sleep => loop_.retry().await,
            () = alive => notify.tell("WATCHDOG=1"),
        }
        if let Some(status) = loop_.status() {
            notify.tell(&format!("STATUS={status}"));
        }
    }
    notify.tell("STOPPING=1");
    if let Some(desk) = loop_.desk {
        desk.close().await;
    }
    say("everything is withdrawn");
}

/// Tells the journal.
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

struct Loop {
    desk: Option<Desk>,
    sender: mpsc::UnboundedSender<News>,
    news: mpsc::UnboundedReceiver<News>,
    wanted: Wanted,
    reconnect: Option<Instant>,
    pause: Duration,
    trouble: Option<String>,
    status: String,
}

impl Loop {
    fn new() -> Self {
        let (sender, news) = mpsc::unbounded_channel();
        Self {
            desk: None,
            sender,
            news,
            wanted: Wanted::default(),
            reconnect: Some(Instant::now()),
            pause: PAUSE.0,
            trouble: None,
            status: String::new(),
        }
    }

    /// When there is something to do even if nothing happens.
    fn wake(&self) -> Option<Instant> {
        match &self.desk {
            None => self.reconnect,
            Some(desk) => desk.next_retry(),
        }
    }

    async fn want(&mut self, wanted: Wanted) {
        for refusal in wanted.refused.iter().filter(|refusal| !self.wanted.refused.contains(refusal)) {
            say(&refusal.to_string());
        }
        self.wanted = wanted;
        self.settle(true).await;
    }

    async fn retry(&mut self) {
        if self.desk.is_none() {
            // News of the connection before are no news.
            (self.sender, self.news) = mpsc::unbounded_channel();
            match Desk::open(self.sender.clone()).await {
                Ok(desk) => (self.desk, self.reconnect) = (Some(desk), None),
                Err(error) => self.lose(&error.to_string()),
            }
        } else {
            self.settle(false).await;
        }
    }

    async fn hear(&mut self, news: News) {
        let Some(desk) = &mut self.desk else { return };
        match &news {
            News::Closed => return self.lose("the system bus is gone"),
            News::Left => say("avahi-daemon is gone: nothing is published until it is back"),
            News::Arrived(_) | News::Running | News::Group(..) => {}
        }
        let settles = matches!(news, News::Arrived(_) | News::Running);
        match desk.hear(news).await {
            Ok(Some((key, state))) => self.tell_state(&key, &state),
            Ok(None) => {}
            Err(error) => return self.lose(&error.to_string()),
        }
        if settles {
            (self.pause, self.trouble) = (PAUSE.0, None);
            self.settle(true).await;
        }
    }

    async fn settle(&mut self, again: bool) {
        let Some(desk) = &mut self.desk else { return };
        match desk.settle(&self.wanted.announcements, again).await {
            Ok(changes) => changes.iter().for_each(|change| self.tell_change(change)),
            Err(error) => self.lose(&error.to_string()),
        }
    }

    /// Lets the connection go, and everything handed in by it, to begin anew.
    fn lose(&mut self, why: &str) {
        if self.trouble.as_deref() != Some(why) {
            say(&format!("{why}; trying again"));
            self.trouble = Some(why.to_owned());
        }
        self.desk = None;
        self.reconnect = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(PAUSE.1);
    }

    fn tell_change(&self, change: &Change) {
        match change {
            Change::Withdraw(key) => say(&format!("{key} is withdrawn")),
            Change::Move(_, new) => say(&format!("{} has moved to {}", new.host, new.whereabouts())),
            // Told when it is there.
            Change::Add(key, _) => {
                let state =
                    self.desk.as_ref().and_then(|desk| desk.posted().get(key)).map(|posted| posted.state.clone());
                if let Some(state) = state.filter(State::is_bad) {
                    self.tell_state(key, &state);
                }
            }
        }
    }

    fn tell_state(&self, key: &Key, state: &State) {
        let Some(posted) = self.desk.as_ref().and_then(|desk| desk.posted().get(key)) else { return };
        let Announcement { host, instance, kind, .. } = &posted.announcement;
        match state {
            State::Registering => {}
            State::Established => {
                let what = if *kind == Kind::TimeMachine { "for Time Machine" } else { "as storage" };
                say(&format!("{host} is published at {}, {what}", posted.announcement.whereabouts()));
            }
            State::Collision => say(&format!(
                "{host} is not published: somebody else on the LAN has that name, or `{instance}` as a share; \
                 it is tried again in a while and whenever a share changes (avahi-resolve -n {host} tells who it is)"
            )),
            State::Failed(why) => say(&format!("{host} is not published: avahi-daemon says: {why}; it is tried again")),
        }
    }

    /// What systemd shows, if it differs from what was told last.
    fn status(&mut self) -> Option<String> {
        let open = self.desk.as_ref().is_some_and(Desk::is_open);
        let empty = BTreeMap::new();
        let posted = self.desk.as_ref().map_or(&empty, Desk::posted);
        let there = posted.values().filter(|posted| posted.state == State::Established).count();
        let status = if open {
            format!("{there} of {} shares published", self.wanted.announcements.len() + self.wanted.refused.len())
        } else {
            "waiting for avahi-daemon".to_owned()
        };
        (status != self.status).then(|| {
            self.status.clone_from(&status);
            status
        })
    }
}
