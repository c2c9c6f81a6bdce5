//! The sources of the page, as they were compiled into the program.

/// A file of the page that is the same in every export.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its path in the site.
    pub path: &'static str,
    /// What it holds.
    pub bytes: &'static [u8],
}

macro_rules! asset {
    ($path:literal) => {
        Asset { path: $path, bytes: include_bytes!(concat!("../../assets/web/", $path)) }
    };
}

/// All files of the page, by path.
pub const ASSETS: &[Asset] = &[
    asset!("index.html"),
    asset!("js/adam.js"),
    asset!("js/gpu/cursor.js"),
    asset!("js/gpu/device.js"),
    asset!("js/gpu/kernel.js"),
    asset!("js/gpu/replay.js"),
    asset!("js/gpu/schedule.js"),
    asset!("js/gpu/text.js"),
    asset!("js/predictor.js"),
    asset!("js/random.js"),
    asset!("js/safetensors.js"),
    asset!("js/site.js"),
    asset!("js/trainer.js"),
    asset!("style.css"),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn files(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => files(&path, root, found),
                false => found.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/")),
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_in_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/web");
        let mut found = Vec::new();
        files(&root, &root, &mut found);
        found
            .retain(|path| ["html", "css", "js", "svg"].iter().any(|end| path.ends_with(&format!(".{end}"))));
        found.sort();
        assert_eq!(ASSETS.iter().map(|asset| asset.path).collect::<Vec<_>>(), found);
    }
}
