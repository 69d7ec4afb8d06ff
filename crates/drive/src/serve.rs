//! A server of drives: a socket for each, and one for orders. It goes on until it is told to leave.

use crate::cache::Cache;
use crate::control::{Answer, LONGEST, Order};
use crate::drive::Drive;
use crate::medium::Medium;
use crate::nbd::{End, converse, held};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// A drive to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its name in orders.
    pub name: String,
    /// The file behind it, as large as the drive.
    pub medium: PathBuf,
    /// Where it is served; must not exist.
    pub socket: PathBuf,
    /// Bytes that it writes whole or not at all: 512 or 4096.
    pub sector: u32,
    /// Bytes that its cache holds.
    pub cache: usize,
}

/// Why drives cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file or socket.
    #[error("{}: {source}", path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A sector that no drive has.
    #[error("drive `{0}` cannot have sectors of {1} bytes: 512 or 4096, and the drive a multiple of that")]
    Sector(String, u32),
}

type Drives = Arc<BTreeMap<String, Arc<Mutex<Drive>>>>;

/// Serves these drives, and takes orders at `control`, until it is told to leave; then everything cached is on the media, and the
/// sockets are gone. A client that takes its leave has its writes kept; one that is killed leaves them in the cache, for the
/// order that says what becomes of them.
///
/// # Errors
/// See [`ServeError`]; nothing is served then.
pub fn serve(places: &[Place], control: &Path) -> Result<(), ServeError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ServeError::Files { path, source }
    };
    let (mut drives, mut doors) = (BTreeMap::new(), Vec::new());
    for place in places {
        let medium = Medium::open(&place.medium).map_err(at(&place.medium))?;
        if !matches!(place.sector, 512 | 4096) || !medium.bytes().is_multiple_of(u64::from(place.sector)) {
            return Err(ServeError::Sector(place.name.clone(), place.sector));
        }
        let drive = Arc::new(Mutex::new(Drive::new(medium, Cache::new(place.sector, place.cache))));
        let door = UnixListener::bind(&place.socket).map_err(at(&place.socket))?;
        doors.push((door, Arc::clone(&drive)));
        drives.insert(place.name.clone(), drive);
    }
    let drives: Drives = Arc::new(drives);
    let orders = UnixListener::bind(control).map_err(at(control))?;
    for (door, drive) in doors {
        thread::spawn(move || attend(&door, &drive));
    }
    for stream in orders.incoming() {
        let stream = stream.map_err(at(control))?;
        // Somebody who breaks off in the middle of an order harms nobody but himself.
        if let Ok(true) = take(&stream, &drives) {
            break;
        }
    }
    for path in places.iter().map(|place| place.socket.as_path()).chain([control]) {
        fs::remove_file(path).map_err(at(path))?;
    }
    Ok(())
}

/// Answers one client after another, as a drive hangs on one machine.
fn attend(door: &UnixListener, drive: &Mutex<Drive>) {
    for stream in door.incoming().flatten() {
        if let Ok(End::Goodbye) = converse(stream, drive) {
            // What cannot be written is lost with the medium; whoever ends the server is told.
            let _ = held(drive).settle();
        }
    }
}

/// Takes one order; whether it was to leave.
fn take(stream: &UnixStream, drives: &Drives) -> io::Result<bool> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    let order = serde_json::from_str::<Order>(&line);
    let answer = match &order {
        Ok(order) => carry_out(order, drives).unwrap_or_else(Answer::Refused),
        Err(error) => Answer::Refused(format!("no order: {error}")),
    };
    let leave = matches!((&order, &answer), (Ok(Order::Leave), Answer::Done));
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    let told = (&mut &*stream).write_all(&text);
    if leave { Ok(true) } else { told.map(|()| false) }
}

/// How long an order may take to come.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

fn carry_out(order: &Order, drives: &Drives) -> Result<Answer, String> {
    let named = |name: &str| {
        let known = || drives.keys().cloned().collect::<Vec<_>>().join(", ");
        drives.get(name).ok_or_else(|| format!("there is no drive `{name}`; there are: {}", known()))
    };
    match order {
        Order::Cut(loss) => {
            let mut lost = BTreeMap::new();
            for (number, (name, drive)) in (0..).zip(drives.iter()) {
                let mut drive = held(drive);
                let told = drive.cut(loss.of(number)).map_err(|error| format!("{name}: {error}"))?;
                lost.insert(name.clone(), told);
            }
            Ok(Answer::Lost(lost))
        }
        Order::Light => {
            drives.values().for_each(|drive| held(drive).light());
            Ok(Answer::Done)
        }
        Order::Add { drive, rule } => held(named(drive)?).add_rule(rule.clone()).map(|()| Answer::Done),
        Order::Well { drive } => {
            held(named(drive)?).well();
            Ok(Answer::Done)
        }
        Order::Rot { drive, at, sectors } => {
            let rotten = held(named(drive)?).rot(*at, *sectors);
            rotten.map(|()| Answer::Done).map_err(|error| error.to_string())
        }
        Order::Counts => {
            let counts = drives.iter().map(|(name, drive)| (name.clone(), held(drive).counts()));
            Ok(Answer::Counts(counts.collect()))
        }
        Order::Settle | Order::Leave => {
            for (name, drive) in drives.iter() {
                held(drive).settle().map_err(|error| format!("{name}: {error}"))?;
            }
            Ok(Answer::Done)
        }
    }
}
