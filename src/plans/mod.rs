//! The network written down as programs, in two ways that compute the same.

pub mod fused;
pub mod layered;
pub mod tiles;

use tiles::Tiles;

use crate::network::Sizes;
use crate::program::Program;
use crate::train::Loss;
use crate::{Error, Result};

/// How the network is cut into dispatches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One op a dispatch, derived by the tape: readable, and what the fused plan is proven against.
    Layered,
    /// Whole stretches of the network a dispatch: the fast one.
    #[default]
    Fused,
}

/// The programs of a network for one batch size.
pub trait Programs {
    /// Forward, backward, optimizer and metrics of one step.
    fn training(&self, batch: usize) -> Result<Program>;

    /// Forward and metrics of one step.
    fn evaluation(&self, batch: usize) -> Result<Program>;

    /// Where the first image's logits of digit and sum lie: the tensor's name, and the first word in it.
    fn logits(&self) -> [(&'static str, usize); 2];
}

/// The word that `--plan` takes.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Layered => "layered",
            Self::Fused => "fused",
        })
    }
}

impl Kind {
    /// Why this kind cannot take a network's sizes, if it cannot.
    pub fn refusal(self, sizes: Sizes) -> Option<Error> {
        match self {
            Self::Layered => None,
            Self::Fused => fused::Fused { sizes, loss: Loss::Logits, tiles: Tiles::FAT }.training(1).err(),
        }
    }

    /// The programs of this kind, the fused ones in these tiles; the layered ones where it refuses the
    /// sizes.
    pub fn programs(self, sizes: Sizes, loss: Loss, tiles: Tiles) -> Box<dyn Programs> {
        match self {
            Self::Fused if self.refusal(sizes).is_none() => Box::new(fused::Fused { sizes, loss, tiles }),
            Self::Fused | Self::Layered => Box::new(layered::Layered { sizes, loss }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_size() {
        let real = Sizes::default();
        assert!(Kind::Fused.refusal(real).is_none());
        assert!(Kind::Fused.refusal(Sizes { kernel: 3, ..real }).is_none());
        let odd = Sizes { fc2: 126, ..real };
        let refusal = Kind::Fused.refusal(odd).unwrap().to_string();
        assert!(refusal.contains("outputs of fc2, 126"), "{refusal}");
        assert!(Kind::Layered.refusal(odd).is_none());
        let wide = Sizes { conv1: 24, conv2: 48, ..real };
        let refusal = Kind::Fused.refusal(wide).unwrap().to_string();
        assert!(refusal.contains("conv2: the weights take 115200 bytes"), "{refusal}");
        let refusal = Kind::Fused.refusal(Sizes { window: 3, ..real }).unwrap().to_string();
        assert!(refusal.contains("window, 3"), "{refusal}");
        for nothing in [
            Sizes { kernel: 11, ..real },
            Sizes { window: 20, ..real },
            Sizes { fc1: 0, ..real },
            Sizes { side: 26, ..real },
        ] {
            assert!(Kind::Fused.refusal(nothing).is_some() && nothing.check().is_err(), "{nothing:?}");
        }
    }
}
