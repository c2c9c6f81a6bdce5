//! Trains on digits that the library draws, tests, saves the weights and loads them again.

use std::ops::ControlFlow;

use digit_adder::{Addends, Dataset, Device, Model, Recipe, Sizes};

fn main() -> digit_adder::Result<()> {
    let device = Device::open("cpu")?;
    println!("on {}", device.adapter());

    let data = Dataset::drawn(1, 4000, 1000)?;
    let network = Sizes { fc2: 64, ..Sizes::default() }.network()?;
    let recipe = Recipe { epochs: 5, learning_rate: 3e-3, ..Recipe::default() };
    let mut model = Model::new(network.clone(), recipe.seed, &device)?;
    let training = model.train(&data, &recipe, |epoch| {
        println!("epoch {}: loss {:.3}", epoch.epoch, epoch.train.loss);
        // Good enough is good enough.
        if epoch.train.loss < 0.1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    println!("trained for {} epochs", training.epochs.len());

    let test = model.evaluate(&data.test, &Addends::random(1, data.test.len()))?;
    for head in &test.heads {
        println!("{}: {:.1} % right", head.head, 100.0 * test.accuracy(&head.head)?);
    }

    let file = std::env::temp_dir().join(format!("digit-adder-{}.safetensors", std::process::id()));
    model.save(&file)?;
    let again = Model::load(&file, network, &device)?;
    println!("saved and loaded: the same weights: {}", again.sha256() == model.sha256());
    std::fs::remove_file(file).map_err(|error| digit_adder::Error::Data(error.to_string()))
}
