//! A switch at work: a datagram socket for each machine, one frame a datagram, and a socket for orders. It goes on until it is
//! told to leave.

use crate::control::{Answer, LONGEST, Order, Toll};
use crate::switch::{Passed, Switch};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

/// A machine's place at the switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The machine's name in orders.
    pub name: String,
    /// The socket where the switch takes the machine's frames.
    pub switch: PathBuf,
    /// The socket where the machine takes frames; it need not be there.
    pub machine: PathBuf,
}

/// Why there is no switch.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ServeError {
    /// Which socket.
    path: PathBuf,
    /// What the system says.
    source: io::Error,
}

/// What happens to the switch.
enum Event {
    Frame { from: usize, frame: Vec<u8> },
    Order { order: Result<Order, String>, stream: UnixStream },
}

/// The largest frame: more than any card of a virtual machine sends.
const FRAME: usize = 1 << 16;
/// How many frames may wait for the switch before their senders do.
const WAITING: usize = 1024;
/// How long an order may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Passes frames between these machines, and takes orders at `control`, until it is told to leave; the sockets are gone then.
/// A machine that is off, or too slow to take its frames, loses them. `seed` says which frames a bad way loses.
///
/// # Errors
/// A socket cannot be made; nothing is served then.
pub fn serve(places: &[Place], control: &Path, seed: u64) -> Result<(), ServeError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ServeError { path, source }
    };
    let (events, queue) = mpsc::sync_channel(WAITING);
    let mut doors = Vec::new();
    for place in places {
        doors.push(UnixDatagram::bind(&place.switch).map_err(at(&place.switch))?);
    }
    let orders = UnixListener::bind(control).map_err(at(control))?;
    let out = UnixDatagram::unbound().map_err(at(control))?;
    out.set_nonblocking(true).map_err(at(control))?;
    for (from, door) in doors.into_iter().enumerate() {
        let events = events.clone();
        thread::spawn(move || listen(from, &door, &events));
    }
    thread::spawn(move || hear(&orders, &events));
    work(places, &queue, &out, Switch::new(places.len(), seed));
    for path in places.iter().map(|place| place.switch.as_path()).chain([control]) {
        fs::remove_file(path).map_err(at(path))?;
    }
    Ok(())
}

/// Takes a machine's frames.
fn listen(from: usize, door: &UnixDatagram, events: &SyncSender<Event>) {
    let mut buffer = vec![0; FRAME];
    while let Ok(length) = door.recv(&mut buffer) {
        if events.send(Event::Frame { from, frame: buffer[..length].to_vec() }).is_err() {
            break;
        }
    }
}

/// Takes orders, one connection after another.
fn hear(orders: &UnixListener, events: &SyncSender<Event>) {
    for stream in orders.incoming().flatten() {
        // Somebody who breaks off in the middle of an order harms nobody but himself.
        let Ok(line) = line(&stream) else { continue };
        let order = serde_json::from_str(&line).map_err(|error| format!("no order: {error}"));
        if events.send(Event::Order { order, stream }).is_err() {
            break;
        }
    }
}

fn line(stream: &UnixStream) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    Ok(line)
}

/// Passes frames on until told to leave.
fn work(places: &[Place], queue: &Receiver<Event>, out: &UnixDatagram, mut switch: Switch) {
    let begun = Instant::now();
    loop {
        send(places, out, switch.arrived(begun.elapsed()));
        let event = match switch.next() {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => queue.recv_timeout(due.saturating_sub(begun.elapsed())),
        };
        match event {
            Ok(Event::Frame { from, frame }) => send(places, out, switch.take(from, &frame, begun.elapsed())),
            Ok(Event::Order { order, stream }) => {
                let leave = matches!(order, Ok(Order::Leave));
                let answer = order.and_then(|order| carry_out(&order, places, &mut switch));
                tell(stream, &answer.unwrap_or_else(Answer::Refused));
                if leave {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// A machine that does not take its frames loses them: it is off, or slower than what is sent to it.
fn send(places: &[Place], out: &UnixDatagram, passed: Vec<Passed>) {
    for Passed { to, frame } in passed {
        if let Some(place) = places.get(to) {
            let _ = out.send_to(&frame, &place.machine);
        }
    }
}

fn carry_out(order: &Order, places: &[Place], switch: &mut Switch) -> Result<Answer, String> {
    let port = |name: &str| {
        let known = || places.iter().map(|place| place.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = places.iter().position(|place| place.name == name);
        found.ok_or_else(|| format!("there is no machine `{name}` at the switch; there are: {}", known()))
    };
    match order {
        Order::Link(Toll { from, to, link }) => {
            let (from, to) = (port(from)?, port(to)?);
            if from == to {
                return Err("a machine has no link to itself".to_owned());
            }
            switch.set(from, to, *link);
            Ok(Answer::Done)
        }
        Order::Links => {
            let name = |port: usize| places.get(port).map_or_else(String::new, |place| place.name.clone());
            let links = switch.bad().map(|(from, to, link)| Toll { from: name(from), to: name(to), link });
            Ok(Answer::Links(links.collect()))
        }
        Order::Leave => Ok(Answer::Done),
    }
}

fn tell(mut stream: UnixStream, answer: &Answer) {
    if let Ok(mut text) = serde_json::to_vec(answer) {
        text.push(b'\n');
        // Whoever has gone does not want to know.
        let _ = stream.write_all(&text);
    }
}
