//! A test with each addend, and the mean.

use serde::Serialize;

use super::accuracy::{HeadReport, TestReport};
use super::console::{result_line, result_line_of};
use crate::train::Metrics;

/// Tests with one addend each, on the same images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ByAddend {
    addends: Vec<One>,
    mean: Mean,
    /// The table of both.
    #[serde(skip)]
    pub table: String,
}

/// The test with one addend.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct One {
    addend: u8,
    #[serde(flatten)]
    test: TestReport,
}

/// All tests together.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Mean {
    /// Images times addends. Those about one image are not independent, so standard errors are those of as many
    /// answers as there are images: an upper bound.
    answers: usize,
    loss: f64,
    heads: Vec<HeadReport>,
}

impl ByAddend {
    /// Of tests and their addends.
    pub(crate) fn new(tests: &[(u8, Metrics)]) -> Self {
        let all: Vec<Metrics> = tests.iter().map(|(_, test)| test.clone()).collect();
        let all = Metrics::together(&all);
        let line = |(addend, test): &(u8, Metrics)| result_line(&format!("addend {addend}"), test, 2);
        let images = tests.first().map_or(0, |(_, test)| test.images);
        let lines = tests.iter().map(line).chain([mean_line(&all, images)]);
        let table = lines.collect::<Vec<_>>().join("\n");
        let addends = tests.iter().map(|(addend, test)| One { addend: *addend, test: test.into() });
        let TestReport { images: answers, loss, mut heads } = TestReport::from(&all);
        for head in &mut heads {
            head.accuracy = head.accuracy.of_independent(images);
        }
        Self { addends: addends.collect(), mean: Mean { answers, loss, heads }, table }
    }
}

/// The line of the mean over tests on so many images each.
fn mean_line(all: &Metrics, images: usize) -> String {
    result_line_of("mean    ", all, 3, images)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::HeadMetrics;

    #[test]
    fn the_mean_is_that_of_all_answers() {
        let head = |head: &str, loss, correct| HeadMetrics { head: head.into(), loss, correct };
        let test = |loss, digits, sums| {
            Metrics::new(1000, vec![head("digit", loss, digits), head("sum", 0.5, sums)])
        };
        let report = ByAddend::new(&[(0, test(0.25, 990, 980)), (7, test(0.75, 985, 981))]);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["addends"][1]["addend"], &json["addends"][1]["images"]), (&7.into(), &1000.into()));
        assert_eq!(json["addends"][1]["heads"][0]["correct"], 985);
        let mean = &json["mean"];
        assert_eq!((&mean["answers"], &mean["loss"]), (&2000.into(), &0.5.into()));
        assert_eq!(
            (&mean["heads"][0]["correct"], &mean["heads"][0]["percent"]),
            (&1975.into(), &98.75.into())
        );
        assert_eq!(
            (&mean["heads"][1]["correct"], &mean["heads"][1]["percent"]),
            (&1961.into(), &98.05.into())
        );
        let lines: Vec<&str> = report.table.lines().collect();
        assert!(
            lines[1].starts_with("addend 7 => digit 98.50 ± 0.38 %  sum 98.10 ± 0.43 % (985 and 981 of 1000")
        );
        assert!(
            lines[2]
                .starts_with("mean     => digit 98.750 ± 0.351 %  sum 98.050 ± 0.437 % (1975 and 1961 of")
        );
    }
}
