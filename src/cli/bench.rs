//! `digit-adder bench`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::options::{self, NamedAdapter};
use crate::bench::sweep::Sweep;
use crate::bench::throughput::{self, Throughput};
use crate::bench::{ceiling, startup, step::StepProfile};
use crate::data::Dataset;
use crate::engine::{self, Choice, Purpose};
use crate::gpu::{Gpu, Kernels};
use crate::network::{Network, Sizes};
use crate::ops::adam::Adam;
use crate::plans::{Kind, tiles::Tiles};
use crate::report::bench::{Header, PlanReport, Report, SweepReport};
use crate::report::console;
use crate::train::Recipe;
use crate::train::recipe::batch_size;
use crate::{Error, Result};

/// Flags of `bench`.
#[derive(Debug, Args)]
pub(super) struct Bench {
    #[command(flatten)]
    adapter: NamedAdapter,
    /// Measure only this plan [default: both, one after the other; with --sweep: fused]
    #[arg(long, value_enum)]
    plan: Option<Kind>,
    /// Batch sizes to train with
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_value = "16,64,256,512,1024,4096",
        value_parser = batch_size)]
    batch_sizes: Vec<usize>,
    /// Images of the step whose dispatches are timed one by one; with --sweep, of all tables except the first
    #[arg(long, value_name = "N", default_value_t = Recipe::default().batch_size, value_parser = batch_size)]
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
    pub(super) fn run(self) -> anyhow::Result<()> {
        const NOTHING: &str = "there is nothing to measure: bench times the dispatches of a GPU driver and \
            needs an adapter";
        let choice = Choice { profile: true, ..self.adapter.choice(true, Purpose::Dispatches) };
        if let Some(none) = choice.adapter.as_ref().filter(|adapter| adapter.is_none()) {
            return Err(Error::Device(format!("{NOTHING} other than {none}")).into());
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
        let network = Sizes::default().network()?;
        let mut plans = vec![options::fitting(self.plan.unwrap_or(Kind::Fused), &network)];
        if self.plan.is_none() && plans[0] == Kind::Fused {
            plans.push(Kind::Layered);
        }

        // Start-up first, before anything has warmed up.
        let mut started = Vec::new();
        for &plan in &plans {
            let programs = plan.programs(&network, Recipe::default().loss, Adam::default(), Tiles::of(gpu));
            let program = programs.training(self.batch_size)?;
            started.push(startup::measure(gpu, program, &network.initial_parameters(1), device)?);
        }
        for &plan in &plans {
            for &batch in &self.batch_sizes {
                throughput::check(gpu, &network, plan, batch)?;
            }
        }
        console::say("measuring the machine's ceilings");
        let ceilings = ceiling::measure(gpu, &mut Kernels::new(false), self.seconds)?;
        let dataset = throughput::images()?;
        let mut reports = Vec::new();
        for (plan, (startup, probe)) in plans.into_iter().zip(started) {
            console::say(&format!("measuring the dispatches of the {plan} plan"));
            let step = StepProfile::new(&probe.time(gpu, self.seconds)?, &ceilings);
            let throughput = self.throughput(gpu, &network, plan, &dataset)?;
            reports.push(PlanReport { plan, startup, throughput, step });
        }
        Ok(Report { header, ceilings, plans: reports })
    }

    /// How fast a plan trains with each batch size.
    fn throughput(
        &self,
        gpu: &Arc<Gpu>,
        network: &Network,
        plan: Kind,
        dataset: &Dataset,
    ) -> Result<Vec<Throughput>> {
        let measure = |&batch_size: &usize| {
            console::say(&format!("training with the {plan} plan, batch {batch_size}"));
            let recipe = Recipe { batch_size, plan, ..Recipe::default() };
            throughput::measure(gpu, network, &recipe, dataset, None, self.seconds)
        };
        self.batch_sizes.iter().map(measure).collect()
    }

    fn measure_sweep(&self, gpu: &Arc<Gpu>) -> Result<Sweep> {
        let plan = self.plan.unwrap_or_default();
        Sweep::measure(gpu, plan, &self.batch_sizes, self.batch_size, self.seconds, &mut console::say)
    }
}
