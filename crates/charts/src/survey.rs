//! Pins against what there is: which are outdated, and which version one may be raised to.

use crate::fetch::{Fetch, FetchError};
use crate::index::{Index, IndexError, Release};
use crate::registry::tags;
use crate::unpack::{Defaults, UnpackError, unpack};
use crate::values::{Break, breaks};
use crate::version::{newest, order};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What is pinned, and where its versions are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its name in the catalogue.
    pub name: String,
    /// Where its versions are found.
    pub from: From,
    /// The version that is used.
    pub version: String,
}

/// Where versions are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// In the index of a chart repository at this address.
    Charts(String),
    /// Among the tags of this image.
    Tags(String),
}

/// What there is of one pin.
#[derive(Debug)]
pub struct Found {
    /// The pin.
    pub pin: Pin,
    /// The newest version, or why it is not known.
    pub newest: Result<String, SurveyError>,
}

impl Found {
    /// Is there something newer?
    pub fn is_outdated(&self) -> bool {
        self.newest.as_ref().is_ok_and(|newest| order(newest, &self.pin.version) == Ordering::Greater)
    }
}

/// A version that a pin may be raised to, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The version.
    pub version: String,
    /// What it would break of the values that are set.
    pub breaks: Vec<Break>,
    /// What could not be compared, and why.
    pub unknown: Option<String>,
}

/// Why it is not known which versions there are.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// Nothing was fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The index is none.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The archive is none.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// There is no version at all.
    #[error("{name}: {from} has no version of it; has it moved?")]
    Nothing {
        /// Which pin.
        name: String,
        /// Where it was looked for.
        from: String,
    },
    /// There is no such version.
    #[error("{name}: there is no version {version}; the newest is {newest}")]
    NoVersion {
        /// Which pin.
        name: String,
        /// What was asked for.
        version: String,
        /// What there is.
        newest: String,
    },
}

/// Looks for the newest version of each; an index that several share is fetched once.
pub fn survey(fetch: Fetch, pins: Vec<Pin>, pre: bool) -> Vec<Found> {
    let mut indexes: BTreeMap<String, Result<Index, String>> = BTreeMap::new();
    let found = |pin: Pin| {
        let newest = match &pin.from {
            From::Charts(repository) => {
                let known = indexes.entry(repository.clone());
                let known = known.or_insert_with(|| index(fetch, repository).map_err(|error| error.to_string()));
                match known {
                    Ok(index) => newest_release(index, &pin, pre),
                    Err(reason) => {
                        let url = repository.clone();
                        Err(FetchError::Answer { url, reason: reason.clone() }.into())
                    }
                }
            }
            From::Tags(image) => tags(fetch, image).map_err(Into::into).and_then(|tags| newest_tag(&tags, &pin, pre)),
        };
        Found { pin, newest }
    };
    pins.into_iter().map(found).collect()
}

/// Which version a pin may be raised to: `to`, or else the newest; and what that would break of `ours`, the values that are
/// set, as far as the chart's default values and schema tell.
///
/// # Errors
/// See [`SurveyError`].
pub fn propose(
    fetch: Fetch,
    pin: &Pin,
    to: Option<&str>,
    pre: bool,
    ours: Option<&Value>,
) -> Result<Proposal, SurveyError> {
    match &pin.from {
        From::Tags(image) => {
            let tags = tags(fetch, image)?;
            let newest = newest_tag(&tags, pin, pre)?;
            let version = to.map_or_else(|| newest.clone(), str::to_owned);
            if !tags.contains(&version) {
                return Err(SurveyError::NoVersion { name: pin.name.clone(), version, newest });
            }
            Ok(Proposal { version, breaks: Vec::new(), unknown: None })
        }
        From::Charts(repository) => {
            let index = index(fetch, repository)?;
            let newest = newest_release(&index, pin, pre)?;
            let version = to.map_or_else(|| newest.clone(), str::to_owned);
            let Some(release) = index.release(&pin.name, &version) else {
                return Err(SurveyError::NoVersion { name: pin.name.clone(), version, newest });
            };
            let Some(ours) = ours else { return Ok(Proposal { version, breaks: Vec::new(), unknown: None }) };
            let new = defaults(fetch, pin, repository, release)?;
            let old = index.release(&pin.name, &pin.version);
            let old = old.map(|old| defaults(fetch, pin, repository, old)).transpose()?;
            let unknown = old.is_none().then(|| {
                format!("{} is not in the index any more: only the new version's schema was asked", pin.version)
            });
            let breaks = breaks(ours, &old.unwrap_or_default(), &new);
            Ok(Proposal { version, breaks, unknown })
        }
    }
}

fn index(fetch: Fetch, repository: &str) -> Result<Index, SurveyError> {
    let url = format!("{}/index.yaml", repository.trim_end_matches('/'));
    Ok(Index::read(&fetch.text(&url)?, &url)?)
}

fn newest_release(index: &Index, pin: &Pin, pre: bool) -> Result<String, SurveyError> {
    let versions = index.releases(&pin.name).map(|release| release.version.as_str());
    newest(versions, &pin.version, pre).map(str::to_owned).ok_or_else(|| nothing(pin))
}

fn newest_tag(tags: &[String], pin: &Pin, pre: bool) -> Result<String, SurveyError> {
    newest(tags.iter().map(String::as_str), &pin.version, pre).map(str::to_owned).ok_or_else(|| nothing(pin))
}

fn nothing(pin: &Pin) -> SurveyError {
    let (From::Charts(from) | From::Tags(from)) = &pin.from;
    SurveyError::Nothing { name: pin.name.clone(), from: from.clone() }
}

fn defaults(fetch: Fetch, pin: &Pin, repository: &str, release: &Release) -> Result<Defaults, SurveyError> {
    let url = release.archive(repository).ok_or_else(|| nothing(pin))?;
    let archive = fetch.get(&url)?;
    Ok(unpack(&pin.name, &archive, release.digest.as_deref())?)
}
