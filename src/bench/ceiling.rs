//! The machine's ceilings, to measure kernels against: the arithmetic of a loop, and the traffic of a copy.
//! Traffic that comes from a cache may exceed the copy's.

use serde::Serialize;

use crate::Result;
use crate::gpu::{Buffers, Gpu, Kernels, Replay, timing};
use crate::program::{Cursor, Dispatch, Place, Program};
use crate::wgsl::Library;

/// The most that the device can do, measured by `shaders/ceiling.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ceilings {
    /// Floating point operations a second of a loop of multiply-adds, each counted as two.
    pub flops_per_second: f64,
    /// Bytes a second that a copy reads and writes, both counted.
    pub bytes_per_second: f64,
}

/// Bytes of the copy's source, and of its target: more than the caches of a large GPU.
const COPIED: usize = 64 << 20;
/// Invocations of the multiply-add loop: enough to fill a large GPU.
const INVOCATIONS: usize = 1 << 18;
/// Measurements, of which the best counts.
const TRIES: u32 = 4;
/// Rounds of the loop, eight multiply-adds of two vec4 each.
const ROUNDS: usize = 128;

/// Measures both for about `seconds` each.
///
/// # Errors
/// A device that has no room for the copy, or fails.
pub fn measure(gpu: &Gpu, kernels: &mut Kernels, seconds: f64) -> Result<Ceilings> {
    let mut rate = |program: Program| -> Result<(f64, f64)> {
        let dispatch = &program.dispatches[0];
        let (flops, bytes) = (dispatch.flops as f64, program.bytes(dispatch) as f64);
        let replay = Replay::new(gpu, kernels, &Library::Embedded, program, &Buffers::new())?;
        // Whatever else the machine is busy with makes it slower, never faster.
        let mut least = f64::INFINITY;
        for _ in 0..TRIES {
            let times = timing::time(gpu, &replay, &Cursor::default(), seconds / f64::from(TRIES))?;
            least = least.min(times.dispatches[0]);
        }
        Ok((flops / least, bytes / least))
    };
    let (flops_per_second, _) = rate(multiply_add())?;
    let (_, bytes_per_second) = rate(copy())?;
    Ok(Ceilings { flops_per_second, bytes_per_second })
}

/// A copy of `x` to `y`.
pub fn copy() -> Program {
    let mut program = Program::new(1);
    let x = program.tensor("x", &[COPIED / 4], Place::Own);
    let y = program.tensor("y", &[COPIED / 4], Place::Own);
    program.dispatches.push(Dispatch {
        layer: "ceiling".into(),
        shader: "ceiling",
        entry: "copy",
        constants: Vec::new(),
        bindings: vec![("x", x), ("y", y)],
        threads: [COPIED / 16, 1, 1],
        flops: 0,
    });
    program
}

/// `y` is `x` after many times `x = x / 2 + 1 / 2`.
pub fn multiply_add() -> Program {
    let mut program = Program::new(1);
    let x = program.tensor("x", &[8 * INVOCATIONS], Place::Own);
    let y = program.tensor("y", &[8 * INVOCATIONS], Place::Own);
    let factors = program.tensor("factors", &[4], Place::Own);
    // The values converge to 1, far from numbers that are slow to compute with.
    program.tensors[factors.index()].words = Some([0.5, 0.5, 0.0, 0.0].map(f32::to_bits).to_vec());
    program.dispatches.push(Dispatch {
        layer: "ceiling".into(),
        shader: "ceiling",
        entry: "multiply_add",
        constants: vec![("ROUNDS", ROUNDS.into())],
        bindings: vec![("x", x), ("y", y), ("factors", factors)],
        threads: [INVOCATIONS, 1, 1],
        flops: (2 * 8 * 8 * ROUNDS * INVOCATIONS) as u64,
    });
    program
}
