//! What the tests of broken fleets share.

use fleet::Format;

/// What every broken fleet starts from, unless it brings the section itself.
const SECTIONS: [(&str, &str); 3] = [
    ("[fleet]", "[fleet]\nname = \"home\"\n"),
    (
        "[admin]",
        "[admin]\nuser = \"ben\"\nkeys = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop\"]\n",
    ),
    ("[network]", "[network]\nsubnet = \"192.168.1.0/24\"\ngateway = \"192.168.1.1\"\n"),
];

/// The text with the sections that it leaves to others.
pub fn completed(text: &str, format: Format) -> String {
    let mut text = text.to_owned();
    if format == Format::Toml && !text.starts_with("# whole") {
        for (head, section) in SECTIONS {
            if !text.contains(head) {
                text = format!("{text}\n{section}");
            }
        }
    }
    text
}
