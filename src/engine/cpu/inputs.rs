//! The images that a step or an evaluation takes, changed at random where the recipe says so.

use crate::data::{PIXELS, Split};
use crate::lanes::Example;
use crate::network::Network;
use crate::reference::gather::{self, Batch, Examples};

/// Some images of a data set.
pub(super) struct Inputs<'a> {
    order: &'a [u32],
    split: &'a Split,
    addends: &'a [u8],
    /// The images after their change, in order; none where nothing changes.
    changed: Vec<u8>,
}

impl<'a> Inputs<'a> {
    /// The images of `order` as they are.
    pub(super) fn new(order: &'a [u32], split: &'a Split, addends: &'a [u8]) -> Self {
        Self { order, split, addends, changed: Vec::new() }
    }

    /// The same after a change: `change` makes image `n`, its second argument, of its first.
    pub(super) fn changed_by(mut self, change: impl Fn(&[u8], u32, &mut [u8])) -> Self {
        self.changed = vec![0; self.order.len() * PIXELS];
        for (&n, changed) in self.order.iter().zip(self.changed.chunks_exact_mut(PIXELS)) {
            change(&self.split.images()[n as usize * PIXELS..][..PIXELS], n, changed);
        }
        self
    }

    fn original(&self, n: u32) -> &'a [u8] {
        &self.split.images()[n as usize * PIXELS..][..PIXELS]
    }

    /// For the reference.
    pub(super) fn batch(&self, network: &Network) -> Batch<f32> {
        let (order, count) = (self.order, self.order.len());
        if self.changed.is_empty() {
            let (images, labels) = (self.split.images(), self.split.labels());
            let examples = Examples { images, labels, addends: self.addends };
            return gather::forward(order, count, examples, network.heads());
        }
        let pick = |bytes: &[u8]| order.iter().map(|&n| bytes[n as usize]).collect::<Vec<u8>>();
        let (labels, addends) = (pick(self.split.labels()), pick(self.addends));
        let examples = Examples { images: &self.changed, labels: &labels, addends: &addends };
        let places: Vec<u32> = (0..count as u32).collect();
        gather::forward(&places, count, examples, network.heads())
    }

    /// For the lanes: of a network with two heads.
    pub(super) fn examples(&self, network: &Network) -> Vec<Example<'_>> {
        let heads = network.heads();
        let example = |(place, &n): (usize, &u32)| {
            let (label, addend) = (self.split.labels()[n as usize], self.addends[n as usize]);
            let image = match self.changed.is_empty() {
                true => self.original(n),
                false => &self.changed[place * PIXELS..][..PIXELS],
            };
            Example { image, addend, targets: [0, 1].map(|head| heads[head].target(label, addend)) }
        };
        self.order.iter().enumerate().map(example).collect()
    }
}
