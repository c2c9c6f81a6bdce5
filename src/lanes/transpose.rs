//! From images in lanes to images in rows, and back.

/// `x [len, lanes]` as `rows [lanes, len]`.
pub(super) fn to_rows(x: &[f32], lanes: usize, rows: &mut [f32]) {
    let len = x.len() / lanes;
    for (lane, row) in rows.chunks_exact_mut(len).enumerate() {
        for (number, x) in row.iter_mut().zip(x.chunks_exact(lanes)) {
            *number = x[lane];
        }
    }
}

/// `rows [lanes, len]` as `x [len, lanes]`.
pub(super) fn to_lanes(rows: &[f32], lanes: usize, x: &mut [f32]) {
    let len = x.len() / lanes;
    for (lane, row) in rows.chunks_exact(len).enumerate() {
        for (&number, x) in row.iter().zip(x.chunks_exact_mut(lanes)) {
            x[lane] = number;
        }
    }
}
