//! Every kernel against the reference, on whatever adapter there is.
//!
//! A [`Check`] is a small program with inputs and what the reference computes from them. Running one also
//! checks whether every output was overwritten, whether anything else was touched, and whether a second
//! run gives the same bits.

mod builder;
mod check;
pub mod comparator;
mod conv_pool;
mod convolution;
mod layers;
mod linear_layers;
mod linear_layers_gradients;
pub mod recheck;
mod steps;

pub use check::{Check, Verdict};

use std::collections::HashSet;

use crate::network::Sizes;
use crate::plans::Kind;
use crate::program::Dispatch;
use crate::random::{Purpose, Random};
use crate::{Error, Result};

/// Batch sizes that are awkward for tiles and workgroups.
const BATCHES: [usize; 7] = [1, 7, 32, 63, 64, 65, 1000];

/// Sizes around the tiles (8) and the workgroups (32, 64), and primes.
const SIZES: [usize; 13] = [1, 2, 7, 8, 9, 13, 31, 32, 33, 63, 64, 65, 67];

/// Random shapes of each op.
const RANDOM: usize = 20;

/// How much is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every entry of every op at a few awkward sizes; takes seconds, most of them in the driver's compiler.
    Quick,
    /// That, all awkward sizes, twenty random shapes of each op, and the network's own at every batch size.
    Thorough,
}

/// The checks of every op, for a device with this many lanes ([`crate::gpu::Gpu::lanes`]).
///
/// # Errors
/// A shape that an op refuses, which would be a mistake in the check.
pub fn all(depth: Depth, lanes: usize) -> Result<Vec<Check>> {
    let mut checks = only(Depth::Quick, lanes)?;
    let mut kernels = HashSet::new();
    for check in &mut checks {
        let new =
            |dispatch: &Dispatch| kernels.insert((dispatch.kernel(), format!("{:?}", dispatch.constants)));
        // Not `any`, which stops at the first.
        check.both_ways = check.program.dispatches.iter().map(new).fold(false, |some, new| some | new);
    }
    if depth == Depth::Thorough {
        checks.extend(only(depth, lanes)?);
    }
    Ok(checks)
}

/// Why the fused kernels cannot run the network, so that some of them are not checked; none, if they can.
///
/// # Errors
/// Sizes that make no network.
pub fn refused() -> Result<Option<Error>> {
    Ok(Kind::Fused.refusal(&Sizes::default().network()?))
}

/// The checks that a depth adds.
fn only(depth: Depth, lanes: usize) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    // These are cut out of the network: where the fused kernels refuse it, there is nothing to cut.
    if refused()?.is_none() {
        checks.extend(linear_layers::checks(depth, lanes)?);
        checks.extend(conv_pool::fixed(depth, lanes)?);
    }
    for index in 0..SIZES.len() + RANDOM {
        let seed = index as u32;
        let quick = index < SIZES.len() && index.is_multiple_of(3);
        if quick != (depth == Depth::Quick) {
            continue;
        }
        // Large kernels take a driver's compiler longest.
        let kernels = if quick { 4 } else { 6 };
        let sizes = &mut Random::new(2, Purpose::Test, seed);
        let mut random = |most: usize| 1 + sizes.below(most as u32) as usize;
        let (batch, size, other) = match SIZES.get(index) {
            Some(&size) => (BATCHES[index % BATCHES.len()], size, SIZES[(5 * index + 3) % SIZES.len()]),
            None => (random(70), random(140), random(70)),
        };
        checks.extend(layers::checks(batch, size, other, seed)?);
        checks.extend(steps::checks(batch, seed)?);
        checks.extend(convolution::random(batch, kernels, sizes, seed)?);
        let lanes = if index % 2 == 0 { lanes } else { 1 };
        checks.extend(conv_pool::random(batch, kernels, lanes, sizes, seed)?);
    }
    checks.extend(convolution::fixed(depth)?);
    Ok(checks)
}

/// Images that are left for a batch, up to two fewer than it has, where the order ends.
fn ending(batch: usize, seed: u32) -> usize {
    batch - (seed as usize + 1) % batch.min(3)
}

/// The values as f64.
fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}
