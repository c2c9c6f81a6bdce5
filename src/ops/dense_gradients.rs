//! The gradients of all weights and biases of the linear part of the network, in one dispatch.

use super::dense::{Dense, Row};
use crate::Result;
use crate::graph::Tape;
use crate::program::{Shared, Tensor};

/// Jobs are padded to whole workgroups.
const JOB_THREADS: usize = 8;
const JOB_WORDS: usize = 8;

/// Part of a weight matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradientTile {
    /// Outputs, a multiple of 4 times the lanes.
    pub outputs: usize,
    /// Inputs, a multiple of 4.
    pub inputs: usize,
    /// Neighbouring invocations that load the outputs' gradients together.
    pub lanes: usize,
}

/// Adds the gradients of all weights and biases, from the `rows [padded batch, words of a row]` that
/// [`dense`](super::dense::dense) leaves.
///
/// # Errors
/// Sizes or tiles that the kernels cannot handle.
pub fn dense_gradients(tape: &mut Tape, s: &Dense, rows: Tensor) -> Result<()> {
    s.check()?;
    tape.expect("dense_gradients", rows, &[s.padded_batch(), s.row.words()])?;
    let jobs = jobs(s);
    let count = jobs.len() / JOB_WORDS;
    let jobs = tape.constant("jobs", &[count, JOB_WORDS], jobs);
    let gradients = tape.shared("gradients", &[s.sizes.flat_len()], Shared::Gradients);
    let bindings = [("jobs", jobs), ("rows", rows), ("flat_gradients", gradients)];
    let GradientTile { outputs, inputs, lanes } = s.tiles.gradients;
    let constants = [
        ("BATCH", s.batch.into()),
        ("D_QUADS", (outputs / 4).into()),
        ("X_QUADS", (inputs / 4).into()),
        ("JOBS", count.into()),
        ("LANES", lanes.into()),
        ("ROW_QUADS", (s.row.words() / 4).into()),
    ];
    tape.dispatch("dense", ["dense_gradients", "backward"], &constants, &bindings, [count, 1, 1]);
    tape.flops(2 * s.multiply_adds());
    Ok(())
}

/// The tiles of all weight matrices, as the shader's `Job`s.
fn jobs(s: &Dense) -> Vec<u32> {
    let Dense { sizes, row, tiles, .. } = s;
    let tile = tiles.gradients;
    let layers = [
        ("fc1", row.at("D_FEATURES") + sizes.flat(), row.at("NUMBER")),
        ("fc2", row.at("D_H2"), row.at("FEATURES")),
        ("fc3", row.at("D_H3"), row.at("H2")),
        ("out1", row.at("D_LOGITS"), row.at("H3")),
        ("out2", row.at("D_LOGITS") + Row::sums_at(), row.at("H3")),
    ];
    let parameters = sizes.parameters();
    let mut jobs = Vec::new();
    for (layer, d_at, x_at) in layers {
        let find = |kind: &str| parameters.iter().find(|p| p.name == format!("{layer}.{kind}"));
        let (Some(w), Some(bias)) = (find("weight"), find("bias")) else { continue };
        let [outputs, inputs] = [w.shape[0], w.shape[1]];
        for o in (0..outputs).step_by(tile.outputs) {
            for i in (0..inputs).step_by(tile.inputs * tile.lanes) {
                for lane in (0..tile.lanes).map(|lane| 4 * lane) {
                    let left = |size: usize, from: usize| size.saturating_sub(from);
                    // The tiles at input 0 sum the biases up.
                    let biases =
                        if i == 0 { left(outputs, o + lane).min(left(tile.outputs, lane)) } else { 0 };
                    jobs.extend([d_at + o + lane, x_at + i + lane].map(|at| at as u32));
                    jobs.extend([w.offset + o * inputs + i + lane, inputs].map(|at| at as u32));
                    jobs.extend(
                        [left(outputs, o).min(tile.outputs), left(inputs, i + lane)].map(|n| n as u32),
                    );
                    jobs.extend([biases, bias.offset + o + lane].map(|at| at as u32));
                }
            }
        }
    }
    // A job of nothing but zeros has no extent and writes nothing.
    jobs.resize(jobs.len().next_multiple_of(JOB_WORDS * JOB_THREADS), 0);
    jobs
}
