//! The kernels that compute in lanes, and whole steps of them, against the reference in f64.

use digit_adder::data::draw;
use digit_adder::lanes::adam::{Rates, Sum, Update};
use digit_adder::lanes::{Aligned, Example, Instructions, Net, Workspace, conv_pool, linear};
use digit_adder::network::{Conv2d, Linear, Loss, Network, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::fused::conv_pool as pool_reference;
use digit_adder::reference::gather::{self, Batch, Examples};
use digit_adder::reference::network::{backward, forward, losses, named_parameters};
use digit_adder::reference::{adam, linear as linear_reference, metrics, relu};
use digit_adder::selftest::comparator::{Mismatch, Tol, close};

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

/// What a check must notice: each is a mistake that a kernel, or what calls it, could make.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The last image counts once more, as if a lane without an image had a weight.
    LastTwice,
    /// The heads' targets are taken for each other's.
    HeadsSwapped,
    /// The biases of this tensor are left out.
    NoBias(&'static str),
}

/// A whole step of a batch against the reference; the images come in lanes with a fault.
fn step(instructions: Instructions, loss: Loss, batch: usize, fault: Fault) -> Result<(), Mismatch> {
    let network = network();
    let inputs = Inputs::new(batch, batch as u32);
    let net = Net::new(&network, instructions).unwrap();
    let mut gradients = Aligned::zeros(network.flat_len());
    let mut space = Workspace::new(&net);
    let (mut examples, mut given_flat) = (inputs.examples(&network), inputs.flat.clone());
    match fault {
        Fault::None => {}
        Fault::LastTwice => examples.push(examples[batch - 1]),
        Fault::HeadsSwapped => {
            examples.iter_mut().for_each(|example| example.targets[1] = example.targets[0]);
        }
        Fault::NoBias(name) => given_flat[network.parameter(name).unwrap().range()].fill(0.0),
    }
    let kind = (loss, 1.0 / (2 * batch) as f32);
    let judged = net.train(&given_flat, &examples, kind, &mut space, &mut gradients);
    assert_eq!(judged, net.evaluate(&given_flat, &examples, loss, &mut space));

    let order: Vec<u32> = (0..batch as u32).collect();
    let given = Examples { images: &inputs.images, labels: &inputs.labels, addends: &inputs.addends };
    let Batch { image, number, targets } = gather::forward::<f64>(&order, batch, given, network.heads());
    let flat = wide(&inputs.flat);
    let pass = forward(&network, &flat, &image, &number);
    let losses = losses(&network, loss, &pass, &targets, &vec![1.0 / (2 * batch) as f64; batch]);
    let want = backward(&network, &flat, [&image, &number], &pass, &losses.d_logits);

    let what = format!("{}, {loss:?}, {batch} images", instructions.name());
    let want = named_parameters(&network, &want.flat);
    for ((name, got), (_, want)) in named_parameters(&network, &gradients).into_iter().zip(want) {
        let scale = want.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        close(&format!("{what}, {name}"), got, want, Tol::reduction(1024, scale))?;
    }
    let got = net.logits(&given_flat, &examples, &mut space);
    for (index, head) in network.heads().iter().enumerate() {
        let (logits, what) = (&pass.values[head.logits], format!("{what}, {}", head.name));
        close(&what, &got[index], logits, Tol::reduction(256, 1.0))?;
        let mean = metrics::total_loss(&losses.of_heads[index]) / batch as f64;
        close(&what, &[judged[index].0 / batch as f64], &[mean], Tol::reduction(256, 1.0))?;
        assert_eq!(judged[index].1, metrics::correct(logits, &targets[index]), "{what}");
    }
    Ok(())
}

#[test]
fn a_step_is_what_the_formulas_say() {
    for instructions in Instructions::all() {
        for batch in [1, 15, 16, 17, 64, 65] {
            step(instructions, Loss::Logits, batch, Fault::None).unwrap();
        }
        step(instructions, Loss::Smoothed(0.1), 17, Fault::None).unwrap();
        step(instructions, Loss::DoubleSoftmax, 17, Fault::None).unwrap();
    }
    step(Instructions::best(), Loss::Logits, 512, Fault::None).unwrap();
}

#[test]
fn a_step_with_a_fault_is_noticed() {
    let biases = ["conv1", "conv2", "fc1", "fc2", "fc3", "out1", "out2"];
    let biases = biases.map(|layer| Fault::NoBias(format!("{layer}.bias").leak()));
    for fault in biases.into_iter().chain([Fault::LastTwice, Fault::HeadsSwapped]) {
        assert!(step(Instructions::best(), Loss::Logits, 65, fault).is_err(), "{fault:?}");
    }
}

fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&number| f64::from(number)).collect()
}

/// Numbers of which there are so few that sums of their products are exact, and ties plentiful.
fn coarse(random: &mut Random, len: usize) -> Vec<f32> {
    (0..len).map(|_| random.below(5) as f32 / 2.0 - 1.0).collect()
}

/// `[images, len]` as `[len, images]`, or back with both numbers swapped.
fn transposed(rows: &[f32], images: usize) -> Aligned {
    let len = rows.len() / images;
    let mut turned = Aligned::zeros(rows.len());
    for (at, number) in turned.iter_mut().enumerate() {
        *number = rows[at % images * len + at / images];
    }
    turned
}

/// Every number must be the reference's, as sums of coarse numbers are exact.
fn same(what: &str, got: &[f32], want: &[f64]) {
    close(what, got, want, Tol::absolute(0.0)).unwrap();
}

fn conv_pool_is_the_reference(instructions: Instructions, conv: Conv2d, seed: u32) {
    let lanes = instructions.lanes();
    let what = format!("{}, {conv:?}", instructions.name());
    let s = Conv2d { batch: lanes, ..conv };
    let random = &mut Random::new(6, Purpose::Test, seed);
    let (x, w, b) = (coarse(random, s.x_len()), coarse(random, s.w_len()), coarse(random, s.out_channels));
    let pooled = s.pooled(2).y_len();
    let dy = coarse(random, pooled);
    let (x_wide, w_wide, dy_wide) = (wide(&x), wide(&w), wide(&dy));
    let (mut want, mut mask) = (vec![0.0; pooled], vec![0; pooled]);
    pool_reference::forward(&s, 2, &x_wide, &w_wide, &wide(&b), &mut want, &mut mask);
    assert!((0..5).all(|place| mask.contains(&place)), "{what}: not all winners are there");

    let x_lanes = transposed(&x, lanes);
    let (mut y, mut winner) = (Aligned::zeros(pooled), Aligned::zeros(pooled));
    let (w, b) = (&w[..], &b[..]);
    let (y_out, winner_out) = (&mut y[..], &mut winner[..]);
    instructions.run(conv_pool::Forward { s: &conv, x: &x_lanes, w, b, y: y_out, winner: winner_out });
    let per_image = pooled / lanes;
    same(&what, &transposed(&y, per_image), &want);
    let mask_wide: Vec<f64> = mask.iter().map(|&place| f64::from(place)).collect();
    same(&format!("{what}, winners"), &transposed(&winner, per_image), &mask_wide);

    let dy_lanes = transposed(&dy, lanes);
    let (mut dw, mut db) = (vec![1.0; s.w_len()], vec![1.0; s.out_channels]);
    instructions.run(conv_pool::BackwardWeights {
        s: &conv,
        x: &x_lanes,
        dy: &dy_lanes,
        winner: &winner,
        dw: &mut dw,
        db: &mut db,
    });
    let (mut want_dw, mut want_db) = (vec![0.0; s.w_len()], vec![0.0; s.out_channels]);
    pool_reference::backward_weights(&s, 2, &dy_wide, &mask, &x_wide, &mut want_dw);
    pool_reference::backward_bias(&s, 2, &dy_wide, &mask, &mut want_db);
    // What was there stays, and is added to.
    want_dw.iter_mut().chain(&mut want_db).for_each(|gradient| *gradient += 1.0);
    same(&format!("{what}, dw"), &dw, &want_dw);
    same(&format!("{what}, db"), &db, &want_db);

    let mut spread = Aligned::zeros(conv_pool::spread_len(&conv) * lanes);
    let mut dx = Aligned::zeros(x.len());
    dx.fill(f32::NAN);
    let (dy, winner, dx_out) = (&dy_lanes[..], &winner[..], &mut dx[..]);
    instructions.run(conv_pool::BackwardInput { s: &conv, w, dy, winner, spread: &mut spread, dx: dx_out });
    let mut want_dx = vec![0.0; x.len()];
    pool_reference::backward_input(&s, 2, &dy_wide, &mask, &w_wide, &mut want_dx);
    same(&format!("{what}, dx"), &transposed(&dx, x.len() / lanes), &want_dx);
}

#[test]
fn conv_pools_are_the_reference() {
    let conv = |in_channels, height, width, out_channels, kernel| Conv2d {
        batch: 1,
        in_channels,
        height,
        width,
        out_channels,
        kernel,
    };
    for instructions in Instructions::all() {
        for (seed, conv) in [
            conv(1, 28, 28, 6, 5),
            conv(6, 12, 12, 12, 5),
            // Rows and columns that fill no window, and channels that fill no block.
            conv(2, 19, 20, 5, 3),
            conv(3, 18, 18, 7, 3),
            conv(3, 21, 20, 3, 4),
            conv(2, 20, 24, 4, 1),
        ]
        .into_iter()
        .enumerate()
        {
            conv_pool_is_the_reference(instructions, conv, seed as u32);
        }
    }
}

fn linear_is_the_reference(instructions: Instructions, inputs: usize, outputs: usize) {
    let lanes = instructions.lanes();
    let what = format!("{}, {outputs} of {inputs}", instructions.name());
    let (layer, s) = (Linear { batch: 1, inputs, outputs }, Linear { batch: lanes, inputs, outputs });
    let random = &mut Random::new(7, Purpose::Test, (inputs + outputs) as u32);
    let (x, w, b) = (coarse(random, s.x_len()), coarse(random, s.w_len()), coarse(random, outputs));
    let dy = coarse(random, s.y_len());
    let (x_lanes, dy_lanes) = (transposed(&x, lanes), transposed(&dy, lanes));
    let mut want = vec![0.0; s.y_len()];
    linear_reference::forward(&s, &wide(&x), &wide(&w), &wide(&b), &mut want);
    let (w, b) = (&w[..], &b[..]);
    let mut y = Aligned::zeros(s.y_len());
    instructions.run(linear::Forward { s: &layer, x: &x_lanes, w, b, relu: false, y: &mut y });
    same(&what, &transposed(&y, outputs), &want);
    instructions.run(linear::Forward { s: &layer, x: &x_lanes, w, b, relu: true, y: &mut y });
    let mut rectified = vec![0.0; want.len()];
    relu::forward(&want, &mut rectified);
    same(&what, &transposed(&y, outputs), &rectified);

    let mut let_through = dy_lanes.clone();
    instructions.run(linear::BackwardRelu { y: &y, dy: &mut let_through });
    relu::backward(&rectified, &wide(&dy), &mut want);
    same(&format!("{what}, ReLU"), &transposed(&let_through, outputs), &want);

    let (mut dw, mut db) = (vec![1.0; s.w_len()], vec![1.0; outputs]);
    let gradients = (&mut dw[..], &mut db[..]);
    instructions.run(linear::BackwardWeights {
        s: &layer,
        x_rows: &x,
        dy: &dy_lanes,
        dw: gradients.0,
        db: gradients.1,
    });
    let (mut want_dw, mut want_db) = (vec![0.0; s.w_len()], vec![0.0; outputs]);
    linear_reference::backward_weights(&s, &wide(&dy), &wide(&x), &mut want_dw);
    linear_reference::backward_bias(&s, &wide(&dy), &mut want_db);
    want_dw.iter_mut().chain(&mut want_db).for_each(|gradient| *gradient += 1.0);
    same(&format!("{what}, dw"), &dw, &want_dw);
    same(&format!("{what}, db"), &db, &want_db);

    let mut dx = Aligned::zeros(s.x_len());
    dx.fill(1.0);
    instructions.run(linear::BackwardInput { s: &layer, w, dy: &dy_lanes, dx: &mut dx });
    let mut want_dx = vec![0.0; s.x_len()];
    linear_reference::backward_input(&s, &wide(&dy), &wide(w), &mut want_dx);
    want_dx.iter_mut().for_each(|gradient| *gradient += 1.0);
    same(&format!("{what}, dx"), &transposed(&dx, inputs), &want_dx);
}

#[test]
fn linear_layers_are_the_reference() {
    for instructions in Instructions::all() {
        for (inputs, outputs) in [(10, 64), (256, 128), (64, 19), (1, 1), (53, 11), (88, 4)] {
            linear_is_the_reference(instructions, inputs, outputs);
        }
    }
}

#[test]
fn adam_has_the_bits_of_the_reference() {
    let len = 151;
    let random = &mut Random::new(8, Purpose::Test, 0);
    let mut numbers = || (0..len).map(|_| random.between(-1.0, 1.0)).collect::<Vec<f32>>();
    let parts = [numbers(), numbers(), numbers()];
    let (w, m, v) = (numbers(), numbers(), numbers().iter().map(|v| v * v).collect::<Vec<f32>>());
    let sum: Vec<f32> = (0..len).map(|i| parts[0][i] + parts[1][i] + parts[2][i]).collect();
    for (decay, scale) in [(0.0, 1.0), (0.1, 0.3)] {
        let adam = Adam { weight_decay: decay, ..Adam::default() };
        let scaled: Vec<f32> = sum.iter().map(|dw| scale * dw).collect();
        let mut want = [w.clone(), m.clone(), v.clone()];
        let [want_w, want_m, want_v] = &mut want;
        adam::step(&adam, 1e-3, 7, &scaled, want_w, want_m, want_v);
        for instructions in Instructions::all() {
            let (mut dw, mut got) = (parts[0].clone(), [w.clone(), m.clone(), v.clone()]);
            instructions.run(Sum { dw: &mut dw, parts: &[&parts[1], &parts[2]] });
            let [w, m, v] = &mut got;
            let rates = Rates::new(&adam, 1e-3, 7, scale);
            instructions.run(Update { rates, dw: &dw, w, m, v });
            assert_eq!(got, want, "{}, decay {decay}, scale {scale}", instructions.name());
        }
    }
}
