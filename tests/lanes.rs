//! The kernels that compute in lanes, and whole steps of them, against the reference in f64.

use digit_adder::data::draw;
use digit_adder::lanes::{Aligned, Example, Instructions, Net, Workspace};
use digit_adder::network::{Loss, Network, Sizes};
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::gather::{self, Batch, Examples};
use digit_adder::reference::metrics;
use digit_adder::reference::network::{backward, forward, losses, named_parameters};
use digit_adder::selftest::comparator::{Tol, close};

fn network() -> Network {
    Sizes::default().network().unwrap()
}

/// Drawn digits, some addends, and parameters.
struct Inputs {
    images: Vec<u8>,
    labels: Vec<u8>,
    addends: Vec<u8>,
    flat: Vec<f32>,
}

impl Inputs {
    fn new(images: usize, seed: u32) -> Self {
        let mut random = Random::new(5, Purpose::Test, seed);
        let mut digits = || (0..images).map(|_| random.below(10) as u8).collect::<Vec<u8>>();
        let (labels, addends) = (digits(), digits());
        let images = labels.iter().flat_map(|&label| draw(label, &mut random)).collect();
        Self { images, labels, addends, flat: network().initial_parameters(u64::from(seed)) }
    }

    fn examples(&self, network: &Network) -> Vec<Example<'_>> {
        let images = self.images.chunks_exact(network.pixels());
        let numbers = self.labels.iter().zip(&self.addends);
        let example = |(image, (&label, &addend))| {
            let targets = [0, 1].map(|head: usize| network.heads()[head].target(label, addend));
            Example { image, addend, targets }
        };
        images.zip(numbers).map(example).collect()
    }
}

/// A whole step of a batch against the reference.
fn check_step(instructions: Instructions, loss: Loss, batch: usize) {
    let network = network();
    let inputs = Inputs::new(batch, batch as u32);
    let net = Net::new(&network, instructions).unwrap();
    let mut gradients = Aligned::zeros(network.flat_len());
    let weight = 1.0 / (2 * batch) as f32;
    let mut space = Workspace::new(&net);
    let examples = inputs.examples(&network);
    let judged = net.train(&inputs.flat, &examples, (loss, weight), &mut space, &mut gradients);

    let order: Vec<u32> = (0..batch as u32).collect();
    let given = Examples { images: &inputs.images, labels: &inputs.labels, addends: &inputs.addends };
    let Batch { image, number, targets } = gather::forward::<f64>(&order, batch, given, network.heads());
    let flat: Vec<f64> = inputs.flat.iter().map(|&w| f64::from(w)).collect();
    let pass = forward(&network, &flat, &image, &number);
    let losses = losses(&network, loss, &pass, &targets, &vec![1.0 / (2 * batch) as f64; batch]);
    let want = backward(&network, &flat, [&image, &number], &pass, &losses.d_logits);

    for (index, head) in network.heads().iter().enumerate() {
        let logits = &pass.values[head.logits];
        let what = format!("{}, {loss:?}, {batch} images, {}", instructions.name(), head.name);
        let got = net.logits(&inputs.flat, &examples, &mut space);
        close(&what, &got[index], logits, Tol::reduction(256, 1.0)).unwrap();
        let mean = metrics::total_loss(&losses.of_heads[index]) / batch as f64;
        close(&what, &[judged[index].0 / batch as f64], &[mean], Tol::reduction(256, 1.0)).unwrap();
        assert_eq!(judged[index].1, metrics::correct(logits, &targets[index]), "{what}");
        assert_eq!(judged, net.evaluate(&inputs.flat, &examples, loss, &mut space));
    }
    let want = named_parameters(&network, &want.flat);
    for ((name, got), (_, want)) in named_parameters(&network, &gradients).into_iter().zip(want) {
        let scale = want.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        let what = format!("{}, {loss:?}, {batch} images, {name}", instructions.name());
        let share = close(&what, got, want, Tol::reduction(1024, scale)).unwrap();
        println!("{what}: {share:.3}");
    }
}

#[test]
fn a_step_is_what_the_formulas_say() {
    for instructions in Instructions::all() {
        for batch in [1, 15, 16, 17, 64, 65] {
            check_step(instructions, Loss::Logits, batch);
        }
        check_step(instructions, Loss::Smoothed(0.1), 17);
        check_step(instructions, Loss::DoubleSoftmax, 17);
    }
    check_step(Instructions::best(), Loss::Logits, 512);
}
