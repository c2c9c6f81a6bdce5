//! The checks of convolution and pooling, alone and fused.

use super::builder::{Builder, sum_of};
use super::check::{Check, POISON, Part, Want};
use super::{Depth, wide};
use crate::Result;
use crate::network::Sizes;
use crate::ops;
use crate::ops::conv_pool::{ConvPool, Input, Pooled, WINDOW};
use crate::ops::conv2d::Conv2d;
use crate::ops::max_pool::MaxPool;
use crate::program::Shared;
use crate::random::Random;
use crate::reference;

/// What an image holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Content {
    /// A few values at random, so that most windows are tied.
    Random,
    /// The same number everywhere; without bias where it is 0. Every window is tied.
    Constant(f32),
}

/// The network's own sizes, sizes around a workgroup, and windows that are tied throughout.
pub fn fixed(depth: Depth) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for (seed, (height, width)) in [(1, 31), (4, 8), (3, 11), (7, 9), (8, 8), (5, 13)].into_iter().enumerate()
    {
        let s = Conv2d { batch: 3, in_channels: 1, height, width, out_channels: 1, kernel: 1 };
        checks.push(conv2d(s, seed as u32)?);
        let s = Conv2d { height: height + 4, width: width + 4, kernel: 5, ..s };
        checks.push(conv2d(s, seed as u32)?);
    }
    for (seed, x) in [0.0, -1.5, 2.0].into_iter().enumerate() {
        let s = MaxPool { batch: 3, channels: 2, height: 8, width: 8, window: 2 };
        checks.push(max_pool(s, Content::Constant(x), seed as u32)?);
    }
    for (batch, seed) in [(7, 0), (64, 1), (1, 2), (65, 3)] {
        if depth == Depth::Quick && batch != 7 {
            continue;
        }
        let sizes = Sizes::default();
        let tiles = [(6, 1, 3, 64), (4, 6, 4, 8)];
        let [first, second] = [sizes.conv1(batch), sizes.conv2(batch)];
        for (conv, (forward_group, input_group, weights_group, slots)) in
            [first, second].into_iter().zip(tiles)
        {
            let s = ConvPool { conv, forward_group, input_group, weights_group, slots };
            let packed = conv.in_channels == 1;
            checks.push(conv_pool(s, packed, Content::Random, 12 * (seed as usize + 1), seed)?);
            if batch == 7 {
                for x in [0.0, 1.0] {
                    checks.push(conv_pool(s, packed, Content::Constant(x), 0, seed)?);
                }
            }
        }
    }
    Ok(checks)
}

/// One check of each at random sizes; those of large batches are small, so that they stay quick.
pub fn random(batch: usize, sizes: &mut Random, seed: u32) -> Result<Vec<Check>> {
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
    // The fused kernels take widths by four whose pooled width is even.
    let kernel = [1, 4, 5][size(3) - 1];
    let groups = [size(2), size(3), size(2)];
    let fused = ConvPool {
        conv: Conv2d {
            batch,
            in_channels: groups[1] * size(2),
            height: (kernel + 2 * size(3)).next_multiple_of(2),
            width: kernel.next_multiple_of(4) + 4 * size(2),
            out_channels: groups[0] * groups[2],
            kernel,
        },
        forward_group: groups[0],
        input_group: groups[1],
        weights_group: groups[2],
        slots: 8 * size(3),
    };
    let gap = size(9);
    let packed = ConvPool { conv: Conv2d { in_channels: 1, ..fused.conv }, input_group: 1, ..fused };
    Ok(vec![
        conv2d(s, seed)?,
        max_pool(pool, Content::Random, seed)?,
        conv_pool(fused, false, Content::Random, gap, seed)?,
        conv_pool(packed, true, Content::Random, gap - 1, seed)?,
    ])
}

fn name(s: Conv2d) -> String {
    let Conv2d { batch, in_channels, height, width, out_channels, kernel } = s;
    format!("{batch}x{in_channels}x{height}x{width}, {out_channels} of {kernel}x{kernel}")
}

impl Content {
    fn name(self) -> String {
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
    t.tape.backward()?;
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

/// Pooled output and its gradient lie in rows with `gap` words between them, half of those before.
fn conv_pool(s: ConvPool, packed: bool, content: Content, gap: usize, seed: u32) -> Result<Check> {
    let Conv2d { batch, in_channels, height, width, out_channels, kernel } = s.conv;
    let taps = kernel * kernel;
    let shapes =
        [("c.weight", &[out_channels, in_channels, kernel, kernel][..]), ("c.bias", &[out_channels])];
    let mut t = Builder::new(batch, &shapes, seed);
    // Values whose sums are exact in f32, so that ties are ties on the device too.
    let (x, input) = match packed {
        true => packed_images(&mut t, s.conv, content),
        false => {
            let x = match content {
                Content::Random => t.coarse(s.conv.x_len()),
                Content::Constant(x) => vec![x; s.conv.x_len()],
            };
            let input = t.variable("x", &[batch, in_channels, height, width], &x);
            (x, Input::Tensor(input))
        }
    };
    let w = t.parameter("c.weight")?;
    let mut b = t.parameter("c.bias")?;
    if content == Content::Constant(0.0) {
        b.fill(0.0);
        let bias = t.tape.parameter("c.bias")?;
        t.set(bias, &b);
    }
    let len = s.pooled()[1..].iter().product::<usize>();
    let part = Part { at: gap / 2, stride: len + gap, width: len };
    let place = |tensor| Pooled { tensor, stride: part.stride, at: part.at };
    let y = t.tape.tensor("y", &[batch, part.stride]);
    let winner = ops::conv_pool::conv_pool(&mut t.tape, "c", s, input, place(y))?;
    let dy = t.values(batch * len);
    let mut rows = vec![f32::from_bits(POISON); batch * part.stride];
    for (place, &dy) in part.places(batch).zip(&dy) {
        rows[place] = dy;
    }
    let rows = t.input("dy", &[batch, part.stride], &rows);
    ops::conv_pool::conv_pool_weights(&mut t.tape, "c", s, input, place(rows), winner)?;

    let (x, w, b, dy) = (wide(&x), wide(&w), wide(&b), wide(&dy));
    let (mut want_y, mut mask) = (vec![0.0; batch * len], vec![0; batch * len]);
    reference::conv_pool::forward(&s.conv, WINDOW, &x, &w, &b, &mut want_y, &mut mask);
    let tol = sum_of(&want_y, in_channels * taps + 1);
    t.want_part("y", y, part, Want::Floats(want_y, tol));
    if let Input::Tensor(input) = input {
        let dx = t.tape.gradient(input);
        ops::conv_pool::conv_pool_input(&mut t.tape, "c", s, place(rows), winner, dx)?;
        let mut want_dx = vec![0.0; s.conv.x_len()];
        reference::conv_pool::backward_input(&s.conv, WINDOW, &dy, &mask, &w, &mut want_dx);
        t.want_sum(dx, want_dx, out_channels * taps);
    }
    let (mut dw, mut db) = (vec![0.0; s.conv.w_len()], vec![0.0; out_channels]);
    reference::conv_pool::backward_weights(&s.conv, WINDOW, &dy, &mask, &x, &mut dw);
    reference::conv_pool::backward_bias(&s.conv, WINDOW, &dy, &mask, &mut db);
    t.want_words(winner, mask);
    for (name, want) in [("d c.weight", dw), ("d c.bias", db)] {
        let gradient = t.find(name)?;
        t.want_sum(gradient, want, batch * len / out_channels);
    }
    let packed = if packed { ", packed" } else { "" };
    Ok(t.finish("conv_pool", format!("{}{packed}{}", name(s.conv), content.name())))
}

/// A data set of black and white images, out of which the batch is picked: its pixels, and where the
/// kernels find them.
fn packed_images(t: &mut Builder, s: Conv2d, content: Content) -> (Vec<f32>, Input) {
    let (pixels, count, first) = (s.height * s.width, s.batch + 5, 3);
    let grey: Vec<u8> = match content {
        Content::Random => t.below(count * pixels, 2).iter().map(|&bit| 255 * bit as u8).collect(),
        Content::Constant(x) => vec![(255.0 * x) as u8; count * pixels],
    };
    let order = t.random.permutation(count as u32);
    let taken = order[first..first + s.batch].iter().flat_map(|&n| &grey[n as usize * pixels..][..pixels]);
    let x = taken.map(|&grey| f32::from(grey) / 255.0).collect();
    let input = Input::Packed {
        cursor: t.shared("cursor", Shared::Cursor, &[0, first as u32]),
        order: t.shared("order", Shared::Order, &order),
        images: t.shared("images", Shared::Images, &bytemuck::pod_collect_to_vec::<u8, u32>(&grey)),
    };
    (x, input)
}
