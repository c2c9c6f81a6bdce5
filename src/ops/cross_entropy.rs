//! The loss of a head on its logits, with the softmax inside.

use crate::Result;
use crate::graph::Tape;
use crate::program::Tensor;

/// Shapes of one loss: `x [batch, classes]`, `label [batch]`, `loss [batch]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Rows.
    pub batch: usize,
    /// Logits of a row.
    pub classes: usize,
    /// What an image's gradient is multiplied by: its weight in the mean, 1 / (2 batch) for two heads.
    pub scale: f64,
}

/// Adds the loss of each image under `name`; the walk backwards begins here with weight `scale`.
pub fn cross_entropy(tape: &mut Tape, name: &str, x: Tensor, label: Tensor, scale: f64) -> Result<Tensor> {
    let [batch, classes] = tape.shape(x)[..] else {
        tape.expect(name, x, &[0, 0])?;
        unreachable!("a tensor of another rank is refused");
    };
    tape.expect(name, label, &[batch])?;
    let constants = [("BATCH", batch.into()), ("CLASSES", classes.into()), ("SCALE", (scale as f32).into())];
    let loss = tape.tensor(name, &[batch]);
    let bindings = [("x", x), ("label", label), ("loss", loss)];
    tape.dispatch(name, ["cross_entropy", "forward"], &constants, &bindings, [batch, 1, 1]);
    tape.flops(3 * batch * classes);

    let layer = name.to_string();
    tape.record_loss(loss, move |tape| {
        let dx = tape.gradient(x);
        let bindings = [("x", x), ("label", label), ("dx", dx)];
        tape.dispatch(&layer, ["cross_entropy", "backward"], &constants, &bindings, [batch, 1, 1]);
        tape.flops(6 * batch * classes);
        Ok(())
    });
    Ok(loss)
}
