//! `digit-adder bench`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::options::{self, NamedAdapter};
use crate::bench::sweep::Sweep;
use crate::bench::{ceiling, startup, step::StepProfile, throughput};
use crate::engine::{self, Choice};
use crate::gpu::shader::Library;
use crate::gpu::{Gpu, Kernels, adapter};
use crate::network::Sizes;
use crate::plans::{Kind, tiles::Tiles};
use crate::report::bench::{Header, PlanReport, Report, SweepReport};
use crate::report::console;
use crate::train::{Loss, Settings};
use crate::{Error, Result};

/// Flags of `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    #[command(flatten)]
    adapter: NamedAdapter,
    /// Measure only this plan [default: both, one after the other; of --sweep: fused]
    #[arg(long, value_enum)]
    plan: Option<Kind>,
    /// Batch sizes to train with
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_value = "16,64,256,512,1024,4096",
        value_parser = options::batch_size)]
    batch_sizes: Vec<usize>,
    /// Images of the step whose dispatches are timed one by one; of --sweep, of all rows but the first table
    #[arg(long, value_name = "N", default_value_t = options::BATCH_SIZE, value_parser = options::batch_size)]
    batch_size: usize,
    /// Time for each measurement, after its warm-up
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = options::seconds)]
    seconds: f64,
    /// Print how the cost of an image grows with batch, epoch and network, as Markdown
    #[arg(long)]
    sweep: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub fn run(self) -> anyhow::Result<()> {
        const NOTHING: &str = "there is nothing to measure: bench times the dispatches of a GPU driver, and \
            needs an adapter";
        let choice = Choice { profile: true, ..self.adapter.choice(true) };
        if choice.adapter == adapter::Choice::Cpu {
            return Err(Error::Device(format!("{NOTHING} other than cpu")).into());
        }
        let start = Instant::now();
        let opened = engine::open(&choice, &mut console::say).context(NOTHING)?;
        let device = start.elapsed();
        let header = Header::new(opened.adapter.clone());
        let gpu = opened.gpu().ok_or_else(|| Error::Device(NOTHING.into()))?;
        if self.sweep {
            let sweep = self.measure_sweep(gpu)?;
            let report = SweepReport { header, sweep };
            return self.print(&report, SweepReport::text);
        }
        let report = self.measure(gpu, header, device)?;
        self.print(&report, Report::text)
    }

    fn print<T: Serialize>(&self, report: &T, text: impl Fn(&T) -> String) -> anyhow::Result<()> {
        let json = || serde_json::to_string_pretty(report);
        Ok(console::print(&if self.json { json()? } else { text(report) })?)
    }

    fn measure(&self, gpu: &Arc<Gpu>, header: Header, device: Duration) -> Result<Report> {
        let sizes = Sizes::default();
        let parameters = sizes.initial_parameters(1);
        let kinds = self.plan.map_or(vec![Kind::Fused, Kind::Layered], |plan| vec![plan]);

        // Start-up first, as long as nothing has warmed anything up.
        let mut started = Vec::new();
        for &plan in &kinds {
            let program = plan.programs(sizes, Loss::Logits, Tiles::of(gpu)).training(self.batch_size)?;
            started.push(startup::measure(gpu, program, &parameters, device)?);
        }
        for &plan in &kinds {
            for &batch in &self.batch_sizes {
                throughput::check(gpu, sizes, plan, batch)?;
            }
        }
        console::say("measuring the machine's ceilings");
        let mut kernels = Kernels::new(Library::Embedded, false);
        let ceilings = ceiling::measure(gpu, &mut kernels, self.seconds)?;

        let dataset = throughput::images();
        let mut plans = Vec::new();
        for (plan, (startup, rehearsal)) in kinds.into_iter().zip(started) {
            console::say(&format!("measuring the dispatches of the {plan} plan"));
            let step = StepProfile::new(&rehearsal.time(gpu, self.seconds)?, &ceilings);
            let mut throughput = Vec::new();
            for &batch in &self.batch_sizes {
                console::say(&format!("training with the {plan} plan, batch {batch}"));
                let settings = Settings { batch, loss: Loss::Logits, plan };
                throughput.push(throughput::measure(gpu, sizes, settings, &dataset, None, self.seconds)?);
            }
            plans.push(PlanReport { plan, startup, throughput, step });
        }
        Ok(Report { header, ceilings, plans })
    }

    fn measure_sweep(&self, gpu: &Arc<Gpu>) -> Result<Sweep> {
        let plan = self.plan.unwrap_or_default();
        Sweep::measure(gpu, plan, &self.batch_sizes, self.batch_size, self.seconds, &mut console::say)
    }
}
