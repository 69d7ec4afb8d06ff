//! The catalogue: every version that the cluster's services are made of, in one place; nothing floats.
//!
//! The pins are data (`pins.toml`); a fleet may move a chart or an image by its own `[pins]`.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

/// The pins that homehive was built with.
const PINS: &str = include_str!("pins.toml");

static BUILT_IN: LazyLock<Result<Catalogue, String>> =
    LazyLock::new(|| toml::from_str(PINS).map(Catalogue::named).map_err(|error| error.to_string()));

/// All pins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    charts: BTreeMap<String, Chart>,
    images: BTreeMap<String, Image>,
    upstream: BTreeMap<String, Source>,
}

/// A Helm chart at a version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// Its name in the repository and in the catalogue.
    #[serde(skip)]
    pub name: String,
    /// The repository's address.
    pub repository: String,
    /// The chart's version.
    pub version: String,
}

/// A container image at a tag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Its name in the catalogue.
    #[serde(skip)]
    pub name: String,
    /// Registry and repository: `quay.io/thanos/thanos`.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

/// Files of a source repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in the catalogue.
    #[serde(skip)]
    pub name: String,
    /// Owner and name on GitHub.
    pub repository: String,
    /// The release, as people call it.
    pub tag: String,
    /// The commit, which never moves.
    pub revision: String,
    /// SHA-256 by path.
    pub files: BTreeMap<String, String>,
}

/// Why there is no such pin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// No chart or image has the name.
    #[error("`{name}` is no chart or image of the catalogue; known: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A mistake of ours.
    #[error("the catalogue of versions cannot be read: {0}")]
    Broken(String),
}

impl Catalogue {
    /// The pins that homehive was built with.
    ///
    /// # Errors
    /// They cannot be read, which is a mistake of ours.
    pub fn built_in() -> Result<&'static Self, CatalogueError> {
        BUILT_IN.as_ref().map_err(|error| CatalogueError::Broken(error.clone()))
    }

    /// With some versions moved: `pins` are versions of charts and tags of images by their names in the catalogue.
    ///
    /// # Errors
    /// A name is none of the catalogue.
    pub fn with<'a>(&self, pins: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, CatalogueError> {
        let mut moved = self.clone();
        for (name, version) in pins {
            if let Some(chart) = moved.charts.get_mut(name) {
                version.clone_into(&mut chart.version);
            } else if let Some(image) = moved.images.get_mut(name) {
                version.clone_into(&mut image.tag);
            } else {
                return Err(self.unknown(name));
            }
        }
        Ok(moved)
    }

    /// A chart.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn chart(&self, name: &str) -> Result<&Chart, CatalogueError> {
        self.charts.get(name).ok_or_else(|| self.unknown(name))
    }

    /// An image.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn image(&self, name: &str) -> Result<&Image, CatalogueError> {
        self.images.get(name).ok_or_else(|| self.unknown(name))
    }

    /// Files of somebody else's repository.
    ///
    /// # Errors
    /// There are none of that name.
    pub fn source(&self, name: &str) -> Result<&Source, CatalogueError> {
        self.upstream.get(name).ok_or_else(|| self.unknown(name))
    }

    /// All charts, by name.
    pub fn charts(&self) -> impl Iterator<Item = &Chart> {
        self.charts.values()
    }

    /// All images, by name.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.values()
    }

    fn unknown(&self, name: &str) -> CatalogueError {
        let known: Vec<&str> = self.charts.keys().chain(self.images.keys()).map(String::as_str).collect();
        CatalogueError::Unknown { name: name.to_owned(), known: known.join(", ") }
    }

    /// Each entry is told its name.
    fn named(mut self) -> Self {
        self.charts.iter_mut().for_each(|(name, chart)| chart.name.clone_from(name));
        self.images.iter_mut().for_each(|(name, image)| image.name.clone_from(name));
        self.upstream.iter_mut().for_each(|(name, source)| source.name.clone_from(name));
        self
    }
}

/// A chart of the pins that homehive was built with.
///
/// # Errors
/// There is none of that name.
pub fn chart(name: &str) -> Result<&'static Chart, CatalogueError> {
    Catalogue::built_in()?.chart(name)
}

/// An image of the pins that homehive was built with.
///
/// # Errors
/// There is none of that name.
pub fn image(name: &str) -> Result<&'static Image, CatalogueError> {
    Catalogue::built_in()?.image(name)
}

impl fmt::Display for Image {
    /// `quay.io/thanos/thanos:v0.42.4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, chart, image};

    #[test]
    fn everything_is_pinned() {
        let catalogue = Catalogue::built_in().unwrap();
        for chart in catalogue.charts() {
            let numbers: Vec<&str> = chart.version.split('.').collect();
            assert!(numbers.len() == 3 && numbers.iter().all(|it| it.parse::<u32>().is_ok()), "{chart:?}");
            assert!(chart.repository.starts_with("https://"), "{chart:?}");
        }
        for image in catalogue.images() {
            assert!(!image.tag.is_empty() && image.tag != "latest", "{image:?}");
            assert!(!image.repository.contains(':'), "{image:?}");
        }
        let source = catalogue.source("samba-operator").unwrap();
        let hex = |text: &str, len: usize| text.len() == len && text.bytes().all(|it| it.is_ascii_hexdigit());
        assert!(hex(&source.revision, 40), "{source:?}");
        assert!(source.files.values().all(|digest| hex(digest, 64)), "{source:?}");
    }

    #[test]
    fn the_fleet_file_knows_the_names() {
        let catalogue = Catalogue::built_in().unwrap();
        let mut names: Vec<&str> = catalogue.charts().map(|chart| chart.name.as_str()).collect();
        names.extend(catalogue.images().map(|image| image.name.as_str()));
        names.sort_unstable();
        assert_eq!(names, fleet::pins::NAMES);
    }

    #[test]
    fn a_fleet_moves_a_pin_that_there_is() {
        let built_in = Catalogue::built_in().unwrap();
        let moved = built_in.with([("metallb", "0.17.0"), ("thanos", "v0.43.0")]).unwrap();
        assert_eq!(moved.chart("metallb").unwrap().version, "0.17.0");
        assert_eq!(moved.image("thanos").unwrap().to_string(), "quay.io/thanos/thanos:v0.43.0");
        assert_eq!(chart("metallb").unwrap(), built_in.chart("metallb").unwrap(), "the others stay");
        let error = built_in.with([("metalb", "1.0.0")]).unwrap_err().to_string();
        assert!(error.contains("`metalb`") && error.contains("kube-prometheus-stack"), "{error}");
        assert!(image("nginx").is_err());
    }
}
