//! `digit-adder selftest`.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::options::NamedAdapter;
use crate::Error;
use crate::engine::{self, Adapter, Purpose};
use crate::gpu::{Gpu, Kernels};
use crate::report::console;
use crate::selftest::comparator::Used;
use crate::selftest::{self, Check, Depth};
use crate::wgsl::Library;

/// Flags of `selftest`.
#[derive(Debug, Args)]
pub(super) struct Selftest {
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
    /// The number that came nearest to its budget, over the shapes that passed; 0 where all of an op's
    /// outputs must be exact.
    worst: Used,
    failures: Vec<Failure>,
    /// Programs that gave no numbers: the driver refused a shader, or the device failed.
    not_run: Vec<Failure>,
}

#[derive(Serialize)]
struct Failure {
    shape: String,
    reason: String,
}

impl Selftest {
    pub(super) fn run(self) -> anyhow::Result<()> {
        const NOTHING: &str = "there is nothing to test: selftest compares a GPU driver's numbers with the \
            CPU reference and needs an adapter";
        let choice = self.adapter.choice(true, Purpose::Dispatches);
        if let Some(none) = choice.adapter.as_ref().filter(|adapter| adapter.is_none()) {
            return Err(Error::Device(format!("{NOTHING} other than {none}")).into());
        }
        let opened = engine::open(&choice, &mut console::say).context(NOTHING)?;
        let gpu = opened.gpu().ok_or_else(|| Error::Device(NOTHING.into()))?;
        let checks = selftest::all(Depth::Quick, gpu.lanes)?;
        console::say(&format!(
            "comparing {} programs with the reference on {}",
            checks.len(),
            opened.adapter
        ));
        if let Some(refusal) = selftest::refused()? {
            console::say(&format!(
                "not all fused kernels are tested, as they cannot run the network: {refusal}"
            ));
        }
        let start = Instant::now();
        let (ops, cause) = run(gpu, &checks);
        console::say(&format!("done in {:.1} s", start.elapsed().as_secs_f64()));

        let report = Report {
            program: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            adapter: opened.adapter.clone(),
            passed: ops.values().all(|row| row.failures.is_empty() && row.not_run.is_empty()),
            ops,
        };
        console::print(&if self.json { serde_json::to_string_pretty(&report)? } else { report.table() })?;
        report.end(cause)
    }
}

/// Runs all checks. If some could not be run, also returns the first reason: the others may follow from it.
fn run(gpu: &Gpu, checks: &[Check]) -> (BTreeMap<&'static str, Row>, Option<Error>) {
    let mut kernels = Kernels::new(false);
    let mut ops: BTreeMap<&'static str, Row> = BTreeMap::new();
    let mut cause = None;
    for check in checks {
        let row = ops.entry(check.op).or_default();
        row.shapes += 1;
        let failure = |reason| Failure { shape: check.shape.clone(), reason };
        match check.run(gpu, &mut kernels, &Library::Embedded) {
            Ok(verdict) => {
                let first = row.worst.budget == 0.0;
                if verdict.failure.is_none() && (first || verdict.worst.share > row.worst.share) {
                    row.worst = verdict.worst;
                }
                row.failures.extend(verdict.failure.map(failure));
            }
            Err(error) => {
                row.not_run.push(failure(error.to_string().trim_end().into()));
                cause.get_or_insert(error);
            }
        }
    }
    (ops, cause)
}

impl Report {
    /// Fails if a check did.
    ///
    /// # Errors
    /// [`Error::Device`] if programs could not be run, for this cause; another error if all were run and
    /// numbers are wrong.
    fn end(&self, cause: Option<Error>) -> anyhow::Result<()> {
        let sum = |count: fn(&Row) -> usize| self.ops.values().map(count).sum::<usize>();
        let programs = sum(|row| row.shapes);
        let wrong = format!(
            "{} of {programs} programs gave wrong numbers on this adapter",
            sum(|row| row.failures.len())
        );
        if let Some(cause) = cause {
            let not_run = sum(|row| row.not_run.len());
            let cause = cause.to_string();
            return Err(Error::Device(format!(
                "{not_run} of {programs} programs could not be run, {wrong}. The first reason: {}",
                cause.trim_end()
            ))
            .into());
        }
        anyhow::ensure!(self.passed, wrong);
        Ok(())
    }

    /// Program and adapter, a line for each op, then what failed.
    fn table(&self) -> String {
        let Self { program, version, system, adapter, .. } = self;
        let mut lines = vec![
            format!("{program} {version}, {system}"),
            format!("adapter: {}\ndriver:  {}\nbackend: {}\n", adapter.name, adapter.driver, adapter.backend),
            line("op", ["shapes", "worst error", "budget", "share"], "verdict"),
        ];
        for (op, row) in &self.ops {
            let verdict = match (row.failures.len(), row.not_run.len()) {
                (0, 0) => "ok".to_string(),
                (n, 0) => format!("FAILED {n}"),
                (0, n) => format!("NOT RUN {n}"),
                (failed, not_run) => format!("FAILED {failed}, NOT RUN {not_run}"),
            };
            let Used { error, budget, share } = row.worst;
            let share = format!("{:.1} %", 100.0 * share);
            let columns = [&row.shapes.to_string(), &number(error), &number(budget), &share];
            lines.push(line(op, columns.map(String::as_str), &verdict));
        }
        for (op, row) in &self.ops {
            let failures = row.failures.iter().chain(&row.not_run);
            lines.extend(failures.map(|f| format!("\n{op} {}: {}", f.shape, f.reason)));
        }
        lines.join("\n")
    }
}

fn line(op: &str, [shapes, error, budget, share]: [&str; 4], verdict: &str) -> String {
    format!("{op:<23} {shapes:>6}  {error:>11}  {budget:>9}  {share:>7}  {verdict}")
}

/// Two digits and a power of ten.
fn number(x: f64) -> String {
    if x == 0.0 { "0".into() } else { format!("{x:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ops: BTreeMap<&'static str, Row>) -> Report {
        let adapter = Adapter {
            name: "GeForce".into(),
            driver: "550.1".into(),
            backend: "vulkan".into(),
            software: false,
        };
        let (program, version, system) = ("digit-adder", "1.2.3", "linux x86_64".to_string());
        Report { program, version, system, adapter, passed: false, ops }
    }

    #[test]
    fn a_program_that_cannot_be_run_gives_no_wrong_numbers() {
        let failure = |reason: &str| vec![Failure { shape: "3x7".into(), reason: reason.into() }];
        let wrong = Row { shapes: 4, failures: failure("y[2]: got 1e0, want 2e0"), ..Row::default() };
        let error = report(BTreeMap::from([("add", wrong)])).end(None).unwrap_err();
        assert!(error.downcast_ref::<Error>().is_none(), "{error}");
        assert_eq!(error.to_string(), "1 of 4 programs gave wrong numbers on this adapter");

        let lost = "GeForce: the device was lost";
        let row = Row { shapes: 4, not_run: failure(lost), ..Row::default() };
        let report = report(BTreeMap::from([("relu", row)]));
        let table = report.table();
        assert!(table.contains("NOT RUN 1") && table.contains(&format!("relu 3x7: {lost}")), "{table}");
        let error = report.end(Some(Error::Device(lost.into()))).unwrap_err();
        assert_eq!(error.downcast_ref::<Error>().map(Error::exit_code), Some(3));
        for words in ["1 of 4 programs could not be run", "0 of 4 programs gave wrong", lost] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn the_table_names_adapter_op_and_failure() {
        let failures = vec![Failure { shape: "3x7".into(), reason: "y[2]: got 1e0, want 2e0".into() }];
        let used = Used { error: 1.25e-7, budget: 1e-6, share: 0.125 };
        let ops = BTreeMap::from([
            ("add", Row { shapes: 5, worst: used, ..Row::default() }),
            ("relu", Row { shapes: 4, failures, ..Row::default() }),
        ]);
        let table = report(ops).table();
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
