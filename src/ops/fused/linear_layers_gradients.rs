//! The gradients of all weights and biases of the linear layers, in one dispatch.

use super::linear_layers::{LinearLayers, Placed};
use crate::Result;
use crate::program::{Shared, Tape, Tensor};

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
/// [`linear_layers`](super::linear_layers::linear_layers) leaves.
///
/// # Errors
/// Sizes or tiles that the kernels cannot handle; rows of a different shape.
pub fn linear_layers_gradients(tape: &mut Tape, s: &LinearLayers, rows: Tensor) -> Result<()> {
    s.check()?;
    tape.expect("linear_layers_gradients", rows, &[s.padded_batch(), s.row.len])?;
    let jobs = jobs(s);
    let count = jobs.len() / JOB_WORDS;
    let jobs = tape.constant("jobs", &[count, JOB_WORDS], jobs);
    let gradients = tape.shared(&[s.stack.flat_len], Shared::Gradients);
    let bindings = [("jobs", jobs), ("rows", rows), ("flat_gradients", gradients)];
    let GradientTile { outputs, inputs, lanes } = s.tiles.gradients;
    let constants = [
        ("BATCH", s.batch.into()),
        ("D_QUADS", (outputs / 4).into()),
        ("X_QUADS", (inputs / 4).into()),
        ("JOBS", count.into()),
        ("LANES", lanes.into()),
        ("ROW_QUADS", (s.row.len / 4).into()),
    ];
    let kernel = ["linear_layers_gradients", "backward"];
    tape.dispatch("linear layers", kernel, &constants, &bindings, [count, 1, 1]);
    tape.flops(2 * s.multiply_adds());
    Ok(())
}

/// The tiles of all weight matrices, as the shader's `Job`s.
fn jobs(s: &LinearLayers) -> Vec<u32> {
    let LinearLayers { stack, row, .. } = s;
    // Where each layer's output gradients and its inputs lie in a row.
    let layers = [
        (&stack.fc1, row.d_features + stack.flat, row.number),
        (&stack.fc2, row.d_h2, row.features),
        (&stack.fc3, row.d_h3, row.h2),
        (&stack.out1, row.d_digit_logits, row.h3),
        (&stack.out2, row.d_sum_logits, row.h3),
    ];
    let mut jobs: Vec<u32> = layers
        .into_iter()
        .flat_map(|(layer, d_at, x_at)| jobs_of(layer, d_at, x_at, s.tiles.gradients))
        .collect();
    // A job of zeros has no extent and writes nothing.
    jobs.resize(jobs.len().next_multiple_of(JOB_WORDS * JOB_THREADS), 0);
    jobs
}

/// The tiles of one weight matrix.
fn jobs_of(layer: &Placed, d_at: usize, x_at: usize, tile: GradientTile) -> Vec<u32> {
    let (outputs, inputs) = (layer.shape.outputs, layer.shape.inputs);
    let mut jobs = Vec::new();
    for o in (0..outputs).step_by(tile.outputs) {
        for i in (0..inputs).step_by(tile.inputs * tile.lanes) {
            for lane in (0..tile.lanes).map(|lane| 4 * lane) {
                let left = |size: usize, from: usize| size.saturating_sub(from);
                // The tiles at input 0 also compute the biases' gradients.
                let biases = if i == 0 { left(outputs, o + lane).min(left(tile.outputs, lane)) } else { 0 };
                let job = [
                    d_at + o + lane,
                    x_at + i + lane,
                    layer.weight + o * inputs + i + lane,
                    inputs,
                    left(outputs, o).min(tile.outputs),
                    left(inputs, i + lane),
                    biases,
                    layer.bias + o + lane,
                ];
                jobs.extend(job.map(|word| word as u32));
            }
        }
    }
    jobs
}
