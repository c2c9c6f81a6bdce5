//! Writes a check down: ops on a tape, inputs, and what is expected.

use bytemuck::Pod;

use super::check::{Check, Part, Want, Wanted};
use super::comparator::Tol;
use crate::ops::add::add;
use crate::program::{Cursor, Parameter, Shared, Tape, Tensor};
use crate::random::{Purpose, Random};
use crate::{Error, Result};

/// A check being written down.
pub(super) struct Builder {
    pub tape: Tape,
    pub random: Random,
    pub cursor: Cursor,
    inputs: Vec<(Tensor, Vec<u32>)>,
    wanted: Vec<Wanted>,
}

impl Builder {
    /// A builder for an op with parameters of these names and shapes.
    pub(super) fn new(batch: usize, parameters: &[(&str, &[usize])], seed: u32) -> Self {
        let mut all: Vec<Parameter> = Vec::new();
        for (name, shape) in parameters {
            Parameter::place(&mut all, *name, shape, 1);
        }
        Self::on(&all, batch, seed)
    }

    /// A builder for an op on parameters that are placed already.
    pub(super) fn on(parameters: &[Parameter], batch: usize, seed: u32) -> Self {
        Self {
            tape: Tape::new(parameters, batch),
            random: Random::new(1, Purpose::Test, seed),
            cursor: Cursor::default(),
            inputs: Vec::new(),
            wanted: Vec::new(),
        }
    }

    /// `len` multiples of `unit` in `[-steps * unit, steps * unit)`.
    pub(super) fn multiples(&mut self, len: usize, steps: u32, unit: f32) -> Vec<f32> {
        (0..len).map(|_| (self.random.below(2 * steps) as f32 - steps as f32) * unit).collect()
    }

    /// `len` values in [-1, 1), multiples of 2^-10 so that ties and zeros come up now and then.
    pub(super) fn values(&mut self, len: usize) -> Vec<f32> {
        self.multiples(len, 1024, 1.0 / 1024.0)
    }

    /// A few different values only, so that most windows are tied.
    pub(super) fn coarse(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.random.below(5) as f32 - 2.0) / 2.0).collect()
    }

    /// `len` whole numbers below `bound`.
    pub(super) fn below(&mut self, len: usize, bound: usize) -> Vec<u32> {
        (0..len).map(|_| self.random.below(bound as u32)).collect()
    }

    /// An input that gets a gradient, with these values.
    pub(super) fn variable(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Tensor {
        let tensor = self.tape.variable(name, shape);
        self.set(tensor, values);
        tensor
    }

    /// An input without a gradient, with these words.
    pub(super) fn input<T: Pod>(&mut self, name: &str, shape: &[usize], values: &[T]) -> Tensor {
        let tensor = self.tape.tensor(name, shape);
        self.set(tensor, values);
        tensor
    }

    /// An input in a shared buffer, with these words.
    pub(super) fn shared<T: Pod>(&mut self, buffer: Shared, values: &[T]) -> Tensor {
        let tensor = self.tape.shared(&[values.len()], buffer);
        self.set(tensor, values);
        tensor
    }

    /// A parameter with random values, which are returned.
    pub(super) fn parameter(&mut self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.tape.parameter(name)?;
        let len = self.tape.shape(tensor).iter().product();
        let values = self.values(len);
        self.set(tensor, &values);
        Ok(values)
    }

    /// Gives a tensor its words.
    pub(super) fn set<T: Pod>(&mut self, tensor: Tensor, values: &[T]) {
        self.inputs.push((tensor, bytemuck::cast_slice(values).to_vec()));
    }

    /// Makes the step one on `images` images, from place `first` of the order on.
    pub(super) fn stand_at(&mut self, first: usize, images: usize) {
        self.cursor = Cursor { first: first as u32, end: (first + images) as u32, ..self.cursor };
    }

    /// Random values as the gradient of `y`, which are returned.
    pub(super) fn seed(&mut self, y: Tensor) -> Vec<f32> {
        let dy = self.tape.gradient(y);
        let len = self.tape.shape(dy).iter().product();
        let values = self.values(len);
        self.set(dy, &values);
        values
    }

    /// Walks the tape backwards.
    pub(super) fn backward(&mut self) -> Result<()> {
        self.tape.backward(add)
    }

    /// Expects a part of a tensor to hold something.
    pub(super) fn want_part(&mut self, name: &str, tensor: Tensor, part: Part, want: Want) {
        self.wanted.push(Wanted { name: name.into(), tensor, part, want });
    }

    fn want_whole(&mut self, tensor: Tensor, len: usize, want: Want) {
        let name = self.tape.name(tensor).to_string();
        self.want_part(&name, tensor, Part::whole(len), want);
    }

    pub(super) fn want(&mut self, tensor: Tensor, values: Vec<f64>, tol: Tol) {
        self.want_whole(tensor, values.len(), Want::Floats(values, tol));
    }

    /// Each of `values` is a sum of `terms` products of values in [-1, 1).
    pub(super) fn want_sum(&mut self, tensor: Tensor, values: Vec<f64>, terms: usize) {
        let tol = sum_of(&values, terms);
        self.want(tensor, values, tol);
    }

    pub(super) fn want_words(&mut self, tensor: Tensor, words: Vec<u32>) {
        self.want_whole(tensor, words.len(), Want::Words(words));
    }

    pub(super) fn find(&self, name: &str) -> Result<Tensor> {
        self.tape.find(name).ok_or_else(|| Error::Usage(format!("no tensor `{name}`")))
    }

    /// The gradient of `x`, once the tape has been walked.
    pub(super) fn gradient_of(&self, x: Tensor) -> Result<Tensor> {
        self.find(&format!("d {}", self.tape.name(x)))
    }

    pub(super) fn finish(self, op: &'static str, shape: String) -> Check {
        let Self { tape, cursor, inputs, wanted, .. } = self;
        Check { op, shape, both_ways: false, program: tape.finish(), cursor, inputs, wanted }
    }
}

/// The tolerance of sums of `terms` products of values in [-1, 1). Their rounding errors grow with the
/// partial sums, which are as large as the values themselves.
pub(super) fn sum_of(values: &[f64], terms: usize) -> Tol {
    Tol::reduction(terms, size(values).max(1.0))
}

/// The root of the mean square of the values.
pub(super) fn size(values: &[f64]) -> f64 {
    let squares: f64 = values.iter().map(|value| value * value).sum();
    (squares / values.len().max(1) as f64).sqrt()
}

/// Rounding of one operation on values up to 1.
pub(super) fn once() -> Tol {
    Tol::reduction(1, 1.0)
}
