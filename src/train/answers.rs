//! What the network says about each image of a held-out set, and where it is wrong.

use serde::{Deserialize, Serialize};

use crate::data::{Addends, Split};
use crate::network::{Head, Network};

/// What the network says about images, head by head in the network's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Each head's answers.
    pub heads: Vec<HeadAnswers>,
}

/// What one head says about images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadAnswers {
    /// The likeliest class of each image: the first where several are.
    pub classes: Vec<u8>,
    /// Its probability.
    pub probabilities: Vec<f32>,
}

/// How often each class was taken for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// The head's name.
    pub head: String,
    /// `counts[right][said]`: images.
    pub counts: Vec<Vec<usize>>,
}

/// An image that a head was wrong about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// Its place in the set, from 0.
    pub image: usize,
    /// The number that was to be added.
    pub addend: u8,
    /// What each head said, the right ones too.
    pub heads: Vec<Said>,
}

/// What a head said about an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The head's name.
    pub head: String,
    /// The right class.
    pub right: u8,
    /// The class that it said.
    pub said: u8,
    /// With this probability.
    pub probability: f32,
}

impl Answers {
    /// No answers yet, of a network's heads.
    pub fn none(network: &Network) -> Self {
        Self { heads: network.heads().iter().map(|_| HeadAnswers::default()).collect() }
    }

    /// How often each head took each class for each.
    pub fn confusions(&self, network: &Network, split: &Split, addends: &Addends) -> Vec<Confusion> {
        let of_head = |(head, answers): (&Head, &HeadAnswers)| {
            let mut counts = vec![vec![0; head.classes]; head.classes];
            for ((&label, &addend), &said) in
                split.labels().iter().zip(addends.numbers()).zip(&answers.classes)
            {
                counts[head.target(label, addend) as usize][usize::from(said)] += 1;
            }
            Confusion { head: head.name.clone(), counts }
        };
        network.heads().iter().zip(&self.heads).map(of_head).collect()
    }

    /// The images that some head was wrong about, those first that it was surest of.
    pub fn mistakes(&self, network: &Network, split: &Split, addends: &Addends) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (image, (&label, &addend)) in split.labels().iter().zip(addends.numbers()).enumerate() {
            let said = |(head, answers): (&Head, &HeadAnswers)| Said {
                head: head.name.clone(),
                right: head.target(label, addend) as u8,
                said: answers.classes[image],
                probability: answers.probabilities[image],
            };
            let heads: Vec<Said> = network.heads().iter().zip(&self.heads).map(said).collect();
            if heads.iter().any(|said| said.said != said.right) {
                mistakes.push(Mistake { image, addend, heads });
            }
        }
        mistakes.sort_by(|a, b| b.sureness().total_cmp(&a.sureness()).then(a.image.cmp(&b.image)));
        mistakes
    }
}

impl HeadAnswers {
    /// Adds the answer for one more image.
    pub fn add(&mut self, logits: &[f32], probabilities: &[f32]) {
        let class =
            (0..logits.len()).fold(0, |best, class| if logits[class] > logits[best] { class } else { best });
        self.classes.push(class as u8);
        self.probabilities.push(probabilities[class]);
    }
}

impl Mistake {
    /// The highest probability that a wrong answer was given.
    fn sureness(&self) -> f32 {
        let wrong = self.heads.iter().filter(|said| said.said != said.right);
        wrong.map(|said| said.probability).fold(0.0, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::PIXELS;
    use crate::network::Sizes;

    #[test]
    fn mistakes_and_confusions_follow_the_answers() {
        let network = Sizes::default().network().unwrap();
        let split = Split::new(vec![0; 3 * PIXELS], vec![7, 1, 4]).unwrap();
        let addends = Addends::new(vec![3, 0, 9]).unwrap();
        let mut answers = Answers::none(&network);
        let mut say = |head: usize, class: usize, classes: usize, p: f32| {
            let mut probabilities = vec![0.0; classes];
            probabilities[class] = p;
            answers.heads[head].add(&probabilities, &probabilities);
        };
        for (digit, sum, p) in [(7, 10, 0.9), (7, 1, 0.6), (9, 13, 0.8)] {
            say(0, digit, 10, p);
            say(1, sum, 19, p);
        }
        let [digits, sums] = answers.confusions(&network, &split, &addends).try_into().unwrap();
        assert_eq!((digits.head.as_str(), digits.counts[7][7], digits.counts[1][7]), ("digit", 1, 1));
        assert_eq!((digits.counts[4][9], sums.counts[13][13], sums.counts[10][10]), (1, 1, 1));
        assert_eq!(sums.counts.iter().flatten().sum::<usize>(), 3);
        let mistakes = answers.mistakes(&network, &split, &addends);
        assert_eq!(mistakes.iter().map(|m| (m.image, m.addend)).collect::<Vec<_>>(), [(2, 9), (1, 0)]);
        let Said { right, said, .. } = mistakes[1].heads[0];
        assert_eq!((right, said, mistakes[1].heads[1].right), (1, 7, 1));
    }
}
