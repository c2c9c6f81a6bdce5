//! Looks for the digit; where the paper's lines hold it, among what is darker or broader than they are.

use super::Step;
use super::digit::{self, Digit};
use super::grid::Grid;
use super::lines;
use super::threshold::{self, Threshold};

/// Where ink meets one edge of the picture in so many places, it is lines of the paper.
const RULED: usize = 3;
/// Lines of less than twice these many cells, and one more, are left out.
const BROADER: [usize; 4] = [0, 1, 2, 3];
/// Fainter lines are left out so many times.
const DARKER: usize = 3;
/// The digit is free of them when no more than this is left of other ink, over its own, ...
const OTHER_INK: f32 = 0.15;
/// ... and it is as long as this share of the picture's shorter side.
const SMALLEST: f32 = 0.1;

/// A digit and how it came to light.
pub(super) struct Found {
    /// The share of ink of each pixel, without what was left out.
    pub shares: Grid<f32>,
    pub threshold: Threshold,
    pub digit: Digit,
    lines: usize,
    /// In how many places ink meets that edge of the picture which it meets most often.
    crossings: usize,
}

/// Finds the digit; `None` without ink.
pub(super) fn digit(shares: &Grid<f32>, steps: &mut Vec<Step>) -> Option<Found> {
    let first = attempt(shares, threshold::find(shares)?)?;
    let found = if first.crossings >= RULED { freed(shares).unwrap_or(first) } else { first };
    let note = format!("ink covers at least {:.0} % of the paper's light", 100.0 * found.threshold.ink);
    steps.push(Step { name: "threshold", note });
    if found.lines > 0 {
        let note = format!("{} lines of the paper or frames removed", found.lines);
        steps.push(Step { name: "lines", note });
    }
    if found.digit.dropped > 0 {
        let note = format!("{} pieces that are not of the digit removed", found.digit.dropped);
        steps.push(Step { name: "specks", note });
    }
    Some(found)
}

fn attempt(shares: &Grid<f32>, threshold: Threshold) -> Option<Found> {
    let mut mask = shares.map(|share| share >= threshold.ink);
    let crossings = lines::crossings(&mask);
    let lines = lines::removed(&mut mask);
    let digit = digit::find(&mask)?;
    Some(Found { shares: shares.clone(), digit, threshold, lines, crossings })
}

/// The first attempt at darker and broader ink whose digit stands free; best where no line is left that
/// had to be removed and may have left crumbs.
fn freed(shares: &Grid<f32>) -> Option<Found> {
    let mut crumbled = None;
    for radius in BROADER {
        let broad = shares.opened(radius);
        let Some(mut threshold) = threshold::find(&broad) else { break };
        for _ in 0..DARKER {
            if let Some(found) = attempt(&broad, threshold).filter(|found| is_free(&found.digit)) {
                if found.crossings < RULED {
                    return Some(found);
                }
                crumbled.get_or_insert(found);
            }
            match threshold::split(&broad, threshold.ink) {
                Some(darker) => threshold = darker,
                None => break,
            }
        }
    }
    crumbled
}

fn is_free(digit: &Digit) -> bool {
    let shorter_side = digit.mask.width.min(digit.mask.height) as f32;
    !digit.touches_edge()
        && digit.dropped_ink <= OTHER_INK
        && digit.bounds.longer_side() as f32 >= SMALLEST * shorter_side
}
