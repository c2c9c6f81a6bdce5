//! The checks of convolution and pooling, each alone.

use super::builder::Builder;
use super::check::Check;
use super::{Depth, wide};
use crate::Result;
use crate::ops;
use crate::ops::conv2d::Conv2d;
use crate::ops::max_pool::MaxPool;
use crate::random::Random;
use crate::reference;

/// What an image holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    /// A few values at random, so that most windows are tied.
    Random,
    /// The same number everywhere; without bias where it is 0. Every window is tied.
    Constant(f32),
}

/// Sizes around a workgroup, and windows that are tied throughout, at one depth.
pub(super) fn fixed(depth: Depth) -> Result<Vec<Check>> {
    let quick = depth == Depth::Quick;
    let mut checks = Vec::new();
    for (seed, (height, width)) in [(1, 31), (4, 8), (3, 11), (7, 9), (8, 8), (5, 13)].into_iter().enumerate()
    {
        if quick != (seed == 0) {
            continue;
        }
        let s = Conv2d { batch: 3, in_channels: 1, height, width, out_channels: 1, kernel: 1 };
        checks.push(conv2d(s, seed as u32)?);
        let s = Conv2d { height: height + 4, width: width + 4, kernel: 5, ..s };
        checks.push(conv2d(s, seed as u32)?);
    }
    if quick {
        for (seed, x) in [0.0, -1.5, 2.0].into_iter().enumerate() {
            let s = MaxPool { batch: 3, channels: 2, height: 8, width: 8, window: 2 };
            checks.push(max_pool(s, Content::Constant(x), seed as u32)?);
        }
    }
    Ok(checks)
}

/// One check of each at random sizes, with kernels of side `kernels` at most; those of large batches are
/// small, so that they stay quick.
pub(super) fn random(batch: usize, kernels: usize, sizes: &mut Random, seed: u32) -> Result<Vec<Check>> {
    let most = if batch > 100 { 3 } else { 7 };
    let mut size = |most: usize| 1 + sizes.below(most as u32) as usize;
    let kernel = size(kernels);
    let s = Conv2d {
        batch,
        in_channels: size(most),
        height: kernel + size(10),
        width: kernel + size(10),
        out_channels: size(most),
        kernel,
    };
    let pool = MaxPool {
        batch,
        channels: size(most),
        height: 2 + size(11),
        width: 2 + size(11),
        window: 1 + size(2),
    };
    Ok(vec![conv2d(s, seed)?, max_pool(pool, Content::Random, seed)?])
}

/// The shape of a convolution in words.
pub(super) fn name(s: Conv2d) -> String {
    let Conv2d { batch, in_channels, height, width, out_channels, kernel } = s;
    format!("{batch}x{in_channels}x{height}x{width}, {out_channels} of {kernel}x{kernel}")
}

impl Content {
    pub(super) fn name(self) -> String {
        match self {
            Self::Random => String::new(),
            Self::Constant(x) => format!(", all {x}"),
        }
    }
}

fn conv2d(s: Conv2d, seed: u32) -> Result<Check> {
    let Conv2d { batch, in_channels, height, width, out_channels, kernel } = s;
    let shapes =
        [("c.weight", &[out_channels, in_channels, kernel, kernel][..]), ("c.bias", &[out_channels])];
    let mut t = Builder::new(batch, &shapes, seed);
    let x = t.values(s.x_len());
    let input = t.variable("x", &[batch, in_channels, height, width], &x);
    let (w, b) = (t.parameter("c.weight")?, t.parameter("c.bias")?);
    let output = ops::conv2d::conv2d(&mut t.tape, "c", input, s)?;
    let dy = t.seed(output);
    t.backward()?;
    let (x, w, dy) = (wide(&x), wide(&w), wide(&dy));
    let taps = kernel * kernel;
    let mut y = vec![0.0; s.y_len()];
    reference::conv2d::forward(&s, &x, &w, &wide(&b), &mut y);
    t.want_sum(output, y, in_channels * taps + 1);
    let mut dx = vec![0.0; s.x_len()];
    reference::conv2d::backward_input(&s, &dy, &w, &mut dx);
    let gradient = t.gradient_of(input)?;
    t.want_sum(gradient, dx, out_channels * taps);
    let (mut dw, mut db) = (vec![0.0; s.w_len()], vec![0.0; out_channels]);
    reference::conv2d::backward_weights(&s, &dy, &x, &mut dw);
    reference::conv2d::backward_bias(&s, &dy, &mut db);
    for (name, want) in [("c.weight", dw), ("c.bias", db)] {
        let parameter = t.tape.parameter(name)?;
        let gradient = t.gradient_of(parameter)?;
        t.want_sum(gradient, want, batch * s.out_height() * s.out_width());
    }
    Ok(t.finish("conv2d", name(s)))
}

fn max_pool(s: MaxPool, content: Content, seed: u32) -> Result<Check> {
    let MaxPool { batch, channels, height, width, window } = s;
    let mut t = Builder::new(batch, &[], seed);
    let x = match content {
        Content::Random => t.coarse(s.x_len()),
        Content::Constant(x) => vec![x; s.x_len()],
    };
    let input = t.variable("x", &[batch, channels, height, width], &x);
    let output = ops::max_pool::max_pool(&mut t.tape, "y", input, s)?;
    let dy = t.seed(output);
    t.backward()?;
    let len = s.y_len();
    let (mut y, mut winner) = (vec![0.0; len], vec![0; len]);
    reference::max_pool::forward(&s, &wide(&x), &mut y, &mut winner);
    let mut dx = vec![0.0; x.len()];
    reference::max_pool::backward(&s, &wide(&dy), &winner, &mut dx);
    t.want_sum(output, y, 1);
    let winners = t.find("y winner")?;
    t.want_words(winners, winner);
    let gradient = t.gradient_of(input)?;
    t.want_sum(gradient, dx, 1);
    Ok(t.finish("max_pool", format!("{batch}x{channels}x{height}x{width} by {window}{}", content.name())))
}
