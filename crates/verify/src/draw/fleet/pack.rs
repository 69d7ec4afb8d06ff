//! Where boxes of many sizes go: the highest first, each as far up as there is room below those before it, then as far
//! left.

use super::{GAP, Piece};

/// About what stands above the machines.
const ABOVE: f64 = 320.0;
/// Wider pictures are read less well, and still wider ones are not made.
const WIDE: f64 = 1700.0;
const MOST: f64 = 2300.0;

/// Tops that differ by less count as one, so that boxes begin at the left.
const SAME: f64 = 48.0;

/// The higher of two places (top and left), else the one further left.
fn better(best: Option<(f64, f64)>, found: (f64, f64)) -> Option<(f64, f64)> {
    let (top, left) = best.unwrap_or((f64::INFINITY, f64::INFINITY));
    let wins = found.0 < top - SAME || (found.0 < top + SAME && found.1 < left);
    if wins { Some(found) } else { best }
}

/// The width at which the pieces leave the least room empty and the picture is not much higher than wide: of those where
/// some of the usual width stand beside one another, or beside the widest; at least `least`.
pub(super) fn width(pieces: &[Piece], least: f64) -> f64 {
    let mut widths: Vec<f64> = pieces.iter().map(|piece| piece.width).collect();
    widths.sort_by(f64::total_cmp);
    let usual = widths.get(widths.len() / 2).copied().unwrap_or_default();
    let widest = widths.last().copied().unwrap_or_default();
    let mut candidates = vec![least];
    for beside in 1_u8..=4 {
        let more = f64::from(beside) * (usual + GAP);
        candidates.extend([more - GAP, widest + more]);
    }
    let cost = |width: f64| {
        let height = pack(pieces, width).1 + ABOVE;
        let long = (height / width - 1.2).max(0.0) + (width / WIDE - 1.0).max(0.0);
        width * height * (1.0 + long)
    };
    let fitting = candidates.into_iter().filter(|width| *width >= least && *width <= least.max(MOST));
    let rated = fitting.map(|width| (cost(width), width));
    rated.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(least, |(_, width)| width)
}

/// A place for each piece (left and top), in their order, and the bottom of the lowest.
pub(super) fn pack(pieces: &[Piece], width: f64) -> (Vec<(f64, f64)>, f64) {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by(|a, b| pieces[*b].height.total_cmp(&pieces[*a].height).then(a.cmp(b)));
    let mut places = vec![(0.0, 0.0); pieces.len()];
    // Left edge, right edge and bottom, each with the gap behind it.
    let mut done: Vec<(f64, f64, f64)> = Vec::new();
    let mut lefts: Vec<f64> = vec![0.0];
    for at in order {
        let (wide, high) = (pieces[at].width, pieces[at].height);
        let top = |x: f64| {
            let below = done.iter().filter(|(left, right, _)| x < *right - 0.1 && *left < x + wide + GAP - 0.1);
            below.map(|(.., bottom)| *bottom).fold(0.0, f64::max)
        };
        let fitting = lefts.iter().filter(|x| **x <= 0.0 || **x + wide <= width + 0.1);
        let best = fitting.map(|x| (top(*x), *x)).fold(None, better);
        let (y, x) = best.unwrap_or_default();
        places[at] = (x, y);
        done.push((x, x + wide + GAP, y + high + GAP));
        if lefts.iter().all(|left| (left - (x + wide + GAP)).abs() > 0.1) {
            lefts.push(x + wide + GAP);
        }
    }
    let bottom = done.iter().map(|(.., bottom)| bottom - GAP).fold(0.0, f64::max);
    (places, bottom)
}
