//! The reference's rules that no gradient shows: ties, extremes, and ops that have no backward.

use digit_adder::network::Sizes;
use digit_adder::ops::adam::Adam;
use digit_adder::ops::cross_entropy::CrossEntropy;
use digit_adder::ops::max_pool::MaxPool;
use digit_adder::ops::softmax::Softmax;
use digit_adder::reference::gather::{Batch, Examples};
use digit_adder::reference::{
    adam, add, batch_sum, clip_norm, cross_entropy, gather, max_pool, metrics, softmax,
};

/// Runs an op that writes one output of `len` numbers.
fn output(len: usize, op: impl FnOnce(&mut [f64])) -> Vec<f64> {
    let mut y = vec![f64::NAN; len];
    op(&mut y);
    y
}

#[test]
fn max_pool_sends_ties_to_the_first() {
    let shape = MaxPool { batch: 1, channels: 1, height: 4, width: 4, window: 2 };
    let x = [0., 0., 1., 2., 0., 0., 2., 2., -3., -3., 5., 1., -2., -2., 5., 5.];
    let mut winner = [9; 4];
    let y = output(4, |y| max_pool::forward(&shape, &x, y, &mut winner));
    assert_eq!((y, winner), (vec![0., 2., -2., 5.], [0, 1, 2, 0]));
    let dx = output(16, |dx| max_pool::backward(&shape, &[1., 2., 3., 4.], &winner, dx));
    assert_eq!(dx, [1., 0., 0., 2., 0., 0., 0., 0., 0., 0., 4., 0., 3., 0., 0., 0.]);
}

#[test]
fn softmax_and_cross_entropy_bear_extreme_logits() {
    for x in [[1e4, -1e4, 0.0], [7.0, 7.0, 7.0], [0.0, 100.0, -1e4]] {
        let y = output(3, |y| softmax::forward(&Softmax { batch: 1, classes: 3 }, &x, y));
        let sum: f64 = y.iter().sum();
        assert!((sum - 1.0).abs() <= 1e-15 && y.iter().all(|y| *y >= 0.0), "{x:?} gives {y:?}");
        for target in 0..3 {
            let shape = CrossEntropy { batch: 1, classes: 3, smoothing: 0.0 };
            let loss = output(1, |loss| cross_entropy::forward(&shape, &x, &[target], loss))[0];
            let max = x.iter().copied().fold(f64::MIN, f64::max);
            let behind = max - x[target as usize];
            assert!(loss >= behind && loss <= behind + 3f64.ln() + 1e-12, "{x:?}, {target}: loss {loss}");
        }
    }
}

#[test]
fn gather_takes_the_images_in_order() {
    let examples = Examples { images: &[0, 255, 51, 102, 7, 8], labels: &[3, 9, 1], addends: &[0, 9, 5] };
    let network = Sizes::default().network().unwrap();
    let Batch { image, number, targets } = gather::forward::<f64>(&[1, 0], 2, examples, network.heads());
    assert_eq!(image, [0.2, 0.4, 0.0, 1.0]);
    let ones: Vec<usize> = (0..20).filter(|&place| number[place] == 1.0).collect();
    assert_eq!((ones, number.iter().sum::<f64>()), (vec![9, 10], 2.0));
    assert_eq!(targets, [[9, 3], [18, 3]]);
    let Batch { image, targets, .. } = gather::forward::<f64>(&[2], 2, examples, network.heads());
    assert_eq!(image, [7.0, 8.0, 7.0, 8.0].map(|grey: f64| grey / 255.0));
    assert_eq!(targets, [[1, 1], [6, 6]]);
    let weights = output(4, |weight| gather::weights(3, 2, weight));
    assert_eq!(weights, [1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0, 0.0]);
}

#[test]
fn sums_and_metrics() {
    assert_eq!(output(2, |y| add::forward(&[1.0, 2.0], &[10.0, 20.0], y)), [11.0, 22.0]);
    assert_eq!(output(2, |y| batch_sum::forward(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], y)), [9.0, 12.0]);
    assert_eq!(metrics::argmax(&[-1.0, 3.0, 2.0, 3.0]), 1);
    assert_eq!(metrics::correct(&[0.0, 1.0, 1.0, 1.0, 5.0, 4.0], &[1, 1, 0]), 2);
    assert_eq!(metrics::total_loss(&[0.5f32, 0.25]), 0.75);
}

#[test]
fn adam_takes_the_steps_of_its_formula() {
    let (mut w, mut m, mut v) = ([1.0f64], [0.0f64], [0.0f64]);
    // The first step is the learning rate itself, whatever the gradient's size.
    adam::step(&Adam::default(), 0.01, 1, &[-4.0], &mut w, &mut m, &mut v);
    assert!((w[0] - 1.01).abs() <= 1e-10 && (m[0] + 0.4).abs() <= 1e-15 && (v[0] - 0.016).abs() <= 1e-15);
    adam::step(&Adam::default(), 0.01, 2, &[2.0], &mut w, &mut m, &mut v);
    let mean: f64 = (0.9 * -0.4 + 0.1 * 2.0) / (1.0 - 0.81);
    let square: f64 = (0.999 * 0.016 + 0.001 * 4.0) / (1.0 - 0.998001);
    assert!((w[0] - (1.01 - 0.01 * mean / square.sqrt())).abs() <= 1e-10, "{}", w[0]);
}

#[test]
fn a_long_gradient_is_scaled_down_and_a_short_one_is_left() {
    let scale = |max, dw: &[f64]| clip_norm::scale(max, dw);
    assert!((scale(1.0, &[3.0, 0.0, -4.0]) - 1.0 / 5.000001).abs() <= 1e-15);
    assert!((scale(5.0, &[3.0, 0.0, -4.0]) - 5.0 / 5.000001).abs() <= 1e-15);
    assert_eq!([scale(6.0, &[3.0, -4.0]), scale(0.1, &[0.0, 0.0])], [1.0, 1.0]);
    assert_eq!(scale(1.0, &[f64::MAX]), 0.0);
    // In f32 too the square of a large number is finite.
    let scale: f32 = clip_norm::scale(1.0, &[1e30f32]);
    assert!((scale / 1e-30 - 1.0).abs() <= 1e-6, "{scale}");
}

#[test]
fn weights_decay_apart_from_the_gradient() {
    let adam = Adam { weight_decay: 0.5, clip_norm: Some(0.5), ..Adam::default() };
    let (mut w, mut m, mut v) = ([2.0f64, -1.0, 0.0], [0.0f64; 3], [0.0f64; 3]);
    adam::step(&adam, 0.1, 1, &[3.0, 0.0, -4.0], &mut w, &mut m, &mut v);
    // A twentieth of each weight, and a step of the learning rate where there is a gradient.
    for (got, want) in w.iter().zip([2.0 - 0.1 - 0.1, -1.0 + 0.05, 0.1]) {
        assert!((got - want).abs() <= 1e-8, "{w:?}");
    }
    let scale = 0.5 / 5.000001;
    assert!(
        (m[0] - 0.3 * scale).abs() <= 1e-15 && (v[2] - 0.016 * scale * scale).abs() <= 1e-15,
        "{m:?} {v:?}"
    );
}

#[test]
fn an_average_follows_the_weights_slowly_and_at_the_start_faster() {
    let adam = Adam { ema: Some(0.75), ..Adam::default() };
    let mut average = [1.0f64, -2.0];
    // 9 / 11 of the weights after step 1; from step 26 on a quarter.
    adam::average(&adam, 1, &[12.0, -2.0], &mut average);
    assert!((average[0] - 10.0).abs() <= 1e-12 && average[1] == -2.0, "{average:?}");
    adam::average(&adam, 26, &[2.0, 2.0], &mut average);
    assert!((average[0] - 8.0).abs() <= 1e-12 && (average[1] + 1.0).abs() <= 1e-12, "{average:?}");
    let blends: Vec<f64> = (1..200).map(|step| adam.blend(step)).collect();
    assert!(blends.is_sorted_by(|a, b| a >= b) && blends[24] > 0.25 && blends[25] == 0.25, "{blends:?}");
    let none = Adam::default();
    adam::average(&none, 1, &[5.0, 5.0], &mut average);
    assert!((average[0] - 8.0).abs() <= 1e-12, "none is kept");
}
