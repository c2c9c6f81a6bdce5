//! What `bench` and `train --profile` print: tables for people; the JSON comes from the same structs.

use serde::Serialize;

use super::table::Table;
use crate::bench::ceiling::Ceilings;
use crate::bench::startup::Startup;
use crate::bench::step::{Rate, StepProfile};
use crate::bench::sweep::{Row, Sweep};
use crate::bench::throughput::Throughput;
use crate::engine::Adapter;
use crate::plans::Kind;

/// Where and when something was measured, and by what.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Header {
    /// The program's name.
    pub program: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Operating system and processor.
    pub system: String,
    /// When it was started.
    pub date: String,
    /// What was measured.
    pub adapter: Adapter,
}

/// Everything that was measured of one plan.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlanReport {
    /// The plan.
    pub plan: Kind,
    /// Until its first step was done.
    pub startup: Startup,
    /// How fast it trains, by batch size.
    pub throughput: Vec<Throughput>,
    /// Where the time of a step goes.
    pub step: StepProfile,
}

/// What `bench` prints.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Where and when.
    #[serde(flatten)]
    pub header: Header,
    /// What the machine can do.
    pub ceilings: Ceilings,
    /// One plan after the other.
    pub plans: Vec<PlanReport>,
}

/// What `bench --sweep` prints.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SweepReport {
    /// Where and when.
    #[serde(flatten)]
    pub header: Header,
    /// The sweeps.
    pub sweep: Sweep,
}

impl Header {
    /// Now, here, on `adapter`.
    pub(crate) fn new(adapter: Adapter) -> Self {
        Self {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            date: chrono::Local::now().format("%Y-%m-%d %H:%M %:z").to_string(),
            adapter,
        }
    }

    fn text(&self) -> String {
        let Self { program, version, system, date, adapter } = self;
        let Adapter { name, driver, backend, .. } = adapter;
        format!(
            "{program} {version}, {system}, {date}\nadapter: {name}\ndriver:  {driver}\nbackend: {backend}"
        )
    }
}

impl Report {
    /// The tables.
    pub(crate) fn text(&self) -> String {
        let mut parts = vec![self.header.text(), ceilings(&self.ceilings), self.startup(), self.throughput()];
        parts.extend(self.plans.iter().map(|of| format!("{} plan, {}", of.plan, step(&of.step))));
        parts.join("\n\n")
    }

    fn startup(&self) -> String {
        let mut table = Table::new(1, ["start-up", "device", "pipelines", "first step"]);
        let seconds = |seconds: f64| format!("{seconds:.3} s");
        for PlanReport { plan, startup, .. } in &self.plans {
            let Startup { device_seconds, pipelines_seconds, first_step_seconds } = *startup;
            let cells = [device_seconds, pipelines_seconds, first_step_seconds].map(seconds);
            let [device, pipelines, first_step] = cells;
            table.row([plan.to_string(), device, pipelines, first_step]);
        }
        table.plain()
    }

    fn throughput(&self) -> String {
        let mut table = Table::new(
            1,
            ["training", "batch", "images/s", "step", "recording", "host CPU", "longest submission"],
        );
        for of in &self.plans {
            for t in &of.throughput {
                table.row([
                    of.plan.to_string(),
                    t.batch_size.to_string(),
                    format!("{:.0}", t.images_per_second),
                    format!("{:.3} ms", 1e3 * t.seconds_per_step),
                    percent(t.recording_share),
                    t.host_cpu_share.map_or("-".into(), percent),
                    format!("{:.0} ms", 1e3 * t.longest_submission_seconds),
                ]);
            }
        }
        table.plain()
    }
}

/// The line about what the machine can do.
pub(crate) fn ceilings(ceilings: &Ceilings) -> String {
    format!(
        "ceilings: {} GFLOP/s in a loop of multiply-adds, {} GB/s in a copy",
        giga(ceilings.flops_per_second),
        giga(ceilings.bytes_per_second)
    )
}

/// The table of a step's dispatches under a line about the step.
pub(crate) fn step(step: &StepProfile) -> String {
    let head = ["layer", "kernel", "µs", "share", "GFLOP/s", "of max", "GB/s", "of max"];
    let mut table = Table::new(2, head);
    for dispatch in &step.dispatches {
        table.row([
            dispatch.layer.clone(),
            dispatch.kernel.clone(),
            format!("{:.1}", 1e6 * dispatch.seconds),
            percent(dispatch.share),
            some(&dispatch.flops, giga(dispatch.flops.per_second)),
            some(&dispatch.flops, percent(dispatch.flops.share_of_ceiling)),
            giga(dispatch.bytes.per_second),
            percent(dispatch.bytes.share_of_ceiling),
        ]);
    }
    format!(
        "batch {}: a step takes {:.3} ms, its {} dispatches one by one {:.3} ms\n(by {})\n{}",
        step.batch_size,
        1e3 * step.seconds,
        step.dispatches.len(),
        1e3 * step.seconds_of_dispatches,
        step.timed_by,
        table.plain()
    )
}

impl SweepReport {
    /// Markdown: a line about where and when, and a table for each sweep.
    pub(crate) fn text(&self) -> String {
        let Header { program, version, system, date, adapter } = &self.header;
        let Sweep { batch_sizes, images, networks } = &self.sweep;
        [
            format!("{program} {version} on {adapter}, {system}, {date}."),
            "Cost by batch size:".into(),
            markdown("batch", batch_sizes, |row| row.throughput.batch_size.to_string()),
            format!("Cost by images in an epoch{}:", batch(images)),
            markdown("images", images, |row| row.throughput.images.to_string()),
            format!("Cost by width of the network{}:", batch(networks)),
            markdown("network", networks, |row| row.network.to_string()),
        ]
        .join("\n\n")
    }
}

/// The batch size that all rows have.
fn batch(rows: &[Row]) -> String {
    rows.first().map_or(String::new(), |row| format!(", batch {}", row.throughput.batch_size))
}

fn markdown(what: &str, rows: &[Row], value: impl Fn(&Row) -> String) -> String {
    let head = [what, "plan", "parameters", "MFLOP/image", "images/s", "µs/image", "GFLOP/s"];
    let mut table = Table::new(2, head);
    for row in rows {
        table.row([
            value(row),
            row.plan.to_string(),
            row.parameters.to_string(),
            format!("{:.2}", row.flops_per_image / 1e6),
            format!("{:.0}", row.throughput.images_per_second),
            format!("{:.2}", 1e6 * row.seconds_per_image()),
            giga(row.flops_per_second()),
        ]);
    }
    table.markdown()
}

/// A cell about arithmetic, if there is any.
fn some(flops: &Rate, cell: String) -> String {
    if flops.count == 0 { "-".into() } else { cell }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// In units of 10^9, with as many digits as a table needs.
fn giga(value: f64) -> String {
    match value / 1e9 {
        large if large >= 100.0 => format!("{large:.0}"),
        small => format!("{small:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_are_markdown_with_adapter_and_date() {
        let throughput = Throughput {
            batch_size: 64,
            images: 960,
            images_per_second: 12_500.0,
            seconds_per_step: 64.0 / 12_500.0,
            recording_share: 0.01,
            host_cpu_share: None,
            longest_submission_seconds: 0.1,
            runs: 5,
        };
        let row = Row {
            network: "hidden x2",
            plan: Kind::Layered,
            parameters: 45_709,
            flops_per_image: 1.3e6,
            throughput,
        };
        let adapter = Adapter {
            name: "GeForce".into(),
            driver: "550.1".into(),
            backend: "vulkan".into(),
            software: false,
        };
        let rows = vec![row];
        let sweep = Sweep { batch_sizes: rows.clone(), images: rows.clone(), networks: rows };
        let text = SweepReport { header: Header::new(adapter), sweep }.text();
        assert!(text.lines().next().unwrap().contains("on GeForce (550.1, vulkan)"), "{text}");
        let tables: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(tables.len(), 9, "{text}");
        assert!(tables.iter().all(|line| line.matches('|').count() == 8), "{text}");
        for (line, first) in [(2, "64"), (5, "960"), (8, "hidden x2")] {
            let cells: Vec<&str> = tables[line].split('|').map(str::trim).collect();
            assert_eq!(cells[1..8], [first, "layered", "45709", "1.30", "12500", "80.00", "16.25"]);
        }
    }
}
