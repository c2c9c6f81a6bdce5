//! Weights and checkpoints.

use std::sync::LazyLock;

use digit_adder::network::{ConvSizes, Network, Sizes};
use digit_adder::train::Checkpoint;
use digit_adder::train::model_file::{Model, from_bytes, is_weights, to_bytes};

use super::{NAME, refused};

/// A small network, so that its files are.
pub static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let conv = |kernel, window| ConvSizes { channels: 1, kernel, window };
    let sizes = Sizes { side: 8, conv1: conv(3, 2), conv2: conv(2, 2), fc1: 1, fc2: 1, fc3: 1 };
    sizes.network().unwrap()
});

/// A file is refused, or holds finite weights of the right number that are the same when they are written and read
/// again. So does a checkpoint, which is a file of weights too. Returns
/// whether it was read.
pub fn check(bytes: &[u8]) -> bool {
    let model = from_bytes(NAME, bytes, &NETWORK);
    match &model {
        Ok(model) => {
            assert!(is_weights(bytes), "read, but not known as weights");
            finite(&model.parameters);
            let written = to_bytes(&NETWORK, model).unwrap();
            assert_eq!(&from_bytes(NAME, &written, &NETWORK).unwrap(), model);
        }
        Err(error) => refused(error, 4),
    }
    match Checkpoint::from_bytes(NAME, bytes, &NETWORK) {
        Ok(checkpoint) => {
            let state = &checkpoint.state;
            let flats = [&state.parameters, &state.first_moments, &state.second_moments];
            flats.into_iter().chain(&state.average).for_each(|flat| finite(flat));
            let same = Model { parameters: state.parameters.clone(), about: Some(checkpoint.about.clone()) };
            assert_eq!(model.as_ref().unwrap(), &same);
            let written = checkpoint.to_bytes(&NETWORK).unwrap();
            assert_eq!(Checkpoint::from_bytes(NAME, &written, &NETWORK).unwrap(), checkpoint);
        }
        Err(error) => refused(&error, 4),
    }
    model.is_ok()
}

/// All finite; what pads the parameters is 0.
fn finite(flat: &[f32]) {
    assert_eq!(flat.len(), NETWORK.flat_len());
    assert!(flat.iter().all(|value| value.is_finite()));
    let inside = |at: usize| NETWORK.parameters().iter().any(|parameter| parameter.range().contains(&at));
    assert!((0..flat.len()).all(|at| flat[at] == 0.0 || inside(at)), "padding that is not 0");
}
