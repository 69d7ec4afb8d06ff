//! Broken fleets, each with the report that a person sees and the codes that a program sees.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads and writes its fixtures")]

mod common;

use fleet::{Fleet, Format};
use std::fmt::Write as _;
use std::path::Path;

fn shown(name: &str, text: &str) -> String {
    let format = Format::of(name);
    let text = common::completed(text, format);
    let Err(report) = Fleet::parse(&text, name, format) else {
        panic!("{name} is not broken");
    };
    let mut out = String::new();
    for finding in report.findings() {
        writeln!(out, "{}:{} {} {}", finding.line, finding.column, finding.code, finding.path).unwrap();
        assert!(!finding.help.is_empty(), "{name}: {} has no help", finding.code);
    }
    let theme = miette::GraphicalTheme::unicode_nocolor();
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    handler.render_report(&mut out, &*report).unwrap();
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn broken_fleets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 40, "only {} broken fleets", names.len());
    insta::with_settings!({ snapshot_path => "broken-snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        for path in names {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            insta::assert_snapshot!(name.clone(), shown(&name, &text));
        }
    });
}
