//! The heads' losses. There is so little of them that the reference computes them, image by image.

use super::Example;
use crate::network::Loss;
use crate::reference::{heads, metrics};

/// Each head's summed cross-entropy, and how often it was right.
pub(super) type Judged = [(f64, usize); 2];

/// One head of the images in the lanes, in rows.
#[derive(Clone, Debug)]
pub(super) struct HeadRows {
    pub classes: usize,
    /// `[lanes, classes]`
    pub logits: Vec<f32>,
    /// Their gradients, `[lanes, classes]`; 0 in lanes without an image of their own.
    pub d_logits: Vec<f32>,
}

impl HeadRows {
    pub(super) fn new(classes: usize, lanes: usize) -> Self {
        let zeros = vec![0.0; classes * lanes];
        Self { classes, logits: zeros.clone(), d_logits: zeros }
    }
}

/// The gradients of the logits, and what the examples add to the results. Lanes beyond the examples count nothing.
pub(super) fn judge(
    kind: Loss,
    weight: f32,
    examples: &[Example],
    rows: &mut [HeadRows; 2],
    judged: &mut Judged,
) {
    let weights = vec![weight; examples.len()];
    for (index, (head, (sum, correct))) in rows.iter_mut().zip(judged).enumerate() {
        let targets: Vec<u32> = examples.iter().map(|example| example.targets[index]).collect();
        let len = examples.len() * head.classes;
        let logits = &head.logits[..len];
        let (d_logits, of_none) = head.d_logits.split_at_mut(len);
        let mut loss = vec![0.0; examples.len()];
        heads::loss(kind, logits, &targets, &weights, &mut loss, d_logits);
        of_none.fill(0.0);
        *sum += metrics::total_loss(&loss);
        *correct += metrics::correct(logits, &targets);
    }
}
