//! What holds for every answer, every name and every text.

mod sample;

use proptest::prelude::*;
use sample::{COMPLETE, GROUPS, answers, facts};
use std::sync::LazyLock;
use verify::draw::{Diagram, Health, Link, Part, PartKind, svg};
use verify::report::{Look, NotRun, Report, Run, Stage, Verification, html, junit, terminal};
use verify::{Answers, Ask, GroupResult, Outcome, Payload, Reply, judge, questions};

static ANSWERS: LazyLock<Answers> = LazyLock::new(|| answers(&facts(COMPLETE)));
static HURT: LazyLock<Vec<GroupResult>> = LazyLock::new(|| sample::results(&facts(sample::FAILED)));
static PLAIN: LazyLock<String> = LazyLock::new(|| html(&Report::of(run_of("x"))));

/// Texts that would break a page, a picture, a file of XML or a terminal.
fn nasty() -> impl Strategy<Value = String> {
    let hard = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "</style></svg></title>",
        "\" onload=\"x",
        "' x='",
        "&amp;&#0;&",
        "]]>",
        "--><!--",
        "\u{1b}[31m\u{7}\0",
        "\u{fffe}\u{ffff}",
        "größer 日本語 🦀",
    ]);
    prop_oneof![hard.prop_map(str::to_owned), "\\PC{0,40}", any::<String>()]
}

fn run_of(text: &str) -> Run {
    let stage = |outcome| Stage { name: text.into(), seconds: 1.0, outcome, detail: text.into() };
    let mut results = HURT.clone();
    for group in &mut results {
        group.title = text.into();
        for check in &mut group.checks {
            check.title = text.into();
            check.detail = text.into();
        }
    }
    let part = Part {
        id: text.into(),
        kind: PartKind::Volume,
        title: text.into(),
        size: text.into(),
        detail: text.into(),
        frame: Some(text.into()),
        health: Health::Missing,
        note: text.into(),
    };
    let diagram = Diagram { parts: vec![part], links: Vec::new() };
    Run {
        title: text.into(),
        machine: text.into(),
        started: text.into(),
        stages: vec![stage(Outcome::Passed), stage(Outcome::Failed), stage(Outcome::NotRun { reason: text.into() })],
        verifications: vec![Verification { title: text.into(), groups: results, ..Verification::default() }],
        omitted: vec![NotRun { what: text.into(), reason: text.into() }],
        pictures: vec![verify::report::Picture { title: text.into(), diagram }],
        ..Run::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is missing, was not asked or did not come: no check that asked for it passes, nor does its group.
    #[test]
    fn no_answer_never_passes(lost in prop::collection::vec(0..3_u8, 40), fails in any::<bool>()) {
        let (groups, all) = (&*GROUPS, &*ANSWERS);
        let mut some = Answers::new(Some(Payload::StandIn), false);
        for (ask, lost) in questions(groups).into_iter().zip(lost) {
            match (lost, all.get(ask)) {
                (0, Some(reply)) => some.insert(ask.clone(), reply.clone(), 0.1),
                (1, _) if fails => some.insert(ask.clone(), Reply::Failed("connection lost".into()), 0.1),
                (1, _) => some.insert(ask.clone(), Reply::NotAsked("not today".into()), 0.0),
                _ => {}
            }
        }
        let came = |ask: &Ask| matches!(some.get(ask), Some(Reply::Facts(_) | Reply::Printed(_)));
        for group in groups {
            let result = judge(group, &some);
            for (check, result) in group.checks.iter().zip(&result.checks) {
                prop_assert!(result.outcome != Outcome::Passed || check.asks.iter().all(came), "{}", check.id);
            }
            let whole = group.checks.iter().flat_map(|check| &check.asks).all(came);
            prop_assert!(result.outcome != Outcome::Passed || whole, "{}", group.id);
        }
    }

    /// No text of a report becomes markup, and the drawing in the page stays well-formed.
    #[test]
    fn html_escapes_every_text(text in nasty()) {
        let page = html(&Report::of(run_of(&text)));
        let tags = |page: &str| page.matches('<').count();
        prop_assert!(!page.contains("<script") && !page.contains("onload=\"x\""));
        // Texts that are empty leave their elements out; no text adds one.
        prop_assert!(tags(&page) <= tags(&PLAIN), "{page}");
    }

    /// The XML for continuous integration can be read back.
    #[test]
    fn junit_is_well_formed(text in nasty()) {
        let xml = junit(&Report::of(run_of(&text))).unwrap();
        prop_assert!(roxmltree::Document::parse(&xml).is_ok(), "{xml}");
    }

    /// Plain text holds no control character but newlines.
    #[test]
    fn plain_text_controls_no_terminal(text in nasty()) {
        let plain = terminal(&Report::of(run_of(&text)), Look::Plain);
        prop_assert!(plain.chars().all(|c| c == '\n' || !c.is_control()), "{plain:?}");
    }

    /// Any names, any links, also in circles: well-formed, every part once, inside the picture, none over another.
    #[test]
    fn svg_is_well_formed_for_any_diagram(
        names in prop::collection::vec(nasty(), 0..12),
        kinds in prop::collection::vec(0..5_usize, 12),
        frames in prop::collection::vec(prop::option::of(0..2_u8), 12),
        ends in prop::collection::vec((0..13_usize, 0..13_usize, any::<bool>()), 0..30),
    ) {
        const KINDS: [PartKind; 6] =
            [PartKind::Disk, PartKind::Partition, PartKind::Array, PartKind::Volume, PartKind::Crypt, PartKind::Filesystem];
        let id = |at: usize| names.get(at).map_or_else(|| "nowhere".to_owned(), |name| format!("{at} {name}"));
        let parts = names.iter().enumerate().map(|(at, name)| Part {
            id: id(at),
            kind: KINDS[kinds[at]],
            title: name.clone(),
            size: name.clone(),
            detail: name.clone(),
            frame: frames[at].map(|frame| frame.to_string()),
            health: Health::Degraded,
            note: if at % 2 == 0 { name.clone() } else { String::new() },
        });
        let links = ends.iter().map(|(from, to, cache)| Link {
            from: id(*from),
            to: id(*to),
            cache: cache.then(|| "dm-<cache>".to_owned()),
        });
        let diagram = Diagram { parts: parts.collect(), links: links.collect() };
        let text = svg(&diagram);
        let xml = roxmltree::Document::parse(&text);
        prop_assert!(xml.is_ok(), "{text}");
        let xml = xml.unwrap();
        prop_assert!(!text.contains("NaN") && !text.contains("inf "));
        let class = |node: &roxmltree::Node<'_, '_>, name: &str| {
            node.attribute("class").is_some_and(|class| class.split(' ').any(|one| one == name))
        };
        let size = |name: &str| xml.root_element().attribute(name).unwrap().parse::<f64>().unwrap();
        let (width, height) = (size("width"), size("height"));
        let mut boxes = Vec::new();
        for part in xml.descendants().filter(|node| class(node, "hh-part")) {
            let at = part.attribute("transform").unwrap();
            let at = at.trim_start_matches("translate(").trim_end_matches(')').split(' ');
            let at: Vec<f64> = at.map(|number| number.parse().unwrap()).collect();
            let card = part.children().find(|node| class(node, "hh-card")).unwrap();
            let of = |name: &str| card.attribute(name).unwrap().parse::<f64>().unwrap();
            boxes.push((at[0], at[1], at[0] + of("width"), at[1] + of("height")));
        }
        prop_assert_eq!(boxes.len(), names.len());
        for (nth, a) in boxes.iter().enumerate() {
            prop_assert!(a.0 >= 0.0 && a.1 >= 0.0 && a.2 <= width + 1.0 && a.3 <= height + 1.0, "{:?} {} {}", a, width, height);
            for b in &boxes[nth + 1..] {
                prop_assert!(a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1, "{:?} over {:?}", a, b);
            }
        }
    }
}
