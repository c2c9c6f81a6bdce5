//! The sum of two tensors: where a tensor has two consumers, its gradient has two terms.

use crate::Result;
use crate::program::{Tape, Tensor};

/// Adds `y = a + b` and returns `y`. It has no backward rule: the tape adds it to gradients only.
///
/// # Errors
/// [`crate::Error::Usage`] for tensors of different shapes.
pub fn add(tape: &mut Tape, a: Tensor, b: Tensor) -> Result<Tensor> {
    let shape = tape.shape(a).to_vec();
    tape.expect("add", b, &shape)?;
    let size = shape.iter().product::<usize>();
    let y = tape.tensor(format!("{} + {}", tape.name(a), tape.name(b)), &shape);
    tape.dispatch(
        "",
        ["add", "forward"],
        &[("SIZE", size.into())],
        &[("a", a), ("b", b), ("y", y)],
        [size, 1, 1],
    );
    tape.flops(size);
    Ok(y)
}
