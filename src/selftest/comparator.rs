//! Compares numbers with what they ought to be, so that nothing slips through: a NaN, an infinity or
//! a missing number is always a mismatch.

use crate::reference::Real;

/// How far a number may be off: `absolute + relative * |want|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tol {
    /// The part that does not depend on the number.
    pub absolute: f64,
    /// The part in proportion to the expected number.
    pub relative: f64,
}

/// Why numbers did not pass, for the user to read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(pub String);

impl Tol {
    /// The same for all numbers.
    pub fn absolute(absolute: f64) -> Self {
        Self { absolute, relative: 0.0 }
    }

    /// For f32 sums of `k` products of magnitude `scale`: `4 * eps * sqrt(k) * scale`. Rounding errors
    /// of a sum grow like a random walk; the 4 is the margin.
    pub fn reduction(k: usize, scale: f64) -> Self {
        Self::absolute(4.0 * f64::from(f32::EPSILON) * (k as f64).sqrt() * scale)
    }

    /// How far from `want` a number may be.
    pub fn budget(&self, want: f64) -> f64 {
        self.absolute + self.relative * want.abs()
    }
}

/// How near a number came to its budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Used {
    /// How far the number is off.
    pub error: f64,
    /// How far it may be.
    pub budget: f64,
    /// The share of the budget used, 0 to 1.
    pub share: f64,
}

/// Passes if every number of `got` is within `tol` of `want`, and returns the largest share of the
/// budget that any of them used (0 to 1).
///
/// # Errors
/// As for [`worst`].
pub fn close<G: Real, W: Real>(name: &str, got: &[G], want: &[W], tol: Tol) -> Result<f64, Mismatch> {
    worst(name, got, want, tol).map(|used| used.share)
}

/// Passes if every number of `got` is within `tol` of `want`, and returns the number that came nearest
/// to its budget; of equals, the first.
///
/// # Errors
/// The worst number by its index, with what it should have been; or that the lengths differ, or that
/// there was nothing to compare.
pub fn worst<G: Real, W: Real>(name: &str, got: &[G], want: &[W], tol: Tol) -> Result<Used, Mismatch> {
    check_lengths(name, got, want)?;
    let (mut worst, mut worst_share) = (0, 0.0);
    for index in 0..got.len() {
        let share = share(got[index].wide(), want[index].wide(), tol);
        if share > worst_share {
            (worst, worst_share) = (index, share);
        }
    }
    let (got, want) = (got[worst].wide(), want[worst].wide());
    let (error, budget) = ((got - want).abs(), tol.budget(want));
    if worst_share <= 1.0 {
        return Ok(Used { error, budget, share: worst_share });
    }
    Err(Mismatch(format!(
        "{name}[{worst}]: got {got:e}, want {want:e}; off by {error:e}, {worst_share:.3} of the budget {budget:e}"
    )))
}

/// The share of the budget that one number uses; infinite where it is undefined.
fn share(got: f64, want: f64, tol: Tol) -> f64 {
    let (diff, budget) = ((got - want).abs(), tol.budget(want));
    if diff == 0.0 && budget >= 0.0 {
        0.0
    } else if diff <= budget && budget.is_finite() {
        diff / budget
    } else if diff > budget && budget > 0.0 {
        // Rounding must not turn a number beyond the budget into exactly 1.
        (diff / budget).max(1.0 + f64::EPSILON)
    } else {
        f64::INFINITY
    }
}

/// Passes if the normalised mean squared error, `sum (got - want)^2 / sum want^2`, is at most `bound`,
/// and returns that error. Where all of `want` is 0, all of `got` must be.
///
/// # Errors
/// As for [`close`].
pub fn nmse<G: Real, W: Real>(name: &str, got: &[G], want: &[W], bound: f64) -> Result<f64, Mismatch> {
    check_lengths(name, got, want)?;
    let (mut off, mut size) = (0.0, 0.0);
    let (mut worst, mut worst_diff) = (0, 0.0);
    for index in 0..got.len() {
        let (got, want) = (got[index].wide(), want[index].wide());
        let diff = (got - want).abs();
        off += diff * diff;
        size += want * want;
        if diff > worst_diff || diff.is_nan() {
            (worst, worst_diff) = (index, diff);
        }
    }
    if off <= bound * size && f64::is_finite(size) {
        return Ok(if off == 0.0 { 0.0 } else { off / size });
    }
    let error = off / size;
    Err(Mismatch(format!(
        "{name}: normalised mean squared error {error:e}, {:.3} of the budget {bound:e}; worst {name}[{worst}]: got {:e}, want {:e}",
        error / bound,
        got[worst].wide(),
        want[worst].wide()
    )))
}

fn check_lengths<G, W>(name: &str, got: &[G], want: &[W]) -> Result<(), Mismatch> {
    if got.len() != want.len() {
        return Err(Mismatch(format!("{name}: got {} numbers, want {}", got.len(), want.len())));
    }
    if want.is_empty() {
        return Err(Mismatch(format!("{name}: no numbers to compare")));
    }
    Ok(())
}
