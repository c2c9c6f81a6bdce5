//! Seeded random numbers that stay the same when the `rand` crates change.
//!
//! The generator is ChaCha8, whose output is fixed by its specification; everything made from its
//! words (uniform floats, bounded integers, permutations) is defined here.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for. Streams of one seed are independent of each other, so
/// drawing more numbers for one purpose never changes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Initial weights.
    Weights = 0,
    /// The order of the training images, one stream per epoch.
    Order = 1,
    /// The addends of the training images, one stream per epoch.
    Addends = 2,
    /// The addends of the test images.
    TestAddends = 3,
    /// The drawn digits.
    Drawing = 4,
    /// Inputs of tests.
    Test = 5,
    /// The addends of the validation images.
    ValidationAddends = 6,
    /// The random changes of the training images, one stream per epoch.
    Augmentation = 7,
}

/// A stream of random numbers.
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream of `seed` for one purpose and one index (an epoch, an image; 0 if there is only one).
    pub fn new(seed: u64, purpose: Purpose, index: u32) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream((u64::from(purpose as u32) << 32) | u64::from(index));
        Self(generator)
    }

    /// Two words of random bits.
    pub fn key(&mut self) -> [u32; 2] {
        [self.0.next_u32(), self.0.next_u32()]
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-24.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in `[low, high)`, up to rounding.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `0..bound`, without bias (Lemire's multiply-and-reject). `bound` must not be 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        let reject_under = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(bound);
            if product as u32 >= reject_under {
                return (product >> 32) as u32;
            }
        }
    }

    /// A random permutation of `0..len` (Fisher and Yates).
    pub fn permutation(&mut self, len: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..len).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last as u32 + 1) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_pinned() {
        let mut random = Random::new(1, Purpose::Order, 0);
        assert_eq!(random.permutation(10), [6, 7, 0, 9, 2, 5, 4, 8, 1, 3]);
    }

    #[test]
    fn purposes_differ() {
        let draw = |purpose, index| {
            let mut random = Random::new(1, purpose, index);
            [random.below(1 << 30), random.below(1 << 30)]
        };
        assert_ne!(draw(Purpose::Weights, 0), draw(Purpose::Order, 0));
        assert_ne!(draw(Purpose::Order, 0), draw(Purpose::Order, 1));
    }

    #[test]
    fn permutation_holds_every_index_once() {
        let mut order = Random::new(7, Purpose::Order, 3).permutation(1000);
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..1000));
    }

    #[test]
    fn below_is_even() {
        let mut random = Random::new(3, Purpose::Test, 0);
        let mut counts = [0u32; 10];
        for _ in 0..100_000 {
            counts[random.below(10) as usize] += 1;
        }
        // Standard deviation 95: five of them on each side.
        assert!(counts.iter().all(|&n| n.abs_diff(10_000) < 475), "{counts:?}");
    }
}
