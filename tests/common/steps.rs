//! Training steps of the whole network, one by one: on the device and in the f64 reference.

use digit_adder::data::{PIXELS, draw};
use digit_adder::gpu::{Buffers, Gpu, Kernels, Plan};
use digit_adder::network::{DIGITS, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, Programs, fused::Fused, layered::Layered, tiles::Tiles};
use digit_adder::program::{Cursor, Place, Shared};
use digit_adder::random::{Purpose, Random};
use digit_adder::reference::gather::{self, Source};
use digit_adder::reference::network::{Gradients, Network, Pass};
use digit_adder::reference::{adam, metrics};
use digit_adder::train::Loss;

/// Adam's learning rate.
pub const LEARNING_RATE: f64 = 1e-3;

/// What unwritten words hold: a NaN that no computation gives.
const POISON: u32 = 0x7fc0_dead;

/// Images, and the parameters to start from.
pub struct Inputs {
    pub images: Vec<u8>,
    pub labels: Vec<u8>,
    pub addends: Vec<u8>,
    /// The images of one step after another.
    pub order: Vec<u32>,
    pub parameters: Vec<f32>,
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
        Self { images, labels, addends, order, parameters: Sizes::default().initial_parameters(seed) }
    }
}

/// A plan on the device with data of its own, poisoned but for what a step reads.
pub struct Device<'a> {
    gpu: &'a Gpu,
    pub plan: Plan,
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
        let sizes = Sizes::default();
        let program = match kind {
            Kind::Fused => Fused { sizes, loss, tiles }.training(batch),
            Kind::Layered => Layered { sizes, loss }.training(batch),
        };
        let wide = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).collect::<Vec<u32>>();
        let steps = inputs.order.len() / batch;
        let cursors: Vec<Cursor> = (0..steps)
            .map(|step| {
                let [step_size, step_root] =
                    Adam::default().rates(LEARNING_RATE, step as u32 + 1).map(|rate| rate as f32);
                Cursor { first: (step * batch) as u32, end: inputs.order.len() as u32, step_size, step_root }
            })
            .collect();
        let flat = inputs.parameters.len();
        let contents: [(Shared, Vec<u32>); 9] = [
            (Shared::Parameters, bytemuck::cast_slice(&inputs.parameters).to_vec()),
            (Shared::Gradients, vec![POISON; flat]),
            (Shared::FirstMoments, vec![0; flat]),
            (Shared::SecondMoments, vec![0; flat]),
            (Shared::Images, bytemuck::pod_collect_to_vec(&inputs.images)),
            (Shared::Labels, wide(&inputs.labels)),
            (Shared::Addends, wide(&inputs.addends)),
            (Shared::Order, inputs.order.clone()),
            (Shared::Records, vec![POISON; 3 * inputs.order.len()]),
        ];
        let mut shared = Buffers::new();
        for (name, words) in contents {
            let buffer = gpu.buffer(&format!("{name:?}"), 4 * words.len()).map_err(|e| e.to_string())?;
            gpu.write(&buffer, 0, &words);
            shared.insert(name, buffer);
        }
        let program = program.map_err(|e| e.to_string())?;
        let plan = Plan::new(gpu, kernels, program, &shared).map_err(|e| e.to_string())?;
        for info in &plan.program.tensors {
            if info.place == Place::Own && info.words.is_none() {
                let tensor = plan.program.find(&info.name).ok_or("a tensor without a name")?;
                plan.fill(gpu, tensor, POISON);
            }
        }
        Ok(Self { gpu, plan, shared, cursors: cursors.into_iter() })
    }

    /// Runs the next steps.
    pub fn run(&mut self, steps: usize) {
        let cursors: Vec<Cursor> = self.cursors.by_ref().take(steps).collect();
        assert_eq!(cursors.len(), steps, "there are no images for so many steps");
        self.plan.run(self.gpu, &cursors);
    }

    /// The tensor of that name.
    pub fn read<T: bytemuck::Pod>(&self, name: &str) -> Result<Vec<T>, String> {
        let tensor = self.plan.program.find(name).ok_or_else(|| format!("no tensor `{name}`"))?;
        self.plan.read(self.gpu, tensor).map_err(|e| e.to_string())
    }

    /// All of a flat buffer, as many words as there are parameters.
    pub fn flat(&self, buffer: Shared) -> Result<Vec<f32>, String> {
        self.gpu.read(&self.shared[&buffer], 0, Sizes::default().flat_len()).map_err(|e| e.to_string())
    }

    /// The gradients of the last step, as many words as there are parameters: those that lie in slots summed
    /// up in order, as Adam sums them.
    pub fn gradients(&self) -> Result<Vec<f32>, String> {
        let mut gradients = self.flat(Shared::Gradients)?;
        let Some(partial) = self.plan.program.find("partial gradients") else { return Ok(gradients) };
        let words = self.plan.program.info(partial).shape[1];
        let slots: Vec<f32> = self.plan.read(self.gpu, partial).map_err(|e| e.to_string())?;
        gradients[..words].fill(0.0);
        for slot in slots.chunks(words) {
            gradients.iter_mut().zip(slot).for_each(|(sum, gradient)| *sum += gradient);
        }
        Ok(gradients)
    }

    /// Of each image of the first steps: its loss, and whether digit and sum are right.
    pub fn images(&self, steps: usize) -> Result<Vec<(f32, [u32; 2])>, String> {
        let images = steps * self.plan.program.batch;
        let records: Vec<[u32; 3]> =
            self.gpu.read(&self.shared[&Shared::Records], 0, images).map_err(|e| e.to_string())?;
        Ok(records.into_iter().map(|[loss, digit, sum]| (f32::from_bits(loss), [digit, sum])).collect())
    }

    /// The mean loss and the right digits and sums of each step so far.
    pub fn records(&self, steps: usize) -> Result<Vec<(f64, [u32; 2])>, String> {
        let images = self.images(steps)?;
        let step = |images: &[(f32, [u32; 2])]| {
            let loss: f64 = images.iter().map(|(loss, _)| f64::from(*loss)).sum();
            let right = [0, 1].map(|head| images.iter().map(|(_, right)| right[head]).sum());
            (loss / images.len() as f64, right)
        };
        Ok(images.chunks(self.plan.program.batch).map(step).collect())
    }
}

/// The same steps in f64.
pub struct Reference<'a> {
    pub network: Network,
    inputs: &'a Inputs,
    batch: usize,
    steps: u32,
    pub w: Vec<f64>,
    m: Vec<f64>,
    pub v: Vec<f64>,
}

/// What one step of the reference leaves.
pub struct Step {
    pub pass: Pass<f64>,
    pub gradients: Gradients<f64>,
    /// Of each image.
    pub losses: Vec<f64>,
    /// Digits and sums that are right.
    pub right: [u32; 2],
}

impl Step {
    pub fn loss(&self) -> f64 {
        metrics::total_loss(&self.losses) / self.losses.len() as f64
    }
}

impl<'a> Reference<'a> {
    pub fn new(loss: Loss, batch: usize, inputs: &'a Inputs) -> Self {
        let w: Vec<f64> = inputs.parameters.iter().map(|&w| f64::from(w)).collect();
        let (m, v) = (vec![0.0; w.len()], vec![0.0; w.len()]);
        Self { network: Network::new(Sizes::default(), loss), inputs, batch, steps: 0, w, m, v }
    }

    /// Takes the next step.
    pub fn step(&mut self) -> Step {
        let Self { network, inputs, batch, .. } = self;
        let order = &inputs.order[self.steps as usize * *batch..][..*batch];
        let (mut image, mut number) = (vec![f64::NAN; *batch * PIXELS], vec![f64::NAN; *batch * DIGITS]);
        let (mut digit, mut sum) = (vec![0; *batch], vec![0; *batch]);
        gather::forward(
            order,
            Source { images: &inputs.images, labels: &inputs.labels, addends: &inputs.addends },
            gather::Batch { image: &mut image, number: &mut number, digit: &mut digit, sum: &mut sum },
        );
        let pass = network.forward(&self.w, &image, &number);
        let (losses, dlogits) = network.loss(&pass, [&digit, &sum], 1.0 / *batch as f64);
        let gradients = network.backward(&self.w, &image, &number, &pass, dlogits);
        self.steps += 1;
        let (w, m, v) = (&mut self.w, &mut self.m, &mut self.v);
        adam::step(&Adam::default(), LEARNING_RATE, self.steps, &gradients.flat, w, m, v);
        let right = [
            metrics::right(&pass.values.out1, &digit) as u32,
            metrics::right(&pass.values.out2, &sum) as u32,
        ];
        Step { pass, gradients, losses, right }
    }
}
