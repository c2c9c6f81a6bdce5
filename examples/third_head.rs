//! A network of one's own, layer by layer, with a third head: whether the sum is odd.

use std::ops::ControlFlow;

use digit_adder::{
    Addend, Dataset, Device, Image, Input, Metrics, Model, Network, NetworkBuilder, PIXELS, Recipe, Result,
};

/// The image, at half its size, and the addend go through two layers that three heads share.
fn network() -> Result<Network> {
    let mut net = NetworkBuilder::new(&[1, 28, 28])?;
    let image = net.max_pool("pool1", Input::Image, 2)?;
    let both = net.concat("concat", image, Input::Number)?;
    let both = net.linear("fc1", both, 64)?;
    let both = net.relu("fc1.relu", both)?;
    let both = net.linear("fc2", both, 64)?;
    let both = net.relu("fc2.relu", both)?;
    let digit = net.linear("out1", both, 10)?;
    let sum = net.linear("out2", both, 19)?;
    let parity = net.linear("out3", both, 2)?;
    net.head("digit", digit, |digit, _| digit)?;
    net.head("sum", sum, |digit, addend| digit + addend)?;
    net.head("parity", parity, |digit, addend| (digit + addend) % 2)?;
    net.finish()
}

fn main() -> Result<()> {
    let device = Device::open("cpu")?;
    let data = Dataset::drawn(1, 4000, 500)?;
    let recipe = Recipe { epochs: 8, batch_size: 16, learning_rate: 3e-3, ..Recipe::default() };
    let mut model = Model::new(network()?, recipe.seed, &device)?;
    model.train(&data, &recipe, |epoch| {
        println!("epoch {}: loss {:.3}", epoch.epoch, epoch.train.loss);
        ControlFlow::Continue(())
    })?;

    let test = Metrics::together(&model.evaluate_each_addend(&data.test)?);
    for head in model.network().heads() {
        println!("{}: {:.1} % right", head.name, 100.0 * test.accuracy(&head.name)?);
    }
    let image = Image::new(&data.test.images()[..PIXELS])?;
    let (label, addend) = (data.test.labels()[0], Addend::new(4)?);
    let prediction = model.predict(&image, addend)?;
    let parity = &prediction.head("parity")?.probabilities;
    println!("{label} + 4: even {:.1} %, odd {:.1} %", 100.0 * parity[0], 100.0 * parity[1]);
    Ok(())
}
