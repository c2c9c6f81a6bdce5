//! The tape: ops are written down as the network is built, and walked backwards for the gradients.
//!
//! Each op checks its shapes, adds its forward dispatches and leaves a rule that adds its backward
//! dispatches when the tape is walked. A tensor that two ops read gets two gradient terms and an
//! explicit add; no kernel accumulates.

use std::collections::{HashMap, HashSet};

use super::{Answer, Constant, Dispatch, Parameter, Place, Program, Shared, Tensor};
use crate::{Error, Result};

type Rule = Box<dyn FnOnce(&mut Tape, Option<Tensor>) -> Result<()>>;

/// The op that adds two tensors, see [`Tape::backward`].
pub type Add = fn(&mut Tape, Tensor, Tensor) -> Result<Tensor>;

/// A network being written down.
pub struct Tape {
    program: Program,
    parameters: Vec<Parameter>,
    rules: Vec<(Tensor, Rule)>,
    terms: HashMap<Tensor, Vec<Tensor>>,
    differentiable: HashSet<Tensor>,
}

impl Tape {
    /// An empty tape for ops on these parameters and `batch` images at once.
    pub fn new(parameters: &[Parameter], batch: usize) -> Self {
        Self {
            program: Program::new(batch),
            parameters: parameters.to_vec(),
            rules: Vec::new(),
            terms: HashMap::new(),
            differentiable: HashSet::new(),
        }
    }

    /// A shared buffer as a whole; `shape` is what one step uses of it.
    pub fn shared(&mut self, shape: &[usize], buffer: Shared) -> Tensor {
        let name = buffer.to_string();
        match self.program.find(&name) {
            Some(known) => known,
            None => self.program.tensor(name, shape, Place::Whole(buffer)),
        }
    }

    /// A tensor in a buffer of its own.
    pub fn tensor(&mut self, name: impl Into<String>, shape: &[usize]) -> Tensor {
        self.program.tensor(name, shape, Place::Own)
    }

    /// An input that gets a gradient.
    pub fn variable(&mut self, name: &str, shape: &[usize]) -> Tensor {
        let tensor = self.tensor(name, shape);
        self.differentiable.insert(tensor);
        tensor
    }

    /// A tensor whose words never change.
    pub fn constant(&mut self, name: &str, shape: &[usize], words: Vec<u32>) -> Tensor {
        let tensor = self.tensor(name, shape);
        self.program.tensors[tensor.0].words = Some(words);
        tensor
    }

    /// All parameters, in the order of their places.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The parameter of that name.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none of that name.
    pub fn parameter(&mut self, name: &str) -> Result<Tensor> {
        if let Some(known) = self.program.find(name) {
            return Ok(known);
        }
        let Parameter { name, shape, offset, .. } = self
            .parameters
            .iter()
            .find(|parameter| parameter.name == name)
            .cloned()
            .ok_or_else(|| Error::Usage(format!("the network has no parameter `{name}`")))?;
        let tensor = self.program.tensor(&name, &shape, Place::Shared(Shared::Parameters, offset));
        self.differentiable.insert(tensor);
        Ok(tensor)
    }

    /// The shape of a tensor.
    pub fn shape(&self, tensor: Tensor) -> &[usize] {
        &self.program.info(tensor).shape
    }

    /// The name of a tensor.
    pub fn name(&self, tensor: Tensor) -> &str {
        &self.program.info(tensor).name
    }

    /// `words` words of a flat buffer from a parameter's place on, whatever tensors they belong to.
    pub fn flat(&mut self, name: &str, buffer: Shared, offset: usize, words: usize) -> Tensor {
        self.program.tensor(name, &[words], Place::Shared(buffer, offset))
    }

    /// First word of a parameter or of its gradient in the flat buffer; `None` for any other tensor.
    pub fn flat_offset(&self, tensor: Tensor) -> Option<usize> {
        match self.program.info(tensor).place {
            Place::Shared(_, offset) => Some(offset),
            Place::Own | Place::Whole(_) => None,
        }
    }

    /// The tensor of that name.
    pub fn find(&self, name: &str) -> Option<Tensor> {
        self.program.find(name)
    }

    /// Fails unless `tensor` has the shape that `op` needs.
    ///
    /// # Errors
    /// [`Error::Usage`] naming op, tensor and both shapes.
    pub fn expect(&self, op: &str, tensor: Tensor, shape: &[usize]) -> Result<()> {
        if self.shape(tensor) == shape {
            return Ok(());
        }
        let (name, found) = (self.name(tensor), self.shape(tensor));
        Err(Error::Usage(format!("{op}: `{name}` has shape {found:?}, but {shape:?} is needed")))
    }

    /// Rows and columns of `x`, or why `op` cannot take it.
    ///
    /// # Errors
    /// A tensor of a rank other than 2.
    pub fn rows(&self, op: &str, x: Tensor) -> Result<(usize, usize)> {
        match *self.shape(x) {
            [rows, columns] => Ok((rows, columns)),
            ref shape => {
                let name = self.name(x);
                Err(Error::Usage(format!(
                    "{op}: `{name}` has shape {shape:?}, but [rows, columns] is needed"
                )))
            }
        }
    }

    /// Adds a dispatch.
    pub fn dispatch(
        &mut self,
        layer: &str,
        [shader, entry]: [&'static str; 2],
        constants: &[(&'static str, Constant)],
        bindings: &[(&'static str, Tensor)],
        threads: [usize; 3],
    ) {
        self.program.dispatches.push(Dispatch {
            layer: layer.to_string(),
            shader,
            entry,
            constants: constants.to_vec(),
            bindings: bindings.to_vec(),
            threads,
            flops: 0,
        });
    }

    /// Sets the floating point operations of the last dispatch, see [`Dispatch::flops`].
    pub fn flops(&mut self, flops: usize) {
        if let Some(last) = self.program.dispatches.last_mut() {
            last.flops = flops as u64;
        }
    }

    /// Records the rule that turns the gradient of `y` into gradients of `inputs`; it is dropped if no
    /// input needs a gradient.
    pub fn record(
        &mut self,
        y: Tensor,
        inputs: &[Tensor],
        rule: impl FnOnce(&mut Tape, Tensor) -> Result<()> + 'static,
    ) {
        if inputs.iter().any(|input| self.differentiable.contains(input)) {
            self.differentiable.insert(y);
            let rule: Rule = Box::new(move |tape, dy| dy.map_or(Ok(()), |dy| rule(tape, dy)));
            self.rules.push((y, rule));
        }
    }

    /// Records the rule of a loss, where the walk begins.
    pub fn record_loss(&mut self, loss: Tensor, rule: impl FnOnce(&mut Tape) -> Result<()> + 'static) {
        self.rules.push((loss, Box::new(move |tape, _| rule(tape))));
    }

    /// Whether `x` needs a gradient: a parameter, or computed from one.
    pub fn needs_gradient(&self, x: Tensor) -> bool {
        self.differentiable.contains(&x)
    }

    /// A new gradient term of `x` for a rule to write. The gradient of a parameter lies in the shared
    /// gradients.
    pub fn gradient(&mut self, x: Tensor) -> Tensor {
        let info = self.program.info(x).clone();
        let number = self.terms.get(&x).map_or(0, Vec::len);
        let (name, place) = match (info.place, number) {
            (Place::Shared(Shared::Parameters, offset), 0) => {
                (format!("d {}", info.name), Place::Shared(Shared::Gradients, offset))
            }
            (_, 0) => (format!("d {}", info.name), Place::Own),
            (_, number) => (format!("d {} term {}", info.name, number + 1), Place::Own),
        };
        let term = self.program.tensor(name, &info.shape, place);
        self.terms.entry(x).or_default().push(term);
        term
    }

    /// Walks the tape backwards: the gradient of every parameter is written by the dispatches added. Where a
    /// tensor has two consumers, `add` adds up the two terms of its gradient.
    ///
    /// # Errors
    /// A parameter that two ops read; the shared gradients hold one term each.
    pub fn backward(&mut self, add: Add) -> Result<()> {
        while let Some((y, rule)) = self.rules.pop() {
            let dy = self.settle(y, add)?;
            rule(self, dy)?;
        }
        match self.terms.iter().find(|(x, terms)| terms.len() > 1 && self.is_parameter(**x)) {
            Some((x, _)) => Err(Error::Usage(format!("`{}` is used by two ops", self.name(*x)))),
            None => Ok(()),
        }
    }

    fn is_parameter(&self, x: Tensor) -> bool {
        matches!(self.program.info(x).place, Place::Shared(Shared::Parameters, _))
    }

    /// The sum of all gradient terms of `y`, or none if nothing depends on it.
    fn settle(&mut self, y: Tensor, add: Add) -> Result<Option<Tensor>> {
        let mut terms = self.terms.get(&y).cloned().unwrap_or_default().into_iter();
        let Some(first) = terms.next() else { return Ok(None) };
        terms.try_fold(first, |sum, term| add(self, sum, term)).map(Some)
    }

    /// Records where a head's logits of the first image lie: `classes` words of a tensor from word `at` on.
    pub fn answer(&mut self, head: &str, tensor: Tensor, at: usize, classes: usize) {
        self.program.answers.push(Answer { head: head.into(), tensor, at, classes });
    }

    /// The finished program.
    pub fn finish(self) -> Program {
        self.program
    }
}
