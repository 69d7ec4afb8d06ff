//! One drive: its medium, its cache, and what goes wrong with it. Requests come in whole sectors.

use crate::cache::{Cache, Loss, Lost};
use crate::medium::Medium;
use crate::rules::{Access, Failure, Rule, Rules, Verdict, corrupt};
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// A drive.
#[derive(Debug)]
pub struct Drive {
    medium: Medium,
    cache: Cache,
    rules: Rules,
    counts: Counts,
    /// Has the power gone? Then nothing is answered.
    dark: bool,
}

/// What a drive was asked for since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Reads.
    pub reads: u64,
    /// Writes, zeroes and discards included.
    pub writes: u64,
    /// Bytes in them.
    pub written: u64,
    /// Flushes.
    pub flushes: u64,
    /// Bytes in the cache.
    pub cached: u64,
    /// Requests that failed because they were to.
    pub failed: u64,
}

/// Why a drive does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// It reaches beyond the end, or begins or ends within a sector.
    #[error("{length} bytes at {at} are not whole sectors of {sector} bytes on a drive of {bytes}")]
    Range {
        /// Where.
        at: u64,
        /// How much.
        length: u64,
        /// Bytes of a sector.
        sector: usize,
        /// Bytes of the drive.
        bytes: u64,
    },
    /// As was asked for.
    #[error("the drive fails, as it was told to")]
    Told,
    /// As was asked for.
    #[error("the drive is full, as it was told to be")]
    Full,
    /// The power is gone.
    #[error("the drive has no power")]
    Dark,
    /// The file behind it.
    #[error(transparent)]
    Medium(#[from] io::Error),
}

/// Zeroes and discards beyond so many bytes take effect on the medium at once, which a drive may do with any write.
const LARGE: u64 = 1 << 20;

impl Drive {
    /// A drive on this medium.
    pub fn new(medium: Medium, cache: Cache) -> Self {
        Self { medium, cache, rules: Rules::default(), counts: Counts::default(), dark: false }
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.medium.bytes()
    }

    /// Bytes of a sector.
    pub fn sector(&self) -> usize {
        self.cache.sector()
    }

    /// Nothing goes wrong any more.
    pub fn well(&mut self) {
        self.rules = Rules::default();
    }

    /// One more thing goes wrong from now on; see [`Rules::add`].
    ///
    /// # Errors
    /// It would never happen: no byte of the drive lies in its range.
    pub fn add_rule(&mut self, rule: Rule) -> Result<(), String> {
        let end = rule.to.unwrap_or(u64::MAX).min(self.bytes());
        if rule.from >= end {
            return Err(format!("no byte of the drive, which has {}, lies from {} to {end}", self.bytes(), rule.from));
        }
        self.rules.add(rule);
        Ok(())
    }

    /// What it was asked for.
    pub fn counts(&self) -> Counts {
        Counts { cached: self.cache.held() as u64, ..self.counts }
    }

    /// How long an access takes longer than it has to; whoever asks waits so long first.
    pub fn delay(&mut self, access: Access, at: u64, length: u64) -> Duration {
        self.rules.delay(access, at, length)
    }

    /// Reads.
    ///
    /// # Errors
    /// See [`DriveError`].
    pub fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), DriveError> {
        self.counts.reads += 1;
        let verdict = self.judge(Access::Read, at, bytes.len() as u64)?;
        self.medium.read(at, bytes)?;
        self.cache.read(at, bytes);
        corrupt(&verdict, self.sector(), at, bytes);
        Ok(())
    }

    /// Writes; `through` says that it must be on the medium before this returns (FUA).
    ///
    /// # Errors
    /// See [`DriveError`].
    pub fn write(&mut self, at: u64, mut bytes: Vec<u8>, through: bool) -> Result<(), DriveError> {
        self.counts.writes += 1;
        let verdict = self.judge(Access::Write, at, bytes.len() as u64)?;
        self.counts.written += bytes.len() as u64;
        corrupt(&verdict, self.sector(), at, &mut bytes);
        if through {
            self.medium.write(at, &bytes)?;
            self.cache.supersede(at, bytes.len() as u64);
        } else {
            let out = self.cache.write(at, &bytes);
            self.put(out)?;
        }
        Ok(())
    }

    /// Makes zeroes of a range; a discard does the same.
    ///
    /// # Errors
    /// See [`DriveError`].
    pub fn clear(&mut self, at: u64, length: u64, through: bool) -> Result<(), DriveError> {
        if length <= LARGE && !through {
            return self.write(at, vec![0; usize::try_from(length).unwrap_or(0)], false);
        }
        self.counts.writes += 1;
        self.judge(Access::Write, at, length)?;
        self.counts.written += length;
        self.medium.clear(at, length)?;
        self.cache.supersede(at, length);
        Ok(())
    }

    /// Brings all that is cached to the medium.
    ///
    /// # Errors
    /// See [`DriveError`].
    pub fn flush(&mut self) -> Result<(), DriveError> {
        self.counts.flushes += 1;
        self.judge(Access::Flush, 0, 0)?;
        Ok(self.settle()?)
    }

    /// Brings all that is cached to the medium, whatever goes wrong with the drive: whoever used it took its leave.
    ///
    /// # Errors
    /// The medium cannot be written.
    pub fn settle(&mut self) -> io::Result<()> {
        let out = self.cache.flush();
        self.put(out)
    }

    /// The power goes; from now on nothing is answered until it is [switched on](Self::light).
    ///
    /// # Errors
    /// The medium cannot be written.
    pub fn cut(&mut self, loss: Loss) -> Result<Lost, DriveError> {
        self.dark = true;
        let (out, lost) = self.cache.cut(loss);
        self.put(out)?;
        Ok(lost)
    }

    /// The power is back.
    pub fn light(&mut self) {
        self.dark = false;
    }

    /// Flips a bit in each of `count` sectors from `at` on, on the medium and in the cache, as if they had aged.
    ///
    /// # Errors
    /// See [`DriveError`].
    pub fn rot(&mut self, at: u64, count: u64) -> Result<(), DriveError> {
        let length = count.saturating_mul(self.sector() as u64);
        self.fits(at, length)?;
        self.settle()?;
        for sector in 0..count {
            let place = at + sector * self.sector() as u64;
            let mut byte = [0];
            self.medium.read(place, &mut byte)?;
            self.medium.write(place, &[byte[0] ^ 1])?;
        }
        Ok(())
    }

    fn put(&self, writes: Vec<crate::Write>) -> io::Result<()> {
        writes.into_iter().try_for_each(|write| self.medium.write(write.at, &write.bytes))
    }

    fn fits(&self, at: u64, length: u64) -> Result<(), DriveError> {
        let (sector, bytes) = (self.sector(), self.bytes());
        let whole = at.is_multiple_of(sector as u64) && length.is_multiple_of(sector as u64);
        if whole && at.checked_add(length).is_some_and(|end| end <= bytes) {
            return Ok(());
        }
        Err(DriveError::Range { at, length, sector, bytes })
    }

    fn judge(&mut self, access: Access, at: u64, length: u64) -> Result<Verdict, DriveError> {
        if self.dark {
            return Err(DriveError::Dark);
        }
        self.fits(at, length)?;
        let verdict = self.rules.judge(access, at, length);
        self.counts.failed += u64::from(verdict.failure.is_some());
        match verdict.failure {
            Some(Failure::Io) => Err(DriveError::Told),
            Some(Failure::Full) => Err(DriveError::Full),
            None => Ok(verdict),
        }
    }
}
