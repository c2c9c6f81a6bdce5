//! What can go wrong, sorted by what the user can do about it.

/// A failure with its own exit code. The message names what is wrong and its cure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument that makes no sense, such as a batch size of 0 (exit code 2).
    #[error("{0}")]
    Usage(String),
    /// No such adapter, a device that was lost, a shader that a driver refused (exit code 3).
    #[error("{0}")]
    Device(String),
    /// A file that is missing, wrong or cannot be written (exit code 4).
    #[error("{0}")]
    Data(String),
    /// The loss or a parameter is no longer a finite number (exit code 5).
    #[error("{0}")]
    Diverged(String),
    /// A result that is not good enough, where that is not acceptable: an answer that may be wrong, a test that
    /// missed its target (exit code 6).
    #[error("{0}")]
    Doubt(String),
    /// A signal stopped the work (exit code 128 and its number). The message says what is kept.
    #[error("{told}")]
    Stopped {
        /// The signal's number.
        signal: u8,
        /// What is kept, and how to go on.
        told: String,
    },
}

impl Error {
    /// The process's exit code for this failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Device(_) => 3,
            Self::Data(_) => 4,
            Self::Diverged(_) => 5,
            Self::Doubt(_) => 6,
            Self::Stopped { signal, .. } => 128 + signal,
        }
    }
}

/// A result whose error has an exit code.
pub type Result<T> = std::result::Result<T, Error>;
