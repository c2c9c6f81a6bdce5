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
    asset!("icon.svg"),
    asset!("index.html"),
    asset!("js/adam.js"),
    asset!("js/app.js"),
    asset!("js/doubts.js"),
    asset!("js/gpu/cursor.js"),
    asset!("js/gpu/device.js"),
    asset!("js/gpu/kernel.js"),
    asset!("js/gpu/replay.js"),
    asset!("js/gpu/schedule.js"),
    asset!("js/gpu/text.js"),
    asset!("js/main.js"),
    asset!("js/picture.js"),
    asset!("js/picture/bounds.js"),
    asset!("js/picture/digit.js"),
    asset!("js/picture/fit.js"),
    asset!("js/picture/form.js"),
    asset!("js/picture/grey.js"),
    asset!("js/picture/grid.js"),
    asset!("js/picture/light.js"),
    asset!("js/picture/lines.js"),
    asset!("js/picture/pen.js"),
    asset!("js/picture/pieces.js"),
    asset!("js/picture/polarity.js"),
    asset!("js/picture/resize.js"),
    asset!("js/picture/search.js"),
    asset!("js/picture/threshold.js"),
    asset!("js/plain.js"),
    asset!("js/predictor.js"),
    asset!("js/random.js"),
    asset!("js/safetensors.js"),
    asset!("js/shaders.js"),
    asset!("js/site.js"),
    asset!("js/trainer.js"),
    asset!("js/views/bars.js"),
    asset!("js/views/cell-pen.js"),
    asset!("js/views/chart.js"),
    asset!("js/views/draw.js"),
    asset!("js/views/editor.js"),
    asset!("js/views/elements.js"),
    asset!("js/views/highlight.js"),
    asset!("js/views/ink.js"),
    asset!("js/views/learn.js"),
    asset!("js/views/machine.js"),
    asset!("js/views/maps.js"),
    asset!("js/views/pad.js"),
    asset!("js/views/state.js"),
    asset!("js/views/weight-files.js"),
    asset!("style/controls.css"),
    asset!("style/draw.css"),
    asset!("style/learn.css"),
    asset!("style/machine.css"),
    asset!("style/narrow.css"),
    asset!("style/page.css"),
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
