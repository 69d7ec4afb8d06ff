//! A chart's archive: its default values and their schema, with those of the charts in it.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a chart says about its values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    /// Its default values; those of a chart in it stand under that chart's name.
    pub values: Value,
    /// The JSON schema of its values, if it has one.
    pub schema: Option<Value>,
}

/// Why an archive is no chart's.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is another than the index has.
    #[error("{name}: the archive has SHA-256 {found}, and the index says {wanted}: do not use it")]
    Digest {
        /// Which chart.
        name: String,
        /// What it has.
        found: String,
        /// What the index says.
        wanted: String,
    },
    /// It cannot be unpacked.
    #[error("{name}: the archive cannot be unpacked: {reason}")]
    Archive {
        /// Which chart.
        name: String,
        /// Why.
        reason: String,
    },
    /// A file in it cannot be read.
    #[error("{name}: {file}: {reason}")]
    File {
        /// Which chart.
        name: String,
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
}

/// Reads a chart's archive (`.tgz`), after comparing it with its digest in the index.
///
/// # Errors
/// See [`UnpackError`].
pub fn unpack(name: &str, archive: &[u8], digest: Option<&str>) -> Result<Defaults, UnpackError> {
    let failed = |reason: String| UnpackError::Archive { name: name.to_owned(), reason };
    if let Some(wanted) = digest {
        let mut found = String::new();
        for byte in Sha256::digest(archive) {
            let _ = write!(found, "{byte:02x}");
        }
        if found != wanted.trim_start_matches("sha256:") {
            return Err(UnpackError::Digest { name: name.to_owned(), found, wanted: wanted.to_owned() });
        }
    }
    let dir = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let file = dir.path().join("chart.tgz");
    let place = dir.path().join("chart");
    std::fs::write(&file, archive)
        .and_then(|()| std::fs::create_dir(&place))
        .map_err(|error| failed(error.to_string()))?;
    // GNU tar leaves what would lie outside; of the rest only these are unpacked.
    let said = Command::new("tar")
        .args(["--extract", "--gzip", "--no-same-owner", "--no-same-permissions", "--wildcards", "--file"])
        .arg(&file)
        .arg("--directory")
        .arg(&place)
        .args(["--", "*/values.yaml", "*/Chart.yaml"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !said.status.success() {
        return Err(failed(String::from_utf8_lossy(&said.stderr).trim().to_owned()));
    }
    // Not every chart has one: then tar fails, and there is none.
    let _ = Command::new("tar")
        .args(["--extract", "--gzip", "--no-same-owner", "--no-same-permissions", "--file"])
        .arg(&file)
        .arg("--directory")
        .arg(&place)
        .args(["--", &format!("{name}/values.schema.json")])
        .stdin(Stdio::null())
        .output();
    let chart = place.join(name);
    let values = values(name, &chart)?;
    let schema = match read(name, &chart.join("values.schema.json"))? {
        Some(text) => Some(serde_json::from_str(&text).map_err(|error| UnpackError::File {
            name: name.to_owned(),
            file: "values.schema.json".to_owned(),
            reason: error.to_string(),
        })?),
        None => None,
    };
    Ok(Defaults { values, schema })
}

/// A chart's values, and beneath them those of the charts in it, which its own may override.
fn values(name: &str, chart: &Path) -> Result<Value, UnpackError> {
    let text = read(name, &chart.join("values.yaml"))?.unwrap_or_default();
    let failed = |reason: String| UnpackError::File { name: name.to_owned(), file: "values.yaml".to_owned(), reason };
    let options = serde_saphyr::options! { budget: None };
    let own: Value = if text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
        Value::Null
    } else {
        serde_saphyr::from_str_with_options(&text, options).map_err(|error| failed(error.to_string()))?
    };
    let mut all = match own {
        Value::Object(all) => all,
        Value::Null => serde_json::Map::new(),
        _ => return Err(failed("holds no values".to_owned())),
    };
    let Ok(inner) = std::fs::read_dir(chart.join("charts")) else { return Ok(Value::Object(all)) };
    for entry in inner.flatten().filter(|entry| entry.path().is_dir()) {
        let inner = entry.file_name().to_string_lossy().into_owned();
        let mut beneath = values(&format!("{name}/{inner}"), &entry.path())?;
        if let Some(over) = all.remove(&inner) {
            merge(&mut beneath, over);
        }
        all.insert(inner, beneath);
    }
    Ok(Value::Object(all))
}

/// Values over values, as Helm lays them: maps by key, everything else whole.
pub(crate) fn merge(beneath: &mut Value, over: Value) {
    match (beneath, over) {
        (Value::Object(beneath), Value::Object(over)) => {
            for (key, value) in over {
                merge(beneath.entry(key).or_insert(Value::Null), value);
            }
        }
        (beneath, over) => *beneath = over,
    }
}

fn read(name: &str, path: &Path) -> Result<Option<String>, UnpackError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
            Err(UnpackError::File { name: name.to_owned(), file, reason: error.to_string() })
        }
    }
}
