//! Broken scenarios, each with the report that a person sees: everything at once, each at its place.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads its fixtures")]

use document::Format;
use fleet::{Fleet, HostName};
use scenario::{Draft, Ground};
use std::fmt::Write as _;
use std::path::Path;

const FLEET: &str = include_str!("../../../examples/nas/fleet.toml");

fn report(fleet: &str, name: &str, text: &str) -> fleet::Report {
    let fleet = Fleet::parse(fleet, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
    let bytes = |machine: &HostName, disk: &str| {
        let disks = &fleet.machines.get(machine)?.storage.disk;
        disks.keys().find(|name| name.as_ref() == disk).map(|_| 400 << 20)
    };
    let verb = |words: &[String]| (words[0] == "lab").then(|| "`lab` is no verb here".to_owned());
    let ground = Ground { declared: &fleet, lab: &fleet, bytes: &bytes, verb: &verb };
    let Err(report) = Draft::read(text, name, Format::Toml).check(&ground) else { panic!("{name} is not broken") };
    *report
}

fn shown(name: &str, text: &str) -> String {
    let report = report(FLEET, name, text);
    let mut out = String::new();
    for finding in report.findings() {
        writeln!(out, "{}:{} {} {}", finding.line, finding.column, finding.code, finding.path).unwrap();
        assert!(!finding.help.is_empty(), "{name}: {} has no help", finding.code);
    }
    let theme = miette::GraphicalTheme::unicode_nocolor();
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    handler.render_report(&mut out, &report).unwrap();
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn broken_scenarios() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 4, "only {} broken scenarios", names.len());
    insta::with_settings!({ snapshot_path => "broken-snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        for path in names {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            insta::assert_snapshot!(name.clone(), shown(&name, &text));
        }
    });
}

#[test]
fn what_boots_by_efi_does_not_boot_in_the_lab() {
    let text = "title = \"EFI\"\nstep = [{ do = \"boot\", machine = \"hive1\" }, { do = \"boot\", machine = \"hive2\", from = \"medium\" }]";
    let findings = report(include_str!("../../../examples/cluster/fleet.toml"), "efi.toml", text).findings();
    let codes: Vec<_> = findings.iter().map(|it| (it.path.as_str(), it.code.as_str())).collect();
    assert_eq!(codes, [("step.0.machine", "scenario::boots_by_efi")]);
}
