//! Why an answer may be wrong, as far as the network itself knows.

use super::{HeadPrediction, Prediction};
use crate::data::Addend;
use crate::network::{DIGITS, Network};

/// A top probability below this one is a guess.
const SURE: f32 = 0.7;

/// Every head that is unsure, and every head whose answer does not follow from the digit and the addend.
pub fn doubts(network: &Network, prediction: &Prediction, addend: Addend) -> Vec<String> {
    let of_heads = || network.heads().iter().zip(&prediction.heads);
    let mut doubts: Vec<String> = prediction.heads.iter().filter_map(unsure).collect();
    let Some((_, digit)) = of_heads().find(|(head, _)| head.name == "digit") else { return doubts };
    let (digit, addend) = (digit.likeliest(), addend.number());
    // A head may have classes that are no digits.
    if digit >= DIGITS {
        return doubts;
    }
    for (head, answer) in of_heads() {
        let (right, said) = (head.target(digit as u8, addend), answer.likeliest());
        if right as usize != said {
            doubts.push(format!(
                "the heads disagree: for digit {digit} and number {addend}, the {} is {right}, not {said}",
                head.name
            ));
        }
    }
    doubts
}

fn unsure(head: &HeadPrediction) -> Option<String> {
    let class = head.likeliest();
    let sure = *head.probabilities.get(class)?;
    let (name, percent) = (&head.head, 100.0 * sure);
    (sure < SURE).then(|| format!("the {name} is a guess: {class} has only {percent:.1} %"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Builder, Input, Sizes};

    #[test]
    fn guesses_and_contradictions_are_told() {
        let network = Sizes::default().network().unwrap();
        let addend = Addend::new(3).unwrap();
        let head = |name: &str, classes: usize, class: usize, p: f32| {
            let mut probabilities = vec![(1.0 - p) / (classes - 1) as f32; classes];
            probabilities[class] = p;
            HeadPrediction { head: name.into(), probabilities }
        };
        let said = |digit, p, sum| {
            let heads = vec![head("digit", 10, digit, p), head("sum", 19, sum, 0.9)];
            doubts(&network, &Prediction { heads }, addend)
        };
        let mut net = Builder::new(&[8]).unwrap();
        let x = net.linear("out", Input::Image, 12).unwrap();
        net.head("digit", x, |digit, _| digit + 2).unwrap();
        let heads = vec![head("digit", 12, 11, 0.9)];
        assert!(doubts(&net.finish().unwrap(), &Prediction { heads }, addend).is_empty());
        assert_eq!(said(7, 0.7, 10), Vec::<String>::new());
        assert_eq!(said(7, 0.69, 10), ["the digit is a guess: 7 has only 69.0 %"]);
        assert_eq!(said(7, 0.9, 11), ["the heads disagree: for digit 7 and number 3, the sum is 10, not 11"]);
    }
}
