//! How the cost of an image grows: with the batch, with the length of an epoch, with the network.

use std::sync::Arc;

use serde::Serialize;

use super::throughput::{self, IMAGES, Throughput};
use crate::Result;
use crate::data::Dataset;
use crate::gpu::Gpu;
use crate::network::{ConvSizes, Network, Sizes};
use crate::plans::{Kind, tiles::Tiles};
use crate::train::Recipe;

/// One measured network, batch and length of an epoch.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What is special about the network's sizes.
    pub network: &'static str,
    /// The plan that trained it; the fused one cannot run every size.
    pub plan: Kind,
    /// Trained numbers.
    pub parameters: usize,
    /// Floating point operations of a training step for each image.
    pub flops_per_image: f64,
    /// How fast it trains.
    #[serde(flatten)]
    pub throughput: Throughput,
}

impl Row {
    /// Seconds for each image.
    pub fn seconds_per_image(&self) -> f64 {
        1.0 / self.throughput.images_per_second
    }

    /// Floating point operations a second.
    pub fn flops_per_second(&self) -> f64 {
        self.flops_per_image * self.throughput.images_per_second
    }
}

/// All three sweeps.
#[derive(Clone, Debug, Serialize)]
pub struct Sweep {
    /// Over batch sizes.
    pub batch_sizes: Vec<Row>,
    /// Over lengths of an epoch, at one batch size.
    pub images: Vec<Row>,
    /// Over networks, at one batch size.
    pub networks: Vec<Row>,
}

/// Lengths of an epoch.
const LENGTHS: [usize; 4] = [960, 3_840, 15_360, IMAGES];

/// A network, and what is special about its sizes.
type Named = (&'static str, Network);

/// The network as it is, and with more hidden units or channels.
fn networks() -> Result<Vec<Named>> {
    let real = Sizes::default();
    let hidden = |by: usize| Sizes { fc1: by * real.fc1, fc2: by * real.fc2, fc3: by * real.fc3, ..real };
    let wide = |conv: ConvSizes, by: usize| ConvSizes { channels: by * conv.channels, ..conv };
    let channels = |by: usize| Sizes { conv1: wide(real.conv1, by), conv2: wide(real.conv2, by), ..real };
    let all = [
        ("as it is", real),
        ("hidden x2", hidden(2)),
        ("hidden x4", hidden(4)),
        ("channels x2", channels(2)),
        ("channels x4", channels(4)),
    ];
    all.into_iter().map(|(name, sizes)| Ok((name, sizes.network()?))).collect()
}

impl Sweep {
    /// Measures everything for about `seconds` a row; `say` receives a line before each.
    ///
    /// # Errors
    /// As [`throughput::check`], before anything is measured, and as [`throughput::measure`].
    pub fn measure(
        gpu: &Arc<Gpu>,
        plan: Kind,
        batch_sizes: &[usize],
        batch: usize,
        seconds: f64,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self> {
        let networks = networks()?;
        let real = &networks[0];
        for &size in batch_sizes {
            throughput::check(gpu, &real.1, plan, size)?;
        }
        for (_, network) in &networks {
            throughput::check(gpu, network, plan, batch)?;
        }
        let dataset = throughput::images()?;
        let mut row = |network: &Named, batch, images: Option<usize>| {
            let length = images.map_or(String::new(), |images| format!(", epochs of {images} images"));
            say(&format!("training the network {}, batch {batch}{length}", network.0));
            let refusal = plan.refusal(&network.1);
            if let Some(refusal) = &refusal {
                say(&format!("the {plan} plan cannot run it, so the layered one does: {refusal}"));
            }
            let plan = if refusal.is_some() { Kind::Layered } else { plan };
            let recipe = Recipe { batch_size: batch, plan, ..Recipe::default() };
            measure(gpu, network, &recipe, &dataset, images, seconds)
        };
        // A step on what is left over would need kernels of its own.
        let whole = |images: usize| (images / batch).max(1) * batch;
        Ok(Self {
            batch_sizes: batch_sizes.iter().map(|&size| row(real, size, None)).collect::<Result<_>>()?,
            images: LENGTHS.iter().map(|&n| row(real, batch, Some(whole(n)))).collect::<Result<_>>()?,
            networks: networks.iter().map(|network| row(network, batch, None)).collect::<Result<_>>()?,
        })
    }
}

fn measure(
    gpu: &Arc<Gpu>,
    (name, network): &Named,
    recipe: &Recipe,
    dataset: &Dataset,
    images: Option<usize>,
    seconds: f64,
) -> Result<Row> {
    let programs = recipe.plan.programs(network, recipe.loss(), recipe.adam(), Tiles::of(gpu));
    let program = programs.training(recipe.batch_size)?;
    Ok(Row {
        network: name,
        plan: recipe.plan,
        parameters: network.parameter_count(),
        flops_per_image: program.flops() as f64 / recipe.batch_size as f64,
        throughput: throughput::measure(gpu, network, recipe, dataset, images, seconds)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::adam::Adam;

    #[test]
    fn arithmetic_grows_with_the_network() {
        for plan in [Kind::Fused, Kind::Layered] {
            let flops = |(_, network): &Named| {
                let Recipe { loss, .. } = Recipe::default();
                plan.programs(network, loss, Adam::default(), Tiles::FAT).training(64).unwrap().flops()
            };
            let flops: Vec<u64> = networks().unwrap().iter().map(flops).collect();
            let [real, wide, wider, deep, deeper] = flops[..] else { panic!("{flops:?}") };
            assert!(real < wide && wide < wider, "{real} {wide} {wider}");
            assert!(real < deep && deep < deeper, "{real} {deep} {deeper}");
        }
    }
}
