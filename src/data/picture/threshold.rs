//! Where ink begins.

use super::grid::{Grid, quantile};

/// Shares of ink below this are no ink, however clean the paper.
const FAINTEST: f32 = 0.08;
/// Ink is brighter than so many times the paper's grain.
const TIMES_GRAIN: f32 = 5.0;
/// The grain of a small picture may be squared paper, so it does not count beyond this.
const COARSEST: f32 = 0.25;
/// Full ink that is no clearer than the grain is grain.
const CLEAR_OF_GRAIN: f32 = 6.0;
/// The thin and soft parts of strokes have at least this share of full ink.
const SOFTEST: f32 = 0.45;
const BINS: usize = 256;

/// What counts as ink in a picture of shares of ink.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threshold {
    /// From here on it is ink.
    pub ink: f32,
    /// The usual share in the midst of a stroke.
    pub full: f32,
}

/// The threshold between paper and ink; `None` where all is paper.
pub(super) fn find(shares: &Grid<f32>) -> Option<Threshold> {
    let paper = shares.quantile(0.5);
    let grain =
        1.4826 * quantile(&mut shares.cells.iter().map(|s| (s - paper).abs()).collect::<Vec<_>>(), 0.5);
    let faintest = (TIMES_GRAIN * grain).clamp(FAINTEST, COARSEST);
    let Threshold { ink, full } = split(shares, faintest)?;
    let ink = ink.min(SOFTEST * full).max(faintest);
    (full > (CLEAR_OF_GRAIN * grain).min(2.0 * COARSEST)).then_some(Threshold { ink, full })
}

/// Otsu's threshold between faint and full ink, of what has more than `above`: the paper, of which there
/// is so much more, or lines that are fainter than the ink are left out. `None` where nothing has more.
pub(super) fn split(shares: &Grid<f32>, above: f32) -> Option<Threshold> {
    let mut bins = [0u32; BINS];
    for &share in shares.cells.iter().filter(|&&share| share > above) {
        bins[((share * BINS as f32) as usize).min(BINS - 1)] += 1;
    }
    let split = otsu(&bins)?;
    let (mut sum, mut count) = (0.0, 0.0);
    for (bin, &members) in bins.iter().enumerate().skip(split) {
        sum += (bin as f32 + 0.5) / BINS as f32 * members as f32;
        count += members as f32;
    }
    Some(Threshold { ink: split as f32 / BINS as f32, full: sum / count })
}

/// The first bin of the upper class when the variance between the two classes is greatest; with one bin
/// filled, that bin.
fn otsu(bins: &[u32; BINS]) -> Option<usize> {
    let total: f64 = bins.iter().map(|&members| f64::from(members)).sum();
    let moment: f64 = bins.iter().enumerate().map(|(bin, &members)| bin as f64 * f64::from(members)).sum();
    let (mut below, mut below_moment, mut best, mut at) = (0.0, 0.0, 0.0, None);
    for (bin, &members) in bins.iter().enumerate() {
        let (above, above_moment) = (total - below, moment - below_moment);
        if below > 0.0 && above > 0.0 {
            let apart = above_moment / above - below_moment / below;
            let variance = below * above * apart * apart;
            if variance > best {
                (best, at) = (variance, Some(bin));
            }
        }
        below += f64::from(members);
        below_moment += bin as f64 * f64::from(members);
    }
    at.or_else(|| bins.iter().position(|&members| members > 0))
}
