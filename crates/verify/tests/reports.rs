//! Reports as people and programs read them.

mod sample;

use sample::{COMPLETE, FAILED, facts, results, run};
use verify::draw::{Diagram, svg};
use verify::report::{Look, Reading, Report, Run, Verification, html, junit, terminal};

/// A small run: one verification, one disk dead.
fn small() -> Run {
    let groups = results(&facts(FAILED)).into_iter().filter(|group| ["raid", "k3s"].contains(&group.id.as_str()));
    let hurt = Verification { title: "now".into(), seconds: 1.5, groups: groups.collect(), ..Verification::default() };
    Run {
        title: "Is nas well?".into(),
        machine: "nas".into(),
        seconds: 1.5,
        verifications: vec![hurt],
        ..Run::default()
    }
}

#[test]
fn terminals() {
    insta::assert_snapshot!("terminal", terminal(&Report::of(run()), Look::Plain));
    let colour = terminal(&Report::of(small()), Look::Colour);
    insta::assert_snapshot!("terminal_colour", colour.replace('\u{1b}', "^"));
}

#[test]
fn for_continuous_integration() {
    insta::assert_snapshot!("junit", junit(&Report::of(small())).unwrap());
}

#[test]
fn as_json() {
    insta::assert_snapshot!("json", Report::of(small()).json().unwrap());
}

#[test]
fn as_a_page() {
    let page = html(&Report::of(small()));
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    insta::assert_snapshot!("html", format!("{before}{after}").replace("><", ">\n<"));
}

#[test]
fn a_page_needs_nothing_else() {
    let page = html(&Report::of(run()));
    for word in ["<script", "<link", "<img", "<iframe", "@import", "url(", "src="] {
        assert!(!page.contains(word), "{word}");
    }
    let addresses = page.matches("http").count();
    let names = page.matches("http://www.w3.org/2000/svg").count() + page.matches("http-equiv").count();
    assert_eq!(addresses, names, "an address beyond XML's name of SVG");
}

#[test]
fn pictures() {
    for (name, probe) in
        [("stack_complete", COMPLETE), ("stack_failed", FAILED), ("stack_rebuilding", sample::REBUILDING)]
    {
        let diagram = Diagram::of(&sample::wish(), Some(&facts(probe)));
        let parts = diagram.parts.iter().map(|part| {
            format!("{} | {} | {} | {} | {:?} {}", part.id, part.title, part.size, part.detail, part.health, part.note)
        });
        insta::assert_snapshot!(name, parts.collect::<Vec<_>>().join("\n"));
        assert!(roxmltree::Document::parse(&svg(&diagram)).is_ok(), "{name}");
    }
    let declared = Diagram::of(&sample::wish(), None);
    assert!(declared.parts.iter().all(|part| part.note.is_empty()));
}

#[test]
fn what_had_to_fail_and_did_not_is_wrong() {
    let groups = results(&facts(COMPLETE));
    let must_fail = vec!["raid".to_owned()];
    let verification = Verification { title: "hurt".into(), must_fail, groups, ..Verification::default() };
    let raid = verification.groups.iter().find(|group| group.id == "raid").unwrap();
    assert_eq!(verification.reading(raid), Reading::Unnoticed);
    let report = Report::of(Run { verifications: vec![verification], ..Run::default() });
    assert!(!report.summary.good);
    assert!(junit(&report).unwrap().contains("passed although it had to fail"));
}

#[test]
fn nothing_looked_at_is_not_good() {
    assert!(!Report::of(Run::default()).summary.good);
}
