//! The switch itself: which frame goes where, and when. It reads no clock and holds no socket.

use crate::link::Link;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::Duration;

/// A frame that has reached its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The port, by its number.
    pub to: usize,
    /// The frame.
    pub frame: Vec<u8>,
}

/// A switch with so many ports. It learns which address lives behind which port; what it does not know goes everywhere.
#[derive(Debug)]
pub struct Switch {
    ports: usize,
    seed: u64,
    ways: BTreeMap<(usize, usize), Way>,
    learned: HashMap<[u8; 6], usize>,
    late: BinaryHeap<Reverse<Late>>,
    /// Bytes that are late.
    held: usize,
    /// How many frames were ever taken to be late: what keeps them in their order.
    taken: u64,
}

/// One way from a port to another.
#[derive(Debug)]
struct Way {
    link: Link,
    /// By which frames are lost.
    dice: ChaCha8Rng,
    /// When the last frame on it arrives, or has arrived.
    last: Duration,
}

/// A frame on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Late {
    due: Duration,
    number: u64,
    to: usize,
    frame: Vec<u8>,
}

/// Two addresses of six bytes and a type (IEEE 802.3): less is no frame.
const HEADER: usize = 14;
/// More addresses than this are not learned, so that nobody fills the memory.
const LEARNED: usize = 4096;
/// Frames beyond so many late bytes are lost, as by any switch.
const HELD: usize = 64 << 20;

impl Switch {
    /// A switch with so many ports, all of whose ways are good; `seed` says which frames a bad one loses.
    pub fn new(ports: usize, seed: u64) -> Self {
        let (ways, learned, late) = (BTreeMap::new(), HashMap::new(), BinaryHeap::new());
        Self { ports, seed, ways, learned, late, held: 0, taken: 0 }
    }

    /// How the way from a port to another is from now on. What is under way arrives as it would have.
    pub fn set(&mut self, from: usize, to: usize, link: Link) {
        let last = self.ways.get(&(from, to)).map_or(Duration::ZERO, |way| way.last);
        // A way's dice follow from the seed and its ends alone: what happens elsewhere does not change them.
        let own = self.seed ^ (((from as u64) << 32) | to as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.ways.insert((from, to), Way { link, dice: ChaCha8Rng::seed_from_u64(own), last });
    }

    /// All ways that are not good.
    pub fn bad(&self) -> impl Iterator<Item = (usize, usize, Link)> {
        self.ways.iter().filter(|(_, way)| !way.link.is_good()).map(|((from, to), way)| (*from, *to, way.link))
    }

    /// Takes a frame that came in at a port at `now`; what passes at once is given back, what is late is kept.
    pub fn take(&mut self, from: usize, frame: &[u8], now: Duration) -> Vec<Passed> {
        let Some((to, source)) = addresses(frame) else { return Vec::new() };
        // The lowest bit of the first byte says that it is for many (IEEE 802, section 8.2).
        if source[0] & 1 == 0 && (self.learned.len() < LEARNED || self.learned.contains_key(&source)) {
            self.learned.insert(source, from);
        }
        let known = if to[0] & 1 == 0 { self.learned.get(&to).copied() } else { None };
        let targets = known.map_or(0..self.ports, |port| port..port + 1);
        targets.filter(|port| *port != from).filter_map(|port| self.pass(from, port, frame, now)).collect()
    }

    fn pass(&mut self, from: usize, to: usize, frame: &[u8], now: Duration) -> Option<Passed> {
        let passed = || Passed { to, frame: frame.to_vec() };
        let Some(way) = self.ways.get_mut(&(from, to)) else { return Some(passed()) };
        if way.link.cut || way.dice.random_range(0..1000) < way.link.loss.of_thousand() {
            return None;
        }
        // A way that was slow a moment ago does not let frames overtake those under way.
        let due = (now + Duration::from_millis(way.link.delay_ms)).max(way.last);
        if due <= now {
            return Some(passed());
        }
        if self.held + frame.len() > HELD {
            return None;
        }
        way.last = due;
        self.held += frame.len();
        self.taken += 1;
        self.late.push(Reverse(Late { due, number: self.taken, to, frame: frame.to_vec() }));
        None
    }

    /// What was late and has arrived by `now`, in the order of its arrival.
    pub fn arrived(&mut self, now: Duration) -> Vec<Passed> {
        let mut passed = Vec::new();
        while let Some(Reverse(next)) = self.late.peek()
            && next.due <= now
            && let Some(Reverse(Late { to, frame, .. })) = self.late.pop()
        {
            self.held -= frame.len();
            passed.push(Passed { to, frame });
        }
        passed
    }

    /// When the next late frame arrives.
    pub fn next(&self) -> Option<Duration> {
        self.late.peek().map(|Reverse(late)| late.due)
    }
}

/// Where a frame goes, and where it comes from.
fn addresses(frame: &[u8]) -> Option<([u8; 6], [u8; 6])> {
    if frame.len() < HEADER {
        return None;
    }
    Some((frame.get(..6)?.try_into().ok()?, frame.get(6..12)?.try_into().ok()?))
}
