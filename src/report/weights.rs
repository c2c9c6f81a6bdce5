//! What trained weights are like, tensor by tensor.

use serde::Serialize;

use super::table::Table;
use crate::network::Network;

/// The numbers of one tensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Tensor {
    /// PyTorch's name.
    pub name: String,
    /// PyTorch's shape.
    pub shape: Vec<usize>,
    /// The least value.
    pub min: f32,
    /// The greatest value.
    pub max: f32,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, of all values and not of a sample.
    pub standard_deviation: f64,
    /// The share of values that are 0, from 0 to 1.
    pub zeros: f64,
}

impl Tensor {
    fn new(name: &str, shape: &[usize], values: &[f32]) -> Self {
        let count = values.len().max(1) as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        let squares = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            min: values.iter().copied().reduce(f32::min).unwrap_or(0.0),
            max: values.iter().copied().reduce(f32::max).unwrap_or(0.0),
            mean,
            standard_deviation: (squares / count).sqrt(),
            zeros: values.iter().filter(|&&value| value == 0.0).count() as f64 / count,
        }
    }
}

/// The tensors of a network's flat parameters.
pub(crate) fn tensors(network: &Network, flat: &[f32]) -> Vec<Tensor> {
    let parameters = network.parameters().iter();
    parameters.map(|p| Tensor::new(&p.name, &p.shape, &flat[p.range()])).collect()
}

/// One line a tensor.
pub(crate) fn table(tensors: &[Tensor]) -> String {
    let mut table = Table::new(2, ["tensor", "shape", "min", "max", "mean", "deviation", "zeros"]);
    for tensor in tensors {
        table.row([
            tensor.name.clone(),
            format!("{:?}", tensor.shape),
            number(tensor.min.into()),
            number(tensor.max.into()),
            number(tensor.mean),
            number(tensor.standard_deviation),
            format!("{:.1} %", 100.0 * tensor.zeros),
        ]);
    }
    table.plain()
}

/// Four digits after the point, unless that would hide the number.
fn number(x: f64) -> String {
    if x == 0.0 || (1e-3..1e5).contains(&x.abs()) { format!("{x:.4}") } else { format!("{x:.2e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_tensor() {
        let tensor = Tensor::new("a", &[2, 2], &[0.0, -3.0, 1.0, 6.0]);
        assert_eq!((tensor.min, tensor.max, tensor.mean, tensor.zeros), (-3.0, 6.0, 1.0, 0.25));
        assert!((tensor.standard_deviation - (42.0f64 / 4.0).sqrt()).abs() <= 1e-12);
        let huge = Tensor::new("b", &[2], &[f32::MAX, -f32::MAX]);
        assert!((huge.mean, huge.zeros) == (0.0, 0.0) && huge.standard_deviation.is_finite());
        let text = table(&[tensor, huge]);
        assert!(
            text.contains("a       [2, 2]") && text.contains("25.0 %") && text.contains("3.40e38"),
            "{text}"
        );
    }
}
