//! The index of a chart repository: `index.yaml`.

use serde::Deserialize;
use std::collections::BTreeMap;

/// As much of an index as is asked for.
#[derive(Clone, Debug, Deserialize)]
pub struct Index {
    #[serde(default)]
    entries: BTreeMap<String, Vec<Release>>,
}

/// One version of a chart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// Is it not to be used any more?
    #[serde(default)]
    pub deprecated: bool,
    /// Where its archive is: relative to the repository, or elsewhere.
    #[serde(default)]
    pub urls: Vec<String>,
    /// The archive's SHA-256.
    #[serde(default)]
    pub digest: Option<String>,
}

/// Why a text is no index.
#[derive(Debug, thiserror::Error)]
#[error("{url}: not the index of a chart repository: {source}")]
pub struct IndexError {
    /// Where it came from.
    pub url: String,
    /// Why.
    pub source: Box<serde_saphyr::Error>,
}

impl Index {
    /// Reads an index. Those of large repositories have tens of megabytes.
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &str, url: &str) -> Result<Self, IndexError> {
        // The limits that the parser has by itself are for configuration files.
        let options = serde_saphyr::options! { budget: None };
        serde_saphyr::from_str_with_options(text, options)
            .map_err(|source| IndexError { url: url.to_owned(), source: Box::new(source) })
    }

    /// The versions of a chart that may be used.
    pub fn releases(&self, chart: &str) -> impl Iterator<Item = &Release> {
        self.entries.get(chart).into_iter().flatten().filter(|release| !release.deprecated)
    }

    /// One version of a chart.
    pub fn release(&self, chart: &str, version: &str) -> Option<&Release> {
        self.entries.get(chart)?.iter().find(|release| release.version == version)
    }
}

impl Release {
    /// Where its archive is.
    pub fn archive(&self, repository: &str) -> Option<String> {
        let url = self.urls.first()?;
        let absolute = url.starts_with("https://") || url.starts_with("http://");
        Some(if absolute { url.clone() } else { format!("{}/{url}", repository.trim_end_matches('/')) })
    }
}

#[cfg(test)]
mod tests {
    use super::Index;

    const INDEX: &str = "
apiVersion: v1
entries:
  metallb:
    - { version: 0.16.1, appVersion: v0.16.1, urls: [metallb-0.16.1.tgz], digest: ab, created: 2026-01-01T00:00:00Z }
    - { version: 0.17.0, urls: [https://elsewhere.example/metallb-0.17.0.tgz] }
    - { version: 0.18.0, deprecated: true, urls: [] }
generated: 2026-01-01T00:00:00Z
";

    #[test]
    fn an_index_is_read() {
        let index = Index::read(INDEX, "x").unwrap();
        let versions: Vec<&str> = index.releases("metallb").map(|it| it.version.as_str()).collect();
        assert_eq!(versions, ["0.16.1", "0.17.0"], "what is deprecated is not offered");
        assert_eq!(index.releases("other").count(), 0);
        let archive = |version: &str| index.release("metallb", version).unwrap().archive("https://r.example/charts/");
        assert_eq!(archive("0.16.1").as_deref(), Some("https://r.example/charts/metallb-0.16.1.tgz"));
        assert_eq!(archive("0.17.0").as_deref(), Some("https://elsewhere.example/metallb-0.17.0.tgz"));
        assert_eq!(archive("0.18.0"), None);
        assert!(Index::read("<html>", "https://r.example/index.yaml").unwrap_err().to_string().contains("r.example"));
    }
}
