//! The fleet file's `[pins]`, edited in place: comments and order stay.

use toml_edit::{DocumentMut, Item, Table, value};

/// Why a pin cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// It is no TOML.
    #[error("the fleet file cannot be edited: {0}")]
    Malformed(#[from] toml_edit::TomlError),
    /// `pins` is there, and something else.
    #[error("`pins` of the fleet file is no table: write `[pins]` and a line for each, such as `metallb = \"0.17.0\"`")]
    NoTable,
}

/// The fleet file with this version pinned; everything else is as it was, byte for byte.
///
/// # Errors
/// See [`PinError`].
pub fn pinned(text: &str, name: &str, version: &str) -> Result<String, PinError> {
    let mut document: DocumentMut = text.parse()?;
    let item = document.entry("pins").or_insert_with(|| {
        let mut table = Table::new();
        table.decor_mut().set_prefix("\n# Versions of the cluster's services that differ from homehive's own.\n");
        Item::Table(table)
    });
    let table = item.as_table_like_mut().ok_or(PinError::NoTable)?;
    if let Some(old) = table.get_mut(name).and_then(Item::as_value_mut) {
        let decor = old.decor().clone();
        *old = version.into();
        *old.decor_mut() = decor;
    } else {
        table.insert(name, value(version));
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::pinned;

    #[test]
    fn comments_and_everything_else_stay() {
        let text = "# mine\n[fleet]\nname = \"home\"   # the name\n\n[pins]  # mine as well\n# because of a bug\nmetallb = '0.16.0' # raise it\n";
        let raised = pinned(text, "metallb", "0.17.0").unwrap();
        assert_eq!(raised, text.replace("'0.16.0'", "\"0.17.0\""));
        let second = pinned(&raised, "thanos", "v0.43.0").unwrap();
        assert_eq!(second, format!("{raised}thanos = \"v0.43.0\"\n"));
    }

    #[test]
    fn a_table_is_made_at_the_end() {
        let text = "[fleet]\nname = \"home\"\n";
        let made = pinned(text, "metallb", "0.17.0").unwrap();
        let end =
            "\n# Versions of the cluster's services that differ from homehive's own.\n[pins]\nmetallb = \"0.17.0\"\n";
        assert_eq!(made, format!("{text}{end}"));
        assert!(pinned("pins = 3\n", "metallb", "1.0.0").is_err());
    }
}
