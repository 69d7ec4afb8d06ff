//! The picture of a whole fleet: everything is there, nothing lies on anything else, no text leaves its box; and the
//! pictures of the documentation are in step.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(clippy::disallowed_methods, reason = "the documentation's pictures are files; the crate itself touches none")]

use fleet::{Fleet, Format};
use roxmltree::{Document, Node};
use std::path::Path;
use unicode_width::UnicodeWidthStr as _;
use verify::draw;

const NAS: &str = include_str!("../../../examples/nas/fleet.toml");
const CLUSTER: &str = include_str!("../../../examples/cluster/fleet.toml");

fn parsed(text: &str) -> Fleet {
    Fleet::parse(text, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap()
}

/// One machine with one disk, no cluster and no services.
fn one_disk() -> String {
    let head = NAS.split("[machines.nas]").next().unwrap();
    format!(
        "{head}[machines.pi]\naddress = \"192.168.1.20\"\n\n[machines.pi.storage.disk.main]\nserial = \"S1\"\n\n\
         [machines.pi.storage.disk.main.content]\ntype = \"gpt\"\n\
         partitions.boot = {{ size = \"1GiB\", type = \"efi\", content = {{ type = \"filesystem\", format = \"vfat\", mountpoint = \"/boot\" }} }}\n\
         partitions.root = {{ content = {{ type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" }} }}\n"
    )
}

/// The cluster and five more machines, with names, tags and shares as long as they may be, and other hosts.
fn ten() -> String {
    let (before, nodes) = CLUSTER.split_once("[machines.hive1]").unwrap();
    let node = format!("[machines.hive1]{}", nodes.split("[machines.hive2]").next().unwrap());
    let long = "kitchen-display-".repeat(3) + "and-more-letter";
    let mut more = String::from("[network.hosts]\nprinter = \"192.168.1.30\"\nmail-server = \"192.168.1.31\"\n\n");
    for (nth, name) in ["media", "backup", &long, "lab", "garage"].into_iter().enumerate() {
        let tags =
            if nth == 2 { format!("[\"edge\", \"{}\", \"heating\"]", "t".repeat(63)) } else { "[\"edge\"]".to_owned() };
        let text = node.replace("hive1", name).replace("1.11", &format!("1.{}", 20 + nth));
        let text = text.replace("k3s-server", "k3s-agent").replace("S64GNX0T401233A", &format!("SERIAL-{nth}"));
        more += &text.replace("[\"control\"]", &tags);
    }
    let share = format!("[shares.{}]\nmachine = \"nas\"\nsize = \"1TiB\"\n\n", "f".repeat(48));
    format!("{before}{more}[machines.hive1]{}", nodes.replace("[shares.storage]", &format!("{share}[shares.storage]")))
}

fn fleets() -> [(&'static str, String); 4] {
    [("nas", NAS.into()), ("cluster", CLUSTER.into()), ("one disk", one_disk()), ("ten", ten())]
}

#[derive(Clone, Debug)]
struct Shape {
    class: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Shape {
    fn meets(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    fn holds(&self, other: &Self) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && other.x + other.width <= self.x + self.width
            && other.y + other.height <= self.y + self.height
    }
}

fn number(node: Node<'_, '_>, key: &str) -> f64 {
    node.attribute(key).and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

fn translated(node: Node<'_, '_>) -> (f64, f64) {
    let transform = node.attribute("transform").and_then(|text| text.strip_prefix("translate(")?.strip_suffix(')'));
    let Some((x, y)) = transform.and_then(|text| text.split_once(' ')) else { return (0.0, 0.0) };
    (x.parse().unwrap(), y.parse().unwrap())
}

/// Boxes by what they are, and texts that leave the box they stand in.
fn look(node: Node<'_, '_>, origin: (f64, f64), boxes: &mut Vec<Shape>, out: &mut Vec<String>) {
    let (dx, dy) = translated(node);
    let origin = (origin.0 + dx, origin.1 + dy);
    let room =
        node.children().find(|child| child.has_tag_name("rect") && !matches!(child.attribute("width"), Some("100%")));
    for child in node.children().filter(Node::is_element) {
        let class = child.attribute("class").unwrap_or_default();
        match child.tag_name().name() {
            "rect" => {
                let chip = node.attribute("class").unwrap_or_default().starts_with("hh-chip");
                if chip || ["hh-band", "hh-card"].contains(&class) {
                    let class = if chip { "chip" } else { class }.to_owned();
                    let (x, y) = (origin.0 + number(child, "x"), origin.1 + number(child, "y"));
                    boxes.push(Shape { class, x, y, width: number(child, "width"), height: number(child, "height") });
                }
            }
            "text" if child.attribute("text-anchor").is_none() => {
                // What a column takes in DejaVu, the widest of the usual fonts.
                let column = match class {
                    "hh-name" => 11.4,
                    "hh-title" | "hh-heading" => 7.8,
                    "hh-detail" => 6.63,
                    "hh-words" => 6.9,
                    _ => 6.8,
                };
                let text = child.text().unwrap_or_default();
                let end = number(child, "x") + f64::from(u32::try_from(text.width()).unwrap()) * column;
                if room.is_some_and(|room| end > number(room, "x") + number(room, "width")) {
                    out.push(format!("{class} {text}"));
                }
            }
            "g" => look(child, origin, boxes, out),
            _ => {}
        }
    }
}

#[test]
fn nothing_lies_on_anything_else_and_no_text_leaves_its_box() {
    for (name, text) in fleets() {
        let svg = draw::fleet(&parsed(&text));
        let document = Document::parse(&svg).unwrap();
        let root = document.root_element();
        let whole = Shape {
            class: "picture".into(),
            x: 0.0,
            y: 0.0,
            width: number(root, "width"),
            height: number(root, "height"),
        };
        let (mut boxes, mut out) = (Vec::new(), Vec::new());
        look(root, (0.0, 0.0), &mut boxes, &mut out);
        assert_eq!(out, Vec::<String>::new(), "{name}");
        let (bands, inner): (Vec<_>, Vec<_>) = boxes.into_iter().partition(|shape| shape.class == "hh-band");
        assert!(inner.len() > 3, "{name}: {inner:?}");
        for (nth, band) in bands.iter().enumerate() {
            assert!(whole.holds(band), "{name}: {band:?} leaves the picture");
            assert!(bands[nth + 1..].iter().all(|other| !band.meets(other)), "{name}: {band:?} lies on another");
        }
        for (nth, shape) in inner.iter().enumerate() {
            assert_eq!(bands.iter().filter(|band| band.holds(shape)).count(), 1, "{name}: {shape:?} has no home");
            assert!(inner[nth + 1..].iter().all(|other| !shape.meets(other)), "{name}: {shape:?} lies on another");
        }
    }
}

#[test]
fn everything_is_there_in_full() {
    for (name, text) in fleets() {
        let fleet = parsed(&text);
        let svg = draw::fleet(&fleet);
        let document = Document::parse(&svg).unwrap();
        let told: Vec<&str> =
            document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|it| it.text()).collect();
        let all = told.join("\n");
        let mut wanted = vec![fleet.about.name.to_string(), fleet.network.subnet.to_string()];
        wanted.extend(fleet.network.gateway.map(|address| format!("gateway {address}")));
        wanted.extend(fleet.network.dhcp.iter().map(|range| format!("DHCP {range}")));
        wanted.extend(fleet.network.balancer.iter().map(|range| format!("balancer {range}")));
        wanted.extend(fleet.network.hosts.iter().map(|(name, address)| format!("{name} {address}")));
        for (name, machine) in &fleet.machines {
            assert!(told.contains(&name.as_ref()), "no name {name}");
            wanted.push(machine.address.to_string());
            wanted.push(format!("{name}.{}", fleet.about.domain));
            wanted.extend(machine.tags.iter().map(|tag| format!("@{tag}")));
            wanted.extend(machine.storage.disk.keys().map(ToString::to_string));
            wanted.extend(machine.storage.lvm_vg.keys().map(|group| format!("Volume group {group}")));
            wanted.extend(fleet.wish(name).unwrap().mounts.into_iter().map(|mount| mount.path));
        }
        for share in fleet.shares.keys() {
            wanted.extend([format!("share {share}"), format!("{share}-samba.local:445")]);
        }
        wanted.extend(fleet.monitoring.iter().map(|_| "Grafana".to_owned()));
        for word in wanted {
            assert!(all.contains(&word), "{name}: no `{word}`");
        }
        // Light and dark, and without variables, which many a viewer does not know.
        assert!(svg.contains("prefers-color-scheme: dark") && !svg.contains("var("), "{name}");
        assert_eq!(svg, draw::fleet(&fleet), "{name}: another picture of the same fleet");
    }
}

#[test]
fn a_machine_of_ones_own_flake_has_its_place() {
    let head = NAS.split("[machines.nas]").next().unwrap();
    let text = format!("{head}[machines.pi]\naddress = \"192.168.1.20\"\nconfiguration = \"github:you/config#pi\"\n");
    let svg = draw::fleet(&parsed(&text));
    assert!(svg.contains("own configuration github:you/config#pi"));
}

/// Written by `UPDATE_DOCS=1`.
#[test]
fn the_pictures_of_the_documentation_are_these() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    for (name, text) in [("fleet-nas.svg", NAS), ("fleet-cluster.svg", CLUSTER)] {
        let svg = draw::fleet(&parsed(text));
        let file = images.join(name);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&file, &svg).unwrap();
        }
        let stands = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(stands == svg, "{name} is out of step: UPDATE_DOCS=1 cargo nextest run -p verify pictures");
    }
}
