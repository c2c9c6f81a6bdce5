//! What a build without HTTP and TLS has in place of fetching.

use std::path::Path;

/// Says that this build cannot.
pub(super) fn download(
    _mirrors: &[String],
    _folder: &Path,
    _say: &mut dyn FnMut(&str),
) -> Result<(), String> {
    Err("this build lacks the feature `download`".into())
}
