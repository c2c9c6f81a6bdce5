//! The recipe `published` repeats the run that was published of this network.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// The published losses of the first three epochs.
const PUBLISHED: [f64; 3] = [2.296, 2.112, 2.067];

/// Neither the seed nor the order of the published run is known. Of the seeds 1 to 5 the three losses were 2.267
/// to 2.325, 2.113 to 2.156 and 2.094 to 2.108: at most 0.044 away. Without the mistake the first is 1.08.
/// Fixed addends show only later: with fresh ones these losses are the same to 0.003.
const TOLERANCE: f64 = 0.06;

#[test]
#[ignore = "needs MNIST: MNIST_DIR=<folder> cargo test --test published -- --ignored"]
fn its_first_losses_are_those_that_were_published() {
    let folder = TempDir::new().unwrap();
    let adapter = std::env::var("TEST_ADAPTER").unwrap_or_else(|_| "high-performance".into());
    let output = Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .current_dir(folder.path())
        .args(["train", "--recipe", "published", "--epochs", "3", "--dataset", "mnist", "--json"])
        .args(["--out", "run", "--adapter", &adapter])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let losses: Vec<f64> = records
        .filter(|record| record["kind"] == "epoch")
        .map(|epoch| epoch["loss"].as_f64().unwrap())
        .collect();
    assert_eq!(losses.len(), 3, "{lines}");
    for (loss, published) in losses.iter().zip(PUBLISHED) {
        assert!((loss - published).abs() <= TOLERANCE, "{losses:?}");
    }
}
