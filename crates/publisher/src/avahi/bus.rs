//! The connection to the bus, and what is heard on it, in order.

use super::error::DeskError;
use super::posted::State;
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use zbus::OwnedObjectPath;
use zbus::zvariant::DynamicType;
use zbus::{Connection, Message, MessageStream};

/// Avahi's name on the bus.
const AVAHI: &str = "org.freedesktop.Avahi";
const SERVER: &str = "org.freedesktop.Avahi.Server";
const GROUP: &str = "org.freedesktop.Avahi.EntryGroup";
const BUS: &str = "org.freedesktop.DBus";
/// Avahi answers at once or never: what takes time is told by signals.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is heard on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// avahi-daemon is on the bus, under this unique name; its records of ours, if it had any, are gone.
    Arrived(String),
    /// avahi-daemon has left.
    Left,
    /// avahi-daemon takes records from now on.
    Running,
    /// A group of records changed.
    Group(OwnedObjectPath, State),
    /// The bus itself is gone.
    Closed,
}

/// The connection, and the task that listens.
#[derive(Debug)]
pub(super) struct Bus {
    connection: Connection,
    listener: JoinHandle<()>,
}

impl Bus {
    /// Connects, and tells the news from now on; if avahi-daemon is there already, that is the first of them.
    pub(super) async fn connect(news: UnboundedSender<News>) -> Result<Self, DeskError> {
        let builder = zbus::connection::Builder::system().method_timeout(PATIENCE);
        let connection = builder.build().await.map_err(DeskError::Bus)?;
        let stream = MessageStream::from(&connection);
        let ask = |method, rule| call(&connection, BUS, "/org/freedesktop/DBus", BUS, method, rule);
        ask("AddMatch", format!("type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{AVAHI}'")).await?;
        ask("AddMatch", format!("type='signal',sender='{AVAHI}',member='StateChanged'")).await?;
        // Asked of the bus, so that no avahi-daemon is started by the question.
        let owner = match ask("GetNameOwner", AVAHI.to_owned()).await {
            Ok(reply) => reply.body().deserialize::<String>().ok(),
            Err(DeskError::Call { source: zbus::Error::MethodError(..) | zbus::Error::FDO(_), .. }) => None,
            Err(error) => return Err(error),
        };
        if let Some(owner) = &owner {
            let _ = news.send(News::Arrived(owner.clone()));
        }
        let listener = tokio::spawn(listen(stream, owner, news));
        Ok(Self { connection, listener })
    }

    /// Asks the daemon whether it takes records.
    pub(super) async fn is_running(&self, owner: &str) -> Result<bool, DeskError> {
        let reply = call(&self.connection, owner, "/", SERVER, "GetState", ()).await?;
        let state: i32 = read(&reply, "GetState")?;
        Ok(state == 2)
    }

    /// A new group, empty.
    pub(super) async fn new_group(&self, owner: &str) -> Result<OwnedObjectPath, DeskError> {
        let reply = call(&self.connection, owner, "/", SERVER, "EntryGroupNew", ()).await?;
        read(&reply, "EntryGroupNew")
    }

    /// Asks something of a group.
    pub(super) async fn group<B>(
        &self,
        owner: &str,
        group: &OwnedObjectPath,
        method: &'static str,
        body: B,
    ) -> Result<(), DeskError>
    where
        B: serde::Serialize + DynamicType,
    {
        call(&self.connection, owner, group.as_str(), GROUP, method, body).await.map(drop)
    }

    /// Ends the connection when all that was asked has been sent.
    pub(super) async fn close(self) {
        self.listener.abort();
        let _ = self.connection.clone().close().await;
    }
}

/// With the listener goes the last hold on the connection: where it stayed, avahi-daemon would keep the records of a
/// connection that nobody speaks for any more.
impl Drop for Bus {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn call<B>(
    connection: &Connection,
    destination: &str,
    path: &str,
    interface: &str,
    method: &'static str,
    body: B,
) -> Result<Message, DeskError>
where
    B: serde::Serialize + DynamicType,
{
    let reply = connection.call_method(Some(destination), path, Some(interface), method, &body).await;
    reply.map_err(|source| DeskError::Call { method, source })
}

fn read<T>(reply: &Message, method: &'static str) -> Result<T, DeskError>
where
    T: serde::de::DeserializeOwned + zbus::zvariant::Type,
{
    reply.body().deserialize().map_err(|source| DeskError::Call { method, source })
}

/// Tells the news until the bus is gone. It never waits for those who are told: replies come by the same socket.
async fn listen(mut stream: MessageStream, mut owner: Option<String>, news: UnboundedSender<News>) {
    while let Some(message) = stream.next().await {
        let Ok(message) = message else { break };
        let Some(item) = understand(&message, &mut owner) else { continue };
        if news.send(item).is_err() {
            return;
        }
    }
    let _ = news.send(News::Closed);
}

fn understand(message: &Message, owner: &mut Option<String>) -> Option<News> {
    let header = message.header();
    if header.message_type() != zbus::message::Type::Signal {
        return None;
    }
    let sender = header.sender()?.as_str();
    let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
    if (sender, interface, member) == (BUS, BUS, "NameOwnerChanged") {
        let body = message.body();
        let (name, _, new): (String, String, String) = body.deserialize().ok()?;
        if name != AVAHI || owner.as_ref() == Some(&new) {
            return None;
        }
        *owner = Some(new).filter(|new| !new.is_empty());
        return Some(owner.clone().map_or(News::Left, News::Arrived));
    }
    // Whoever else says so on the bus is not believed.
    if owner.as_deref() != Some(sender) || member != "StateChanged" {
        return None;
    }
    let body = message.body();
    let (state, error): (i32, String) = body.deserialize().ok()?;
    match interface {
        SERVER if state == 2 => Some(News::Running),
        GROUP => Some(News::Group(header.path()?.to_owned().into(), State::of(state, &error)?)),
        _ => None,
    }
}
