//! What is reported for a batch: right answers and the summed loss.

use super::Real;

/// The place of the maximum, the first where several are equal.
pub fn argmax<T: Real>(row: &[T]) -> usize {
    let mut best = 0;
    for (place, &value) in row.iter().enumerate() {
        if value > row[best] {
            best = place;
        }
    }
    best
}

/// How many rows of `x [batch, classes]` have their maximum at `target [batch]`.
pub fn correct<T: Real>(x: &[T], target: &[u32]) -> usize {
    let rows = x.chunks_exact(x.len() / target.len());
    rows.zip(target).filter(|(row, target)| argmax(row) == **target as usize).count()
}

/// The sum of the images' losses, in f64.
pub fn total_loss<T: Real>(loss: &[T]) -> f64 {
    loss.iter().map(|&loss| loss.wide()).sum()
}
