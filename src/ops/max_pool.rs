//! Max pooling, stride equal to the window; what does not fill a window is dropped.

use crate::Result;
use crate::graph::Tape;
use crate::program::Tensor;

/// Shapes of one pooling: `x [batch, channels, height, width]`,
/// `y [batch, channels, height / window, width / window]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// Images at once.
    pub batch: usize,
    /// Channels of `x` and `y`.
    pub channels: usize,
    /// Height of `x`.
    pub height: usize,
    /// Width of `x`.
    pub width: usize,
    /// Side of the square window, and the stride.
    pub window: usize,
}

impl MaxPool {
    /// Height of `y`.
    pub fn out_height(&self) -> usize {
        self.height / self.window
    }

    /// Width of `y`.
    pub fn out_width(&self) -> usize {
        self.width / self.window
    }

    /// Numbers in `x`.
    pub fn x_len(&self) -> usize {
        self.batch * self.channels * self.height * self.width
    }

    /// Numbers in `y`.
    pub fn y_len(&self) -> usize {
        self.batch * self.channels * self.out_height() * self.out_width()
    }
}

/// Adds the pooling `name` and gives its output.
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
