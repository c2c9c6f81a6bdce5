//! The seeds that the program makes: whole files of every kind, and such as are wrong in one way.

mod files;
pub mod large;
mod pictures;
mod shaders;
mod weights;

/// A target, a file's name and its bytes.
pub type Seed = (&'static str, String, Vec<u8>);

pub fn all() -> Vec<Seed> {
    let targets = [
        ("idx", files::idx()),
        ("picture", pictures::all()),
        ("weights", weights::all()),
        ("schedule", files::schedules()),
        ("shader", shaders::all()),
    ];
    targets
        .into_iter()
        .flat_map(|(target, seeds)| seeds.into_iter().map(move |(name, bytes)| (target, name.into(), bytes)))
        .collect()
}
