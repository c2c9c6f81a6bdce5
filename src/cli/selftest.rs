//! `digit-adder selftest`.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::options::NamedAdapter;
use crate::Error;
use crate::compare::Used;
use crate::engine::{self, Adapter};
use crate::gpu::shader::Library;
use crate::gpu::{Gpu, Kernels, adapter};
use crate::report::console;
use crate::selftest::{self, Check, Depth};

/// Flags of `selftest`.
#[derive(Debug, Args)]
pub struct Selftest {
    #[command(flatten)]
    adapter: NamedAdapter,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    program: &'static str,
    version: &'static str,
    system: String,
    adapter: Adapter,
    passed: bool,
    ops: BTreeMap<&'static str, Row>,
}

/// How the checks of one op went.
#[derive(Default, Serialize)]
struct Row {
    shapes: usize,
    /// What the number used of its budget that came nearest to it, of the shapes that passed; 0 where
    /// all that an op gives must be exact.
    worst: Used,
    failures: Vec<Failure>,
}

#[derive(Serialize)]
struct Failure {
    shape: String,
    reason: String,
}

impl Selftest {
    pub fn run(self) -> anyhow::Result<()> {
        const NOTHING: &str = "there is nothing to test: selftest compares a GPU driver's numbers with the \
            CPU reference, and needs an adapter";
        let choice = self.adapter.choice(true);
        if choice.adapter == adapter::Choice::Cpu {
            return Err(Error::Device(format!("{NOTHING} other than cpu")).into());
        }
        let opened = engine::open(&choice, &mut console::say).context(NOTHING)?;
        let gpu = opened.gpu().ok_or_else(|| Error::Device(NOTHING.into()))?;
        let checks = selftest::all(Depth::Quick, gpu.lanes)?;
        console::say(&format!(
            "comparing {} programs with the reference on {}",
            checks.len(),
            opened.adapter
        ));
        let start = Instant::now();
        let ops = run(gpu, &checks);
        console::say(&format!("done in {:.1} s", start.elapsed().as_secs_f64()));

        let failures: usize = ops.values().map(|row| row.failures.len()).sum();
        let report = Report {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            adapter: opened.adapter.clone(),
            passed: failures == 0,
            ops,
        };
        console::print(&if self.json { serde_json::to_string_pretty(&report)? } else { report.table() })?;
        if failures > 0 {
            anyhow::bail!("{failures} of {} programs gave wrong numbers on this adapter", checks.len());
        }
        Ok(())
    }
}

fn run(gpu: &Gpu, checks: &[Check]) -> BTreeMap<&'static str, Row> {
    let mut kernels = Kernels::new(Library::Embedded, false);
    let mut ops: BTreeMap<&'static str, Row> = BTreeMap::new();
    for check in checks {
        let row = ops.entry(check.op).or_default();
        row.shapes += 1;
        let reason = match check.run(gpu, &mut kernels) {
            Ok(verdict) => {
                let first = row.worst.budget == 0.0;
                if verdict.failure.is_none() && (first || verdict.worst.share > row.worst.share) {
                    row.worst = verdict.worst;
                }
                verdict.failure
            }
            // A shader that the driver refuses is as much a finding as a wrong number.
            Err(error) => Some(error.to_string()),
        };
        row.failures.extend(reason.map(|reason| Failure { shape: check.shape.clone(), reason }));
    }
    ops
}

impl Report {
    /// Program and adapter, a line for each op, then what failed.
    fn table(&self) -> String {
        let Self { program, version, system, adapter, .. } = self;
        let mut lines = vec![
            format!("{program} {version}, {system}"),
            format!("adapter: {}\ndriver:  {}\nbackend: {}\n", adapter.name, adapter.driver, adapter.backend),
            line("op", ["shapes", "worst error", "budget", "share"], "verdict"),
        ];
        for (op, row) in &self.ops {
            let verdict = match row.failures.len() {
                0 => "ok".to_string(),
                n => format!("FAILED {n}"),
            };
            let Used { error, budget, share } = row.worst;
            let share = format!("{:.1} %", 100.0 * share);
            let columns = [&row.shapes.to_string(), &number(error), &number(budget), &share];
            lines.push(line(op, columns.map(String::as_str), &verdict));
        }
        for (op, row) in &self.ops {
            lines.extend(row.failures.iter().map(|f| format!("\n{op} {}: {}", f.shape, f.reason)));
        }
        lines.join("\n")
    }
}

fn line(op: &str, [shapes, error, budget, share]: [&str; 4], verdict: &str) -> String {
    format!("{op:<14} {shapes:>6}  {error:>11}  {budget:>9}  {share:>7}  {verdict}")
}

/// Two digits, in powers of ten.
fn number(x: f64) -> String {
    if x == 0.0 { "0".into() } else { format!("{x:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_adapter_op_and_failure() {
        let adapter = Adapter {
            name: "GeForce".into(),
            driver: "550.1".into(),
            backend: "vulkan".into(),
            software: false,
        };
        let failures = vec![Failure { shape: "3x7".into(), reason: "y[2]: got 1e0, want 2e0".into() }];
        let used = Used { error: 1.25e-7, budget: 1e-6, share: 0.125 };
        let ops = BTreeMap::from([
            ("add", Row { shapes: 5, worst: used, failures: Vec::new() }),
            ("relu", Row { shapes: 4, worst: Used::default(), failures }),
        ]);
        let (program, version, system) = ("digit-adder", "1.2.3", "linux x86_64".to_string());
        let table = Report { program, version, system, adapter, passed: false, ops }.table();
        for words in [
            "digit-adder 1.2.3, linux x86_64",
            "GeForce",
            "550.1",
            "vulkan",
            "1.2e-7     1.0e-6   12.5 %  ok",
            "0          0    0.0 %  FAILED 1",
            "FAILED 1",
            "relu 3x7: y[2]: got 1e0",
        ] {
            assert!(table.contains(words), "no `{words}` in\n{table}");
        }
    }
}
