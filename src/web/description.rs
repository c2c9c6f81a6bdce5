//! What the page must know beside the schedules: `data/site.json`.

use serde::Serialize;

use super::digits::Layout;
use crate::network::{Head, Layer, Network};
use crate::program::Parameter;
use crate::train::Recipe;
use crate::train::model_file::About;

/// What the page must know beside the schedules.
#[derive(Serialize)]
pub(super) struct Description<'a> {
    /// The program's version.
    pub version: &'static str,
    /// The network.
    pub network: Shape<'a>,
    /// The images to train on.
    pub digits: &'a Layout,
    /// How the page trains.
    pub recipe: &'a Recipe,
    /// The optimizer, in f64.
    pub adam: Hyperparameters,
    /// The weights that it begins with.
    pub weights: Weights<'a>,
    /// The schedules' files.
    pub schedules: Schedules,
}

/// The network's layers, heads and flat buffer.
#[derive(Serialize)]
pub(super) struct Shape<'a> {
    image: &'a [usize],
    layers: &'a [Layer],
    heads: &'a [Head],
    parameters: Vec<Place<'a>>,
    /// Floats of the flat buffer, padding included.
    flat: usize,
}

/// A trained tensor, and its place in the flat buffer in floats.
#[derive(Serialize)]
struct Place<'a> {
    name: &'a str,
    shape: &'a [usize],
    fan_in: usize,
    offset: usize,
}

/// What the rates of a step are computed from, beside the learning rate.
#[derive(Serialize)]
pub(super) struct Hyperparameters {
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
}

/// The file of weights.
#[derive(Serialize)]
pub(super) struct Weights<'a> {
    pub file: &'static str,
    /// How they were made, where that is known.
    pub about: Option<&'a About>,
}

/// The files of the schedules.
#[derive(Serialize)]
pub(super) struct Schedules {
    pub predict: &'static str,
    pub train: &'static str,
    pub evaluate: &'static str,
}

impl<'a> Shape<'a> {
    pub(super) fn of(network: &'a Network) -> Self {
        let place = |parameter: &'a Parameter| Place {
            name: &parameter.name,
            shape: &parameter.shape,
            fan_in: parameter.fan_in,
            offset: parameter.offset,
        };
        Self {
            image: network.image(),
            layers: network.layers(),
            heads: network.heads(),
            parameters: network.parameters().iter().map(place).collect(),
            flat: network.flat_len(),
        }
    }
}

impl Hyperparameters {
    pub(super) fn of(recipe: &Recipe) -> Self {
        let adam = recipe.adam();
        Self { beta1: adam.beta1, beta2: adam.beta2, weight_decay: adam.weight_decay }
    }
}
