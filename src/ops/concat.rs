//! Two tensors side by side.

use crate::Result;
pub use crate::network::Concat;
use crate::program::{Tape, Tensor};

/// Adds the concatenation under `name`; `x1` and `x2` are flattened image by image.
///
/// # Errors
/// [`crate::Error::Usage`] for tensors of different batches.
pub fn concat(tape: &mut Tape, name: &str, x1: Tensor, x2: Tensor) -> Result<Tensor> {
    let width = |x: Tensor| tape.shape(x)[1..].iter().product::<usize>();
    let s = Concat { batch: tape.shape(x1)[0], left: width(x1), right: width(x2) };
    tape.expect(name, x2, &[s.batch, s.right])?;
    let constants = [("LEFT", s.left.into()), ("RIGHT", s.right.into())];
    let threads = [s.left + s.right, s.batch, 1];
    let y = tape.tensor(name, &[s.batch, s.left + s.right]);
    tape.dispatch(name, ["concat", "forward"], &constants, &[("left", x1), ("right", x2), ("y", y)], threads);

    let layer = name.to_string();
    tape.record(y, &[x1, x2], move |tape, dy| {
        let dx1 = tape.gradient(x1);
        let dx2 = tape.gradient(x2);
        let bindings = [("dy", dy), ("dleft", dx1), ("dright", dx2)];
        tape.dispatch(&layer, ["concat", "backward"], &constants, &bindings, threads);
        Ok(())
    });
    Ok(y)
}
