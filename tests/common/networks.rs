//! Networks other than the published one.

use digit_adder::Result;
use digit_adder::network::{Builder, DIGITS, Input, Network, SUMS};

/// A third convolution, of 3 x 3 and without a pooling, on the second's output.
pub fn a_third_convolution() -> Result<Network> {
    let mut net = Builder::new(&[1, 28, 28])?;
    let x = net.conv2d("conv1", Input::Image, 4, 5)?;
    let x = net.relu("conv1.relu", x)?;
    let x = net.max_pool("pool1", x, 2)?;
    let x = net.conv2d("conv2", x, 8, 3)?;
    let x = net.relu("conv2.relu", x)?;
    let x = net.max_pool("pool2", x, 2)?;
    let x = net.conv2d("conv3", x, 12, 3)?;
    let x = net.relu("conv3.relu", x)?;
    let n = net.linear("fc1", Input::Number, 16)?;
    let n = net.relu("fc1.relu", n)?;
    let x = net.concat("concat", x, n)?;
    let x = net.linear("fc2", x, 48)?;
    let x = net.relu("fc2.relu", x)?;
    let (digit, sum) = (net.linear("out1", x, DIGITS)?, net.linear("out2", x, SUMS)?);
    net.head("digit", digit, |digit, _| digit)?;
    net.head("sum", sum, |digit, addend| digit + addend)?;
    net.finish()
}

/// The published branches, and a third head: whether the sum is odd.
pub fn a_third_head() -> Result<Network> {
    let mut net = Builder::new(&[1, 28, 28])?;
    let x = net.conv2d("conv1", Input::Image, 6, 5)?;
    let x = net.relu("conv1.relu", x)?;
    let x = net.max_pool("pool1", x, 2)?;
    let x = net.conv2d("conv2", x, 12, 5)?;
    let x = net.relu("conv2.relu", x)?;
    let x = net.max_pool("pool2", x, 2)?;
    let n = net.linear("fc1", Input::Number, 64)?;
    let n = net.relu("fc1.relu", n)?;
    let x = net.concat("concat", x, n)?;
    let x = net.linear("fc2", x, 128)?;
    let x = net.relu("fc2.relu", x)?;
    let x = net.linear("fc3", x, 64)?;
    let x = net.relu("fc3.relu", x)?;
    for (name, layer, classes, target) in HEADS {
        let logits = net.linear(layer, x, classes)?;
        net.head(name, logits, target)?;
    }
    net.finish()
}

type Target = fn(usize, usize) -> usize;
const HEADS: [(&str, &str, usize, Target); 3] = [
    ("digit", "out1", DIGITS, |digit, _| digit),
    ("sum", "out2", SUMS, |digit, addend| digit + addend),
    ("parity", "out3", 2, |digit, addend| (digit + addend) % 2),
];

/// What the builder allows and the published network does not have: an image that is flattened at once, a layer without
/// a name and one that is called as an input is, a window that leaves pixels over, and heads that share their logits,
/// which are read on, with the name of their layer or another.
pub fn odd() -> Result<Network> {
    let mut net = Builder::new(&[2, 7, 8])?;
    let x = net.max_pool("image", Input::Image, 3)?;
    let x = net.relu("", x)?;
    let x = net.concat("concat", x, Input::Image)?;
    let n = net.relu("number", Input::Number)?;
    let digit = net.linear("out1", x, DIGITS)?;
    net.head("out1", digit, |digit, _| digit)?;
    net.head("digit", digit, |digit, _| digit)?;
    let x = net.concat("concat.flat", digit, n)?;
    let sum = net.linear("out1_", x, SUMS)?;
    net.head("sum", sum, |digit, addend| digit + addend)?;
    net.finish()
}
