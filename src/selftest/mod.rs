//! Every kernel against the reference, on whatever adapter there is.
//!
//! A [`Check`] is a small program with inputs and what the reference makes of them. Running one also
//! looks whether every output was overwritten, whether anything else was touched, and whether a second
//! run gives the same bits.

mod checks;
mod convolution;
mod dense;

pub use checks::{SHAPES, all};

use bytemuck::Pod;

use crate::compare::{self, Tol};
use crate::gpu::{Buffers, Gpu, Kernels, Plan};
use crate::graph::Tape;
use crate::network::Parameter;
use crate::program::{Place, Program, Shared, Tensor};
use crate::random::{Purpose, Random};
use crate::{Error, Result};

/// What the normalised mean squared error of a tensor may be.
const NMSE: f64 = 1e-10;

/// What unwritten words hold: a NaN that no computation gives.
const POISON: u32 = 0x7fc0_dead;

/// What a tensor should hold after the run.
enum Want {
    /// Floats within a tolerance.
    Floats(Vec<f64>, Tol),
    /// Exactly these words.
    Words(Vec<u32>),
    /// A step's record: a loss within a tolerance, and exactly these counts.
    Record(f64, Tol, [u32; 2]),
}

/// Columns of a tensor's rows.
#[derive(Clone, Copy)]
struct Columns {
    /// Words from one row to the next.
    stride: usize,
    /// First column.
    at: usize,
    /// Number of columns.
    len: usize,
    /// Number of rows; those behind are padding.
    rows: usize,
}

impl Columns {
    fn of(self, words: &[u32]) -> Vec<u32> {
        let rows = words.chunks_exact(self.stride).take(self.rows);
        rows.flat_map(|row| &row[self.at..self.at + self.len]).copied().collect()
    }
}

/// What is expected of a tensor, or of columns of it.
struct Wanted {
    tensor: Tensor,
    columns: Option<Columns>,
    want: Want,
}

/// A program with its inputs and its expected outputs.
pub struct Check {
    /// The op.
    pub op: &'static str,
    /// Its sizes, for people.
    pub shape: String,
    program: Program,
    inputs: Vec<(Tensor, Vec<u32>)>,
    wanted: Vec<Wanted>,
}

/// How a check went.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The op.
    pub op: &'static str,
    /// Its sizes.
    pub shape: String,
    /// The largest share of the tolerance that any output used, 0 to 1.
    pub share: f64,
    /// What is wrong, if anything is.
    pub failure: Option<String>,
}

/// Writes a check down.
struct Builder {
    tape: Tape,
    inputs: Vec<(Tensor, Vec<u32>)>,
    wanted: Vec<Wanted>,
    random: Random,
}

impl Builder {
    /// A builder for an op with parameters of these names and shapes.
    fn new(batch: usize, parameters: &[(&str, &[usize])], seed: u32) -> Self {
        let mut all: Vec<Parameter> = Vec::new();
        for (name, shape) in parameters {
            let offset = all.last().map_or(0, |p| p.range().end.next_multiple_of(crate::network::ALIGN));
            all.push(Parameter { name: (*name).into(), shape: shape.to_vec(), fan_in: 1, offset });
        }
        Self {
            tape: Tape::with_parameters(all, batch),
            inputs: Vec::new(),
            wanted: Vec::new(),
            random: Random::new(1, Purpose::Test, seed),
        }
    }

    /// `len` values in [-1, 1), multiples of 2^-10 so that ties and zeros come up now and then.
    fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.random.below(2048) as f32 - 1024.0) / 1024.0).collect()
    }

    /// A few different values only, so that most windows are tied.
    fn coarse(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.random.below(5) as f32 - 2.0) / 2.0).collect()
    }

    /// An input that gets a gradient, with these values.
    fn variable(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Tensor {
        let tensor = self.tape.variable(name, shape);
        self.set(tensor, values);
        tensor
    }

    /// A parameter with random values, which are given too.
    fn parameter(&mut self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.tape.parameter(name)?;
        let len = self.tape.shape(tensor).iter().product();
        let values = self.values(len);
        self.set(tensor, &values);
        Ok(values)
    }

    fn set<T: Pod>(&mut self, tensor: Tensor, values: &[T]) {
        self.inputs.push((tensor, bytemuck::cast_slice(values).to_vec()));
    }

    /// Random values as the gradient of `y`, which are given too.
    fn seed(&mut self, y: Tensor) -> Vec<f32> {
        let dy = self.tape.gradient(y);
        let len = self.tape.shape(dy).iter().product();
        let values = self.values(len);
        self.set(dy, &values);
        values
    }

    fn want(&mut self, tensor: Tensor, values: Vec<f64>, tol: Tol) {
        self.wanted.push(Wanted { tensor, columns: None, want: Want::Floats(values, tol) });
    }

    /// Each of `values` is a sum of `terms` products of values in [-1, 1). Its rounding error grows with
    /// the partial sums, which are as large as the values themselves.
    fn want_sum(&mut self, tensor: Tensor, values: Vec<f64>, terms: usize) {
        let typical = typical(&values);
        self.want(tensor, values, Tol::reduction(terms, typical.max(1.0)));
    }

    /// The same of columns of a tensor, for values of any magnitude.
    fn want_columns(&mut self, tensor: Tensor, columns: Columns, values: Vec<f64>, terms: usize) {
        let tol = Tol::reduction(terms, typical(&values));
        self.wanted.push(Wanted { tensor, columns: Some(columns), want: Want::Floats(values, tol) });
    }

    fn want_words(&mut self, tensor: Tensor, words: Vec<u32>) {
        self.wanted.push(Wanted { tensor, columns: None, want: Want::Words(words) });
    }

    fn want_record(&mut self, tensor: Tensor, loss: f64, tol: Tol, right: [u32; 2]) {
        self.wanted.push(Wanted { tensor, columns: None, want: Want::Record(loss, tol, right) });
    }

    fn find(&self, name: &str) -> Result<Tensor> {
        self.tape.find(name).ok_or_else(|| Error::Usage(format!("no tensor `{name}`")))
    }

    /// The gradient of `x`, once the tape was walked.
    fn gradient_of(&self, x: Tensor) -> Result<Tensor> {
        self.find(&format!("d {}", self.tape.name(x)))
    }

    fn finish(self, op: &'static str, shape: String) -> Check {
        Check { op, shape, program: self.tape.finish(), inputs: self.inputs, wanted: self.wanted }
    }
}

/// The root mean square of values.
fn typical(values: &[f64]) -> f64 {
    let squares: f64 = values.iter().map(|value| value * value).sum();
    (squares / values.len().max(1) as f64).sqrt()
}

/// The values as f64.
fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

impl Check {
    /// Runs the check on a device.
    ///
    /// # Errors
    /// Only what keeps the check from being run at all; wrong numbers are in the verdict.
    pub fn run(&self, gpu: &Gpu, kernels: &mut Kernels) -> Result<Verdict> {
        let shared = self.shared_buffers(gpu)?;
        let plan = Plan::new(gpu, kernels, self.program.clone(), &shared)?;
        let first = self.run_once(gpu, &plan)?;
        let second = self.run_once(gpu, &plan)?;
        let mut share = 0.0;
        let failure = self
            .judge(&first, &mut share)
            .err()
            .or_else(|| (first != second).then(|| "a second run gave other bits".to_string()));
        Ok(Verdict { op: self.op, shape: self.shape.clone(), share, failure })
    }

    /// Poisons everything, writes the inputs, runs, and reads everything back with its guard words.
    fn run_once(&self, gpu: &Gpu, plan: &Plan) -> Result<Vec<Vec<u32>>> {
        for index in 0..self.program.tensors.len() {
            if self.program.tensors[index].words.is_none() {
                plan.fill(gpu, Tensor(index), POISON);
            }
        }
        for (tensor, words) in &self.inputs {
            plan.write(gpu, *tensor, words);
        }
        plan.run(gpu);
        gpu.check()?;
        (0..self.program.tensors.len()).map(|index| plan.read_guarded(gpu, Tensor(index))).collect()
    }

    fn judge(&self, found: &[Vec<u32>], share: &mut f64) -> std::result::Result<(), String> {
        for Wanted { tensor, columns, want } in &self.wanted {
            let info = self.program.info(*tensor);
            let got = &found[tensor.0][..info.len()];
            let got = &columns.map_or_else(|| got.to_vec(), |columns| columns.of(got));
            match want {
                Want::Floats(want, tol) => {
                    let got: Vec<f32> = got.iter().map(|&bits| f32::from_bits(bits)).collect();
                    *share =
                        compare::close(&info.name, &got, want, *tol).map_err(|e| e.to_string())?.max(*share);
                    compare::nmse(&info.name, &got, want, NMSE).map_err(|e| e.to_string())?;
                }
                Want::Record(loss, tol, right) => {
                    let got_loss = f32::from_bits(got[0]);
                    *share = compare::close("loss", &[got_loss], &[*loss], *tol)
                        .map_err(|e| e.to_string())?
                        .max(*share);
                    if got[1..] != right[..] {
                        return Err(format!("counts are {:?}, not {right:?}", &got[1..]));
                    }
                }
                Want::Words(want) if got == want => {}
                Want::Words(want) => {
                    let at = got.iter().zip(want).position(|(got, want)| got != want);
                    return Err(format!("{}: word {at:?} is wrong", info.name));
                }
            }
        }
        for (tensor, words) in &self.inputs {
            let is_output = self.wanted.iter().any(|wanted| wanted.tensor == *tensor);
            if !is_output && found[tensor.0][..words.len()] != words[..] {
                return Err(format!("input `{}` was changed", self.program.info(*tensor).name));
            }
        }
        for (info, words) in self.program.tensors.iter().zip(found) {
            if info.place == Place::Own
                && info.words.is_none()
                && words[info.len()..].iter().any(|&w| w != POISON)
            {
                return Err(format!("words behind `{}` were written", info.name));
            }
        }
        Ok(())
    }

    /// Buffers for the shared tensors, just large enough.
    fn shared_buffers(&self, gpu: &Gpu) -> Result<Buffers> {
        let mut bytes: std::collections::HashMap<Shared, usize> = Default::default();
        for info in &self.program.tensors {
            let (name, offset) = match info.place {
                Place::Own => continue,
                Place::Shared(name, offset) => (name, offset),
                Place::Whole(name) => (name, 0),
            };
            let end = 4 * (offset + info.len());
            let size = bytes.entry(name).or_default();
            *size = end.max(*size);
        }
        bytes.into_iter().map(|(name, size)| Ok((name, gpu.buffer(&format!("{name:?}"), size)?))).collect()
    }
}
