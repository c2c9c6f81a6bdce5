//! The reference's gradients against central differences, in f64: each op alone, then every parameter
//! tensor of the whole network.

use digit_adder::network::{Concat, Conv2d, DIGITS, Head, Linear, Loss, MaxPool, Network, Op, Sizes};
use digit_adder::ops::cross_entropy::CrossEntropy;
use digit_adder::ops::softmax::Softmax;
use digit_adder::program::Parameter;
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::fused::conv_pool;
use digit_adder::reference::network::{Pass, backward, forward, losses};
use digit_adder::reference::{concat, conv2d, cross_entropy, heads, linear, max_pool, relu, softmax};
use rayon::prelude::*;

/// Half of the distance that the wider of the two central differences spans: at ten times the width, a fifth
/// of conv1's entries would lie next to a kink.
const STEP: f64 = 1e-5;
/// Relative error allowed.
const RELATIVE: f64 = 1e-6;
/// Error allowed in addition. Losses and outputs between 1 and 4 are known to 2.2e-16 to 4.4e-16, after some
/// operations to a few times that; divided by the step that makes a slope uncertain by up to 1e-10, more
/// than a millionth of gradients below 1e-4.
const ABSOLUTE: f64 = 1e-10;
/// Entries checked of each parameter tensor, or all where there are fewer.
const ENTRIES: usize = 200;
/// Images that the whole network is checked with.
const IMAGES: usize = 6;

fn uniform(random: &mut Random, len: usize) -> Vec<f64> {
    (0..len).map(|_| f64::from(random.between(-1.0, 1.0))).collect()
}

/// The slope from two central differences `value(by) - value(-by)`, by Richardson's extrapolation: the
/// narrower one's error is a quarter of the wider one's up to the fourth power of the step, so that
/// (4 narrow - wide) / 3 cancels it.
fn slope(difference: impl Fn(f64) -> Option<f64>) -> Option<f64> {
    let wide = difference(STEP)? / (2.0 * STEP);
    let narrow = difference(STEP / 2.0)? / STEP;
    Some((4.0 * narrow - wide) / 3.0)
}

/// Passes if `|slope - gradient| <= ABSOLUTE + RELATIVE * |gradient|`.
fn assert_slope(name: &str, index: usize, slope: f64, gradient: f64) {
    let diff = (slope - gradient).abs();
    let budget = ABSOLUTE + RELATIVE * gradient.abs();
    assert!(
        diff <= budget,
        "{name}[{index}]: gradient {gradient:e}, slope {slope:e}, off by {diff:e} > {budget:e}"
    );
}

/// Checks every entry of `gradient`, the gradient of `sum(dy * y(x))` at `x`.
fn check_op(name: &str, x: &[f64], dy: &[f64], gradient: &[f64], y: impl Fn(&[f64]) -> Vec<f64>) {
    assert_eq!(gradient.len(), x.len(), "{name}");
    let value = |x: &[f64]| -> f64 { y(x).iter().zip(dy).map(|(y, dy)| y * dy).sum() };
    assert!(gradient.iter().any(|g| g.abs() > 0.0), "{name}: the gradient is 0 everywhere, or not a number");
    for index in 0..x.len() {
        let shifted = |by: f64| {
            let mut x = x.to_vec();
            x[index] += by;
            value(&x)
        };
        let slope = slope(|by| Some(shifted(by) - shifted(-by))).expect("without kinks there is a slope");
        assert_slope(name, index, slope, gradient[index]);
    }
}

/// Runs an op that writes one output of `len` numbers.
fn output(len: usize, op: impl FnOnce(&mut [f64])) -> Vec<f64> {
    let mut y = vec![f64::NAN; len];
    op(&mut y);
    y
}

const CONV: Conv2d = Conv2d { batch: 3, in_channels: 2, height: 7, width: 9, out_channels: 4, kernel: 3 };

#[test]
fn conv2d_alone() {
    let random = &mut Random::new(1, Purpose::Test, 0);
    let (x, w) = (uniform(random, CONV.x_len()), uniform(random, CONV.w_len()));
    let (b, dy) = (uniform(random, CONV.out_channels), uniform(random, CONV.y_len()));
    let y = |x: &[f64], w: &[f64], b: &[f64]| output(dy.len(), |y| conv2d::forward(&CONV, x, w, b, y));
    let dx = output(x.len(), |dx| conv2d::backward_input(&CONV, &dy, &w, dx));
    let dw = output(w.len(), |dw| conv2d::backward_weights(&CONV, &dy, &x, dw));
    let db = output(b.len(), |db| conv2d::backward_bias(&CONV, &dy, db));
    check_op("conv2d dx", &x, &dy, &dx, |x| y(x, &w, &b));
    check_op("conv2d dw", &w, &dy, &dw, |w| y(&x, w, &b));
    check_op("conv2d db", &b, &dy, &db, |b| y(&x, &w, b));
}

#[test]
fn max_pool_alone() {
    // A row and a column of x fill no window.
    let shape = MaxPool { batch: 2, channels: 3, height: 7, width: 10, window: 3 };
    let random = &mut Random::new(2, Purpose::Test, 0);
    let (x, dy) = (uniform(random, shape.x_len()), uniform(random, shape.y_len()));
    let mut winner = vec![0; dy.len()];
    let y = |x: &[f64], winner: &mut [u32]| output(dy.len(), |y| max_pool::forward(&shape, x, y, winner));
    y(&x, &mut winner);
    let dx = output(x.len(), |dx| max_pool::backward(&shape, &dy, &winner, dx));
    check_op("max_pool dx", &x, &dy, &dx, |x| {
        let mut shifted = winner.clone();
        let y = y(x, &mut shifted);
        assert_eq!(shifted, winner, "the inputs are too close to a kink");
        y
    });
}

#[test]
fn relu_alone() {
    let random = &mut Random::new(3, Purpose::Test, 0);
    let (x, dy) = (uniform(random, 50), uniform(random, 50));
    assert!(x.iter().all(|x| x.abs() > STEP), "the inputs are too close to a kink");
    let y = |x: &[f64]| output(50, |y| relu::forward(x, y));
    check_op("relu dx", &x, &dy, &output(50, |dx| relu::backward(&y(&x), &dy, dx)), y);
    assert_eq!(output(2, |dx| relu::backward(&[0.0, -0.0], &[1.0, 1.0], dx)), [0.0, 0.0]);
}

#[test]
fn linear_alone() {
    let shape = Linear { batch: 5, inputs: 7, outputs: 3 };
    let random = &mut Random::new(4, Purpose::Test, 0);
    let (x, w) = (uniform(random, shape.x_len()), uniform(random, shape.w_len()));
    let (b, dy) = (uniform(random, shape.outputs), uniform(random, shape.y_len()));
    let y = |x: &[f64], w: &[f64], b: &[f64]| output(dy.len(), |y| linear::forward(&shape, x, w, b, y));
    let dx = output(x.len(), |dx| linear::backward_input(&shape, &dy, &w, dx));
    let dw = output(w.len(), |dw| linear::backward_weights(&shape, &dy, &x, dw));
    let db = output(b.len(), |db| linear::backward_bias(&shape, &dy, db));
    check_op("linear dx", &x, &dy, &dx, |x| y(x, &w, &b));
    check_op("linear dw", &w, &dy, &dw, |w| y(&x, w, &b));
    check_op("linear db", &b, &dy, &db, |b| y(&x, &w, b));
}

#[test]
fn concat_alone() {
    let shape = Concat { batch: 3, left: 4, right: 2 };
    let random = &mut Random::new(5, Purpose::Test, 0);
    let (x1, x2, dy) = (uniform(random, 12), uniform(random, 6), uniform(random, 18));
    let (mut dx1, mut dx2) = ([f64::NAN; 12], [f64::NAN; 6]);
    concat::backward(&shape, &dy, &mut dx1, &mut dx2);
    let y = |x1: &[f64], x2: &[f64]| output(18, |y| concat::forward(&shape, x1, x2, y));
    check_op("concat dx1", &x1, &dy, &dx1, |x1| y(x1, &x2));
    check_op("concat dx2", &x2, &dy, &dx2, |x2| y(&x1, x2));
}

#[test]
fn softmax_alone() {
    let shape = Softmax { batch: 4, classes: 7 };
    let random = &mut Random::new(6, Purpose::Test, 0);
    let (x, dy) = (uniform(random, 28), uniform(random, 28));
    let y = |x: &[f64]| output(28, |y| softmax::forward(&shape, x, y));
    let dx = output(28, |dx| softmax::backward(&shape, &y(&x), &dy, dx));
    check_op("softmax dx", &x, &dy, &dx, y);
}

#[test]
fn cross_entropy_alone() {
    for smoothing in [0.0, 0.1, 1.0] {
        cross_entropy_smoothed(smoothing);
    }
}

fn cross_entropy_smoothed(smoothing: f32) {
    let shape = CrossEntropy { batch: 4, classes: 7, smoothing };
    let weight = [0.3, 0.0, 1.0, 0.7];
    let random = &mut Random::new(7, Purpose::Test, 0);
    let x = uniform(random, 28);
    let target = [0, 6, 3, 3];
    let dx = output(28, |dx| cross_entropy::backward(&shape, &x, &target, &weight, dx));
    let against =
        |x: &[f64], target: &[u32]| output(4, |loss| cross_entropy::forward(&shape, x, target, loss));
    let share = f64::from(smoothing);
    let loss = |x: &[f64]| {
        let mut loss: Vec<f64> = against(x, &target).iter().map(|loss| (1.0 - share) * loss).collect();
        for class in 0..7 {
            let spread = against(x, &[class; 4]);
            loss.iter_mut().zip(spread).for_each(|(loss, spread)| *loss += share / 7.0 * spread);
        }
        loss
    };
    check_op("cross_entropy dx", &x, &weight, &dx, loss);
}

#[test]
fn conv_pool_alone() {
    let window = 2;
    let random = &mut Random::new(8, Purpose::Test, 0);
    let (x, w) = (uniform(random, CONV.x_len()), uniform(random, CONV.w_len()));
    let b = vec![-1.5; CONV.out_channels];
    let dy = uniform(random, CONV.pooled(window).y_len());
    let y = |x: &[f64], w: &[f64], b: &[f64], mask: &mut [u32]| {
        output(dy.len(), |y| conv_pool::forward(&CONV, window, x, w, b, y, mask))
    };
    let mut mask = vec![9; dy.len()];
    y(&x, &w, &b, &mut mask);
    assert!(mask.contains(&4) && mask.contains(&3) && mask.iter().all(|&place| place <= 4));
    let unchanged = |x: &[f64], w: &[f64], b: &[f64]| {
        let mut shifted = mask.clone();
        let y = y(x, w, b, &mut shifted);
        assert_eq!(shifted, mask, "the inputs are too close to a kink");
        y
    };
    let dx = output(x.len(), |dx| conv_pool::backward_input(&CONV, window, &dy, &mask, &w, dx));
    let dw = output(w.len(), |dw| conv_pool::backward_weights(&CONV, window, &dy, &mask, &x, dw));
    let db = output(b.len(), |db| conv_pool::backward_bias(&CONV, window, &dy, &mask, db));
    check_op("conv_pool dx", &x, &dy, &dx, |x| unchanged(x, &w, &b));
    check_op("conv_pool dw", &w, &dy, &dw, |w| unchanged(&x, w, &b));
    check_op("conv_pool db", &b, &dy, &db, |b| unchanged(&x, &w, b));
}

#[test]
fn heads_alone() {
    let weight = [0.3, 0.0, 0.7];
    for kind in [Loss::Logits, Loss::DoubleSoftmax] {
        let random = &mut Random::new(9, Purpose::Test, 0);
        let x = uniform(random, 3 * DIGITS);
        let run = |x: &[f64]| {
            let (mut loss, mut d) = (vec![f64::NAN; 3], vec![f64::NAN; x.len()]);
            heads::loss(kind, x, &[9, 0, 4], &weight, &mut loss, &mut d);
            (loss, d)
        };
        let (_, d) = run(&x);
        check_op("heads d_logits", &x, &weight, &d, |x| run(x).0);
    }
}

/// Where a pass stands among the network's kinks: the pools' winners, and which ReLUs let a value through.
fn side_of_kinks(network: &Network, pass: &Pass<f64>) -> (Vec<Vec<u32>>, Vec<bool>) {
    let layers = network.layers().iter().zip(&pass.values);
    let after = layers.filter(|(layer, _)| layer.op == Op::Relu).flat_map(|(_, y)| y);
    (pass.winners.clone(), after.map(|&y| y > 0.0).collect())
}

/// Images with some noise in the middle: black elsewhere, so that ties are plentiful.
fn images(random: &mut Random) -> Vec<f64> {
    let mut images = vec![0.0; IMAGES * 28 * 28];
    for (place, pixel) in images.iter_mut().enumerate() {
        let (row, column) = (place / 28 % 28, place % 28);
        if (8..15).contains(&row) && (9..16).contains(&column) {
            *pixel = f64::from(random.below(256)) / 255.0;
        }
    }
    images
}

fn whole_network(loss: Loss) {
    let network = Sizes::default().network().unwrap();
    let random = &mut Random::new(11, Purpose::Test, 0);
    let image = images(random);
    let (digit, addend) = ([4, 8, 0, 9, 6, 1], [3, 9, 0, 7, 5, 1]);
    let target =
        |head: &Head| digit.iter().zip(addend).map(|(&digit, addend)| head.target(digit, addend)).collect();
    let targets: Vec<Vec<u32>> = network.heads().iter().map(target).collect();
    let mut number = vec![0.0; IMAGES * DIGITS];
    for (row, addend) in number.chunks_exact_mut(DIGITS).zip(addend) {
        row[usize::from(addend)] = 1.0;
    }
    // The weight of one head's loss of one image in the mean.
    let scale = 1.0 / (IMAGES * network.heads().len()) as f64;
    let weight = [scale; IMAGES];
    let flat: Vec<f64> = network.initial_parameters(1).into_iter().map(f64::from).collect();
    let pass = forward(&network, &flat, &image, &number);
    let d_logits = losses(&network, loss, &pass, &targets, &weight).d_logits;
    let gradients = backward(&network, &flat, [&image, &number], &pass, &d_logits);
    let kinks = side_of_kinks(&network, &pass);

    // The images' losses; none where the shifted pass lies beyond a kink.
    let shifted = |index: usize, by: f64| -> Option<Vec<f64>> {
        let mut flat = flat.clone();
        flat[index] += by;
        let pass = forward(&network, &flat, &image, &number);
        let losses = losses(&network, loss, &pass, &targets, &weight).of_heads.concat();
        (side_of_kinks(&network, &pass) == kinks).then_some(losses)
    };
    // Image by image: the difference of two sums would lose more digits.
    let difference = |index: usize, by: f64| {
        let (above, below) = (shifted(index, by)?, shifted(index, -by)?);
        Some(scale * above.iter().zip(&below).map(|(above, below)| above - below).sum::<f64>())
    };
    let counts = network.parameters().iter().map(|parameter| {
        let order = random.permutation(parameter.len() as u32);
        check_parameter(parameter, &order, &gradients.flat[parameter.range()], difference)
    });
    let (checked, skipped) = counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    assert!(skipped * 100 <= checked, "{skipped} skipped, {checked} checked");
}

/// Checks the first entries of an order, and returns how many were checked and how many lie next to a kink.
fn check_parameter(
    parameter: &Parameter,
    order: &[u32],
    gradient: &[f64],
    difference: impl Fn(usize, f64) -> Option<f64> + Sync,
) -> (usize, usize) {
    let name = &parameter.name;
    let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
    assert!(largest > 1e3 * ABSOLUTE, "{name}: gradients of {largest:e} at most prove little");
    let entries = &order[..parameter.len().min(ENTRIES + ENTRIES / 4)];
    let check = |&entry: &u32| {
        let (entry, index) = (entry as usize, parameter.offset + entry as usize);
        let Some(slope) = slope(|by| difference(index, by)) else { return 0 };
        assert_slope(name, entry, slope, gradient[entry]);
        1
    };
    let checked: usize = entries.par_iter().map(check).sum();
    let skipped = entries.len() - checked;
    println!("{name}: {checked} checked, {skipped} skipped, largest {largest:e}");
    let (wanted, all) = (ENTRIES.min(parameter.len()), entries.len());
    assert!(checked >= wanted, "{name}: only {checked} of {all} entries could be checked");
    (checked, skipped)
}

#[test]
fn every_parameter_tensor_with_logits() {
    whole_network(Loss::Logits);
}

#[test]
fn every_parameter_tensor_with_double_softmax() {
    whole_network(Loss::DoubleSoftmax);
}
