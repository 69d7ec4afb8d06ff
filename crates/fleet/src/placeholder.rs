//! Values that somebody meant to fill in: found anywhere in the document, before it is decoded.

use crate::PublicKey;
use document::{Kind, Path, Problems, Value};

/// Adds a problem for every placeholder, and settles its place: nothing else is said of it.
pub(crate) fn find(root: &Value, problems: &mut Problems) {
    walk(root, &mut Vec::new(), problems);
}

/// A key on the way down; a path is only made of them where something is found.
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

fn walk<'a>(value: &'a Value, way: &mut Vec<Step<'a>>, problems: &mut Problems) {
    match &value.kind {
        Kind::Table(entries) => {
            for (key, _, value) in entries {
                way.push(Step::Key(key));
                walk(value, way, problems);
                way.pop();
            }
        }
        Kind::List(values) => {
            for (index, value) in values.iter().enumerate() {
                way.push(Step::Index(index));
                walk(value, way, problems);
                way.pop();
            }
        }
        Kind::Text(text) => {
            if is_placeholder(text) {
                let at = way.iter().fold(Path::root(), |path, step| match step {
                    Step::Key(key) => path.join(key),
                    Step::Index(index) => path.join(index),
                });
                let key = way.iter().rev().find_map(|step| match step {
                    Step::Key(key) => Some(*key),
                    Step::Index(_) => None,
                });
                let key = key.unwrap_or_default();
                let message = format!("`{key}` still holds a placeholder");
                problems.add(&at, "fleet::placeholder", message, "only you know this", help(key));
                problems.settle(&at);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) => {}
    }
}

/// What to put there, by the key.
fn help(key: &str) -> &'static str {
    match key {
        "keys" => "put the line of ~/.ssh/id_ed25519.pub here; `ssh-keygen -t ed25519` makes a pair if there is none",
        "serial" => {
            "the disk's serial number: on its label, or as `homehive probe HOST` or `lsblk -o NAME,SERIAL` prints it"
        }
        "wwn" => "the disk's World Wide Name, as `homehive probe HOST` or `lsblk -o NAME,WWN` prints it",
        "device" => "the disk's path under /dev/disk/by-id, as `ls /dev/disk/by-id` prints it",
        "uuid" => "leave the line out: identities are derived from the fleet; only an adopted disk brings its own",
        "user" => "your user name",
        "to" | "from" | "mail" => "a mail address of yours",
        "smarthost" => "your provider's mail server and port",
        _ => "put the real value here",
    }
}

/// Is this text a placeholder? Words in capitals count as they stand in the checklists and examples that people copy;
/// a whole key never does, whatever its letters spell.
fn is_placeholder(text: &str) -> bool {
    let marked = text.contains('…')
        || text.contains("...")
        || ["REPLACE", "CHANGEME", "CHANGE-ME", "CHANGE_ME", "XXXX", "FILL-IN", "FILL_IN"]
            .iter()
            .any(|mark| text.contains(mark))
        || ["replace-", "replace_", "changeme", "change-me", "change_me", "xxxx", "your-", "your_"]
            .iter()
            .any(|mark| text.starts_with(mark))
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| ["TODO", "FIXME", "TBD"].contains(&word))
        || (text.starts_with('<') && text.ends_with('>'));
    marked && text.parse::<PublicKey>().is_err()
}

#[cfg(test)]
mod tests {
    use super::is_placeholder;

    #[test]
    fn placeholders() {
        for (text, wanted) in [
            ("REPLACE-WITH-USB-STICK-ID", true),
            ("ssh-ed25519 AAAA… ben@laptop", true),
            ("ssh-ed25519 AAAA... ben@laptop", true),
            ("WD-XXXXXXXX", true),
            ("changeme", true),
            ("your-serial", true),
            ("<serial>", true),
            ("TODO: serial", true),
            ("WD-WX11D34A7K2P", false),
            ("S4EWNX0R512345", false),
            ("mastodon", false),
            ("home.arpa", false),
            ("./modules/replace.nix", false),
            // A real key whose base64 happens to spell a mark.
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPM20XXXXvIJCS7+Luf1BnrSBJBOUUhT+Vhn9U3pYgGf me", false),
        ] {
            assert_eq!(is_placeholder(text), wanted, "{text}");
        }
    }
}
