//! Whole training steps of the real network on the device, by both plans: every value, every gradient and
//! the parameters after 20 steps against the f64 reference, PyTorch's numbers, and one plan against the
//! other.

mod common;

use std::collections::BTreeMap;

use common::fixture::{self, Fixture};
use common::steps::{Device, Inputs, LEARNING_RATE, Reference, Step, network};
use digit_adder::gpu::Gpu;
use digit_adder::network::{DIGITS, Loss, SUMS};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, fused::Fused, tiles::Tiles};
use digit_adder::program::Shared;
use digit_adder::reference::network::{named, named_parameters};
use digit_adder::reference::relu;
use digit_adder::selftest::comparator::{Mismatch, Tol, close, nmse};

/// Steps of Adam.
const STEPS: usize = 20;
/// Normalised mean squared error of a tensor.
const NMSE: f64 = 1e-10;
const PLANS: [Kind; 2] = [Kind::Fused, Kind::Layered];
const LOSSES: [Loss; 2] = [Loss::Logits, Loss::DoubleSoftmax];

/// Tensors by name.
type Named<T> = BTreeMap<String, Vec<T>>;

fn main() -> std::process::ExitCode {
    let mut trials = Vec::new();
    for loss in LOSSES {
        let fat = Tiles::fat(common::gpu::lanes());
        for (batch, tiles, cut) in [(64, fat, "fat"), (7, Tiles::THIN, "thin")] {
            let name = format!("{STEPS} steps of {batch}, {cut} tiles, {loss:?}, against the reference");
            let inputs = move || Inputs::drawn(batch, STEPS, 1);
            trials.push(common::gpu::trial(name, move |gpu| {
                against_reference(gpu, tiles, loss, batch, &inputs()).map(drop)
            }));
        }
        for kind in PLANS {
            let name = format!("PyTorch's numbers, {kind:?}, {loss:?}");
            trials.push(common::gpu::trial(name, move |gpu| against_pytorch(gpu, kind, loss)));
        }
    }
    let name = format!("{STEPS} steps of 7, decayed, clipped and averaged, against the reference");
    trials.push(common::gpu::trial(name, |gpu| decayed_clipped_and_averaged(gpu)));
    let name = "gradients of 1000, fused against layered";
    trials.push(common::gpu::trial(name, |gpu| large_batch(gpu, 1000)));
    common::gpu::conclude(trials)
}

/// The length of the sums that lead to a value: the products of all layers up to it.
fn terms(name: &str) -> usize {
    let forward = [("conv1", 26), ("conv2", 151), ("fc2", 257), ("fc3", 129), ("out", 65)];
    let layer = name.trim_start_matches("d ");
    let upto = |layer: &str| -> usize {
        let last = forward.iter().position(|(known, _)| layer.starts_with(known)).unwrap_or(0);
        forward[..=last].iter().map(|(_, terms)| terms).sum()
    };
    let place = match layer {
        layer if layer.starts_with("pool1") => upto("conv1"),
        layer if layer.starts_with("pool2") || layer.starts_with("concat") => upto("conv2"),
        layer => upto(layer),
    };
    if !name.starts_with("d ") {
        return place;
    }
    // A gradient has gone through all of the network, and back to its place.
    let back = [("out", 19), ("fc3", 29), ("fc2", 64), ("concat", 128), ("pool2", 128), ("conv2", 128)];
    let back = back.iter().find(|(known, _)| layer.starts_with(known)).map_or(128 + 300, |(_, terms)| *terms);
    upto("out") + back
}

/// `4 eps sqrt(K) scale`, the scale of a tensor being its root mean square.
fn tol(name: &str, want: &[f64], batch: usize) -> Tol {
    let square = want.iter().map(|x| x * x).sum::<f64>() / want.len() as f64;
    // The gradient of a weight sums over the batch on top.
    let over_batch = if name.ends_with("weight") || name.ends_with("bias") { batch } else { 0 };
    Tol::reduction(terms(name) + over_batch, square.sqrt())
}

/// Compares every tensor of `got` with that of the same name in `want`, and keeps the worst share.
fn compare(
    got: &Named<f32>,
    want: &Named<f64>,
    batch: usize,
    times: f64,
) -> Result<Vec<(String, f64)>, String> {
    let mut shares = Vec::new();
    let mut wrong = Vec::new();
    for (name, got) in got {
        let want = want.get(name).ok_or_else(|| format!("the reference has no `{name}`"))?;
        let tol = tol(name, want, batch);
        let tol = Tol { absolute: times * tol.absolute, ..tol };
        match close(name, got, want, tol).and_then(|share| nmse(name, got, want, NMSE).map(|_| share)) {
            Ok(share) => shares.push((name.clone(), share)),
            Err(mismatch) => wrong.push(mismatch.to_string()),
        }
    }
    if wrong.is_empty() { Ok(shares) } else { Err(wrong.join("\n")) }
}

/// All that the reference knows of a step, by the names of the layered plan's tensors; `masked` are the
/// gradients before a ReLU that the fused plan keeps.
fn wanted(reference: &Reference, step: &Step) -> Named<f64> {
    let mut all = Named::new();
    let network = &reference.network;
    let values = named(network, &step.pass.values);
    let d = named(network, &step.gradients.values);
    let concat = values.iter().position(|(name, _)| *name == "concat").expect("there is a concatenation");
    let mut masked = vec![0.0; d[concat].1.len()];
    relu::backward(values[concat].1, d[concat].1, &mut masked);
    all.insert("d concat, masked".into(), masked);
    all.extend(values.into_iter().map(|(name, values)| (name.to_string(), values.to_vec())));
    all.extend(d.into_iter().map(|(name, values)| (format!("d {name}"), values.to_vec())));
    let flat = named_parameters(network, &step.gradients.flat);
    all.extend(flat.into_iter().map(|(name, values)| (format!("d {name}"), values.to_vec())));
    for (head, loss) in network.heads().iter().zip(&step.losses.of_heads) {
        all.insert(format!("{} loss", head.name), loss.clone());
    }
    all
}

/// All that a plan leaves of a step, by the same names.
fn found(
    device: &Device,
    (kind, tiles): (Kind, Tiles),
    reference: &Reference,
    step: &Step,
) -> Result<Named<f32>, String> {
    let mut all = Named::new();
    let batch = device.replay.program.batch;
    let gradients = device.gradients()?;
    let of_parameters = named_parameters(&reference.network, &gradients);
    all.extend(of_parameters.into_iter().map(|(name, values)| (format!("d {name}"), values.to_vec())));
    match kind {
        Kind::Fused => {
            all.extend(rows(&device.read("rows")?, batch, tiles));
            for name in ["pool1", "d pool1"] {
                all.insert(name.into(), device.read(name)?);
            }
        }
        Kind::Layered => {
            for (name, _) in named(&reference.network, &step.pass.values) {
                all.insert(name.into(), device.read(name)?);
                all.insert(format!("d {name}"), device.read(&format!("d {name}"))?);
            }
            // Two layers read fc3.relu: its gradient is the sum of two terms.
            all.insert("d fc3.relu".into(), device.read("d fc3.relu + d fc3.relu term 2")?);
        }
    }
    let (records, heads) = (device.images(1)?, reference.network.heads());
    for (index, head) in heads.iter().enumerate() {
        let of_head = records.iter().skip(index).step_by(heads.len());
        all.insert(format!("{} loss", head.name), of_head.map(|record| record.loss).collect());
    }
    Ok(all)
}

/// The parts of the fused plan's rows.
fn rows(rows: &[f32], batch: usize, tiles: Tiles) -> Named<f32> {
    let fused = Fused::new(&network(), Loss::Logits, tiles).expect("the fused plan takes the network");
    let linear = fused.linear(batch);
    let (row, stack) = (linear.row, &linear.stack);
    let part = |at: usize, len: usize| -> Vec<f32> {
        rows.chunks(row.len).take(batch).flat_map(|row| &row[at..at + len]).copied().collect()
    };
    let [features, fc2, fc3] = [stack.fc2.shape.inputs, stack.fc2.shape.outputs, stack.fc3.shape.outputs];
    let parts = [
        ("concat", row.features, features),
        ("fc2.relu", row.h2, fc2),
        ("fc3.relu", row.h3, fc3),
        ("out1", row.digit_logits, DIGITS),
        ("out2", row.sum_logits, SUMS),
        ("d out1", row.d_digit_logits, DIGITS),
        ("d out2", row.d_sum_logits, SUMS),
        ("d fc3", row.d_h3, fc3),
        ("d fc2", row.d_h2, fc2),
        ("d concat, masked", row.d_features, features),
    ];
    parts.into_iter().map(|(name, at, len)| (name.to_string(), part(at, len))).collect()
}

/// The winners of both poolings. A tie that is one in f64 is one on the device, because windows of equal
/// pixels go through the same operations; that two different values come closer than rounding is rare,
/// and the inputs' seed is one for which it does not happen: all must agree.
fn same_winners(device: &Device, kind: Kind, step: &Step) -> Result<(), String> {
    let network = network();
    for (fused, pool) in [("conv1 winner", "pool1"), ("conv2 winner", "pool2")] {
        let index = network.layers().iter().position(|layer| layer.name == pool).ok_or("no such layer")?;
        let (winner, pooled) = (&step.pass.winners[index], &step.pass.values[index]);
        let layered = format!("{pool} winner");
        let (name, want): (&str, Vec<u32>) = match kind {
            // Where nothing is above 0, the window has no winner.
            Kind::Fused => {
                (fused, winner.iter().zip(pooled).map(|(&w, &y)| if y > 0.0 { w } else { 4 }).collect())
            }
            Kind::Layered => (&layered, winner.clone()),
        };
        let got: Vec<u32> = match kind {
            // A byte for each of the four windows of a strip; the network's rows are whole strips.
            Kind::Fused => {
                device.read::<u32>(name)?.into_iter().flat_map(u32::to_le_bytes).map(u32::from).collect()
            }
            Kind::Layered => device.read(name)?,
        };
        let wrong = got.iter().zip(&want).filter(|(got, want)| got != want).count();
        if got.len() != want.len() || wrong > 0 {
            return Err(format!("{wrong} of {} in `{name}` are wrong", want.len()));
        }
    }
    Ok(())
}

/// Some steps without the options would be elsewhere by far more than the budget.
fn decayed_clipped_and_averaged(gpu: &Gpu) -> Result<(), String> {
    let mut inputs = Inputs::drawn(7, STEPS, 1);
    inputs.adam = Adam { weight_decay: 3.0, clip_norm: Some(0.5), ema: Some(0.5), ..inputs.adam };
    let scales = against_reference(gpu, Tiles::THIN, Loss::Logits, 7, &inputs)?;
    assert!(scales.iter().any(|&scale| scale <= 0.75), "nothing was clipped: {scales:?}");
    println!("scales {scales:.2?}");
    Ok(())
}

/// Returns what the gradients of each step are scaled by.
fn against_reference(
    gpu: &Gpu,
    tiles: Tiles,
    loss: Loss,
    batch: usize,
    inputs: &Inputs,
) -> Result<Vec<f64>, String> {
    let mut reference = Reference::new(loss, batch, inputs);
    let step = reference.step();
    let want = wanted(&reference, &step);
    let mut devices = Vec::new();
    let mut gradients = Vec::new();
    for kind in PLANS {
        let what = |error: String| format!("{kind:?}, {error}");
        let mut device =
            Device::new(gpu, &mut common::gpu::kernels(false), (kind, tiles), loss, batch, inputs)?;
        device.run(1);
        same_winners(&device, kind, &step).map_err(what)?;
        let found = found(&device, (kind, tiles), &reference, &step)?;
        report(&format!("{kind:?}, {loss:?}, {batch}"), &compare(&found, &want, batch, 1.0).map_err(what)?);
        gradients.push(found);
        devices.push((kind, device));
    }
    // One plan against the other, each with a rounding error of its own.
    let layered = gradients.pop().ok_or("no gradients")?;
    let wide: Named<f64> =
        layered.iter().map(|(name, x)| (name.clone(), x.iter().map(|&x| x.into()).collect())).collect();
    let mut fused = gradients.pop().ok_or("no gradients")?;
    fused.retain(|name, _| wide.contains_key(name));
    report(&format!("fused and layered, {loss:?}, {batch}"), &compare(&fused, &wide, batch, 2.0)?);

    after_steps(reference, &step, devices, &want, batch)
}

/// Losses and counts of all steps, and the parameters after them.
///
/// Adam divides a gradient by its own size, so that an error in a gradient, small as it is, moves a
/// parameter by as much of a whole step as it is of the gradient. The budget of a parameter is the sum of
/// what each step may be off by: `2 lr d / (sqrt(v^) + eps)` for an error `d` of the gradient (one `d` in
/// the numerator, one in the root), never more than the `2 lr` between a step one way and the other.
fn after_steps(
    mut reference: Reference,
    first: &Step,
    devices: Vec<(Kind, Device)>,
    want: &Named<f64>,
    batch: usize,
) -> Result<Vec<f64>, String> {
    let adam = reference.inputs.adam;
    let parameters = reference.network.parameters().to_vec();
    let mut budget = vec![0.0; reference.w.len()];
    let mut records = vec![(first.loss(), first.right.clone())];
    let mut scales = vec![first.scale];
    let mut add_budgets = |v: &[f64], step: usize, scale: f64| {
        for parameter in &parameters {
            let name = format!("d {}", parameter.name);
            let error = scale * tol(&name, &want[&name], batch).absolute;
            for index in parameter.range() {
                let root = v[index].sqrt() / adam.root_correction(step as u32) + adam.epsilon;
                budget[index] += LEARNING_RATE * (2.0 * error / root).min(2.0);
            }
        }
    };
    add_budgets(&reference.v, 1, first.scale);
    for step in 2..=STEPS {
        let done = reference.step();
        records.push((done.loss(), done.right));
        add_budgets(&reference.v, step, done.scale);
        scales.push(done.scale);
    }
    for (kind, mut device) in devices {
        device.run(STEPS - 1);
        let got = device.records(STEPS)?;
        for (step, ((got, got_right), (want, right))) in got.iter().zip(&records).enumerate() {
            close(&format!("{kind:?}, loss of step {}", step + 1), &[*got], &[*want], Tol::absolute(1e-5))
                .map_err(|e| e.to_string())?;
            if got_right != right {
                return Err(format!("{kind:?}, step {}: {got_right:?} right, not {right:?}", step + 1));
            }
        }
        let mut worst: f64 = 0.0;
        // An average is off by no more than what goes into it.
        for (buffer, want) in [(Shared::Parameters, &reference.w), (Shared::Average, &reference.average)] {
            let got = device.flat(buffer)?;
            for parameter in &parameters {
                for index in parameter.range() {
                    let (got, want) = (f64::from(got[index]), want[index]);
                    let budget = budget[index] + 4.0 * f64::from(f32::EPSILON) * want.abs().max(1e-3);
                    let share = (got - want).abs() / budget;
                    // NaN fails.
                    if share.is_nan() || share > 1.0 {
                        let (name, place) = (&parameter.name, index - parameter.offset);
                        return Err(format!(
                            "{kind:?}, {buffer}, {name}[{place}]: got {got}, want {want}, {share} of the budget"
                        ));
                    }
                    worst = worst.max(share);
                }
            }
        }
        println!("{kind:?}, parameters after {STEPS} steps of {batch}: {worst:.3}");
    }
    Ok(scales)
}

/// A large batch, whose loops are the longest: one plan against the other, whose rounding errors differ.
fn large_batch(gpu: &Gpu, batch: usize) -> Result<(), String> {
    let inputs = Inputs::drawn(batch, 1, 2);
    let gradients = |kind: Kind| -> Result<Vec<f32>, String> {
        let kernels = &mut common::gpu::kernels(false);
        let mut device =
            Device::new(gpu, kernels, (kind, Tiles::fat(gpu.lanes)), Loss::Logits, batch, &inputs)?;
        device.run(1);
        device.gradients()
    };
    let (got, want) = (gradients(Kind::Fused)?, gradients(Kind::Layered)?);
    let mut shares = Vec::new();
    for parameter in network().parameters() {
        let name = format!("d {}", parameter.name);
        let want: Vec<f64> = want[parameter.range()].iter().map(|&x| x.into()).collect();
        let tol = tol(&name, &want, batch);
        let tol = Tol { absolute: 2.0 * tol.absolute, ..tol };
        let share = close(&name, &got[parameter.range()], &want, tol).map_err(|e| e.to_string())?;
        shares.push((name, share));
    }
    report(&format!("fused and layered, {batch}"), &shares);
    Ok(())
}

fn against_pytorch(gpu: &Gpu, kind: Kind, loss: Loss) -> Result<(), String> {
    let fixture = Fixture::load();
    let order: Vec<u32> = (0..fixture::BATCH as u32).collect();
    let inputs = Inputs {
        images: fixture.images(),
        labels: fixture.labels(),
        addends: fixture.addends(),
        order: order.repeat(10),
        parameters: fixture.parameters(),
        adam: Adam::default(),
    };
    let kernels = &mut common::gpu::kernels(false);
    let mut device = Device::new(gpu, kernels, (kind, Tiles::fat(gpu.lanes)), loss, fixture::BATCH, &inputs)?;
    device.run(1);
    let logits = match kind {
        Kind::Fused => rows(&device.read("rows")?, fixture::BATCH, Tiles::fat(gpu.lanes)),
        Kind::Layered => [("out1", device.read("out1")?), ("out2", device.read("out2")?)]
            .map(|(name, x)| (name.to_string(), x))
            .into(),
    };
    let check = |result: Result<f64, Mismatch>| result.map_err(|error| error.to_string());
    let mut shares = Vec::new();
    for (name, want) in ["out1", "out2"].into_iter().zip(fixture.logits()) {
        shares.push((name.to_string(), check(close(name, &logits[name], &want, Tol::absolute(1e-5)))?));
    }
    let tol = Tol { absolute: 1e-6, relative: 1e-4 };
    let (got, want) = (device.gradients()?, fixture.gradients(loss));
    for parameter in network().parameters() {
        let name = format!("d {}", parameter.name);
        let share = check(close(&name, &got[parameter.range()], &want[parameter.range()], tol))?;
        shares.push((name, share));
    }
    device.run(9);
    let losses: Vec<f64> = device.records(10)?.into_iter().map(|(loss, _)| loss).collect();
    shares.push((
        "losses".into(),
        check(close("losses", &losses, &fixture.losses(loss), Tol::absolute(1e-5)))?,
    ));
    report(&format!("PyTorch, {kind:?}, {loss:?}"), &shares);
    Ok(())
}

/// Prints the shares of the budget that were used, for `--nocapture`.
fn report(what: &str, shares: &[(String, f64)]) {
    let shares: Vec<String> = shares.iter().map(|(name, share)| format!("{name} {share:.2}")).collect();
    println!("{what}: {}", shares.join(", "));
}
