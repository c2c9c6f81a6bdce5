//! The numbers that PyTorch computed (tests/fixtures/pytorch.py).

use digit_adder::network::{DIGITS, Loss, Network, Sizes};
use safetensors::{Dtype, SafeTensors};

/// The file, read once.
pub struct Fixture(Vec<u8>);

/// Images of the fixture's batch.
pub const BATCH: usize = 12;
/// Adam's learning rate for the ten steps.
pub const LEARNING_RATE: f64 = 1e-3;
/// The share of the labels that is spread, where it is.
pub const SMOOTHING: f32 = 0.125;
/// Weight decay and the limit of the gradients' norm, where there are any.
pub const ADAMW: [f64; 2] = [0.1, 0.3];

impl Fixture {
    pub fn load() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pytorch.safetensors");
        Self(std::fs::read(path).expect("the fixture lies in the repository"))
    }

    /// The initial weights as flat parameters.
    pub fn parameters(&self) -> Vec<f32> {
        self.flat("initial")
    }

    /// The first step's gradients as flat parameters.
    pub fn gradients(&self, loss: Loss) -> Vec<f32> {
        self.flat(&format!("{}.gradient", name(loss)))
    }

    /// The losses of ten steps of Adam on the batch, each before its update.
    pub fn losses(&self, loss: Loss) -> Vec<f64> {
        self.ten(&format!("{}.losses", name(loss)))
    }

    /// The same, against the labels themselves, of a training against smoothed ones ([`SMOOTHING`]).
    pub fn losses_of_smoothed(&self) -> Vec<f64> {
        self.ten("smoothed.losses")
    }

    /// The same, of the loss on logits, with [`ADAMW`]; and the norm of each step's gradients before the limit.
    pub fn losses_and_norms(&self) -> [Vec<f64>; 2] {
        ["adamw.losses", "adamw.norms"].map(|name| self.ten(name))
    }

    /// The network that it was made with.
    pub fn network() -> Network {
        Sizes::default().network().expect("the default sizes make a network")
    }

    /// Each head's logits `[BATCH, classes]`.
    pub fn logits(&self) -> Vec<Vec<f32>> {
        let logits = |head: &digit_adder::network::Head| {
            self.floats(&format!("logits.{}", head.name), &[BATCH, head.classes])
        };
        Self::network().heads().iter().map(logits).collect()
    }

    /// Grey values `[BATCH, 28, 28]`.
    pub fn images(&self) -> Vec<u8> {
        self.bytes("images", Dtype::U8, &[BATCH, 28, 28])
    }

    /// The images `[BATCH, 28, 28]` after changes of this name, grey values / 255.
    pub fn augmented(&self, name: &str) -> Vec<f32> {
        self.floats(&format!("augment.{name}"), &[BATCH, 28, 28])
    }

    /// The digit of each image.
    pub fn labels(&self) -> Vec<u8> {
        self.bytes("labels", Dtype::U8, &[BATCH])
    }

    /// The addend of each image, below 10.
    pub fn addends(&self) -> Vec<u8> {
        let addends = self.bytes("addends", Dtype::U8, &[BATCH]);
        assert!(addends.iter().all(|&addend| usize::from(addend) < DIGITS));
        addends
    }

    fn ten(&self, name: &str) -> Vec<f64> {
        let bytes = self.bytes(name, Dtype::F64, &[10]);
        bytes.as_chunks().0.iter().map(|&eight| f64::from_le_bytes(eight)).collect()
    }

    fn flat(&self, prefix: &str) -> Vec<f32> {
        let network = Self::network();
        let mut flat = vec![0.0; network.flat_len()];
        for parameter in network.parameters() {
            let values = self.floats(&format!("{prefix}.{}", parameter.name), &parameter.shape);
            flat[parameter.range()].copy_from_slice(&values);
        }
        flat
    }

    fn floats(&self, name: &str, shape: &[usize]) -> Vec<f32> {
        let bytes = self.bytes(name, Dtype::F32, shape);
        bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect()
    }

    fn bytes(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Vec<u8> {
        let file = SafeTensors::deserialize(&self.0).expect("the fixture is a safetensors file");
        let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((tensor.dtype(), tensor.shape()), (dtype, shape), "{name}");
        tensor.data().to_vec()
    }
}

fn name(loss: Loss) -> &'static str {
    match loss {
        Loss::Logits => "logits",
        Loss::DoubleSoftmax => "double-softmax",
        Loss::Smoothed(_) => unreachable!("it has losses only"),
    }
}
