//! A network with weights, on a device.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::{Device, Training, training};
use crate::data::{Addend, Addends, Dataset, HeldOut, Image, Split};
use crate::network::{DIGITS, Network, Sizes};
use crate::onnx::{self, Outputs};
use crate::train::run::EpochRecord;
use crate::train::{self, Engine, Metrics, Prediction, Recipe, model_file};
use crate::{Error, Result, atomic};

/// A network with weights, on a device.
///
/// ```
/// use std::ops::ControlFlow;
/// use digit_adder::{Addend, Addends, Dataset, Device, Image, Model, Recipe, Sizes};
///
/// # fn main() -> digit_adder::Result<()> {
/// let device = Device::open("cpu")?;
/// let data = Dataset::drawn(1, 640, 100)?;
/// let recipe = Recipe { epochs: 2, learning_rate: 3e-3, ..Recipe::default() };
///
/// let mut model = Model::new(Sizes::default().network()?, recipe.seed, &device)?;
/// let training = model.train(&data, &recipe, |epoch| {
///     println!("epoch {}: loss {:.3}", epoch.epoch, epoch.train.loss);
///     ControlFlow::Continue(())
/// })?;
/// assert!(training.epochs[1].train.loss < training.epochs[0].train.loss);
///
/// let test = model.evaluate(&data.test, &Addends::random(1, data.test.len()))?;
/// println!("{:.1} % of the digits are right", 100.0 * test.accuracy("digit")?);
/// let image = Image::new(&data.test.images()[..28 * 28])?;
/// let prediction = model.predict(&image, Addend::new(3)?)?;
/// println!("the sum is {}", prediction.head("sum")?.likeliest());
/// # Ok(())
/// # }
/// ```
pub struct Model {
    device: Device,
    network: Network,
    weights: model_file::Model,
    /// For single images: it has no data set.
    engine: Box<dyn Engine>,
}

impl Model {
    /// A network with fresh weights, drawn as PyTorch draws them by default: one seed, one result.
    ///
    /// # Errors
    /// [`Error::Usage`] for a network that takes other images than 28 x 28; [`Error::Device`] where the device has no
    /// room.
    pub fn new(network: Network, seed: u64, device: &Device) -> Result<Self> {
        let parameters = network.initial_parameters(seed);
        Self::with(network, model_file::Model { parameters, about: None }, device)
    }

    /// The weights of a safetensors file for a network, such as `train` and [`Self::save`] write, or PyTorch with these
    /// names and shapes.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file, and the tensor that is missing, too many or wrong; else as [`Self::new`].
    pub fn load(path: impl AsRef<Path>, network: Network, device: &Device) -> Result<Self> {
        let weights = model_file::load(path.as_ref(), &network)?;
        Self::with(network, weights, device)
    }

    /// The weights that ship with the library, for the network of [`Sizes::default`]: they read 99.5 % of MNIST's test
    /// digits.
    ///
    /// # Errors
    /// [`Error::Device`] where the device has no room.
    pub fn shipped(device: &Device) -> Result<Self> {
        let network = Sizes::default().network()?;
        let weights = model_file::shipped(&network)?;
        Self::with(network, weights, device)
    }

    fn with(network: Network, weights: model_file::Model, device: &Device) -> Result<Self> {
        let recipe = recipe_to_run(&network, &weights);
        let engine = device.engine(&network, &recipe, &weights.parameters, Arc::default())?;
        Ok(Self { device: device.clone(), network, weights, engine })
    }

    /// Trains from the weights as they are, the optimizer at rest, and tells `each_epoch` the results of every epoch; it
    /// ends the training with `ControlFlow::Break(())`. The model then has the weights of the best epoch on
    /// `dataset.validation` or the recipe's `val_split`, if there is either, and else those of the last; averaged ones, if
    /// the recipe keeps an average.
    ///
    /// A new model of the recipe's seed comes to the bits that `digit-adder train` comes to with the same images, recipe
    /// and device. The recipe's `log_interval` is the program's alone.
    ///
    /// # Errors
    /// [`Error::Usage`] for a recipe that makes no sense, and where there are no images; [`Error::Diverged`] where the
    /// loss or a weight is no longer a finite number; [`Error::Device`] where the device fails. The model then has the
    /// weights that it had before.
    pub fn train(
        &mut self,
        dataset: &Dataset,
        recipe: &Recipe,
        mut each_epoch: impl FnMut(&EpochRecord) -> ControlFlow<()>,
    ) -> Result<Training> {
        let Self { device, network, weights, .. } = &*self;
        let work = (dataset, recipe);
        let (weights, training) =
            training::train(device, network, &weights.parameters, work, &mut each_epoch)?;
        *self = Self::with(network.clone(), weights, device)?;
        Ok(training)
    }

    /// Tests on images with these addends, one for each.
    ///
    /// # Errors
    /// [`Error::Usage`] where there are no images, or another number of addends; [`Error::Data`] for weights that give no
    /// finite numbers; [`Error::Device`] where the device fails.
    pub fn evaluate(&self, images: &Split, addends: &Addends) -> Result<Metrics> {
        test(self.tester(images)?.as_mut(), addends)
    }

    /// Tests with each addend from 0 to 9 added to every digit, in this order. [`Metrics::together`] is their mean.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_each_addend(&self, images: &Split) -> Result<Vec<Metrics>> {
        let mut engine = self.tester(images)?;
        let with = |addend| test(engine.as_mut(), &Addends::all(Addend::new(addend)?, images.len()));
        (0..DIGITS as u8).map(with).collect()
    }

    /// An engine with these images to test on.
    fn tester(&self, images: &Split) -> Result<Box<dyn Engine>> {
        if images.is_empty() {
            return Err(Error::Usage("there are no images to test on".into()));
        }
        let dataset = Dataset::new(Split::default(), images.clone());
        let recipe = recipe_to_run(&self.network, &self.weights);
        self.device.engine(&self.network, &recipe, &self.weights.parameters, dataset.into())
    }

    /// What each head says about one image and addend: a probability for each of its classes.
    ///
    /// # Errors
    /// [`Error::Data`] for weights that give no finite numbers; [`Error::Device`] where the device fails.
    pub fn predict(&mut self, image: &Image, addend: Addend) -> Result<Prediction> {
        let prediction = self.engine.predict(image, addend)?;
        match prediction.heads.iter().flat_map(|head| &head.probabilities).all(|p| p.is_finite()) {
            true => Ok(prediction),
            false => Err(not_finite()),
        }
    }

    /// Why a prediction may be wrong, as far as the network itself knows: heads that are unsure, and heads that
    /// contradict each other.
    pub fn doubts(&self, prediction: &Prediction, addend: Addend) -> Vec<String> {
        train::doubts(&self.network, prediction, addend)
    }

    /// Saves the weights as safetensors, with how they were trained in the metadata: a file that is whole or not there.
    /// PyTorch's `load_state_dict` takes it, and so do the program's commands where the network is that of
    /// [`Sizes::default`].
    ///
    /// # Errors
    /// [`Error::Data`] naming the file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write_named(path.as_ref(), &model_file::to_bytes(&self.network, &self.weights)?)
    }

    /// Writes the network with its weights as an ONNX file for other runtimes: inputs `image [N, ..]`, the shape of the
    /// network's image, grey values / 255, and `number [N, 10]`, one-hot; an output `[N, classes]` for each head, by its
    /// name.
    ///
    /// # Errors
    /// [`Error::Usage`] for a head whose name cannot be an output's; [`Error::Data`] naming the file.
    pub fn save_onnx(&self, path: impl AsRef<Path>, outputs: Outputs) -> Result<()> {
        atomic::write_named(path.as_ref(), &onnx::to_bytes(&self.network, &self.weights, outputs)?)
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What it computes on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The trained tensors in PyTorch's order: name, shape and numbers, row by row.
    pub fn parameters(&self) -> Vec<(&str, &[usize], &[f32])> {
        let flat = &self.weights.parameters;
        let all = self.network.parameters().iter();
        all.map(|parameter| (&*parameter.name, &*parameter.shape, &flat[parameter.range()])).collect()
    }

    /// SHA-256, in hex, over all parameters, as `train` prints it: it tells whether two models are the same to the last
    /// bit.
    pub fn sha256(&self) -> String {
        model_file::parameters_sha256(&self.weights.parameters, &self.network)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let heads: Vec<&str> = self.network.heads().iter().map(|head| head.name.as_str()).collect();
        f.debug_struct("Model").field("heads", &heads).field("device", &self.device).finish_non_exhaustive()
    }
}

/// The recipe that weights were trained with, as far as it matters for running them.
fn recipe_to_run(network: &Network, weights: &model_file::Model) -> Recipe {
    let trained = weights.about.as_ref().map(|about| about.recipe.to_run()).unwrap_or_default();
    Recipe { plan: trained.plan.fitting(network), batch_size: 1, ..trained }
}

fn test(engine: &mut dyn Engine, addends: &Addends) -> Result<Metrics> {
    engine.evaluate(HeldOut::Test, addends).map_err(|error| match error {
        Error::Diverged(_) => not_finite(),
        other => other,
    })
}

fn not_finite() -> Error {
    model_file::not_finite(Path::new("the model"))
}
