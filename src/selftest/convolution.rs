//! The checks of convolution and pooling, alone and fused.

use super::{Builder, Check, wide};
use crate::Result;
use crate::ops;
use crate::ops::conv_pool::{ConvPool, Input, Pooled, WINDOW};
use crate::ops::conv2d::Conv2d;
use crate::ops::max_pool::MaxPool;
use crate::random::Random;
use crate::reference;

/// One check of each at random sizes; those of large batches are small, so that they stay quick.
pub fn checks(batch: usize, sizes: &mut Random, seed: u32) -> Result<Vec<Check>> {
    let most = if batch > 100 { 3 } else { 7 };
    let mut size = |most: usize| 1 + sizes.below(most as u32) as usize;
    let kernel = size(6);
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
    // The fused kernels take even heights, widths by four and pooled widths by two.
    let kernel = [1, 3, 4, 5, 7][size(5) - 1];
    let quads = 2 + size(2);
    let width = 4 * quads;
    let width =
        if (width - kernel).div_ceil(2) / 2 * 2 == (width - kernel + 1) / 2 { width } else { width + 4 };
    let group = size(3);
    let fused = ConvPool {
        conv: Conv2d {
            batch,
            in_channels: group * size(2),
            height: kernel + 1 + (kernel + 1) % 2 + 2 * size(3),
            width,
            out_channels: 2 * size(2),
            kernel,
        },
        forward_group: 2,
        input_group: group,
        weights_group: 1,
        slots: 8 * size(3),
    };
    let mut checks = vec![conv2d(s, seed)?, max_pool(pool, seed)?];
    if fused.check("conv_pool").is_ok() {
        checks.push(conv_pool(fused, seed)?);
    }
    Ok(checks)
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
    t.tape.backward()?;
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
    Ok(t.finish(
        "conv2d",
        format!("{batch}x{in_channels}x{height}x{width}, {out_channels} of {kernel}x{kernel}"),
    ))
}

fn max_pool(s: MaxPool, seed: u32) -> Result<Check> {
    let MaxPool { batch, channels, height, width, window } = s;
    let mut t = Builder::new(batch, &[], seed);
    let x = t.coarse(batch * channels * height * width);
    let input = t.variable("x", &[batch, channels, height, width], &x);
    let output = ops::max_pool::max_pool(&mut t.tape, "y", input, s)?;
    let dy = t.seed(output);
    t.tape.backward()?;
    let len = batch * channels * s.out_height() * s.out_width();
    let (mut y, mut winner) = (vec![0.0; len], vec![0; len]);
    reference::max_pool::forward(&s, &wide(&x), &mut y, &mut winner);
    let mut dx = vec![0.0; x.len()];
    reference::max_pool::backward(&s, &wide(&dy), &winner, &mut dx);
    t.want_sum(output, y, 1);
    let winners = t.find("y winner")?;
    t.want_words(winners, winner);
    let gradient = t.gradient_of(input)?;
    t.want_sum(gradient, dx, 1);
    Ok(t.finish("max_pool", format!("{batch}x{channels}x{height}x{width} by {window}")))
}

fn conv_pool(s: ConvPool, seed: u32) -> Result<Check> {
    let Conv2d { batch, in_channels, height, width, out_channels, kernel } = s.conv;
    let shapes =
        [("c.weight", &[out_channels, in_channels, kernel, kernel][..]), ("c.bias", &[out_channels])];
    let mut t = Builder::new(batch, &shapes, seed);
    // Values exact in f32 sums, so that ties are ties on the device too.
    let x = t.coarse(s.conv.x_len());
    let input = t.variable("x", &[batch, in_channels, height, width], &x);
    let (w, b) = (t.parameter("c.weight")?, t.parameter("c.bias")?);
    let pooled = s.pooled();
    let len = pooled[1..].iter().product::<usize>();
    let y = t.tape.tensor("y", &pooled);
    let place = |tensor| Pooled { tensor, stride: len, at: 0 };
    let winner = ops::conv_pool::conv_pool(&mut t.tape, "c", s, Input::Tensor(input), place(y))?;
    let dy = t.seed(y);
    let dx = t.tape.gradient(input);
    let seeded = t.find("d y")?;
    ops::conv_pool::conv_pool_input(&mut t.tape, "c", s, place(seeded), winner, dx)?;
    ops::conv_pool::conv_pool_weights(&mut t.tape, "c", s, Input::Tensor(input), place(seeded), winner)?;

    let (x, w, b, dy) = (wide(&x), wide(&w), wide(&b), wide(&dy));
    let (mut want_y, mut mask) = (vec![0.0; batch * len], vec![0; batch * len]);
    reference::conv_pool::forward(&s.conv, WINDOW, &x, &w, &b, &mut want_y, &mut mask);
    let taps = kernel * kernel;
    t.want_sum(y, want_y, in_channels * taps + 1);
    let mut want_dx = vec![0.0; s.conv.x_len()];
    reference::conv_pool::backward_input(&s.conv, WINDOW, &dy, &mask, &w, &mut want_dx);
    t.want_sum(dx, want_dx, out_channels * taps);
    let (mut dw, mut db) = (vec![0.0; s.conv.w_len()], vec![0.0; out_channels]);
    reference::conv_pool::backward_weights(&s.conv, WINDOW, &dy, &mask, &x, &mut dw);
    reference::conv_pool::backward_bias(&s.conv, WINDOW, &dy, &mask, &mut db);
    t.want_words(winner, mask);
    for (name, want) in [("d c.weight", dw), ("d c.bias", db)] {
        let gradient = t.find(name)?;
        t.want_sum(gradient, want, batch * len / out_channels);
    }
    Ok(t.finish(
        "conv_pool",
        format!("{batch}x{in_channels}x{height}x{width}, {out_channels} of {kernel}x{kernel}"),
    ))
}
