//! The check of the linear part as a whole.

use super::{Builder, Check, Columns, POISON, Want, Wanted, wide};
use crate::Result;
use crate::network::{DIGITS, SUMS, Sizes};
use crate::ops;
use crate::ops::dense::{Dense, IMAGES, Row};
use crate::program::Shared;
use crate::random::Random;
use crate::reference;
use crate::train::Loss;

/// A check at widths of its own, of either loss in turn.
pub fn check(batch: usize, sizes: &mut Random, seed: u32) -> Result<Check> {
    let mut size = |most: u32| 1 + sizes.below(most) as usize;
    let mut widths = Sizes { conv2: size(6), fc2: 64 * size(2), fc3: 64 * size(2), ..Sizes::default() };
    // Both branches side by side fill whole tiles.
    widths.fc1 = (widths.flat() + 4).next_multiple_of(64) - widths.flat();
    let loss = if seed.is_multiple_of(2) { Loss::Logits } else { Loss::DoubleSoftmax };
    let s = Dense::new(widths, batch, loss);

    let mut t = Builder::new(batch, &[], seed);
    let (flat, first) = (widths.initial_parameters(seed.into()), 3);
    let order = t.random.permutation((batch + 5) as u32);
    let [labels, addends] = [0, 1].map(|_| (0..batch + 5).map(|_| t.random.below(10)).collect::<Vec<u32>>());
    for (name, buffer, words) in [
        ("cursor", Shared::Cursor, vec![0, first as u32]),
        ("order", Shared::Order, order.clone()),
        ("labels", Shared::Labels, labels.clone()),
        ("addends", Shared::Addends, addends.clone()),
        ("parameters", Shared::Parameters, bytemuck::cast_slice(&flat).to_vec()),
    ] {
        let tensor = t.tape.shared(name, &[words.len()], buffer);
        t.set(tensor, &words);
    }
    // Only the image's features are there before; half of them are 0, as ReLU leaves them.
    let words = s.row.words();
    let rows = t.tape.tensor("rows", &[batch.next_multiple_of(IMAGES), words]);
    let pooled: Vec<f32> = t.values(batch * widths.flat()).iter().map(|x| x.max(0.0)).collect();
    let mut before = vec![POISON; batch * words];
    for (row, pooled) in before.chunks_exact_mut(words).zip(pooled.chunks_exact(widths.flat())) {
        row[s.row.at("FEATURES")..][..pooled.len()].copy_from_slice(bytemuck::cast_slice(pooled));
    }
    t.set(rows, &before);
    let outcomes = ops::dense::dense(&mut t.tape, &s, rows, true)?;
    ops::dense::dense_gradients(&mut t.tape, &s, rows)?;

    let taken = &order[first..first + batch];
    let of_batch = |all: &[u32]| taken.iter().map(|&n| all[n as usize]).collect::<Vec<u32>>();
    let (digit, addend) = (of_batch(&labels), of_batch(&addends));
    let sum: Vec<u32> = digit.iter().zip(&addend).map(|(digit, addend)| digit + addend).collect();
    let mut number = vec![0.0; batch * DIGITS];
    addend.iter().enumerate().for_each(|(b, &addend)| number[b * DIGITS + addend as usize] = 1.0);

    let flat = wide(&flat);
    let values = reference::dense::forward(&s, &flat, &wide(&pooled), &number);
    let mut losses = vec![0.0; batch];
    let mut dlogits = [DIGITS, SUMS].map(|classes| vec![0.0; batch * classes]);
    let outputs = dlogits.each_mut().map(|d| &mut d[..]);
    let logits = values.logits.each_ref().map(|logits| &logits[..]);
    reference::heads::loss(&reference::dense::heads(&s), logits, [&digit, &sum], &mut losses, outputs);
    let d = reference::dense::backward(&s, &flat, &number, &values, dlogits.each_ref().map(|d| &d[..]));

    let right = [(0, DIGITS, &digit), (1, SUMS, &sum)].map(|(head, classes, target)| {
        let rows = values.logits[head].chunks_exact(classes).zip(target.chunks_exact(1));
        rows.map(|(logits, target)| reference::metrics::right(logits, target) as u32).collect::<Vec<u32>>()
    });
    // Each layer's rounding adds to those before it.
    let forward = widths.fc2(1).inputs + widths.fc2 + widths.fc3;
    let both = 2 * forward + SUMS;
    let [digit_logits, sum_logits] = values.logits;
    let [d_digit, d_sum] = dlogits;
    for (name, shift, want, terms) in [
        ("FEATURES", 0, values.features, DIGITS),
        ("H2", 0, values.h2, forward),
        ("H3", 0, values.h3, forward),
        ("LOGITS", 0, digit_logits, forward),
        ("LOGITS", Row::sums_at(), sum_logits, forward),
        ("D_LOGITS", 0, d_digit, both),
        ("D_LOGITS", Row::sums_at(), d_sum, both),
        ("D_H3", 0, d.d_h3, both),
        ("D_H2", 0, d.d_h2, both),
        ("D_FEATURES", 0, d.d_features, both),
        ("NUMBER", 0, number, 1),
    ] {
        let columns =
            Columns { stride: words, at: s.row.at(name) + shift, len: want.len() / batch, rows: batch };
        t.want_columns(rows, columns, want, terms);
    }
    t.want_columns(outcomes, Columns { stride: 3, at: 0, len: 1, rows: batch }, losses, forward);
    for (at, right) in [1, 2].into_iter().zip(right) {
        let columns = Some(Columns { stride: 3, at, len: 1, rows: batch });
        t.wanted.push(Wanted { tensor: outcomes, columns, want: Want::Words(right) });
    }
    let gradients = t.find("gradients")?;
    for parameter in widths.parameters().into_iter().filter(|p| !p.name.starts_with("conv")) {
        let columns =
            Columns { stride: widths.flat_len(), at: parameter.offset, len: parameter.len(), rows: 1 };
        t.want_columns(gradients, columns, d.flat[parameter.range()].to_vec(), both + batch);
    }
    let Sizes { fc1, fc2, fc3, .. } = widths;
    Ok(t.finish("dense", format!("{batch}x({}+{fc1})x{fc2}x{fc3}, {loss:?}", widths.flat())))
}
