//! A changed shader is swapped in while the engine lives; a broken one is told and not swapped in.

mod common;

use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};

use digit_adder::data::{Dataset, Split};
use digit_adder::gpu::engine::GpuEngine;
use digit_adder::gpu::reload::Watch;
use digit_adder::gpu::shader::EMBEDDED;
use digit_adder::network::Sizes;
use digit_adder::plans::Kind;
use digit_adder::train::{Engine, Epoch, Loss, Settings};

/// An engine on two batches and a tail of images, watching `folder`, and what it says.
fn engine(folder: &Path) -> Result<(GpuEngine, Receiver<String>), String> {
    let images = 150;
    let split =
        Split { images: (0..images * 784).map(|i| (i % 251) as u8).collect(), labels: vec![3; images] };
    let dataset = Dataset { origin: "stripes".into(), train: split.clone(), test: split };
    let sizes = Sizes::default();
    let settings = Settings { batch: 64, loss: Loss::Logits, plan: Kind::Fused };
    let gpu = common::gpu::device()?;
    let start = sizes.initial_parameters(1);
    let mut engine =
        GpuEngine::new(gpu.clone(), common::gpu::kernels(false), sizes, settings, &start, &dataset)
            .map_err(|error| error.to_string())?;
    let (sender, said) = channel();
    let say = move |message: &str| drop(sender.send(message.to_string()));
    engine.watch(Watch::new(folder, say).map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
    Ok((engine, said))
}

/// Whether an epoch changes the parameters.
fn learns(engine: &mut GpuEngine) -> bool {
    let before = engine.parameters().unwrap();
    let epoch = Epoch { order: (0..150).collect(), addends: vec![4; 150], learning_rate: 1e-3 };
    engine.train_epoch(&epoch, &mut |_| {}).unwrap();
    engine.parameters().unwrap() != before
}

fn copy_shaders(folder: &Path) {
    for (name, text) in EMBEDDED {
        std::fs::write(folder.join(format!("{name}.wgsl")), text).unwrap();
    }
}

fn a_change_is_swapped_in() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    copy_shaders(folder.path());
    let (mut engine, said) = engine(folder.path())?;
    assert!(learns(&mut engine));

    let adam = folder.path().join("adam.wgsl");
    let text = std::fs::read_to_string(&adam).unwrap();
    let frozen = text.replace("w[id.x] -= rate.size", "w[id.x] -= 0.0 * rate.size");
    assert_ne!(text, frozen);
    std::fs::write(&adam, frozen).unwrap();
    assert!(!learns(&mut engine), "the changed optimizer does not move");
    assert!(said.try_recv().unwrap().starts_with("reloaded adam in"));

    std::fs::write(&adam, &text).unwrap();
    assert!(learns(&mut engine));
    Ok(())
}

fn a_broken_shader_is_told_and_left_out() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    copy_shaders(folder.path());
    let (mut engine, said) = engine(folder.path())?;
    assert!(learns(&mut engine));

    let dense = folder.path().join("dense.wgsl");
    let text = std::fs::read_to_string(&dense).unwrap();
    for (broken, message) in [
        (text.replacen("let first = workgroup.x", "let first = workgroup_x", 1), "dense.wgsl:"),
        (text.replace("var<storage, read_write> rows:", "var<storage, read_write> lines:"), "dense.wgsl:"),
        (text.replace("outcomes", "results"), "the shader does not use `outcomes`"),
        (text.replace("const TILE_Q: u32", "const TILE_P: u32"), "TILE_Q"),
    ] {
        assert_ne!(text, broken);
        std::fs::write(&dense, broken).unwrap();
        assert!(learns(&mut engine), "the old shaders go on");
        let told = said.try_recv().unwrap();
        assert!(told.contains(message) && told.ends_with("go on"), "{told}");
    }
    std::fs::write(&dense, &text).unwrap();
    assert!(learns(&mut engine));
    assert!(said.try_recv().unwrap().starts_with("reloaded dense in"));
    Ok(())
}

fn a_folder_without_shaders_is_refused() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let error = Watch::new(folder.path(), |_| {}).err().ok_or("an empty folder was taken")?;
    assert_eq!(error.exit_code(), 2);
    Ok(())
}

fn main() -> ExitCode {
    common::gpu::conclude(vec![
        common::gpu::trial("a change is swapped in", |_| a_change_is_swapped_in()),
        common::gpu::trial("a broken shader is told and left out", |_| {
            a_broken_shader_is_told_and_left_out()
        }),
        common::gpu::trial("a folder without shaders is refused", |_| a_folder_without_shaders_is_refused()),
    ])
}
