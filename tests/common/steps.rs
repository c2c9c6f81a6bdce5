//! Training steps of the whole network, one by one: on the device and in the f64 reference.

use digit_adder::data::draw;
use digit_adder::gpu::{Buffers, Gpu, Kernels, Replay};
use digit_adder::network::{Loss, Network, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::program::{Cursor, Place, Record, Shared};
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::gather::{self, Batch, Examples};
use digit_adder::reference::network::{Gradients, Losses, Pass, backward, forward, losses};
use digit_adder::reference::{adam, clip_norm, metrics};
use digit_adder::wgsl::Library;

/// Adam's learning rate.
pub const LEARNING_RATE: f64 = 1e-3;

/// What unwritten words hold: a NaN that no computation produces.
const POISON: u32 = 0x7fc0_dead;

/// The published network.
pub fn network() -> Network {
    Sizes::default().network().expect("the default sizes make a network")
}

/// Images, the parameters to start from, and what trains them.
pub struct Inputs {
    pub images: Vec<u8>,
    pub labels: Vec<u8>,
    pub addends: Vec<u8>,
    /// The images of one step after another.
    pub order: Vec<u32>,
    pub parameters: Vec<f32>,
    pub adam: Adam,
}

impl Inputs {
    /// Drawn digits, `steps` batches of them in a random order, and initial parameters.
    pub fn drawn(batch: usize, steps: usize, seed: u64) -> Self {
        let mut random = Random::new(seed, Purpose::Test, 0);
        let count = 2 * batch + 5;
        let mut digits = |count: usize| (0..count).map(|_| random.below(10) as u8).collect::<Vec<u8>>();
        let (labels, addends) = (digits(count), digits(count));
        let images = labels.iter().flat_map(|&label| draw(label, &mut random)).collect();
        let order = (0..batch * steps).map(|_| random.below(count as u32)).collect();
        let (parameters, adam) = (network().initial_parameters(seed), Adam::default());
        Self { images, labels, addends, order, parameters, adam }
    }
}

/// A replay on the device with data of its own, poisoned except for what a step reads.
pub struct Device<'a> {
    gpu: &'a Gpu,
    pub replay: Replay,
    shared: Buffers,
    /// Where the steps stand that are still to run.
    cursors: std::vec::IntoIter<Cursor>,
}

impl<'a> Device<'a> {
    pub fn new(
        gpu: &'a Gpu,
        kernels: &mut Kernels,
        (kind, tiles): (Kind, Tiles),
        loss: Loss,
        batch: usize,
        inputs: &Inputs,
    ) -> Result<Self, String> {
        let network = network();
        let programs = kind.programs(&network, loss, inputs.adam, tiles);
        let program = programs.training(batch).map_err(|e| e.to_string())?;
        let wide = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).collect::<Vec<u32>>();
        let steps = inputs.order.len() / batch;
        let cursors: Vec<Cursor> = (0..steps)
            .map(|step| {
                let [step_size, step_root, decay, blend] =
                    inputs.adam.rates(LEARNING_RATE, step as u32 + 1).map(|rate| rate as f32);
                let (first, end) = ((step * batch) as u32, inputs.order.len() as u32);
                Cursor { first, end, step_size, step_root, decay, blend }
            })
            .collect();
        let flat = inputs.parameters.len();
        let contents: [(Shared, Vec<u32>); 10] = [
            (Shared::Parameters, bytemuck::cast_slice(&inputs.parameters).to_vec()),
            (Shared::Gradients, vec![POISON; flat]),
            (Shared::FirstMoments, vec![0; flat]),
            (Shared::SecondMoments, vec![0; flat]),
            (Shared::Average, bytemuck::cast_slice(&inputs.parameters).to_vec()),
            (Shared::Images, bytemuck::pod_collect_to_vec(&inputs.images)),
            (Shared::Labels, wide(&inputs.labels)),
            (Shared::Addends, wide(&inputs.addends)),
            (Shared::Order, inputs.order.clone()),
            (Shared::Records, vec![POISON; network.heads().len() * Record::WORDS * inputs.order.len()]),
        ];
        let mut shared = Buffers::new();
        for (name, words) in contents {
            let buffer = gpu.buffer(&name.to_string(), 4 * words.len()).map_err(|e| e.to_string())?;
            gpu.write(&buffer, 0, &words);
            shared.insert(name, buffer);
        }
        let replay = Replay::new(gpu, kernels, &Library::Embedded, program, &shared);
        let replay = replay.map_err(|e| e.to_string())?;
        for tensor in replay.program.handles() {
            let info = replay.program.info(tensor);
            if info.place == Place::Own && info.words.is_none() {
                replay.fill(gpu, tensor, POISON);
            }
        }
        Ok(Self { gpu, replay, shared, cursors: cursors.into_iter() })
    }

    /// Runs the next steps.
    pub fn run(&mut self, steps: usize) {
        let cursors: Vec<Cursor> = self.cursors.by_ref().take(steps).collect();
        assert_eq!(cursors.len(), steps, "there are not enough images for this many steps");
        self.replay.run(self.gpu, &cursors);
    }

    /// The tensor of that name.
    pub fn read<T: bytemuck::Pod>(&self, name: &str) -> Result<Vec<T>, String> {
        let tensor = self.replay.program.find(name).ok_or_else(|| format!("no tensor `{name}`"))?;
        self.replay.read(self.gpu, tensor).map_err(|e| e.to_string())
    }

    /// All of a flat buffer, as many words as there are parameters.
    pub fn flat(&self, buffer: Shared) -> Result<Vec<f32>, String> {
        self.gpu.read(&self.shared[&buffer], 0, network().flat_len()).map_err(|e| e.to_string())
    }

    /// The gradients of the last step, as many words as there are parameters: those that lie in slots summed
    /// up in order, as Adam sums them.
    pub fn gradients(&self) -> Result<Vec<f32>, String> {
        let mut gradients = self.flat(Shared::Gradients)?;
        let Some(partial) = self.replay.program.find("partial gradients") else { return Ok(gradients) };
        let words = self.replay.program.info(partial).shape[1];
        let slots: Vec<f32> = self.replay.read(self.gpu, partial).map_err(|e| e.to_string())?;
        gradients[..words].fill(0.0);
        for slot in slots.chunks(words) {
            gradients.iter_mut().zip(slot).for_each(|(sum, gradient)| *sum += gradient);
        }
        Ok(gradients)
    }

    /// The records of the images of the first steps, those of an image's heads side by side.
    pub fn images(&self, steps: usize) -> Result<Vec<Record>, String> {
        let records = steps * self.replay.program.batch * network().heads().len();
        self.gpu.read(&self.shared[&Shared::Records], 0, records).map_err(|e| e.to_string())
    }

    /// The mean loss and the right answers of each head of each step so far.
    pub fn records(&self, steps: usize) -> Result<Vec<(f64, Vec<u32>)>, String> {
        let heads = network().heads().len();
        let records = self.images(steps)?;
        let step = |records: &[Record]| {
            let loss: f64 = records.iter().map(|record| f64::from(record.loss)).sum();
            let right = |head| records.iter().skip(head).step_by(heads).map(|record| record.right).sum();
            (loss / records.len() as f64, (0..heads).map(right).collect())
        };
        Ok(records.chunks(self.replay.program.batch * heads).map(step).collect())
    }
}

/// The same steps in f64.
pub struct Reference<'a> {
    pub network: Network,
    loss: Loss,
    pub inputs: &'a Inputs,
    batch: usize,
    steps: u32,
    pub w: Vec<f64>,
    m: Vec<f64>,
    pub v: Vec<f64>,
    /// Of the parameters; only where Adam keeps one it is another than those from the start.
    pub average: Vec<f64>,
}

/// What one step of the reference leaves.
pub struct Step {
    pub pass: Pass<f64>,
    pub gradients: Gradients<f64>,
    pub losses: Losses<f64>,
    /// What limits the gradients' norm, if that is limited.
    pub scale: f64,
    /// Each head's right answers.
    pub right: Vec<u32>,
}

impl Step {
    pub fn loss(&self) -> f64 {
        let means = self.losses.of_heads.iter().map(|loss| metrics::total_loss(loss) / loss.len() as f64);
        means.sum::<f64>() / self.losses.of_heads.len() as f64
    }
}

impl<'a> Reference<'a> {
    pub fn new(loss: Loss, batch: usize, inputs: &'a Inputs) -> Self {
        let w: Vec<f64> = inputs.parameters.iter().map(|&w| f64::from(w)).collect();
        let (m, v, average) = (vec![0.0; w.len()], vec![0.0; w.len()], w.clone());
        Self { network: network(), loss, inputs, batch, steps: 0, w, m, v, average }
    }

    /// Takes the next step.
    pub fn step(&mut self) -> Step {
        let Self { network, inputs, batch, .. } = self;
        let order = &inputs.order[self.steps as usize * *batch..][..*batch];
        let examples = Examples { images: &inputs.images, labels: &inputs.labels, addends: &inputs.addends };
        let Batch { image, number, targets } = gather::forward(order, *batch, examples, network.heads());
        let pass = forward(network, &self.w, &image, &number);
        let mut weight = vec![0.0; *batch];
        gather::weights(*batch, network.heads().len(), &mut weight);
        let losses = losses(network, self.loss, &pass, &targets, &weight);
        let gradients = backward(network, &self.w, [&image, &number], &pass, &losses.d_logits);
        self.steps += 1;
        let heads = network.heads().iter().zip(&targets);
        let right = heads.map(|(head, target)| metrics::correct(&pass.values[head.logits], target) as u32);
        let right = right.collect();
        let (w, m, v) = (&mut self.w, &mut self.m, &mut self.v);
        adam::step(&inputs.adam, LEARNING_RATE, self.steps, &gradients.flat, w, m, v);
        adam::average(&inputs.adam, self.steps, w, &mut self.average);
        let scale = inputs.adam.clip_norm.map_or(1.0, |max| clip_norm::scale(max, &gradients.flat));
        Step { pass, gradients, losses, scale, right }
    }
}
