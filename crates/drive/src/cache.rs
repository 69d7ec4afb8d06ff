//! A drive's volatile write cache: what has been written and not yet flushed, and what of it survives when the power goes.
//! It knows no file; what is to reach the medium is handed out.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is lost of the writes that were not flushed when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Nothing: the drive's capacitors hold long enough, as behind a battery.
    None,
    /// All of them.
    All,
    /// Some: whole writes, in no order, and single sectors of a few. The same seed loses the same of the same writes.
    Some {
        /// The seed.
        seed: u64,
    },
    /// The last one breaks off in the middle, between two sectors; all before it are kept.
    Torn {
        /// The seed.
        seed: u64,
    },
}

impl Loss {
    /// The loss of one of several drives whose power goes at once: of the same sort, by a seed of its own.
    #[must_use]
    pub fn of(self, number: u64) -> Self {
        match self {
            Self::None | Self::All => self,
            Self::Some { seed } => Self::Some { seed: seed ^ number << 32 },
            Self::Torn { seed } => Self::Torn { seed: seed ^ number << 32 },
        }
    }
}

/// What became of the writes that were not flushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Writes that were not flushed.
    pub unflushed: u64,
    /// Those of them of which at least one sector is lost.
    pub hurt: u64,
    /// Sectors that hold something older than what was last written to them.
    pub sectors: u64,
}

/// Bytes for the medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Where, in bytes.
    pub at: u64,
    /// What.
    pub bytes: Vec<u8>,
}

/// One sector's content in one write.
#[derive(Clone, Debug)]
struct Version {
    /// Which write, counted from the first.
    write: u64,
    /// All of the write's bytes, and where in them this sector begins.
    bytes: Arc<[u8]>,
    from: usize,
}

/// A volatile write cache.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Bytes that the drive writes whole or not at all.
    sector: usize,
    /// Bytes that it holds at most before it writes the oldest out unasked.
    room: usize,
    held: usize,
    writes: u64,
    /// What is not on the medium yet, by sector, the oldest first.
    pending: BTreeMap<u64, Vec<Version>>,
}

/// Of 100 unflushed writes that lose something by chance, so many are kept, and so many lost, whole; the others lose single
/// sectors.
const WHOLE: (u32, u32) = (45, 90);

impl Cache {
    /// An empty cache of a drive that writes sectors of so many bytes, with room for so many bytes.
    pub fn new(sector: u32, room: usize) -> Self {
        Self { sector: sector as usize, room, held: 0, writes: 0, pending: BTreeMap::new() }
    }

    /// Bytes that the drive writes whole or not at all.
    pub fn sector(&self) -> usize {
        self.sector
    }

    /// Takes a write; `at` and the length are whole sectors. What has to go to the medium to make room is handed out.
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Vec<Write> {
        let (write, shared) = (self.writes, Arc::<[u8]>::from(bytes));
        self.writes += 1;
        for (number, from) in (at / self.sector as u64..).zip((0..bytes.len()).step_by(self.sector)) {
            let version = Version { write, bytes: Arc::clone(&shared), from };
            self.pending.entry(number).or_default().push(version);
            self.held += self.sector;
        }
        if self.held > self.room { self.settle(self.oldest_half()) } else { Vec::new() }
    }

    /// Lays what is cached over bytes that were read from the medium at `at`, which is a whole sector.
    pub fn read(&self, at: u64, bytes: &mut [u8]) {
        let first = at / self.sector as u64;
        let count = (bytes.len() / self.sector) as u64;
        for (number, versions) in self.pending.range(first..first + count) {
            let Some(version) = versions.last() else { continue };
            let to = usize::try_from(number - first).unwrap_or(usize::MAX).saturating_mul(self.sector);
            if let Some(sector) = bytes.get_mut(to..to + self.sector) {
                sector.copy_from_slice(self.content(version));
            }
        }
    }

    /// Everything that is cached, for the medium; the cache is empty then.
    pub fn flush(&mut self) -> Vec<Write> {
        self.settle(u64::MAX)
    }

    /// Forgets what is cached of a range of whole sectors, because something newer is on the medium.
    pub fn supersede(&mut self, at: u64, length: u64) {
        let sector = self.sector as u64;
        let numbers: Vec<u64> = self.pending.range(at / sector..(at + length) / sector).map(|(it, _)| *it).collect();
        for number in numbers {
            let versions = self.pending.remove(&number).map_or(0, |versions| versions.len());
            self.held -= versions * self.sector;
        }
    }

    /// The power goes: what survives, for the medium. The cache is empty then.
    pub fn cut(&mut self, loss: Loss) -> (Vec<Write>, Lost) {
        let writes: BTreeSet<u64> = self.pending.values().flatten().map(|version| version.write).collect();
        let fates = Fates::draw(loss, &writes, &self.pending);
        let mut lost = Lost { unflushed: writes.len() as u64, ..Lost::default() };
        let (mut survivors, mut hurt) = (Vec::new(), BTreeSet::new());
        for (number, versions) in std::mem::take(&mut self.pending) {
            let kept: Vec<bool> = versions.iter().map(|version| fates.keeps(version.write, number)).collect();
            hurt.extend(versions.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(version, _)| version.write));
            lost.sectors += u64::from(kept.last() == Some(&false));
            let last = versions.iter().zip(kept).rev().find(|(_, kept)| *kept);
            if let Some((version, _)) = last {
                survivors.push((number, self.content(version).to_vec()));
            }
        }
        self.held = 0;
        lost.hurt = hurt.len() as u64;
        (self.joined(survivors), lost)
    }

    /// Bytes that are cached, older contents of a sector included.
    pub fn held(&self) -> usize {
        self.held
    }

    fn content<'a>(&self, version: &'a Version) -> &'a [u8] {
        &version.bytes[version.from..version.from + self.sector]
    }

    /// The write up to which half of what is held would go.
    fn oldest_half(&self) -> u64 {
        let mut writes: Vec<u64> = self.pending.values().flatten().map(|version| version.write).collect();
        let middle = writes.len() / 2;
        let (_, write, _) = writes.select_nth_unstable(middle);
        *write
    }

    /// Hands out the newest content of each sector among the writes up to this one, and forgets those.
    fn settle(&mut self, until: u64) -> Vec<Write> {
        let mut out = Vec::new();
        for (number, versions) in &mut self.pending {
            let old = versions.partition_point(|version| version.write <= until);
            if let Some(version) = versions[..old].last() {
                out.push((*number, version.bytes[version.from..version.from + self.sector].to_vec()));
                versions.drain(..old);
                self.held -= old * self.sector;
            }
        }
        self.pending.retain(|_, versions| !versions.is_empty());
        self.joined(out)
    }

    /// Sectors in order as writes, neighbours in one.
    fn joined(&self, sectors: Vec<(u64, Vec<u8>)>) -> Vec<Write> {
        let mut writes: Vec<Write> = Vec::new();
        for (number, bytes) in sectors {
            let at = number * self.sector as u64;
            match writes.last_mut() {
                Some(last) if last.at + last.bytes.len() as u64 == at => last.bytes.extend(bytes),
                _ => writes.push(Write { at, bytes }),
            }
        }
        writes
    }
}

/// What becomes of each write, drawn write by write and sector by sector in their order, so that a seed always says the same.
struct Fates {
    /// Writes that are lost whole.
    whole: BTreeSet<u64>,
    /// Single sectors of writes that are lost.
    single: BTreeSet<(u64, u64)>,
}

impl Fates {
    fn draw(loss: Loss, writes: &BTreeSet<u64>, pending: &BTreeMap<u64, Vec<Version>>) -> Self {
        let mut fates = Self { whole: BTreeSet::new(), single: BTreeSet::new() };
        let sectors_of = |write: u64| {
            let holds = move |versions: &[Version]| versions.iter().any(|version| version.write == write);
            pending.iter().filter(move |(_, versions)| holds(versions)).map(|(number, _)| *number)
        };
        match loss {
            Loss::None => {}
            Loss::All => fates.whole.clone_from(writes),
            Loss::Torn { seed } => {
                if let Some(last) = writes.last() {
                    let sectors: Vec<u64> = sectors_of(*last).collect();
                    // A write of one sector is lost, for a sector is never torn.
                    let kept = ChaCha8Rng::seed_from_u64(seed).random_range(0..sectors.len());
                    fates.single.extend(sectors[kept..].iter().map(|number| (*last, *number)));
                }
            }
            Loss::Some { seed } => {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let mut partly = BTreeSet::new();
                for write in writes {
                    match random.random_range(0..100) {
                        drawn if drawn < WHOLE.0 => {}
                        drawn if drawn < WHOLE.1 => drop(fates.whole.insert(*write)),
                        _ => drop(partly.insert(*write)),
                    }
                }
                for (number, versions) in pending {
                    for version in versions.iter().filter(|version| partly.contains(&version.write)) {
                        if random.random_bool(0.5) {
                            fates.single.insert((version.write, *number));
                        }
                    }
                }
            }
        }
        fates
    }

    fn keeps(&self, write: u64, sector: u64) -> bool {
        !self.whole.contains(&write) && !self.single.contains(&(write, sector))
    }
}
