//! The network written down as programs, in two ways that compute the same.

pub mod augmented;
pub mod fit;
pub mod fused;
pub mod layered;
pub mod tiles;

use serde::{Deserialize, Serialize};

use fused::Fused;
use layered::Layered;
use tiles::Tiles;

use crate::network::{Loss, Network};
use crate::ops::adam::Adam;
use crate::program::Program;
use crate::{Error, Result};

/// How the network is cut into dispatches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One op per dispatch, derived by the tape: readable, and what the fused plan is tested against.
    Layered,
    /// Whole stretches of the network in one dispatch: the fast one.
    #[default]
    Fused,
}

/// The programs of a network.
pub trait Programs: Send + Sync {
    /// Forward, backward, optimizer and records of one step.
    ///
    /// # Errors
    /// [`Error::Usage`] for a batch that the kernels cannot handle.
    fn training(&self, batch: usize) -> Result<Program>;

    /// Forward and records of one step.
    ///
    /// # Errors
    /// As [`Programs::training`].
    fn evaluation(&self, batch: usize) -> Result<Program>;
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

/// Of the rooms.
impl Kind {
    /// This kind, or the layered one where it cannot run a network.
    pub fn fitting(self, network: &Network) -> Self {
        if self.refusal(network).is_some() { Self::Layered } else { self }
    }

    /// Why this kind cannot run a network, if it cannot.
    pub fn refusal(self, network: &Network) -> Option<Error> {
        match self {
            Self::Layered => None,
            Self::Fused => Fused::new(network, Loss::Logits, Tiles::FAT).err(),
        }
    }

    /// The programs of this kind, the fused ones in these tiles; the layered ones if the fused kernels
    /// refuse the network.
    pub fn programs(self, network: &Network, loss: Loss, adam: Adam, tiles: Tiles) -> Box<dyn Programs> {
        let layered = || Box::new(Layered { network: network.clone(), loss, adam });
        match self {
            Self::Layered => layered(),
            Self::Fused => match Fused::new(network, loss, tiles) {
                Ok(fused) => Box::new(fused.trained_by(adam)),
                Err(_) => layered(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{ConvSizes, Sizes};

    #[test]
    fn a_refusal_names_layer_and_size() {
        let refusal =
            |sizes: Sizes| Kind::Fused.refusal(&sizes.network().unwrap()).map(|error| error.to_string());
        let real = Sizes::default();
        assert_eq!(refusal(real), None);
        let kernel = |kernel| ConvSizes { kernel, ..real.conv1 };
        assert_eq!(refusal(Sizes { conv1: kernel(3), ..real }), None);
        let odd = Sizes { fc2: 126, ..real };
        assert!(refusal(odd).unwrap().contains("outputs of fc2, 126"), "{:?}", refusal(odd));
        assert!(Kind::Layered.refusal(&odd.network().unwrap()).is_none());
        let channels = |channels| ConvSizes { channels, ..real.conv1 };
        let wide = Sizes { conv1: channels(24), conv2: channels(48), ..real };
        assert!(
            refusal(wide).unwrap().contains("conv2: the weights take 115200 bytes"),
            "{:?}",
            refusal(wide)
        );
        let window = Sizes { conv2: ConvSizes { window: 3, ..real.conv2 }, ..real };
        assert!(refusal(window).unwrap().contains("pool2: the pooling window, 3"), "{:?}", refusal(window));
    }
}
