//! What is odd about a training that ended well.

use crate::train::run::History;
use crate::train::{Confusion, Recipe};

/// Standard deviations above chance that an accuracy must have to be more than that.
const SIGMAS: f64 = 4.0;

/// Warnings about a training, with what may help.
pub(crate) fn warnings(confusions: &[Confusion], history: &History, recipe: &Recipe) -> Vec<String> {
    let cure = format!("a learning rate (--lr) below {:?} may help", recipe.learning_rate);
    let mut warnings: Vec<String> = confusions.iter().filter_map(at_chance).collect();
    if let Some(last) = warnings.last_mut() {
        last.push_str(&format!("; {cure}"));
    }
    let losses = history.first_loss.zip(history.last_loss);
    if let Some((first, last)) = losses.filter(|(first, last)| last > first) {
        warnings.push(format!("the training loss rose from {first:.4} in epoch 1 to {last:.4}: {cure}"));
    }
    warnings
}

/// A head that does no better than one that always says the most frequent class.
fn at_chance(confusion: &Confusion) -> Option<String> {
    let images: usize = confusion.counts.iter().flatten().sum();
    let frequent = confusion.counts.iter().map(|said| said.iter().sum::<usize>()).max()?;
    let right: usize = (0..confusion.counts.len()).map(|class| confusion.counts[class][class]).sum();
    let n = images.max(1) as f64;
    let (chance, share) = (frequent as f64 / n, right as f64 / n);
    let spread = (chance * (1.0 - chance) / n).sqrt();
    // Not `<=`, which a NaN would pass.
    let learnt = share > chance + SIGMAS * spread;
    (!learnt).then(|| {
        format!(
            "the {} head has learnt nothing: {:.2} % right, and {:.2} % of the images are of the most frequent class",
            confusion.head,
            100.0 * share,
            100.0 * chance
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(right: usize) -> Confusion {
        // Two classes of 600 and 400 images.
        let wrong = 600 - right.min(600);
        Confusion { head: "digit".into(), counts: vec![vec![right.min(600), wrong], vec![400, 0]] }
    }

    #[test]
    fn chance_and_a_risen_loss_are_told_with_a_cure() {
        let recipe = Recipe { learning_rate: 10.0, ..Recipe::default() };
        let history = |last| History { first_loss: Some(1.0), last_loss: Some(last), best: None };
        assert!(warnings(&[], &history(0.9), &recipe).is_empty());
        let told = warnings(&[confusion(600)], &history(1.5), &recipe);
        assert_eq!(told.len(), 2);
        assert!(told[0].contains("digit head has learnt nothing: 60.00 %") && told[0].contains("below 10.0"));
        assert!(told[1].contains("rose from 1.0000 in epoch 1 to 1.5000"));
        let learnt = Confusion { head: "digit".into(), counts: vec![vec![550, 50], vec![100, 300]] };
        assert!(warnings(&[learnt], &history(1.0), &recipe).is_empty());
    }
}
