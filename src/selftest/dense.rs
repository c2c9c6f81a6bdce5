//! The check of the whole linear part of the network, against the layers that it fuses; the cases of
//! dense_gradients are the same.

use super::builder::{Builder, size, sum_of};
use super::check::{Check, POISON, Part, Want};
use super::{Depth, dense_gradients, ending, wide};
use crate::Result;
use crate::compare::Tol;
use crate::graph::Tape;
use crate::network::{DIGITS, SUMS, Sizes};
use crate::ops;
use crate::ops::dense::{self, Dense, Row};
use crate::ops::dense_gradients::GradientTile;
use crate::plans::tiles::Tiles;
use crate::program::Shared;
use crate::random::{Purpose, Random};
use crate::reference::{self, heads, metrics};
use crate::train::Loss;

/// The network's sizes at its default batch, smaller ones at awkward batches, and random networks: those of
/// a depth.
pub fn checks(depth: Depth, lanes: usize) -> Result<Vec<Check>> {
    let real = Sizes::default();
    // Where no number of tiles is one of workgroups, and the features of the images are no whole tiles.
    let odd = Sizes { conv2: 3, fc1: 12, fc2: 20, fc3: 28, ..real };
    let fat = Tiles::fat(lanes);
    // A software driver compiles it in half the time.
    let half = dense::Tiles { images: 8, tile_images: 8, ..fat.dense };
    // Sizes, batch, loss, whether backward.
    let mut cases = match depth {
        Depth::Quick => vec![
            (odd, 7, Loss::DoubleSoftmax, true, Tiles::THIN),
            (odd, 16, Loss::Logits, false, Tiles::THIN),
            (real, 17, Loss::Logits, true, Tiles { dense: half, ..fat }),
        ],
        Depth::Thorough => vec![
            (real, 64, Loss::Logits, true, fat),
            (real, 64, Loss::DoubleSoftmax, true, Tiles::THIN),
            (real, 65, Loss::DoubleSoftmax, false, fat),
            (odd, 1000, Loss::Logits, true, Tiles::THIN),
            // Neighbours that share what they load, where a second round has not work for all of them.
            (odd, 17, Loss::Logits, true, Tiles { dense: half, ..fat }),
        ],
    };
    if depth == Depth::Thorough {
        let mut random = Random::new(1, Purpose::Test, 77);
        for batch in [1, 2, 3, 5, 7, 11, 13, 16, 17, 31, 32, 33, 47, 63, 64, 65, 80, 96, 127, 128] {
            let mut size = |most: u32| 1 + random.below(most) as usize;
            // Small: a driver's compiler unrolls the rounds that a workgroup takes.
            let sizes =
                Sizes { conv2: size(2), fc1: 4 * size(3), fc2: 4 * size(3), fc3: 4 * size(3), ..real };
            // Every second network is computed by neighbours that share what they load, where they can.
            let lanes = if batch % 2 == 1 { lanes } else { 1 };
            let tile_images = if lanes == 1 { size(4) } else { lanes };
            let tiles = dense::Tiles {
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
            let loss = [Loss::Logits, Loss::DoubleSoftmax][size(2) - 1];
            cases.push((sizes, batch, loss, true, Tiles { dense: tiles, ..fat }));
        }
    }
    let cases = cases.into_iter().zip(0..);
    cases
        .map(|((sizes, batch, loss, backward, tiles), seed)| {
            let s = Dense::new(sizes, batch, loss, tiles.dense);
            let mut both = vec![check(&s, backward, seed)?];
            if backward {
                both.push(dense_gradients::check(&s, seed)?);
            }
            both.iter_mut().for_each(|check| check.both_ways = sizes == real && batch == 64);
            Ok(both)
        })
        .collect::<Result<Vec<_>>>()
        .map(|checks| checks.concat())
}

/// What the reference makes of a batch.
struct Values {
    number_branch: Vec<f64>,
    h2: Vec<f64>,
    h3: Vec<f64>,
    logits: [Vec<f64>; 2],
    loss: Vec<f64>,
    d_logits: [Vec<f64>; 2],
    d_h3: Vec<f64>,
    d_h2: Vec<f64>,
    d_features: Vec<f64>,
}

fn check(s: &Dense, backward: bool, seed: u32) -> Result<Check> {
    let &Dense { sizes, batch, loss, .. } = s;
    let (words, padded, flat) = (s.row.words(), s.padded_batch(), sizes.flat());
    let mut t = Builder::new(batch, &[], seed);
    t.tape = Tape::new(&sizes, batch);

    // Coarse values, whose sums are exact in f32 up to h3: a unit at 0 is at 0 on the device too.
    let features: Vec<f32> = t.below(batch * flat, 5).iter().map(|&x| x as f32 / 4.0).collect();
    let mut rows = vec![f32::from_bits(POISON); padded * words];
    let features_part = Part { at: s.row.at("FEATURES"), stride: words, width: flat };
    for (place, &x) in features_part.places(batch).zip(&features) {
        rows[place] = x;
    }
    let rows = t.input("rows", &[padded, words], &rows);
    let mut parameters = vec![f32::from_bits(POISON); sizes.flat_len()];
    for parameter in sizes.parameters() {
        let values = t.multiples(parameter.len(), 16, 1.0 / 64.0);
        parameters[parameter.range()].copy_from_slice(&values);
    }
    t.shared("parameters", Shared::Parameters, &parameters);
    // The order may end within the batch: what is behind it repeats its last image and counts nothing.
    let (count, first, images) = (batch + 5, 3, ending(batch, seed));
    let order = t.random.permutation(count as u32);
    let [labels, addends] = [0, 1].map(|_| t.below(count, DIGITS));
    t.shared("order", Shared::Order, &order);
    t.shared("labels", Shared::Labels, &labels);
    t.shared("addends", Shared::Addends, &addends);
    t.stand_at(first, images);
    let records = t.tape.shared("records", &[count, 3], Shared::Records);
    ops::dense::dense(&mut t.tape, s, rows, backward)?;

    let taken = || (0..batch).map(|b| order[first + b.min(images - 1)] as usize);
    let addend: Vec<usize> = taken().map(|n| addends[n] as usize).collect();
    let digit: Vec<u32> = taken().map(|n| labels[n]).collect();
    let sum: Vec<u32> = taken().map(|n| labels[n] + addends[n]).collect();
    let v = wanted(s, images, &wide(&parameters), &wide(&features), &addend, [&digit, &sum]);

    // Rounding adds up from layer to layer; each tensor is as exact as its sums are long.
    let scale = 1.0 / (2 * images) as f64;
    let part = |name: &str, at: usize, width: usize| Part { at: s.row.at(name) + at, stride: words, width };
    let floats = |t: &mut Builder, name: &str, part: Part, values: Vec<f64>, tol: Tol| {
        t.want_part(name, rows, part, Want::Floats(values, tol));
    };
    let Sizes { fc1, fc2, fc3, .. } = sizes;
    let tol = sum_of(&v.number_branch, 2);
    floats(&mut t, "fc1", part("FEATURES", flat, fc1), v.number_branch, tol);
    let tol = sum_of(&v.h2, flat + fc1 + 1);
    floats(&mut t, "fc2", part("H2", 0, fc2), v.h2, tol);
    let tol = sum_of(&v.h3, fc2 + 1);
    floats(&mut t, "fc3", part("H3", 0, fc3), v.h3, tol);
    let sums_at = Row::sums_at();
    for (name, at, logits) in [("out1", 0, &v.logits[0]), ("out2", sums_at, &v.logits[1])] {
        let tol = sum_of(logits, fc3 + 1);
        floats(&mut t, name, part("LOGITS", at, logits.len() / batch), logits.clone(), tol);
    }
    let class_words = (sums_at + SUMS).next_multiple_of(4);
    for (at, end) in [(DIGITS, sums_at), (sums_at + SUMS, class_words)] {
        t.want_part("padding of logits", rows, part("LOGITS", at, end - at), Want::Anything(batch));
    }
    // The padding of d_logits is multiplied with weights: it must be 0.
    let mut d_logits = vec![0.0; batch * class_words];
    for (at, d) in [(0, &v.d_logits[0]), (sums_at, &v.d_logits[1])] {
        let head = Part { at, stride: class_words, width: d.len() / batch };
        head.places(batch).zip(d).for_each(|(place, &d)| d_logits[place] = d);
    }
    floats(&mut t, "d logits", part("D_LOGITS", 0, class_words), d_logits, Tol::reduction(SUMS, scale));
    let one_hot_words = DIGITS.next_multiple_of(4);
    let one_hot = addend.iter().flat_map(|&a| (0..one_hot_words).map(move |j| f64::from(u8::from(j == a))));
    floats(&mut t, "number", part("NUMBER", 0, one_hot_words), one_hot.collect(), Tol::absolute(0.0));

    let loss_tol = Tol { relative: 4.0 * f64::from(f32::EPSILON), ..Tol::reduction(SUMS, 1.0) };
    // What is behind the end of the order leaves no record.
    let of_each = |word: usize, width: usize| Part { at: 3 * first + word, stride: 3, width };
    t.want_part("loss", records, of_each(0, 1), Want::Floats(v.loss, loss_tol));
    let right = (0..images).flat_map(|b| {
        [(&v.logits[0], &digit, DIGITS), (&v.logits[1], &sum, SUMS)]
            .map(|(x, target, n)| u32::from(metrics::argmax(&x[b * n..][..n]) == target[b] as usize))
    });
    let right = right.collect();
    t.want_part("right", records, of_each(1, 2), Want::Words(right));
    let behind = Part { at: batch * words, stride: words, width: words };
    t.want_part("padding of the batch", rows, behind, Want::Anything(padded - batch));

    if backward {
        // A gradient has gone through all layers forward, and back to its place. Each softmax on the way sums
        // a row up: that of the cross-entropy, and with two, the first one forward and backward.
        let softmaxes = if loss == Loss::DoubleSoftmax { 3 } else { 1 };
        let forward = (flat + fc1 + 1) + (fc2 + 1) + (fc3 + 1);
        let mut terms = forward + softmaxes * SUMS + DIGITS + SUMS;
        for (name, values, width) in
            [("D_H3", v.d_h3, fc3), ("D_H2", v.d_h2, fc2), ("D_FEATURES", v.d_features, flat + fc1)]
        {
            let tol = Tol::reduction(terms, size(&values));
            floats(&mut t, name, part(name, 0, width), values, tol);
            terms += width;
        }
    }
    let direction = if backward { "" } else { ", forward" };
    let kind = if loss == Loss::DoubleSoftmax { ", double softmax" } else { "" };
    Ok(t.finish("dense", format!("{batch}x({flat}+{fc1})x{fc2}x{fc3}{kind}{direction}")))
}

/// What the reference makes of the features, where the first `images` of them count.
fn wanted(
    s: &Dense,
    images: usize,
    w: &[f64],
    features: &[f64],
    addend: &[usize],
    target: [&[u32]; 2],
) -> Values {
    let mut number = vec![0.0; s.batch * DIGITS];
    addend.iter().enumerate().for_each(|(b, &addend)| number[b * DIGITS + addend] = 1.0);
    let values = reference::dense::forward(s, w, features, &number);
    let mut loss = vec![0.0; s.batch];
    let mut d_logits = values.logits.clone();
    let logits = values.logits.each_ref().map(Vec::as_slice);
    heads::loss(
        &heads::Heads { scale: 1.0 / images as f64, ..reference::dense::heads(s) },
        logits,
        target,
        &mut loss,
        d_logits.each_mut().map(Vec::as_mut_slice),
    );
    loss.truncate(images);
    d_logits.iter_mut().for_each(|d| {
        let classes = d.len() / s.batch;
        d[images * classes..].fill(0.0);
    });
    let d = reference::dense::backward(s, w, &values, d_logits.each_ref().map(Vec::as_slice));
    let width = s.sizes.flat() + s.sizes.fc1;
    let number_branch =
        values.features.chunks_exact(width).flat_map(|row| row[s.sizes.flat()..].to_vec()).collect();
    let reference::dense::Values { h2, h3, logits, .. } = values;
    let reference::dense::Gradients { d_h3, d_h2, d_features } = d;
    Values { number_branch, h2, h3, logits, loss, d_logits, d_h3, d_h2, d_features }
}
