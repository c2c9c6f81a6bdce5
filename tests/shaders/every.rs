//! Every text that the plans run, and what naga makes of it for each backend, as wgpu asks for it.
#![allow(dead_code, reason = "no single test uses all of it")]

use std::collections::BTreeMap;

use digit_adder::data::Augment;
use digit_adder::network::{Loss, Sizes};
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, augmented, tiles::CANDIDATES, tiles::Tiles};
use digit_adder::program::Schedule;
use digit_adder::program::limits::LANES;
use digit_adder::program::schedule::Kernel;
use digit_adder::wgsl::{Library, dead_code, interface, lower};
use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{Module, ShaderStage};

/// Batches of training steps: the default, a tail, the smallest, uneven and large ones, up to the largest that
/// `train` takes.
const TRAINING: [usize; 8] = [64, 32, 500, 1, 7, 65, 1000, 4096];
/// Batches of evaluation steps.
const EVALUATION: [usize; 5] = [500, 64, 32, 7, 1];

/// A shader that was parsed and found valid.
pub struct Shader {
    pub name: String,
    pub module: Module,
    pub info: ModuleInfo,
}

impl Shader {
    pub fn new(name: String, text: &str) -> Self {
        let mut module = naga::front::wgsl::parse_str(text)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(text, &name)));
        let validate = |module: &Module, capabilities| {
            let checked = Validator::new(ValidationFlags::all(), capabilities).validate(module);
            checked.unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(text, &name)))
        };
        validate(&module, interface::CAPABILITIES);
        dead_code::drop_dead_branches(&mut module);
        // Only kernels whose neighbours share what they load may ask for subgroup operations.
        let lanes = text.contains(&format!("\nconst LANES: u32 = {LANES}u;"));
        let capabilities = if lanes { interface::CAPABILITIES } else { Capabilities::IMMEDIATES };
        let info = validate(&module, capabilities);
        Self { name, module, info }
    }

    /// The names of its entries.
    pub fn entries(&self) -> Vec<String> {
        self.module.entry_points.iter().map(|entry| entry.name.clone()).collect()
    }

    /// For Vulkan 1.1: one entry, or all.
    pub fn spirv(&self, entry: Option<&str>, checks: Checks) -> Vec<u32> {
        let pipeline = entry.map(|entry| spv::PipelineOptions {
            shader_stage: ShaderStage::Compute,
            entry_point: entry.into(),
        });
        let options = spv::Options {
            lang_version: (1, 3),
            bounds_check_policies: checks.bounds(),
            force_loop_bounding: checks.are_on(),
            zero_initialize_workgroup_memory: match checks {
                Checks::On => spv::ZeroInitializeWorkgroupMemoryMode::Polyfill,
                Checks::Off => spv::ZeroInitializeWorkgroupMemoryMode::None,
            },
            emit_int_div_checks: checks.are_on(),
            ..Default::default()
        };
        let words = spv::write_vec(&self.module, &self.info, &options, pipeline.as_ref());
        words.unwrap_or_else(|error| panic!("{} in SPIR-V: {error}", self.name))
    }

    /// The Metal text of an entry, and the entry's name in it.
    pub fn msl(&self, entry: &str, checks: Checks) -> (String, String) {
        let options = msl::Options {
            lang_version: (2, 0),
            bounds_check_policies: checks.bounds(),
            force_loop_bounding: checks.are_on(),
            zero_initialize_workgroup_memory: checks.are_on(),
            emit_int_div_checks: checks.are_on(),
            ..Default::default()
        };
        let pipeline = msl::PipelineOptions { entry_point: compute(entry), ..Default::default() };
        let (text, translated) = msl::write_string(&self.module, &self.info, &options, &pipeline)
            .unwrap_or_else(|error| panic!("{}, {entry} in MSL: {error}", self.name));
        (text, self.only(entry, translated.entry_point_names))
    }

    /// The Direct3D 12 text of an entry, and the entry's name in it.
    pub fn hlsl(&self, entry: &str, checks: Checks) -> (String, String) {
        let options = hlsl::Options {
            shader_model: hlsl::ShaderModel::V6_0,
            // Clear of the buffers, which are in space 0.
            immediates_target: Some(hlsl::BindTarget { space: 1, ..Default::default() }),
            zero_initialize_workgroup_memory: checks.are_on(),
            restrict_indexing: checks.are_on(),
            force_loop_bounding: checks.are_on(),
            ..Default::default()
        };
        let pipeline = hlsl::PipelineOptions { entry_point: compute(entry) };
        let mut text = String::new();
        let translated = hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(&self.module, &self.info, None)
            .unwrap_or_else(|error| panic!("{}, {entry} in HLSL: {error}", self.name));
        (text, self.only(entry, translated.entry_point_names))
    }

    /// The new name of the only entry that was written.
    fn only<E: std::fmt::Display>(&self, entry: &str, written: Vec<Result<String, E>>) -> String {
        let [written] = <[_; 1]>::try_from(written).ok().expect("one entry was asked for");
        written.unwrap_or_else(|error| panic!("{}, {entry}: {error}", self.name))
    }
}

fn compute(entry: &str) -> Option<(ShaderStage, String)> {
    Some((ShaderStage::Compute, entry.into()))
}

/// Whether a text is run with checks of bounds and loops and with cleared workgroup memory, as all but those that ship
/// are.
#[derive(Clone, Copy, Debug)]
pub enum Checks {
    On,
    Off,
}

impl Checks {
    pub const BOTH: [Self; 2] = [Self::On, Self::Off];

    fn are_on(self) -> bool {
        matches!(self, Self::On)
    }

    fn bounds(self) -> BoundsCheckPolicies {
        let policy = match self {
            Self::On => BoundsCheckPolicy::Restrict,
            Self::Off => BoundsCheckPolicy::Unchecked,
        };
        BoundsCheckPolicies { index: policy, buffer: policy, image_load: policy, ..Default::default() }
    }
}

/// The schedules of both plans and losses, with their names.
pub fn schedules() -> Vec<(String, Schedule)> {
    let network = Sizes::default().network().unwrap();
    let mut all = Vec::new();
    for loss in [Loss::Logits, Loss::DoubleSoftmax] {
        let fused = CANDIDATES.map(|(name, tiles)| (format!("{name} fused"), Kind::Fused, tiles));
        let clipped = Adam { clip_norm: Some(1.0), ema: Some(0.9), ..Adam::default() };
        let plain = fused.into_iter().chain([("layered".into(), Kind::Layered, Tiles::FAT)]);
        let plans = plain.map(|(plan, kind, tiles)| (plan, kind, tiles, Adam::default()));
        let clipped = ("clipped and averaged thin fused".into(), Kind::Fused, Tiles::THIN, clipped);
        for (plan, kind, tiles, adam) in plans.chain([clipped]) {
            let programs = kind.programs(&network, loss, adam, tiles);
            let mut add = |what: String, program| {
                all.push((format!("{plan} {what}, {loss:?}"), lower(&program, &Library::Embedded).unwrap()));
            };
            for batch in TRAINING {
                add(format!("training of {batch}"), programs.training(batch).unwrap());
            }
            for batch in EVALUATION {
                add(format!("evaluation of {batch}"), programs.evaluation(batch).unwrap());
            }
        }
    }
    for amount in [Augment::LIGHT, Augment::FULL] {
        let schedule = lower(&augmented::program(&amount), &Library::Embedded).unwrap();
        all.push((format!("augment {amount}"), schedule));
    }
    all
}

/// The different texts that the schedules run, each with its name and the entries in use.
pub fn texts() -> BTreeMap<String, (String, BTreeMap<String, Kernel>)> {
    let mut all = BTreeMap::new();
    for (name, schedule) in schedules() {
        for kernel in schedule.kernels {
            let name = format!("{}.wgsl in {name}", kernel.shader);
            let (_, entries) = all.entry(kernel.text.as_str().to_string()).or_insert((name, BTreeMap::new()));
            entries.insert(kernel.entry.clone(), kernel);
        }
    }
    all
}
