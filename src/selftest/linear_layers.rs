//! The check of all linear layers of the network, against the layers that it fuses; the cases of
//! linear_layers_gradients are the same.

use super::builder::{Builder, size, sum_of};
use super::check::{Check, POISON, Part, Want};
use super::comparator::Tol;
use super::{Depth, ending, linear_layers_gradients, wide};
use crate::Result;
use crate::network::{ConvSizes, DIGITS, Linear, Loss, Network, SUMS, Sizes};
use crate::ops::fused::linear_layers::{LinearLayers, LinearTiles, linear_layers};
use crate::ops::fused::linear_layers_gradients::GradientTile;
use crate::plans::fused::Fused;
use crate::plans::tiles::Tiles;
use crate::program::{Record, Shared, Tensor};
use crate::random::{Purpose, Random};
use crate::reference::fused::linear_layers as reference;
use crate::reference::network::{Gradients, Losses, Pass, losses};
use crate::reference::{gather, metrics, relu};

/// One case: a network, a batch, a loss, whether it runs backward, and the tiles.
type Case = (Sizes, usize, Loss, bool, Tiles);

/// The network's sizes at its default batch, smaller ones at awkward batches, and random networks, at one
/// depth.
pub(super) fn checks(depth: Depth, lanes: usize) -> Result<Vec<Check>> {
    let mut cases = fixed(depth, lanes);
    if depth == Depth::Thorough {
        cases.extend(random(lanes));
    }
    let mut checks = Vec::new();
    for (seed, (sizes, batch, loss, backward, tiles)) in (0..).zip(cases) {
        let network = sizes.network()?;
        let s = Fused::new(&network, loss, tiles)?.linear(batch);
        let mut both = vec![check(&network, &s, backward, seed)?];
        if backward {
            both.push(linear_layers_gradients::check(&network, &s, seed)?);
        }
        let both_ways = sizes == Sizes::default() && batch == 64;
        checks.extend(both.into_iter().map(|check| Check { both_ways, ..check }));
    }
    Ok(checks)
}

fn fixed(depth: Depth, lanes: usize) -> Vec<Case> {
    let real = Sizes::default();
    // The tiles of a layer never fill whole workgroups, and the images' features are not whole tiles.
    let conv2 = ConvSizes { channels: 3, ..real.conv2 };
    let odd = Sizes { conv2, fc1: 12, fc2: 20, fc3: 28, ..real };
    let fat = Tiles::fat(lanes);
    // A software driver compiles it in half the time.
    let half = LinearTiles { images: 8, tile_images: 8, ..fat.linear };
    match depth {
        Depth::Quick => vec![
            (odd, 7, Loss::DoubleSoftmax, true, Tiles::THIN),
            (odd, 16, Loss::Logits, false, Tiles::THIN),
            (odd, 16, Loss::Smoothed(0.1), true, Tiles::THIN),
            (real, 17, Loss::Logits, true, Tiles { linear: half, ..fat }),
        ],
        Depth::Thorough => vec![
            (real, 64, Loss::Logits, true, fat),
            (real, 64, Loss::DoubleSoftmax, true, Tiles::THIN),
            (real, 65, Loss::DoubleSoftmax, false, fat),
            (odd, 1000, Loss::Logits, true, Tiles::THIN),
            // Neighbours that share what they load, where a second round does not have work for all of them.
            (odd, 17, Loss::Logits, true, Tiles { linear: half, ..fat }),
        ],
    }
}

fn random(lanes: usize) -> Vec<Case> {
    let (real, fat) = (Sizes::default(), Tiles::fat(lanes));
    let mut random = Random::new(1, Purpose::Test, 77);
    let mut cases = Vec::new();
    for batch in [1, 2, 3, 5, 7, 11, 13, 16, 17, 31, 32, 33, 47, 63, 64, 65, 80, 96, 127, 128] {
        let mut size = |most: u32| 1 + random.below(most) as usize;
        // Small: a driver's compiler unrolls the rounds that a workgroup takes.
        let conv2 = ConvSizes { channels: size(2), ..real.conv2 };
        let sizes = Sizes { conv2, fc1: 4 * size(3), fc2: 4 * size(3), fc3: 4 * size(3), ..real };
        // Every second network is computed by neighbours that share what they load, where they can.
        let lanes = if batch % 2 == 1 { lanes } else { 1 };
        let tile_images = if lanes == 1 { size(4) } else { lanes };
        let tiles = LinearTiles {
            images: tile_images * if lanes == 1 { size(2) } else { 1 },
            threads: 16 + 8 * size(2),
            tile_images,
            tile_outputs: 4 * size(2),
            uniform: size(2) == 1,
            lanes,
            gradients: GradientTile {
                outputs: if lanes == 1 { 4 * size(2) } else { 4 * lanes },
                inputs: 4 * size(2),
                lanes,
            },
        };
        let loss = [Loss::Logits, Loss::DoubleSoftmax, Loss::Smoothed(0.3)][size(3) - 1];
        cases.push((sizes, batch, loss, true, Tiles { linear: tiles, ..fat }));
    }
    cases
}

/// The shape of a network's linear layers in words.
pub(super) fn name(s: &LinearLayers) -> String {
    let outputs = [&s.stack.fc1, &s.stack.fc2, &s.stack.fc3].map(|layer| layer.shape.outputs);
    format!("{}x({}+{})x{}x{}", s.batch, s.stack.flat, outputs[0], outputs[1], outputs[2])
}

fn check(network: &Network, s: &LinearLayers, backward: bool, seed: u32) -> Result<Check> {
    let (batch, row) = (s.batch, s.row);
    let mut t = Builder::on(network.parameters(), batch, seed);
    // Coarse values, whose sums are exact in f32 up to h3: a unit at 0 is at 0 on the device too.
    let features: Vec<f32> = t.below(batch * s.stack.flat, 5).iter().map(|&x| x as f32 / 4.0).collect();
    let mut rows = vec![f32::from_bits(POISON); s.padded_batch() * row.len];
    let features_part = Part { at: row.features, stride: row.len, width: s.stack.flat };
    for (place, &x) in features_part.places(batch).zip(&features) {
        rows[place] = x;
    }
    let rows = t.input("rows", &[s.padded_batch(), row.len], &rows);
    let mut parameters = vec![f32::from_bits(POISON); s.stack.flat_len];
    for parameter in network.parameters() {
        let values = t.multiples(parameter.len(), 16, 1.0 / 64.0);
        parameters[parameter.range()].copy_from_slice(&values);
    }
    t.shared(Shared::Parameters, &parameters);
    // The order may end within the batch: past its end, its last image is repeated and does not count.
    let (count, first, images) = (batch + 5, 3, ending(batch, seed));
    let order = t.random.permutation(count as u32);
    let [labels, addends] = [0, 1].map(|_| t.below(count, DIGITS));
    t.shared(Shared::Order, &order);
    t.shared(Shared::Labels, &labels);
    t.shared(Shared::Addends, &addends);
    t.stand_at(first, images);
    let records = t.tape.shared(&[count, 2 * Record::WORDS], Shared::Records);
    linear_layers(&mut t.tape, s, rows, backward)?;

    let taken = |b: usize| order[first + b.min(images - 1)] as usize;
    let examples = (0..batch).map(|b| [labels[taken(b)], addends[taken(b)]].map(|word| word as u8));
    let wanted = Wanted::new(network, s, images, &wide(&parameters), &wide(&features), examples)?;
    let mut outputs = Outputs { t, s, rows, wanted };
    outputs.activations()?;
    outputs.logits();
    outputs.records(records, first, images);
    if backward {
        outputs.gradients()?;
    }
    let direction = if backward { "" } else { ", forward" };
    let kind = match s.loss {
        Loss::Logits => "",
        Loss::DoubleSoftmax => ", double softmax",
        Loss::Smoothed(_) => ", smoothed",
    };
    Ok(outputs.t.finish("linear_layers", format!("{}{kind}{direction}", name(s))))
}

/// What the reference computes for a batch.
struct Wanted {
    part: Network,
    number: Vec<f64>,
    targets: Vec<Vec<u32>>,
    pass: Pass<f64>,
    losses: Losses<f64>,
    /// The weight of one head's loss of one image in the mean.
    weight: f64,
    gradients: Gradients<f64>,
}

impl Wanted {
    /// If only the first `images` of the batch count.
    fn new(
        network: &Network,
        s: &LinearLayers,
        images: usize,
        flat: &[f64],
        pooled: &[f64],
        examples: impl Iterator<Item = [u8; 2]>,
    ) -> Result<Self> {
        let (part, _) = reference::part(network)?;
        let mut number = vec![0.0; s.batch * DIGITS];
        let mut targets = vec![Vec::new(); part.heads().len()];
        for (b, [label, addend]) in examples.enumerate() {
            number[b * DIGITS + usize::from(addend)] = 1.0;
            for (targets, head) in targets.iter_mut().zip(part.heads()) {
                targets.push(head.target(label, addend));
            }
        }
        let pass = reference::values(network, flat, pooled, &number)?;
        let mut weight = vec![0.0; s.batch];
        gather::weights(images, part.heads().len(), &mut weight);
        let losses = losses(&part, s.loss, &pass, &targets, &weight);
        let gradients = reference::gradients(network, flat, [pooled, &number], &pass, &losses.d_logits)?;
        Ok(Self { part, number, targets, pass, losses, weight: weight[0], gradients })
    }

    /// A layer's values and the gradients of its outputs.
    fn layer(&self, name: &str) -> Result<(Vec<f64>, Vec<f64>)> {
        let index = self.part.layers().iter().position(|layer| layer.name == name);
        let index = index.ok_or_else(|| crate::Error::Usage(format!("no layer `{name}`")))?;
        Ok((self.pass.values[index].clone(), self.gradients.values[index].clone()))
    }
}

/// The outputs of the kernel, being written down.
struct Outputs<'a> {
    t: Builder,
    s: &'a LinearLayers,
    rows: Tensor,
    wanted: Wanted,
}

impl Outputs<'_> {
    /// Expects `width` words of every row, from word `at` on.
    fn floats(&mut self, name: &str, at: usize, width: usize, values: Vec<f64>, tol: Tol) {
        let part = Part { at, stride: self.s.row.len, width };
        self.t.want_part(name, self.rows, part, Want::Floats(values, tol));
    }

    /// Rounding adds up from layer to layer; each tensor's tolerance grows with the length of its sums.
    fn activations(&mut self) -> Result<()> {
        let (s, row) = (self.s, self.s.row);
        for (layer, at, terms) in [
            (&s.stack.fc1, row.features + s.stack.flat, 2),
            (&s.stack.fc2, row.h2, s.stack.fc2.shape.inputs + 1),
            (&s.stack.fc3, row.h3, s.stack.fc3.shape.inputs + 1),
        ] {
            let (values, _) = self.wanted.layer(&format!("{}.relu", layer.name))?;
            let tol = sum_of(&values, terms);
            self.floats(&layer.name, at, layer.shape.outputs, values, tol);
        }
        let number = self.wanted.number.chunks_exact(DIGITS);
        let words = DIGITS.next_multiple_of(4);
        let padded = number.flat_map(|row| [row, &vec![0.0; words - DIGITS]].concat()).collect();
        self.floats("number", row.number, words, padded, Tol::absolute(0.0));
        Ok(())
    }

    /// Logits, and their gradients, whose padding is multiplied by weights: it must be 0.
    fn logits(&mut self) {
        let (s, row, batch) = (self.s, self.s.row, self.s.batch);
        for (index, layer, at, d_at) in [
            (0, &s.stack.out1, row.digit_logits, row.d_digit_logits),
            (1, &s.stack.out2, row.sum_logits, row.d_sum_logits),
        ] {
            let Linear { inputs, outputs, .. } = layer.shape;
            let logits = self.wanted.pass.values[self.wanted.part.heads()[index].logits].clone();
            let tol = sum_of(&logits, inputs + 1);
            self.floats(&layer.name, at, outputs, logits, tol);
            let words = outputs.next_multiple_of(4);
            let padding = Part { at: at + outputs, stride: row.len, width: words - outputs };
            self.t.want_part("padding of logits", self.rows, padding, Want::Anything(batch));
            let d = self.wanted.losses.d_logits[index].chunks_exact(outputs);
            let d = d.flat_map(|row| [row, &vec![0.0; words - outputs]].concat()).collect();
            self.floats(
                &format!("d {}", layer.name),
                d_at,
                words,
                d,
                Tol::reduction(SUMS, self.wanted.weight),
            );
        }
        let behind = Part { at: batch * row.len, stride: row.len, width: row.len };
        let rows = s.padded_batch() - batch;
        self.t.want_part("padding of the batch", self.rows, behind, Want::Anything(rows));
    }

    /// What is past the end of the order leaves no record.
    fn records(&mut self, records: Tensor, first: usize, images: usize) {
        let tol = Tol { relative: 4.0 * f64::from(f32::EPSILON), ..Tol::reduction(SUMS, 1.0) };
        let heads = self.wanted.part.heads().len();
        for (index, head) in self.wanted.part.heads().iter().enumerate() {
            let word = |word: usize| {
                let at = (first * heads + index) * Record::WORDS + word;
                Part { at, stride: heads * Record::WORDS, width: 1 }
            };
            let loss = self.wanted.losses.of_heads[index][..images].to_vec();
            self.t.want_part(&format!("{} loss", head.name), records, word(0), Want::Floats(loss, tol));
            let logits = self.wanted.pass.values[head.logits].chunks_exact(head.classes);
            let targets = &self.wanted.targets[index][..images];
            let right =
                logits.zip(targets).map(|(x, &target)| u32::from(metrics::argmax(x) as u32 == target));
            self.t.want_part(&format!("{} right", head.name), records, word(1), Want::Words(right.collect()));
        }
    }

    /// A gradient has gone through all layers forward, and back to its place. Each softmax on the way sums
    /// up a row: that of the cross-entropy, and with two, the first one forward and backward.
    fn gradients(&mut self) -> Result<()> {
        let (s, row) = (self.s, self.s.row);
        let softmaxes = if s.loss == Loss::DoubleSoftmax { 3 } else { 1 };
        let forward: usize =
            [&s.stack.fc2, &s.stack.fc3, &s.stack.out1].map(|layer| layer.shape.inputs + 1).iter().sum();
        let mut terms = forward + softmaxes * SUMS + DIGITS + SUMS;
        let (features, d_features) = self.wanted.layer("concat")?;
        let mut masked = vec![0.0; features.len()];
        relu::backward(&features, &d_features, &mut masked);
        let [fc2, fc3] = [&s.stack.fc2, &s.stack.fc3];
        for (name, at, width, values) in [
            ("d fc3", row.d_h3, fc3.shape.outputs, self.wanted.layer(&fc3.name)?.1),
            ("d fc2", row.d_h2, fc2.shape.outputs, self.wanted.layer(&fc2.name)?.1),
            ("d features", row.d_features, fc2.shape.inputs, masked),
        ] {
            let tol = Tol::reduction(terms, size(&values));
            self.floats(name, at, width, values, tol);
            terms += width;
        }
        Ok(())
    }
}
