//! The gallery in `docs/layouts.md`: every file of `examples/layouts/`, with what it says it is for and its storage drawn as
//! `homehive show` draws it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads the examples and the page")]

use fleet::{Fleet, Format};
use std::path::Path;
use storage::wish::draw;

const BEGIN: &str = "<!-- made from examples/layouts/: UPDATE_DOCS=1 cargo nextest run -p fleet gallery -->\n";
const END: &str = "<!-- made so far -->\n";

/// The comment that a file begins with, as prose.
fn purpose(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    lines.join("\n")
}

/// The storage of its machines, as `show` draws it.
fn drawn(fleet: &Fleet) -> String {
    fleet.machines.keys().filter_map(|machine| fleet.wish(machine)).map(|wish| draw(&wish.branches())).collect()
}

fn gallery(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    assert!(files.len() > 2, "{files:?}");
    let one = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let fleet = Fleet::parse(&text, name, Format::Toml).unwrap_or_else(|wrong| panic!("{name}: {wrong:?}"));
        let (purpose, drawn) = (purpose(&text), drawn(&fleet));
        assert!(!purpose.is_empty(), "{name}.toml does not begin with a comment that says what it is for");
        assert!(!drawn.is_empty(), "{name}");
        format!("### [{name}](../examples/layouts/{name}.toml)\n\n{purpose}\n\n```text\n{drawn}```\n\n")
    };
    files.iter().map(|path| one(path)).collect()
}

#[test]
fn the_gallery_is_in_step() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = root.join("docs/layouts.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the page has a place for it");
    let (_, after) = rest.split_once(END).expect("the place ends");
    let fresh = format!("{before}{BEGIN}\n{}{END}{after}", gallery(&root.join("examples/layouts")));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, fresh).unwrap();
        return;
    }
    assert!(text == fresh, "docs/layouts.md is out of step: UPDATE_DOCS=1 cargo nextest run -p fleet gallery");
}
