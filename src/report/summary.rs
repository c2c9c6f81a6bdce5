//! The network as PyTorch prints it, with output shapes and parameter counts.

use serde::Serialize;

use crate::network::{Input, Layer, Loss, Network, Op};
use crate::train::{Recipe, Schedule};

/// A layer of the summary.
#[derive(Serialize)]
pub(crate) struct Row {
    /// Its name.
    pub name: String,
    /// As PyTorch prints it.
    pub module: String,
    /// The shape of its output for one image.
    pub output: Vec<usize>,
    /// How many parameters it has.
    pub parameters: usize,
}

/// The layers as data.
pub(crate) fn rows(network: &Network) -> Vec<Row> {
    let row = |layer: &Layer| Row {
        name: layer.name.clone(),
        module: module(network, layer),
        output: layer.output.clone(),
        parameters: network.parameters_of(layer).map_or(0, |both| both.iter().map(|p| p.len()).sum()),
    };
    network.layers().iter().map(row).collect()
}

/// The layers in the order in which a batch of `batch` images passes them, one per line: name and
/// module, output shape, parameter count; then the total.
pub(crate) fn network(network: &Network, batch: usize) -> String {
    let text = |layer: &Layer| format!("  ({}): {}", layer.name, module(network, layer));
    let shape = |layer: &Layer| format!("{:?}", [&[batch], &layer.output[..]].concat());
    let layers = network.layers();
    let text_width = layers.iter().map(|layer| text(layer).len()).max().unwrap_or(0);
    let shape_width = layers.iter().map(|layer| shape(layer).len()).max().unwrap_or(0);

    let mut lines = vec![format!("{:text_width$}  {:shape_width$}  parameters", "DigitAdder(", "output")];
    for layer in layers {
        let parameters = network.parameters_of(layer).map(|both| both.iter().map(|p| p.len()).sum());
        let count = parameters.map_or_else(|| "-".into(), thousands);
        lines.push(format!("{:text_width$}  {:shape_width$}  {count:>10}", text(layer), shape(layer)));
    }
    let total = thousands(network.parameter_count());
    lines.push(format!("{:text_width$}  {:shape_width$}  {total:>10}", ")", ""));
    lines.join("\n")
}

/// Names a run on its plots: `MNIST, seed 1, batch 64`.
pub(crate) fn title(recipe: &Recipe, origin: &str) -> String {
    let place = origin.find(" from ").or(origin.find(" ("));
    let dataset = &origin[..place.unwrap_or(origin.len())];
    let Recipe { seed, batch_size, loss, .. } = recipe;
    let loss = if *loss == Loss::DoubleSoftmax { ", double softmax" } else { "" };
    format!("{dataset}, seed {seed}, batch {batch_size}{loss}")
}

/// The rest of a recipe: `learning rate 0.001, fresh addends, 50 epochs`.
pub(crate) fn details(recipe: &Recipe) -> String {
    let Recipe { learning_rate, lr_schedule, warmup, weight_decay, clip_norm, .. } = recipe;
    let Recipe { ema, label_smoothing, augment, addends, epochs, .. } = recipe;
    let mut parts = vec![format!("learning rate {learning_rate:?}")];
    if *lr_schedule != Schedule::Constant {
        parts.push(format!("{lr_schedule} schedule"));
    }
    parts.extend(warmup.map(|warmup| format!("warm-up {warmup}")));
    if *weight_decay > 0.0 {
        parts.push(format!("weight decay {weight_decay:?}"));
    }
    parts.extend(clip_norm.map(|norm| format!("gradient norm at most {norm:?}")));
    parts.extend(ema.map(|decay| format!("weights averaged at {decay:?}")));
    if *label_smoothing > 0.0 {
        parts.push(format!("labels smoothed by {label_smoothing:?}"));
    }
    if !augment.is_none() {
        parts.push(format!("images changed ({augment})"));
    }
    parts.push(format!("{addends} addends"));
    parts.push(format!("{epochs} epochs"));
    parts.join(", ")
}

/// A layer as PyTorch prints the module.
fn module(network: &Network, layer: &Layer) -> String {
    match layer.op {
        Op::Conv2d(s) => format!(
            "Conv2d({}, {}, kernel_size=({k}, {k}), stride=(1, 1))",
            s.in_channels,
            s.out_channels,
            k = s.kernel
        ),
        Op::Relu => "ReLU()".into(),
        Op::MaxPool(s) => format!("MaxPool2d(kernel_size={w}, stride={w})", w = s.window),
        Op::Concat(_) => {
            let name = |input: &Input| match *input {
                Input::Image => "image",
                Input::Number => "number",
                Input::Layer(index) => &network.layers()[index].name,
            };
            format!("Concat({})", layer.inputs.iter().map(name).collect::<Vec<_>>().join(", "))
        }
        Op::Linear(s) => format!("Linear(in_features={}, out_features={}, bias=True)", s.inputs, s.outputs),
    }
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
    use crate::network::{ConvSizes, Sizes};

    #[test]
    fn lines_are_aligned_and_follow_the_sizes() {
        let text = network(&Sizes::default().network().unwrap(), 64);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 17);
        let length = lines[1].len();
        assert!(lines.iter().all(|line| line.len() == length), "{text}");
        assert!(lines[1].starts_with("  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))"));
        assert!(lines[1].contains("[64, 6, 24, 24]") && lines[1].ends_with(" 156"));
        assert!(
            lines[9].starts_with("  (concat): Concat(pool2, fc1.relu)") && lines[9].contains("[64, 256]")
        );
        assert!(lines[16].starts_with(')') && lines[16].ends_with(" 45,709"));

        let real = Sizes::default();
        let conv1 = ConvSizes { channels: 8, ..real.conv1 };
        let wide = network(&Sizes { conv1, ..real }.network().unwrap(), 1);
        assert!(wide.contains("Conv2d(8, 12, ") && wide.contains("[1, 8, 24, 24]"), "{wide}");
    }

    #[test]
    fn what_is_not_usual_is_named() {
        let plain = Recipe::default();
        assert_eq!(details(&plain), "learning rate 0.001, fresh addends, 50 epochs");
        let odd = Recipe {
            lr_schedule: Schedule::OneCycle,
            warmup: "15%".parse().ok(),
            weight_decay: 0.01,
            clip_norm: Some(1.0),
            ema: Some(0.99),
            ..plain
        };
        let words = "one-cycle schedule, warm-up 15%, weight decay 0.01, gradient norm at most 1.0, weights averaged at 0.99";
        assert_eq!(details(&odd), format!("learning rate 0.001, {words}, fresh addends, 50 epochs"));
        assert_eq!(title(&odd, "MNIST from ./data"), "MNIST, seed 1, batch 64");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1000, 45_709, 1_000_000].map(thousands),
            ["0", "999", "1,000", "45,709", "1,000,000"]
        );
    }
}
