//! The dual-branch network: every size once, and the one list of its layers and heads.
//!
//! ```text
//! image  -> conv1 -> ReLU -> pool1 -> conv2 -> ReLU -> pool2 -+
//!                                                            concat -> fc2 -> ReLU -> fc3 -> ReLU -+-> out1: digit
//! number -> fc1 -> ReLU --------------------------------------+                                   +-> out2: sum
//! ```

use super::builder::Builder;
use super::heads::{DIGITS, SUMS};
use super::{Input, Network};
use crate::Result;

/// A convolution and the pooling after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvSizes {
    /// Channels that it makes.
    pub channels: usize,
    /// Side of its kernel.
    pub kernel: usize,
    /// Side of the pooling window.
    pub window: usize,
}

/// Every size of the network. Change a number here and all else follows.
///
/// ```
/// use digit_adder::{ConvSizes, Sizes};
///
/// # fn main() -> digit_adder::Result<()> {
/// let conv1 = ConvSizes { channels: 8, kernel: 5, window: 2 };
/// let network = Sizes { conv1, fc2: 256, ..Sizes::default() }.network()?;
/// assert!(network.parameter_count() > Sizes::default().network()?.parameter_count());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Width and height of an image, in pixels.
    pub side: usize,
    /// The first convolution, on the one grey channel.
    pub conv1: ConvSizes,
    /// The second convolution.
    pub conv2: ConvSizes,
    /// Outputs of fc1, the number's branch.
    pub fc1: usize,
    /// Outputs of fc2.
    pub fc2: usize,
    /// Outputs of fc3.
    pub fc3: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        let conv = |channels| ConvSizes { channels, kernel: 5, window: 2 };
        Self { side: 28, conv1: conv(6), conv2: conv(12), fc1: 64, fc2: 128, fc3: 64 }
    }
}

impl Sizes {
    /// The network of these sizes: its layers in order, and its heads.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] naming the first layer whose size is not possible.
    pub fn network(&self) -> Result<Network> {
        let mut net = Builder::new(&[1, self.side, self.side])?;
        let x = net.conv2d("conv1", Input::Image, self.conv1.channels, self.conv1.kernel)?;
        let x = net.relu("conv1.relu", x)?;
        let x = net.max_pool("pool1", x, self.conv1.window)?;
        let x = net.conv2d("conv2", x, self.conv2.channels, self.conv2.kernel)?;
        let x = net.relu("conv2.relu", x)?;
        let x = net.max_pool("pool2", x, self.conv2.window)?;

        let n = net.linear("fc1", Input::Number, self.fc1)?;
        let n = net.relu("fc1.relu", n)?;

        let x = net.concat("concat", x, n)?;
        let x = net.linear("fc2", x, self.fc2)?;
        let x = net.relu("fc2.relu", x)?;
        let x = net.linear("fc3", x, self.fc3)?;
        let x = net.relu("fc3.relu", x)?;
        let digit = net.linear("out1", x, DIGITS)?;
        let sum = net.linear("out2", x, SUMS)?;
        net.head("digit", digit, |digit, _| digit)?;
        net.head("sum", sum, |digit, addend| digit + addend)?;
        net.finish()
    }
}
