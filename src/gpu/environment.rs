//! What wgpu's environment variables ask for. wgpu passes over the words that it does not know, and then
//! finds no adapter; here they are refused.

use wgpu::Backends;

use super::adapter::Preference;
use crate::escape::Shown;
use crate::{Error, Result};

const BACKENDS: [(&str, Backends); 11] = [
    ("vulkan", Backends::VULKAN),
    ("vk", Backends::VULKAN),
    ("metal", Backends::METAL),
    ("mtl", Backends::METAL),
    ("dx12", Backends::DX12),
    ("d3d12", Backends::DX12),
    ("gl", Backends::GL),
    ("gles", Backends::GL),
    ("opengl", Backends::GL),
    ("primary", Backends::PRIMARY),
    ("secondary", Backends::SECONDARY),
];

/// The backends that `WGPU_BACKEND` lists; all where it is unset or empty.
///
/// # Errors
///
/// [`Error::Usage`] naming the word that is no backend, or where this platform has none of those listed.
pub fn backends() -> Result<Backends> {
    listed(&variable("WGPU_BACKEND"), wgpu::Instance::enabled_backend_features())
}

/// Whether `WGPU_BACKEND` lists any.
pub fn names_backends() -> bool {
    variable("WGPU_BACKEND").split(',').any(|word| !word.trim().is_empty())
}

/// What `WGPU_POWER_PREF` asks for; [`Preference::Auto`] where it is unset, empty or `none`.
///
/// # Errors
///
/// [`Error::Usage`] naming a word that is none of wgpu's.
pub fn preference() -> Result<Preference> {
    preferred(&variable("WGPU_POWER_PREF"))
}

fn variable(name: &str) -> String {
    // Lossy: a value that is no text is then refused by name, too.
    std::env::var_os(name).unwrap_or_default().to_string_lossy().trim().to_lowercase()
}

fn listed(text: &str, available: Backends) -> Result<Backends> {
    let mut backends = Backends::empty();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let known = BACKENDS.iter().find(|(name, _)| *name == word).map(|(_, backend)| *backend);
        backends |= known.or((word == "all").then(Backends::all)).ok_or_else(|| unknown_backend(word))?;
    }
    if backends.is_empty() {
        return Ok(Backends::all());
    }
    if !backends.intersects(available) {
        return Err(Error::Usage(format!(
            "WGPU_BACKEND is `{}`, which this platform does not have: set it to one or several of {}",
            text.shown(),
            names(available)
        )));
    }
    Ok(backends)
}

fn unknown_backend(word: &str) -> Error {
    let known: Vec<&str> = BACKENDS.iter().map(|(name, _)| *name).collect();
    Error::Usage(format!(
        "WGPU_BACKEND names `{}`, which is no backend: set it to one or several of {}, all, with commas \
         between them, or unset it",
        word.shown(),
        known.join(", ")
    ))
}

/// The backends' names, `vulkan, gl`.
pub(super) fn names(backends: Backends) -> String {
    let names: Vec<String> = backends.iter_names().map(|(name, _)| name.to_lowercase()).collect();
    names.join(", ")
}

fn preferred(text: &str) -> Result<Preference> {
    match text {
        "" | "none" => Ok(Preference::Auto),
        "high" => Ok(Preference::HighPerformance),
        "low" => Ok(Preference::LowPower),
        _ => Err(Error::Usage(format!(
            "WGPU_POWER_PREF is `{}`, which is no preference: set it to low, high or none, or unset it",
            text.shown()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Backends = Backends::VULKAN.union(Backends::GL);

    #[test]
    fn lists_of_backends_are_taken() {
        for (text, backends) in [
            ("", Backends::all()),
            (" , ", Backends::all()),
            ("all", Backends::all()),
            ("vulkan", Backends::VULKAN),
            ("vk, opengl,", HERE),
            ("dx12,gl", Backends::DX12 | Backends::GL),
            ("primary", Backends::PRIMARY),
            ("secondary", Backends::GL),
        ] {
            assert_eq!(listed(text, HERE).unwrap(), backends, "{text}");
        }
    }

    #[test]
    fn other_backends_are_refused_by_name() {
        for (text, words) in [
            ("cuda", ["`cuda`", "vulkan, vk, metal"]),
            ("vulkan;gl", ["`vulkan;gl`", "commas"]),
            ("gl,webgpu", ["`webgpu`", "all"]),
            ("dx12,metal", ["`dx12,metal`", "several of vulkan, gl"]),
        ] {
            let error = listed(text, HERE).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
        }
    }

    #[test]
    fn power_preferences_are_taken_or_refused_by_name() {
        assert_eq!(preferred("low").unwrap(), Preference::LowPower);
        assert_eq!(preferred("high").unwrap(), Preference::HighPerformance);
        for text in ["", "none"] {
            assert_eq!(preferred(text).unwrap(), Preference::Auto, "{text}");
        }
        let error = preferred("medium").unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("`medium`"), "{error}");
    }
}
