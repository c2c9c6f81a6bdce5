//! How far training images are changed at random, as users give it: `light`, or `rotation=12,shift=2`.

use serde::{Deserialize, Serialize};

use crate::escape::Shown;
use crate::random::{Purpose, Random};

/// How far images are changed at random: each number is the most in either direction, and 0 changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Augment {
    /// Turned by this angle, in degrees, up to 45.
    pub rotation: f32,
    /// Sized: it becomes 1 / (1 + s) as large, for an s of at most this.
    pub scale: f32,
    /// Slanted: a row is moved by this share of its distance from the middle, up to 1.
    pub shear: f32,
    /// Shifted to the right and down by so many pixels, up to 28.
    pub shift: f32,
    /// Bent: the knots of a lattice that is laid over the image are moved to the right and down by so many
    /// pixels, up to 28.
    pub elastic: f32,
}

impl Augment {
    /// Nothing changes.
    pub const NONE: Self = Self { rotation: 0.0, scale: 0.0, shear: 0.0, shift: 0.0, elastic: 0.0 };
    /// Turned, sized, slanted and shifted.
    pub const LIGHT: Self = Self { rotation: 8.0, scale: 0.08, shear: 0.1, shift: 1.5, elastic: 0.0 };
    /// Bent, too.
    pub const FULL: Self = Self { elastic: 2.0, ..Self::LIGHT };

    const LEVELS: [(&str, Self); 3] = [("none", Self::NONE), ("light", Self::LIGHT), ("full", Self::FULL)];

    /// Each number by its name, with the most that it may be.
    fn numbers(&self) -> [(&'static str, f32, f32); 5] {
        let &Self { rotation, scale, shear, shift, elastic } = self;
        [
            ("rotation", rotation, 45.0),
            ("scale", scale, 0.5),
            ("shear", shear, 1.0),
            ("shift", shift, 28.0),
            ("elastic", elastic, 28.0),
        ]
    }

    fn of(numbers: [f32; 5]) -> Self {
        let [rotation, scale, shear, shift, elastic] = numbers;
        Self { rotation, scale, shear, shift, elastic }
    }

    /// The same with another number of that name.
    fn with(&self, name: &str, text: &str) -> Result<Self, String> {
        let numbers = self.numbers();
        let names = numbers.map(|(name, ..)| name).join(", ");
        let place = numbers.iter().position(|(known, ..)| *known == name);
        let place = place.ok_or_else(|| format!("there is no `{}`: it is one of {names}", name.shown()))?;
        let (_, _, most) = numbers[place];
        let value = text.parse::<f32>().ok().filter(|value| (0.0..=most).contains(value));
        let value = value.ok_or_else(|| format!("`{name}` must be a number from 0 to {most}"))?;
        let mut values = numbers.map(|(_, value, _)| value);
        // The sign of a zero is dropped.
        values[place] = value.abs();
        Ok(Self::of(values))
    }
}

/// Of the rooms.
impl Augment {
    /// What the changes of an epoch, from 0, depend on beside image and amount.
    pub fn key(seed: u64, epoch: u32) -> [u32; 2] {
        Random::new(seed, Purpose::Augmentation, epoch).key()
    }

    /// Whether no image changes.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

impl std::fmt::Display for Augment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some((level, _)) = Self::LEVELS.iter().find(|(_, level)| level == self) {
            return f.write_str(level);
        }
        let numbers = self.numbers();
        let shown = numbers.iter().filter(|(_, value, _)| *value > 0.0);
        f.write_str(&shown.map(|(name, value, _)| format!("{name}={value}")).collect::<Vec<_>>().join(","))
    }
}

impl std::str::FromStr for Augment {
    type Err = String;

    /// A level, numbers, or a level and numbers that replace its own.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut augment = Self::NONE;
        for (index, part) in text.split(',').map(str::trim).enumerate() {
            let level = Self::LEVELS.iter().find(|(name, _)| *name == part);
            match (part.split_once('='), level) {
                (Some((name, number)), _) => augment = augment.with(name.trim(), number.trim())?,
                (None, Some((_, level))) if index == 0 => augment = *level,
                _ => {
                    return Err(format!(
                        "`{part}` must be none, light or full, which come first, or a number such as rotation=12"
                    ));
                }
            }
        }
        Ok(augment)
    }
}

impl TryFrom<String> for Augment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Augment> for String {
    fn from(augment: Augment) -> Self {
        augment.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_given() {
        for text in ["none", "light", "full", "rotation=7.5", "scale=0.1,elastic=3"] {
            assert_eq!(text.parse::<Augment>().unwrap().to_string(), text);
        }
        assert_eq!("light, rotation=0".parse(), Ok(Augment { rotation: 0.0, ..Augment::LIGHT }));
        assert_eq!("shift=0".parse(), Ok(Augment::NONE));
        assert_eq!("rotation=8,scale=0.08,shear=0.1,shift=1.5".parse(), Ok(Augment::LIGHT));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, words) in [
            ("", "`` must be none, light or full"),
            ("strong", "`strong` must be"),
            ("rotation=12,light", "`light` must be none, light or full, which come first"),
            ("turn=3", "no `turn`: it is one of rotation, scale"),
            ("rotation=46", "`rotation` must be a number from 0 to 45"),
            ("shift=-1", "`shift` must"),
            ("scale=NaN", "`scale` must"),
            ("elastic=", "`elastic` must"),
        ] {
            let error = text.parse::<Augment>().unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
