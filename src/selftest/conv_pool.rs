//! The check of the fused convolution and pooling, against the ops that it fuses.

use super::builder::{Builder, sum_of};
use super::check::{Check, POISON, Part, Want};
use super::convolution::{Content, name};
use super::{Depth, wide};
use crate::Result;
use crate::network::{Conv2d, Loss, Network, Sizes};
use crate::ops;
use crate::ops::fused::conv_pool::{
    Backward, ConvPool, ConvTiles, Pixels, Pooled, WINDOW, conv_pool, conv_pool_gradients,
};
use crate::plans::fused::Fused;
use crate::plans::tiles::Tiles;
use crate::program::{ALIGN, Shared, Tensor};
use crate::random::Random;
use crate::reference;

/// The network's own layers, and windows that are tied throughout, at one depth.
pub(super) fn fixed(depth: Depth, lanes: usize) -> Result<Vec<Check>> {
    let quick = depth == Depth::Quick;
    let mut checks = Vec::new();
    let fat = Tiles::fat(lanes);
    let networks: &[(usize, Tiles)] = match depth {
        Depth::Quick => &[(7, Tiles::THIN)],
        Depth::Thorough => &[(64, Tiles::THIN), (64, fat), (65, fat)],
    };
    let network = Sizes::default().network()?;
    for (seed, &(batch, tiles)) in (0..).zip(networks) {
        for layer in Layer::of_network(&network, batch, tiles)? {
            let check = check(layer, Content::Random, seed)?;
            checks.push(Check { both_ways: batch == 64, ..check });
        }
        if quick {
            for x in [0.0, 1.0] {
                for layer in Layer::of_network(&network, batch, tiles)? {
                    checks.push(check(layer, Content::Constant(x), seed)?);
                }
            }
        }
    }
    Ok(checks)
}

/// A layer that reads a tensor and one that reads packed images, at random sizes, with kernels of side
/// `kernels` at most and `lanes` neighbours that share what they load. Images are small: a driver's compiler
/// unrolls their rows and taps.
pub(super) fn random(
    batch: usize,
    kernels: usize,
    lanes: usize,
    sizes: &mut Random,
    seed: u32,
) -> Result<Vec<Check>> {
    let mut size = |most: usize| 1 + sizes.below(most as u32) as usize;
    let kernel = size(kernels);
    let groups = [size(2), size(2)];
    let height = kernel + size(4);
    let fused = ConvPool {
        conv: Conv2d {
            batch,
            in_channels: size(4),
            height,
            width: kernel + size(12),
            out_channels: groups[0] * groups[1],
            kernel,
        },
        tiles: ConvTiles { forward: groups[0], rows: [2, height][size(2) - 1], weights: groups[1], lanes },
    };
    let [slots, gap, padded] = [8 * size(3), 4 * size(3), size(2)];
    let tensor = Layer { s: fused, slots, packed: false, padded: padded == 1, gap };
    let conv = Conv2d { in_channels: 1, width: tensor.s.conv.width.next_multiple_of(4), ..tensor.s.conv };
    let packed = Layer { s: ConvPool { conv, tiles: tensor.s.tiles.fitted(&conv) }, packed: true, ..tensor };
    [tensor, packed].into_iter().map(|layer| check(layer, Content::Random, seed)).collect()
}

/// A fused layer and what lies around it.
#[derive(Clone, Copy)]
struct Layer {
    s: ConvPool,
    /// Parts of the weights' gradients.
    slots: usize,
    /// Whether the input is the packed data set.
    packed: bool,
    /// Whether pooled rows are padded to whole vec4.
    padded: bool,
    /// Words between the pooled images, half of those before the first.
    gap: usize,
}

impl Layer {
    /// Both layers of the network, as the fused plan has them.
    fn of_network(network: &Network, batch: usize, tiles: Tiles) -> Result<[Self; 2]> {
        let [s1, s2] = Fused::new(network, Loss::Logits, tiles)?.convolutions(batch);
        Ok([
            Self { s: s1, slots: 16, packed: true, padded: true, gap: 8 },
            Self { s: s2, slots: 8, packed: false, padded: false, gap: 24 },
        ])
    }

    /// Where the biases lie after the padded weights.
    fn bias_at(&self) -> usize {
        self.s.conv.w_len().next_multiple_of(ALIGN)
    }

    /// Words of a pooled row.
    fn pitch(&self) -> usize {
        let [.., width] = self.s.pooled();
        if self.padded { width.next_multiple_of(4) } else { width }
    }

    /// Where the words of a pooled tensor lie.
    fn part(&self) -> Part {
        let [_, channels, height, _] = self.s.pooled();
        let width = channels * height * self.pitch();
        Part { at: self.gap / 8 * 4, stride: (width + self.gap).next_multiple_of(4), width }
    }

    /// The same, as the kernels receive it.
    fn pooled(&self, tensor: Tensor) -> Pooled {
        let Part { at, stride, .. } = self.part();
        Pooled { tensor, stride, at, pitch: self.pitch() }
    }

    /// One word per strip of four windows, one byte per window; windows that do not exist have no winner.
    fn strips(&self, mask: &[u32]) -> Vec<u32> {
        let [.., width] = self.s.pooled();
        pad_rows(mask, width, width.next_multiple_of(4), 4)
            .chunks_exact(4)
            .map(|strip| strip.iter().rev().fold(0, |word, winner| word << 8 | winner))
            .collect()
    }
}

/// Rows of `width` made `pitch` wide.
fn pad_rows<T: Copy>(rows: &[T], width: usize, pitch: usize, fill: T) -> Vec<T> {
    let padded = |row: &[T]| [row, &vec![fill; pitch - width]].concat();
    rows.chunks_exact(width).flat_map(padded).collect()
}

fn check(layer: Layer, content: Content, seed: u32) -> Result<Check> {
    let s = layer.s;
    let Conv2d { batch, in_channels, height, width, out_channels, kernel } = s.conv;
    let columns = width.next_multiple_of(4);
    let shapes =
        [("c.weight", &[out_channels, in_channels, kernel, kernel][..]), ("c.bias", &[out_channels])];
    let mut t = Builder::new(batch, &shapes, seed);
    // Values whose sums are exact in f32, so that ties are ties on the device too.
    let (x, input) = match layer.packed {
        true => packed_images(&mut t, s.conv, content),
        false => {
            let x = match content {
                Content::Random => t.coarse(s.conv.x_len()),
                Content::Constant(x) => vec![x; s.conv.x_len()],
            };
            let padded = pad_rows(&x, width, columns, 7.0);
            (x, Pixels::Tensor(t.variable("x", &[batch, in_channels, height, columns], &padded)))
        }
    };
    let w = t.parameter("c.weight")?;
    let mut b = t.parameter("c.bias")?;
    if content == Content::Constant(0.0) {
        b.fill(0.0);
        let bias = t.tape.parameter("c.bias")?;
        t.set(bias, &b);
    }
    let [.., pooled_width] = s.pooled();
    let len = s.pooled()[1..].iter().product::<usize>();
    let part = layer.part();
    let y = t.tape.tensor("y", &[batch, part.stride]);
    let winner = conv_pool(&mut t.tape, "c", s, input, layer.pooled(y))?;
    let dy = t.values(batch * len);
    let mut rows = vec![f32::from_bits(POISON); batch * part.stride];
    for (place, &dy) in part.places(batch).zip(&pad_rows(&dy, pooled_width, layer.pitch(), f32::NAN)) {
        rows[place] = dy;
    }
    let rows = t.input("dy", &[batch, part.stride], &rows);
    // The partial sums lie as the flat parameters do, the bias after the padded weights.
    let bias_at = layer.bias_at();
    let partial = t.tape.tensor("partial", &[layer.slots, bias_at + out_channels]);
    let dx = matches!(input, Pixels::Tensor(_))
        .then(|| t.tape.tensor("dx", &[batch, in_channels, height, columns]));
    let backward = Backward { dy: layer.pooled(rows), winner, dx, partial };
    conv_pool_gradients(&mut t.tape, "c", s, input, backward)?;
    let gradients = t.tape.tensor("gradients", &[bias_at + out_channels]);
    ops::batch_sum::batch_sum(&mut t.tape, "c", partial, gradients);

    let numbers = [x, w, b, dy].map(|values| wide(&values));
    want(&mut t, layer, &numbers, &Outputs { y, winner, dx, gradients });
    let packed = if layer.packed { ", packed" } else { "" };
    Ok(t.finish("conv_pool", format!("{}{packed}{}", name(s.conv), content.name())))
}

/// What the kernels leave.
struct Outputs {
    y: Tensor,
    winner: Tensor,
    dx: Option<Tensor>,
    /// Of weight and bias, laid out like the flat parameters.
    gradients: Tensor,
}

/// Writes down what the reference computes from image, weights, biases and the gradient of the output.
fn want(t: &mut Builder, layer: Layer, [x, w, b, dy]: &[Vec<f64>; 4], outputs: &Outputs) {
    let &Outputs { y, winner, dx, gradients } = outputs;
    let s = layer.s;
    let Conv2d { batch, in_channels, width, out_channels, kernel, .. } = s.conv;
    let (taps, columns, part) = (kernel * kernel, width.next_multiple_of(4), layer.part());
    let [.., pooled_width] = s.pooled();
    let len = s.pooled()[1..].iter().product::<usize>();
    let (mut want_y, mut mask) = (vec![0.0; batch * len], vec![0; batch * len]);
    reference::fused::conv_pool::forward(&s.conv, WINDOW, x, w, b, &mut want_y, &mut mask);
    let tol = sum_of(&want_y, in_channels * taps + 1);
    t.want_part("y", y, part, Want::Floats(pad_rows(&want_y, pooled_width, layer.pitch(), 0.0), tol));
    if let Some(dx) = dx {
        let mut want_dx = vec![0.0; s.conv.x_len()];
        reference::fused::conv_pool::backward_input(&s.conv, WINDOW, dy, &mask, w, &mut want_dx);
        t.want_sum(dx, pad_rows(&want_dx, width, columns, 0.0), out_channels * taps);
    }
    let (mut dw, mut db) = (vec![0.0; s.conv.w_len()], vec![0.0; out_channels]);
    reference::fused::conv_pool::backward_weights(&s.conv, WINDOW, dy, &mask, x, &mut dw);
    reference::fused::conv_pool::backward_bias(&s.conv, WINDOW, dy, &mask, &mut db);
    t.want_words(winner, layer.strips(&mask));
    let (terms, bias_at) = (batch * len / out_channels, layer.bias_at());
    for (name, at, want) in [("d c.weight", 0, dw), ("d c.bias", bias_at, db)] {
        let (stride, width) = (want.len(), want.len());
        let tol = sum_of(&want, terms);
        t.want_part(name, gradients, Part { at, stride, width }, Want::Floats(want, tol));
    }
    let between = Part { at: s.conv.w_len(), stride: bias_at, width: bias_at - s.conv.w_len() };
    t.want_part("padding", gradients, between, Want::Anything(1));
}

/// A data set of black and white images, from which the batch is picked: its pixels, and where the
/// kernels find them.
fn packed_images(t: &mut Builder, s: Conv2d, content: Content) -> (Vec<f32>, Pixels) {
    // The order may end within the batch: past its end, its last image is repeated.
    let (pixels, count, first) = (s.height * s.width, s.batch + 5, 3);
    let images = s.batch - s.height % s.batch.min(3);
    let grey: Vec<u8> = match content {
        Content::Random => t.below(count * pixels, 2).iter().map(|&bit| 255 * bit as u8).collect(),
        Content::Constant(x) => vec![(255.0 * x) as u8; count * pixels],
    };
    let order = t.random.permutation(count as u32);
    let taken =
        (0..s.batch).flat_map(|b| &grey[order[first + b.min(images - 1)] as usize * pixels..][..pixels]);
    let x = taken.map(|&grey| f32::from(grey) / 255.0).collect();
    t.stand_at(first, images);
    let input = Pixels::Packed {
        order: t.shared(Shared::Order, &order),
        images: t.shared(Shared::Images, &bytemuck::pod_collect_to_vec::<u8, u32>(&grey)),
    };
    (x, input)
}
