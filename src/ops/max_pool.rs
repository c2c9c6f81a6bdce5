//! Max pooling, stride equal to the window; what does not fill a window is dropped.

use crate::Result;
pub use crate::network::MaxPool;
use crate::program::{Tape, Tensor};

/// Adds the pooling `name` and returns its output.
///
/// # Errors
/// [`crate::Error::Usage`] for a tensor of a different shape.
pub fn max_pool(tape: &mut Tape, name: &str, x: Tensor, s: MaxPool) -> Result<Tensor> {
    let MaxPool { batch, channels, height, width, window } = s;
    tape.expect(name, x, &[batch, channels, height, width])?;
    let constants = [
        ("CHANNELS", channels.into()),
        ("HEIGHT", height.into()),
        ("WIDTH", width.into()),
        ("WINDOW", window.into()),
    ];
    let shape = [batch, channels, s.out_height(), s.out_width()];
    let y = tape.tensor(name, &shape);
    let winner = tape.tensor(format!("{name} winner"), &shape);
    let bindings = [("x", x), ("y", y), ("winner", winner)];
    let threads = [shape[1..].iter().product(), batch, 1];
    tape.dispatch(name, ["max_pool", "forward"], &constants, &bindings, threads);

    let layer = name.to_string();
    tape.record(y, &[x], move |tape, dy| {
        let dx = tape.gradient(x);
        let bindings = [("winner_forward", winner), ("dy", dy), ("dx", dx)];
        let threads = [channels * height * width, batch, 1];
        tape.dispatch(&layer, ["max_pool", "backward"], &constants, &bindings, threads);
        Ok(())
    });
    Ok(y)
}
