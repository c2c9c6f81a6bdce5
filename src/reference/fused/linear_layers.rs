//! All linear layers of the network in one: the part of the network after its last pooling.
//!
//! Of each ReLU the kernel keeps only the output, and of each gradient only the one before the ReLU.

use crate::network::{Layer, Network, Op};
use crate::reference::Real;
use crate::reference::network::{Gradients, Pass, backward, forward};
use crate::{Error, Result};

/// The linear layers of a network, a network whose images are the pooled features, and the first word of their
/// parameters in the flat parameters of the whole.
///
/// # Errors
/// [`crate::Error::Usage`] for a network whose linear layers read more of the image's branch than its last
/// pooling.
pub fn part(network: &Network) -> Result<(Network, usize)> {
    let is_pool = |layer: &Layer| matches!(layer.op, Op::MaxPool(_));
    let last = network.layers().iter().rposition(is_pool);
    let last = last.ok_or_else(|| Error::Usage("the network has no pooling".into()))?;
    let part = network.behind(last)?;
    let first = match part.parameters() {
        [first, ..] => network.parameter(&first.name)?.offset,
        [] => 0,
    };
    Ok((part, first))
}

/// All activations, from `pooled [batch, flat]` and `number [batch, 10]`.
///
/// # Errors
/// As [`part`].
pub fn values<T: Real>(network: &Network, flat: &[T], pooled: &[T], number: &[T]) -> Result<Pass<T>> {
    let (part, first) = part(network)?;
    Ok(forward(&part, &flat[first..], pooled, number))
}

/// The gradients of all activations, from those of each head's logits.
///
/// # Errors
/// As [`part`].
pub fn gradients<T: Real>(
    network: &Network,
    flat: &[T],
    [pooled, number]: [&[T]; 2],
    pass: &Pass<T>,
    d_logits: &[Vec<T>],
) -> Result<Gradients<T>> {
    let (part, first) = part(network)?;
    Ok(backward(&part, &flat[first..], [pooled, number], pass, d_logits))
}
