//! The network as PyTorch prints it, with output shapes and parameter counts.

use crate::network::Sizes;
use crate::ops::{conv2d::Conv2d, linear::Linear, max_pool::MaxPool};

struct Row {
    text: String,
    output: Vec<usize>,
    parameters: Option<usize>,
}

/// The layers in the order in which a batch of `batch` images passes them, one a line: name and
/// module, output shape, parameter count; then the total.
pub fn network(sizes: &Sizes, batch: usize) -> String {
    let rows = rows(sizes, batch);
    let total: usize = rows.iter().filter_map(|row| row.parameters).sum();
    let shape = |row: &Row| format!("{:?}", row.output);
    let text_width = rows.iter().map(|row| row.text.len()).max().unwrap_or(0);
    let shape_width = rows.iter().map(|row| shape(row).len()).max().unwrap_or(0);

    let mut lines = vec![format!("{:text_width$}  {:shape_width$}  parameters", "DigitAdder(", "output")];
    for row in &rows {
        let count = row.parameters.map_or_else(|| "-".into(), thousands);
        lines.push(format!("{:text_width$}  {:shape_width$}  {count:>10}", row.text, shape(row)));
    }
    lines.push(format!("{:text_width$}  {:shape_width$}  {:>10}", ")", "", thousands(total)));
    lines.join("\n")
}

fn rows(sizes: &Sizes, batch: usize) -> Vec<Row> {
    let count = |layer: &str| {
        let of_layer = |name: &str| name.split('.').next() == Some(layer);
        Some(sizes.parameters().iter().filter(|p| of_layer(&p.name)).map(|p| p.len()).sum())
    };
    let row = |name: &str, module: String, output: Vec<usize>| Row {
        text: format!("  ({name}): {module}"),
        output,
        parameters: None,
    };
    let relu = |name: &str, output: &[usize]| row(name, "ReLU()".into(), output.to_vec());
    let conv = |name: &str, c: Conv2d| Row {
        parameters: count(name),
        ..row(
            name,
            format!(
                "Conv2d({}, {}, kernel_size=({k}, {k}), stride=(1, 1))",
                c.in_channels,
                c.out_channels,
                k = c.kernel
            ),
            vec![c.batch, c.out_channels, c.out_height(), c.out_width()],
        )
    };
    let pool = |name: &str, p: MaxPool| {
        row(
            name,
            format!("MaxPool2d(kernel_size={w}, stride={w})", w = p.window),
            vec![p.batch, p.channels, p.out_height(), p.out_width()],
        )
    };
    let linear = |name: &str, l: Linear| Row {
        parameters: count(name),
        ..row(
            name,
            format!("Linear(in_features={}, out_features={}, bias=True)", l.inputs, l.outputs),
            vec![l.batch, l.outputs],
        )
    };

    let conv1 = conv("conv1", sizes.conv1(batch));
    let conv2 = conv("conv2", sizes.conv2(batch));
    let (relu1, relu2) = (relu("relu1", &conv1.output), relu("relu2", &conv2.output));
    vec![
        conv1,
        relu1,
        pool("pool1", sizes.pool1(batch)),
        conv2,
        relu2,
        pool("pool2", sizes.pool2(batch)),
        row("flatten", "Flatten(start_dim=1)".into(), vec![batch, sizes.flat()]),
        linear("fc1", sizes.fc1(batch)),
        relu("relu3", &[batch, sizes.fc1]),
        row("concat", "Concat(flatten, relu3)".into(), vec![batch, sizes.flat() + sizes.fc1]),
        linear("fc2", sizes.fc2(batch)),
        relu("relu4", &[batch, sizes.fc2]),
        linear("fc3", sizes.fc3(batch)),
        relu("relu5", &[batch, sizes.fc3]),
        linear("out1", sizes.out1(batch)),
        linear("out2", sizes.out2(batch)),
    ]
}

/// `45709` as `45,709`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_and_follow_the_sizes() {
        let text = network(&Sizes::default(), 64);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 18);
        let length = lines[1].len();
        assert!(lines.iter().all(|line| line.len() == length), "{text}");
        assert!(lines[1].starts_with("  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))"));
        assert!(lines[1].contains("[64, 6, 24, 24]") && lines[1].ends_with(" 156"));
        assert!(lines[10].contains("[64, 256]"));
        assert!(lines[17].starts_with(')') && lines[17].ends_with(" 45,709"));

        let wide = network(&Sizes { conv1: 8, ..Sizes::default() }, 1);
        assert!(wide.contains("Conv2d(8, 12, ") && wide.contains("[1, 8, 24, 24]"), "{wide}");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1000, 45_709, 1_000_000].map(thousands),
            ["0", "999", "1,000", "45,709", "1,000,000"]
        );
    }
}
