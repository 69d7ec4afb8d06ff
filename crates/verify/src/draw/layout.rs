//! Where the boxes of a diagram go: columns from disks to mount points, rows so that lines stay short and seldom cross.

use super::{Diagram, Part, PartKind};
use std::collections::{BTreeMap, HashMap, HashSet};

pub(super) const WIDTH: f64 = 216.0;
const GAP: f64 = 64.0;
const ROW: f64 = 46.0;
const NOTE: f64 = 17.0;
const SPACE: f64 = 12.0;
const CACHE: f64 = 30.0;
const LANE: f64 = 10.0;
pub(super) const FRAME_TOP: f64 = 30.0;
pub(super) const FRAME_SIDE: f64 = 12.0;

/// A rectangle: left, top, width, height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Place {
    pub fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }

    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// Where everything goes.
#[derive(Debug, Default)]
pub(super) struct Layout<'a> {
    pub parts: Vec<(&'a Part, Place)>,
    pub frames: Vec<(&'a str, Place)>,
    /// Lines of what lies on what, through the ways they take past the columns between.
    pub lines: Vec<Line>,
    /// From, to and label of what caches what.
    pub caches: Vec<(Place, Place, &'a str)>,
    pub width: f64,
    pub height: f64,
}

#[derive(Debug)]
pub(super) struct Line {
    pub from: usize,
    pub stops: Vec<Place>,
}

/// What stands in a column: one part, all parts of a frame in a column, or the lane of a line.
struct Unit<'a> {
    members: Vec<usize>,
    frame: Option<&'a str>,
    lane: Option<(usize, usize)>,
    wanted: f64,
    height: f64,
}

struct Graph<'a> {
    parts: Vec<&'a Part>,
    on: Vec<Vec<usize>>,
    /// The volume that each volume caches.
    origin: HashMap<usize, usize>,
    rank: Vec<usize>,
}

impl<'a> Graph<'a> {
    fn new(diagram: &'a Diagram) -> Self {
        let mut index = HashMap::new();
        let mut parts = Vec::new();
        for part in &diagram.parts {
            index.entry(part.id.as_str()).or_insert_with(|| {
                parts.push(part);
                parts.len() - 1
            });
        }
        let mut on = vec![Vec::new(); parts.len()];
        let mut origin = HashMap::new();
        for link in &diagram.links {
            let ends = (index.get(link.from.as_str()), index.get(link.to.as_str()));
            let (Some(&from), Some(&to)) = ends else { continue };
            if from == to {
            } else if link.cache.is_some() {
                origin.insert(from, to);
            } else if !on[to].contains(&from) {
                on[to].push(from);
            }
        }
        let rank = ranks(&parts, &on);
        Self { parts, on, origin, rank }
    }

    /// Disks in the order in which a walk down from the mount points first meets them; what shares nothing with the
    /// rest comes first, so that its lines stay clear of it.
    fn disks(&self) -> Vec<usize> {
        let kin = self.kin();
        let size = |at: usize| kin.iter().filter(|root| **root == kin[at]).count();
        let mut tops: Vec<usize> = (0..self.parts.len()).collect();
        tops.sort_by_key(|at| {
            let filesystem = self.parts[*at].kind == PartKind::Filesystem;
            std::cmp::Reverse((!filesystem, size(*at), self.below(*at).len(), *at))
        });
        let mut seen = HashSet::new();
        let mut order = Vec::new();
        for at in tops.into_iter().rev().flat_map(|at| self.below(at)) {
            if seen.insert(at) && self.rank[at] == 0 {
                order.push(at);
            }
        }
        order
    }

    /// The part and everything that it lies on, a cache before what it caches.
    fn below(&self, top: usize) -> Vec<usize> {
        let mut seen = HashSet::new();
        let mut order = Vec::new();
        let mut stack = vec![top];
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            order.push(at);
            stack.extend(self.on[at].iter().rev());
            stack.extend(self.origin.iter().filter(|(_, origin)| **origin == at).map(|(cache, _)| *cache));
        }
        order
    }

    /// For each part, one part that stands for all that hang together with it.
    fn kin(&self) -> Vec<usize> {
        let mut kin: Vec<usize> = (0..self.parts.len()).collect();
        let on = self.on.iter().enumerate().flat_map(|(at, on)| on.iter().map(move |below| (at, *below)));
        for (a, b) in on.chain(self.origin.iter().map(|(cache, origin)| (*cache, *origin))) {
            let (from, to) = (kin[a], kin[b]);
            kin.iter_mut().filter(|root| **root == from).for_each(|root| *root = to);
        }
        kin
    }
}

/// How many parts lie below each; filesystems stand in the last column. Links in a circle end the count.
fn ranks(parts: &[&Part], on: &[Vec<usize>]) -> Vec<usize> {
    let mut rank = vec![0; parts.len()];
    for _ in 0..parts.len() {
        for at in 0..parts.len() {
            rank[at] = on[at].iter().map(|below| rank[*below] + 1).max().unwrap_or(0).min(parts.len());
        }
    }
    let last = rank.iter().copied().max().unwrap_or(0);
    for (at, part) in parts.iter().enumerate() {
        if part.kind == PartKind::Filesystem {
            rank[at] = last;
        }
    }
    rank
}

pub(super) fn layout(diagram: &Diagram) -> Layout<'_> {
    let graph = Graph::new(diagram);
    let columns: Vec<usize> = {
        // Ranks that nothing has (links in a circle) take no room.
        let used: std::collections::BTreeSet<_> = graph.rank.iter().copied().collect();
        used.into_iter().collect()
    };
    let column = |at: usize| columns.iter().position(|rank| *rank == graph.rank[at]).unwrap_or(0);
    let mut places = vec![Place::default(); graph.parts.len()];
    let mut ways: BTreeMap<(usize, usize), Vec<Place>> = BTreeMap::new();
    let mut frames: Vec<(&str, Place)> = Vec::new();
    for (number, _) in columns.iter().enumerate() {
        let left = f64::from(u32::try_from(number).unwrap_or(u32::MAX)) * (WIDTH + GAP);
        let mut units = units(&graph, &column, number, &places, &ways);
        place(&mut units);
        for unit in &units {
            let top = unit.wanted;
            if let Some(lane) = unit.lane {
                let place = Place { x: left, y: top, width: WIDTH, height: LANE };
                ways.entry(lane).or_default().push(place);
                continue;
            }
            let mut y = top;
            if let Some(name) = unit.frame {
                let (x, width) = (left - FRAME_SIDE, WIDTH + 2.0 * FRAME_SIDE);
                frames.push((name, Place { x, y: top, width, height: unit.height }));
                y += FRAME_TOP;
            }
            for (nth, at) in unit.members.iter().enumerate() {
                if nth > 0 {
                    y += space(&graph, unit.members[nth - 1], *at);
                }
                let height = height(graph.parts[*at]);
                places[*at] = Place { x: left, y, width: WIDTH, height };
                y += height;
            }
        }
    }
    finish(diagram, &graph, &places, &frames, &ways)
}

/// What stands in a column, each at the height where its lines would be shortest.
fn units<'a>(
    graph: &Graph<'a>,
    column: &impl Fn(usize) -> usize,
    number: usize,
    places: &[Place],
    ways: &BTreeMap<(usize, usize), Vec<Place>>,
) -> Vec<Unit<'a>> {
    let from = |below: usize, at: usize| {
        ways.get(&(below, at)).and_then(|lane| lane.last()).unwrap_or(&places[below]).middle()
    };
    let mean = |values: Vec<f64>| {
        let count = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX));
        if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / count }
    };
    let own = |at: usize| mean(graph.on[at].iter().filter(|b| column(**b) < number).map(|b| from(*b, at)).collect());
    let mut units: Vec<Unit<'a>> = Vec::new();
    let here: Vec<usize> = if number == 0 { graph.disks() } else { (0..graph.parts.len()).collect() };
    for (nth, at) in here.into_iter().filter(|at| column(*at) == number).enumerate() {
        let frame = graph.parts[at].frame.as_deref();
        match units.iter_mut().find(|unit| frame.is_some() && unit.frame == frame) {
            Some(unit) => unit.members.push(at),
            None => units.push(Unit { members: vec![at], frame, lane: None, wanted: 0.0, height: 0.0 }),
        }
        if number == 0 {
            let unit = units.iter_mut().find(|unit| unit.members.contains(&at));
            if let Some(unit) = unit.filter(|unit| unit.members.len() == 1) {
                unit.wanted = f64::from(u32::try_from(nth).unwrap_or(u32::MAX)) * (ROW + SPACE);
            }
        }
    }
    for unit in &mut units {
        if number > 0 {
            unit.members.sort_by(|a, b| own(*a).total_cmp(&own(*b)));
            beside_origin(graph, &mut unit.members);
            unit.wanted = mean(unit.members.iter().map(|at| own(*at)).collect());
        }
        let boxes: f64 = unit.members.iter().map(|at| height(graph.parts[*at])).sum();
        let spaces: f64 = unit.members.windows(2).map(|pair| space(graph, pair[0], pair[1])).sum();
        unit.height = boxes + spaces + if unit.frame.is_some() { FRAME_TOP + FRAME_SIDE } else { 0.0 };
    }
    for (at, below) in graph.on.iter().enumerate().flat_map(|(at, on)| on.iter().map(move |below| (at, *below))) {
        if column(below) < number && number < column(at) {
            let lane = Some((below, at));
            units.push(Unit { members: Vec::new(), frame: None, lane, wanted: from(below, at), height: LANE });
        }
    }
    units
}

/// Moves every cache next to what it caches, on the side where it already is.
fn beside_origin(graph: &Graph<'_>, members: &mut Vec<usize>) {
    for cache in members.clone() {
        let Some(origin) = graph.origin.get(&cache) else { continue };
        let (Some(was), Some(before)) =
            (members.iter().position(|at| *at == cache), members.iter().position(|at| at == origin))
        else {
            continue;
        };
        members.remove(was);
        let now = members.iter().position(|at| at == origin).unwrap_or(0);
        members.insert(if was < before { now } else { now + 1 }, cache);
    }
}

/// Puts units below one another without overlap, each as near as can be to where it wants its middle (least squares:
/// pool adjacent violators); `wanted` becomes the top.
fn place(units: &mut [Unit<'_>]) {
    units.sort_by(|a, b| a.wanted.total_cmp(&b.wanted));
    let mut pools: Vec<(f64, f64)> = Vec::new();
    let mut offset = 0.0;
    let mut offsets = Vec::new();
    for unit in units.iter() {
        offset += unit.height / 2.0;
        offsets.push(offset);
        pools.push((unit.wanted - offset, 1.0));
        offset += unit.height / 2.0 + SPACE;
        while let [.., (above, n), (below, m)] = pools[..]
            && above / n > below / m
        {
            pools.truncate(pools.len() - 2);
            pools.push((above + below, n + m));
        }
    }
    let mut pools = pools.iter().flat_map(|(sum, count)| {
        let mean = sum / count;
        std::iter::repeat_n(mean, to_usize(*count))
    });
    for (unit, offset) in units.iter_mut().zip(offsets) {
        unit.wanted = pools.next().unwrap_or(0.0) + offset - unit.height / 2.0;
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of units, small and whole")]
fn to_usize(count: f64) -> usize {
    count as usize
}

fn height(part: &Part) -> f64 {
    ROW + if part.note.is_empty() { 0.0 } else { NOTE }
}

fn space(graph: &Graph<'_>, above: usize, below: usize) -> f64 {
    let caches = |a: &usize, b: &usize| graph.origin.get(a) == Some(b);
    if caches(&above, &below) || caches(&below, &above) { CACHE } else { SPACE }
}

/// Moves everything into view and gathers the lines.
fn finish<'a>(
    diagram: &'a Diagram,
    graph: &Graph<'a>,
    places: &[Place],
    frames: &[(&'a str, Place)],
    ways: &BTreeMap<(usize, usize), Vec<Place>>,
) -> Layout<'a> {
    let all = || places.iter().chain(frames.iter().map(|(_, place)| place)).chain(ways.values().flatten());
    let edge = |place: &Place| (place.x, place.y);
    let left = all().map(|place| edge(place).0).fold(0.0, f64::min) - 2.0;
    let top = all().map(|place| edge(place).1).fold(f64::INFINITY, f64::min) - 2.0;
    let top = if top.is_finite() { top } else { 0.0 };
    let moved = |place: &Place| Place { x: place.x - left, y: place.y - top, ..*place };
    let width = all().map(Place::right).fold(0.0, f64::max) - left + 2.0;
    let height = all().map(Place::bottom).fold(top, f64::max) - top + 2.0;
    let mut lines = Vec::new();
    for (at, below) in graph.on.iter().enumerate().flat_map(|(at, on)| on.iter().map(move |below| (at, *below))) {
        let mut stops = vec![moved(&places[below])];
        stops.extend(ways.get(&(below, at)).into_iter().flatten().map(moved));
        stops.push(moved(&places[at]));
        lines.push(Line { from: below, stops });
    }
    let place_of = |id: &str| graph.parts.iter().position(|part| part.id == id).map(|at| moved(&places[at]));
    let caches = diagram
        .links
        .iter()
        .filter(|link| link.from != link.to)
        .filter_map(|link| Some((place_of(&link.from)?, place_of(&link.to)?, link.cache.as_deref()?)));
    Layout {
        parts: graph.parts.iter().copied().zip(places.iter().map(moved)).collect(),
        frames: frames.iter().map(|(name, place)| (*name, moved(place))).collect(),
        lines,
        caches: caches.collect(),
        width,
        height,
    }
}
