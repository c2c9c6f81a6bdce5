//! What is taken over, and from when on.

use std::collections::BTreeSet;
use std::time::Duration;

use digit_adder::data::Augment;
use digit_adder::gpu::Gpu;
use digit_adder::network::Loss;
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, augmented, tiles::Tiles};
use digit_adder::program::Dispatch;
use digit_adder::selftest::recheck;
use digit_adder::train::log::Running;
use digit_adder::train::{Engine, Recipe, State, StepLog};
use digit_adder::wgsl::{Library, SHADERS, Texts};

use crate::common::steps::network;
use crate::run::{A_WHILE, BATCH, Run, STEPS, Shaders, edited, leaky, step_said, text};

/// One training is edited while it runs. Another stops before the step that the first one names,
/// takes the edit there, and must arrive at the same bits.
pub fn a_good_edit_computes_from_its_step_on() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Layered)?;
    // A submission ends where a line is due, so that the epoch is cut into several.
    run.engine.log_steps(StepLog::new(3, Running::default(), |_| {}));
    let file = shaders.file("relu");
    let saver = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        std::fs::write(file, leaky()).unwrap();
    });
    let said = run.train_until("reloaded relu.wgsl: ")?;
    saver.join().unwrap();
    run.train_to(run.step + STEPS)?;
    let step = step_said(&said);
    assert!((2..run.step).contains(&step), "{said}");

    let shaders = Shaders::new();
    let mut stepwise = Run::new(Some(&shaders), Kind::Layered)?;
    stepwise.train_to(step)?;
    let mut shipped = Run::new(None, Kind::Layered)?;
    shipped.train_to(step)?;
    assert!(stepwise.bits() == shipped.bits(), "different bits before the edit");
    shaders.save("relu", &leaky());
    assert_eq!(step_said(&stepwise.wait_until("reloaded relu.wgsl: ")?), step);
    assert!(stepwise.bits() == shipped.bits(), "waiting has trained");
    stepwise.train_to(step + 1)?;
    shipped.train_to(step + 1)?;
    assert!(stepwise.bits() != shipped.bits(), "the edit has no effect in its first step");
    stepwise.train_to(run.step)?;
    assert!(run.bits() == stepwise.bits(), "the edit has no effect from step {step} on");
    shipped.engine.set_state(&State::new(run.engine.parameters().unwrap())).unwrap();
    assert_ne!(run.evaluate()?, shipped.evaluate()?, "the test set runs by the old shader");
    Ok(())
}

/// Every shader is compiled anew, the fused ones too, and gives the same bits.
pub fn a_comment_changes_no_bits() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Fused)?;
    run.train_to(5)?;
    for shader in SHADERS {
        shaders.save(shader.name, &format!("{}// Seen.\n", shader.text));
    }
    let said = run.train_until("reloaded ")?;
    run.train_to(run.step + STEPS)?;
    let pipelines = said.split_once(" pipelines, ").and_then(|(before, _)| before.rsplit(' ').next());
    let pipelines: usize = pipelines.and_then(|n| n.parse().ok()).ok_or_else(|| said.clone())?;
    assert!(pipelines > 8, "{said}");
    let untouched = Shaders::new();
    let mut other = Run::new(Some(&untouched), Kind::Fused)?;
    other.train_to(run.step)?;
    assert!(run.bits() == other.bits(), "different bits after {said}");
    Ok(())
}

/// What comes before an epoch's steps is edited like the steps themselves.
pub fn the_changes_of_images_are_taken_over() -> Result<(), String> {
    let recipe =
        || Recipe { batch_size: BATCH, augment: Augment::LIGHT, plan: Kind::Layered, ..Recipe::default() };
    let shaders = Shaders::new();
    let mut run = Run::of(Some(&shaders), recipe())?;
    let mut shipped = Run::of(None, recipe())?;
    run.train_to(STEPS)?;
    shipped.train_to(STEPS)?;
    assert!(run.bits() == shipped.bits(), "different bits before the edit");
    shaders.save("augment", &edited("augment", "vec2(cos, sin)", "vec2(cos, -sin)"));
    let said = run.wait_until("augment.warp")?;
    assert!(said.contains("augment.warp differs from the reference: images["), "{said}");
    run.train_to(STEPS + 1)?;
    shipped.train_to(STEPS + 1)?;
    assert!(run.bits() != shipped.bits(), "the edit has no effect");
    Ok(())
}

pub fn wrong_numbers_are_called_out() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Layered)?;
    shaders.save("relu", &leaky());
    let said = run.train_until("from step ")?;
    assert!(said.contains("\nrelu.forward differs from the reference: y["), "{said}");
    // batch_sum adds up what conv2d has got wrong.
    let wrong =
        edited("conv2d", "sum += dy[dy_row + c] * x[x_row + c];", "sum -= dy[dy_row + c] * x[x_row + c];");
    shaders.save("conv2d", &wrong);
    let said = run.train_until("from step ")?;
    assert!(said.contains("\nconv2d.backward_weights differs from the reference: d c.weight"), "{said}");
    shaders.save("conv2d", text("conv2d"));
    let said = run.train_until("from step ")?;
    assert!(said.contains("\nconv2d agrees with the reference ("), "{said}");
    run.train_for(A_WHILE)?;
    assert_eq!(run.said(), "", "checked once");
    Ok(())
}

/// The grid may then end within a workgroup: what is past its end must leave everything alone.
pub fn workgroups_of_another_size(gpu: &Gpu) -> Result<(), String> {
    // linear_layers counts its workgroups.
    for shader in SHADERS.iter().filter(|shader| shader.name != "linear_layers") {
        let (name, text) = (shader.name, shader.text);
        let larger = [8, 32, 64].into_iter().rev().fold(text.to_string(), |text, size| {
            text.replace(&format!("@workgroup_size({size})"), &format!("@workgroup_size({})", 2 * size))
        });
        assert!(text != larger, "{name} has no workgroup of these sizes");
        let mut texts: Texts = SHADERS.iter().map(|shader| (shader.name, shader.text.to_string())).collect();
        texts.insert(name, larger);
        let library = Library::Texts(texts);
        let said = recheck::check(gpu, &library, name).map_err(|e| e.to_string())?;
        assert!(said.starts_with(&format!("{name} agrees with the reference (")), "{said}");
    }
    Ok(())
}

pub fn the_checks_run_every_entry() -> Result<(), String> {
    let clipped = Adam { clip_norm: Some(1.0), ..Adam::default() };
    let augmented = augmented::program(&Augment::FULL);
    let averaged = Adam { ema: Some(0.9), ..Adam::default() };
    let plans = [
        (Kind::Fused, Loss::Logits, Adam::default()),
        (Kind::Fused, Loss::Logits, clipped),
        (Kind::Fused, Loss::Logits, averaged),
        (Kind::Layered, Loss::Logits, averaged),
        (Kind::Layered, Loss::DoubleSoftmax, Adam::default()),
    ]
    .map(|(kind, loss, adam)| kind.programs(&network(), loss, adam, Tiles::FAT).training(64).unwrap());
    let programs = || plans.iter().chain([&augmented]);
    type Bound = (&'static str, BTreeSet<&'static str>);
    let bound = |d: &Dispatch| -> Bound { (d.entry, d.bindings.iter().map(|(name, _)| *name).collect()) };
    for name in SHADERS.iter().map(|shader| shader.name) {
        let used: BTreeSet<Bound> = programs()
            .flat_map(|program| &program.dispatches)
            .filter(|dispatch| dispatch.shader == name)
            .map(bound)
            .collect();
        let checks = recheck::few(name, 1).map_err(|e| e.to_string())?;
        let run: BTreeSet<Bound> = checks
            .iter()
            .flat_map(|check| &check.program.dispatches)
            .filter(|dispatch| dispatch.shader == name)
            .map(bound)
            .collect();
        assert!(!used.is_empty() && used.is_subset(&run), "{name}: {used:?} are used, {run:?} are checked");
    }
    Ok(())
}
