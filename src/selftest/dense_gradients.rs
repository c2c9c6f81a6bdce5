//! The check of the gradients of the linear part's weights and biases, on rows of any values.

use super::builder::{Builder, sum_of};
use super::check::{Check, POISON, Part, Want};
use super::wide;
use crate::Result;
use crate::graph::Tape;
use crate::network::DIGITS;
use crate::ops;
use crate::ops::dense::{Dense, Row};
use crate::reference::dense_gradients::{Layer, backward};

/// Every layer of a network, its inputs and the gradients of its outputs independent of each other. Whatever
/// else the rows hold, behind the batch too, must not count.
pub fn check(s: &Dense, seed: u32) -> Result<Check> {
    let (sizes, batch, words) = (&s.sizes, s.batch, s.row.words());
    let mut t = Builder::new(batch, &[], seed);
    t.tape = Tape::new(sizes, batch);
    let mut rows = vec![f32::from_bits(POISON); s.padded_batch() * words];
    let mut fill = |part: &str, at: usize, width: usize| {
        let values = t.values(batch * width);
        let part = Part { at: s.row.at(part) + at, stride: words, width };
        part.places(batch).zip(&values).for_each(|(place, &x)| rows[place] = x);
        wide(&values)
    };
    let h3 = fill("H3", 0, sizes.fc3);
    let (out1, out2) = (sizes.out1(batch), sizes.out2(batch));
    let layers = [
        ("fc1", sizes.fc1(batch), fill("NUMBER", 0, DIGITS), fill("D_FEATURES", sizes.flat(), sizes.fc1)),
        ("fc2", sizes.fc2(batch), fill("FEATURES", 0, sizes.flat() + sizes.fc1), fill("D_H2", 0, sizes.fc2)),
        ("fc3", sizes.fc3(batch), fill("H2", 0, sizes.fc2), fill("D_H3", 0, sizes.fc3)),
        ("out1", out1, h3.clone(), fill("D_LOGITS", 0, out1.outputs)),
        ("out2", out2, h3, fill("D_LOGITS", Row::sums_at(), out2.outputs)),
    ]
    .map(|(name, shape, x, dy)| Layer { name, shape, x, dy });
    let rows = t.input("rows", &[s.padded_batch(), words], &rows);
    ops::dense_gradients::dense_gradients(&mut t.tape, s, rows)?;

    let mut wanted = vec![0.0; sizes.flat_len()];
    backward(s, &layers, &mut wanted);
    let gradients = t.find("gradients")?;
    for parameter in sizes.parameters().iter().filter(|p| !p.name.starts_with("conv")) {
        let values = wanted[parameter.range()].to_vec();
        let tol = sum_of(&values, batch);
        let part = Part { at: parameter.offset, ..Part::whole(parameter.len()) };
        t.want_part(&format!("d {}", parameter.name), gradients, part, Want::Floats(values, tol));
    }
    let (flat, fc1) = (sizes.flat(), sizes.fc1);
    Ok(t.finish("dense_gradients", format!("{batch}x({flat}+{fc1})x{}x{}", sizes.fc2, sizes.fc3)))
}
