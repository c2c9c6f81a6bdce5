//! The check of the gradients of the linear layers' weights and biases, on rows of any values.

use super::builder::{Builder, sum_of};
use super::check::{Check, POISON, Part, Want};
use super::wide;
use crate::Result;
use crate::network::Network;
use crate::ops::fused::linear_layers::LinearLayers;
use crate::ops::fused::linear_layers_gradients::linear_layers_gradients;
use crate::reference::fused::linear_layers_gradients::{Layer, backward};

/// Every layer of a network, its inputs and the gradients of its outputs independent of each other. Whatever
/// else the rows hold, also past the batch, must not count.
pub(super) fn check(network: &Network, s: &LinearLayers, seed: u32) -> Result<Check> {
    let (stack, batch, row) = (&s.stack, s.batch, s.row);
    let mut t = Builder::on(network.parameters(), batch, seed);
    let mut rows = vec![f32::from_bits(POISON); s.padded_batch() * row.len];
    let mut fill = |at: usize, width: usize| {
        let values = t.values(batch * width);
        let part = Part { at, stride: row.len, width };
        part.places(batch).zip(&values).for_each(|(place, &x)| rows[place] = x);
        wide(&values)
    };
    let h3 = fill(row.h3, stack.fc3.shape.outputs);
    let parts = [
        (
            fill(row.number, stack.fc1.shape.inputs),
            fill(row.d_features + stack.flat, stack.fc1.shape.outputs),
        ),
        (fill(row.features, stack.fc2.shape.inputs), fill(row.d_h2, stack.fc2.shape.outputs)),
        (fill(row.h2, stack.fc3.shape.inputs), fill(row.d_h3, stack.fc3.shape.outputs)),
        (h3.clone(), fill(row.d_digit_logits, stack.out1.shape.outputs)),
        (h3, fill(row.d_sum_logits, stack.out2.shape.outputs)),
    ];
    let mut layers = Vec::new();
    for (layer, (x, dy)) in stack.layers().into_iter().zip(parts) {
        let parameter = |kind: &str| network.parameter(&format!("{}.{kind}", layer.name));
        let shape = crate::network::Linear { batch, ..layer.shape };
        layers.push(Layer { shape, parameters: [parameter("weight")?, parameter("bias")?], x, dy });
    }
    let rows = t.input("rows", &[s.padded_batch(), row.len], &rows);
    linear_layers_gradients(&mut t.tape, s, rows)?;

    let mut wanted = vec![0.0; stack.flat_len];
    backward(&layers, &mut wanted);
    let gradients = t.find("gradients")?;
    for parameter in layers.iter().flat_map(|layer| layer.parameters) {
        let values = wanted[parameter.range()].to_vec();
        let tol = sum_of(&values, batch);
        let part = Part { at: parameter.offset, ..Part::whole(parameter.len()) };
        t.want_part(&format!("d {}", parameter.name), gradients, part, Want::Floats(values, tol));
    }
    Ok(t.finish("linear_layers_gradients", super::linear_layers::name(s)))
}
