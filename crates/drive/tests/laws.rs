//! Laws of the cache against a model that remembers everything.

#![expect(clippy::unwrap_used, reason = "a test")]

use drive::{Cache, Loss, Write};
use proptest::prelude::*;

const SECTOR: usize = 512;
const SECTORS: usize = 16;

#[derive(Clone, Debug)]
enum Do {
    Write { first: usize, count: usize },
    Through { first: usize, count: usize },
    Flush,
}

fn doings() -> impl Strategy<Value = Vec<Do>> {
    let range = || (0..SECTORS).prop_flat_map(|first| (Just(first), 1..=SECTORS - first));
    let one = prop_oneof![
        6 => range().prop_map(|(first, count)| Do::Write { first, count }),
        1 => range().prop_map(|(first, count)| Do::Through { first, count }),
        1 => Just(Do::Flush),
    ];
    proptest::collection::vec(one, 1..40)
}

/// A drive, and beside it all contents that each sector may have after a power cut, the newest last. A content is a number.
struct Bench {
    cache: Cache,
    medium: Vec<u8>,
    may: Vec<Vec<u8>>,
    /// The last write that was not flushed: its number, its sectors.
    last: Option<(u8, std::ops::Range<usize>)>,
    written: u8,
}

impl Bench {
    fn new(room: usize) -> Self {
        let (medium, may) = (vec![0; SECTOR * SECTORS], vec![vec![0]; SECTORS]);
        Self { cache: Cache::new(512, room), medium, may, last: None, written: 0 }
    }

    fn put(&mut self, writes: Vec<Write>) {
        for write in writes {
            let at = usize::try_from(write.at).unwrap();
            self.medium[at..at + write.bytes.len()].copy_from_slice(&write.bytes);
        }
    }

    fn run(&mut self, doings: &[Do]) {
        for doing in doings {
            self.written += 1;
            match doing {
                Do::Write { first, count } => {
                    let bytes = vec![self.written; count * SECTOR];
                    let out = self.cache.write((first * SECTOR) as u64, &bytes);
                    self.put(out);
                    self.may[*first..first + count].iter_mut().for_each(|may| may.push(self.written));
                    self.last = Some((self.written, *first..first + count));
                }
                Do::Through { first, count } => {
                    let (at, length) = (first * SECTOR, count * SECTOR);
                    self.medium[at..at + length].fill(self.written);
                    self.cache.supersede(at as u64, length as u64);
                    self.may[*first..first + count].fill(vec![self.written]);
                    self.last = self.last.take().filter(|(_, of)| of.end <= *first || of.start >= first + count);
                }
                Do::Flush => {
                    let out = self.cache.flush();
                    self.put(out);
                    self.may.iter_mut().for_each(|may| drop(may.drain(..may.len() - 1)));
                    self.last = None;
                }
            }
        }
    }

    fn seen(&self) -> Vec<u8> {
        let mut bytes = self.medium.clone();
        self.cache.read(0, &mut bytes);
        whole(&bytes)
    }

    fn newest(&self) -> Vec<u8> {
        self.may.iter().map(|may| *may.last().unwrap()).collect()
    }

    fn cut(&mut self, loss: Loss) -> (Vec<u8>, drive::Lost) {
        let (out, lost) = self.cache.cut(loss);
        self.put(out);
        (whole(&self.medium), lost)
    }
}

/// The content of each sector, which must be all of one write.
fn whole(bytes: &[u8]) -> Vec<u8> {
    let sectors = bytes.chunks(SECTOR).map(|sector| {
        assert!(sector.iter().all(|byte| *byte == sector[0]), "a torn sector");
        sector[0]
    });
    sectors.collect()
}

proptest! {
    #[test]
    fn what_was_written_is_read(doings in doings(), room in prop_oneof![Just(SECTOR * 4), Just(usize::MAX)]) {
        let mut bench = Bench::new(room);
        bench.run(&doings);
        prop_assert_eq!(bench.seen(), bench.newest());
        prop_assert!(bench.cache.held() <= room.saturating_add(SECTOR * SECTORS));
    }

    #[test]
    fn flushed_is_kept_and_nothing_is_made_up(doings in doings(), seed: u64, room in prop_oneof![Just(SECTOR * 4), Just(usize::MAX)]) {
        for loss in [Loss::All, Loss::Some { seed }, Loss::Torn { seed }, Loss::None] {
            let mut bench = Bench::new(room);
            bench.run(&doings);
            let (may, newest) = (bench.may.clone(), bench.newest());
            let (found, lost) = bench.cut(loss);
            for (sector, content) in found.iter().enumerate() {
                prop_assert!(may[sector].contains(content), "{loss:?}: sector {sector} holds {content} of {may:?}");
            }
            let older = found.iter().zip(&newest).filter(|(found, newest)| found != newest).count();
            prop_assert!(older as u64 <= lost.sectors, "{loss:?}: {older} older, told {lost:?}");
            prop_assert_eq!(bench.cache.held(), 0);
            if loss == Loss::None {
                prop_assert_eq!(found, newest);
            }
        }
    }

    #[test]
    fn all_is_all(doings in doings()) {
        let mut bench = Bench::new(usize::MAX);
        bench.run(&doings);
        let oldest: Vec<u8> = bench.may.iter().map(|may| may[0]).collect();
        prop_assert_eq!(bench.cut(Loss::All).0, oldest);
    }

    #[test]
    fn only_the_last_write_is_torn_and_from_some_sector_on(doings in doings(), seed: u64) {
        let mut bench = Bench::new(usize::MAX);
        bench.run(&doings);
        let (newest, last) = (bench.newest(), bench.last.clone());
        let (found, _) = bench.cut(Loss::Torn { seed });
        // Which write is the last that the cache still holds is known to the model only if nothing went through it.
        if let Some((number, of)) = last.filter(|(number, of)| newest[of.clone()].iter().all(|it| it == number)) {
            let kept = of.clone().take_while(|sector| found[*sector] == number).count();
            prop_assert!(kept < of.len(), "nothing is torn");
            for sector in 0..SECTORS {
                let torn = of.contains(&sector) && sector >= of.start + kept;
                prop_assert_eq!(found[sector] == newest[sector], !torn, "sector {}", sector);
            }
        }
    }

    #[test]
    fn a_seed_says_the_same(doings in doings(), seed: u64) {
        let run = |loss| {
            let mut bench = Bench::new(usize::MAX);
            bench.run(&doings);
            bench.cut(loss)
        };
        for loss in [Loss::Some { seed }, Loss::Torn { seed }] {
            prop_assert_eq!(run(loss), run(loss));
        }
    }
}

/// Chance must lose and keep, whole writes and single sectors: else it would prove nothing.
#[test]
fn chance_is_fair() {
    let (mut kept, mut lost, mut partly) = (0, 0, 0);
    for seed in 0..200 {
        let mut bench = Bench::new(usize::MAX);
        bench.run(&[Do::Write { first: 0, count: SECTORS }]);
        match bench.cut(Loss::Some { seed }).0.iter().map(|content| usize::from(*content)).sum() {
            SECTORS => kept += 1,
            0 => lost += 1,
            _ => partly += 1,
        }
    }
    assert!(kept > 60 && lost > 60 && partly > 5, "{kept} kept, {lost} lost, {partly} partly");
}
