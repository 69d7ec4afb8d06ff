//! A document edited in place: texts are set, and everything else stays as somebody wrote it.

use crate::{Format, Path};
use toml_edit::{DocumentMut, Item, TableLike, value};

/// Why a document cannot be edited.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is no TOML.
    #[error(transparent)]
    Toml(#[from] toml_edit::TomlError),
    /// It is no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// What is to hold the text is not there, or no table.
    #[error("`{at}` is no table of it")]
    NoTable {
        /// Where.
        at: Path,
    },
}

/// The document with these texts in it. TOML keeps its comments, order and spaces, byte for byte; JSON is written anew,
/// with two spaces a level.
///
/// # Errors
/// See [`EditError`]; nothing is half edited.
pub fn edit(text: &str, format: Format, texts: &[(Path, String)]) -> Result<String, EditError> {
    match format {
        Format::Toml => {
            let mut document: DocumentMut = text.parse()?;
            for (at, new) in texts {
                set(document.as_table_mut(), at, new)?;
            }
            Ok(document.to_string())
        }
        Format::Json => {
            let mut document: serde_json::Value = serde_json::from_str(text)?;
            for (at, new) in texts {
                let none = || EditError::NoTable { at: at.parent() };
                let keys = at.keys();
                let (last, above) = keys.split_last().ok_or_else(none)?;
                let place = above.iter().try_fold(&mut document, |here, key| here.get_mut(*key)).ok_or_else(none)?;
                place.as_object_mut().ok_or_else(none)?.insert((*last).to_owned(), new.clone().into());
            }
            Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
        }
    }
}

fn set(root: &mut dyn TableLike, at: &Path, new: &str) -> Result<(), EditError> {
    let none = || EditError::NoTable { at: at.parent() };
    let keys = at.keys();
    let (last, above) = keys.split_last().ok_or_else(none)?;
    let mut here = root;
    for key in above {
        here = here.get_mut(key).and_then(Item::as_table_like_mut).ok_or_else(none)?;
    }
    if let Some(old) = here.get_mut(last).and_then(Item::as_value_mut) {
        let decor = old.decor().clone();
        *old = new.into();
        *old.decor_mut() = decor;
    } else {
        here.insert(last, value(new));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::edit;
    use crate::{Format, Path};

    fn at(text: &str) -> Path {
        text.split('.').fold(Path::root(), |path, key| path.join(key))
    }

    #[test]
    fn comments_and_everything_else_stay() {
        let text = "# mine\n[disk.a]  # the first\nserial = 'A' # on its label\ncontent = { type = \"lvm_pv\", vg = \"nas\" } # all\n\n[disk.b.content]\ntype = \"gpt\"\n[disk.b.content.partitions.one]\nsize = \"1GiB\"\n";
        let texts = [
            (at("disk.a.serial"), "B".to_owned()),
            (at("disk.a.content.uuid"), "x".to_owned()),
            (at("disk.b.content.uuid"), "y".to_owned()),
            (at("disk.b.content.partitions.one.uuid"), "z".to_owned()),
        ];
        let expected = "# mine\n[disk.a]  # the first\nserial = \"B\" # on its label\ncontent = { type = \"lvm_pv\", vg = \"nas\" , uuid = \"x\" } # all\n\n[disk.b.content]\ntype = \"gpt\"\nuuid = \"y\"\n[disk.b.content.partitions.one]\nsize = \"1GiB\"\nuuid = \"z\"\n";
        assert_eq!(edit(text, Format::Toml, &texts).unwrap(), expected);
    }

    #[test]
    fn json_is_written_anew() {
        let text = r#"{"disk": {"a": {"serial": "A"}}}"#;
        let texts = [(at("disk.a.serial"), "B".to_owned()), (at("disk.a.uuid"), "x".to_owned())];
        let expected =
            "{\n  \"disk\": {\n    \"a\": {\n      \"serial\": \"B\",\n      \"uuid\": \"x\"\n    }\n  }\n}\n";
        assert_eq!(edit(text, Format::Json, &texts).unwrap(), expected);
    }

    #[test]
    fn what_is_not_there_is_said() {
        for (format, text) in [(Format::Toml, "[disk.a]\n"), (Format::Json, r#"{"disk": {"a": {}}}"#)] {
            let error = edit(text, format, &[(at("disk.b.uuid"), String::new())]).unwrap_err();
            assert_eq!(error.to_string(), "`disk.b` is no table of it");
        }
    }
}
