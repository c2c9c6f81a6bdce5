//! The site as a user gets it: exported to a folder, and served by the program.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A page without anything on it, under the same policy as the page itself: for tests of the modules alone.
pub const BLANK: &str = "blank.html";

/// The page itself.
pub const PAGE: &str = "";

/// A folder with the site, and the process that serves it.
pub struct Served {
    /// With a slash at its end.
    pub url: String,
    child: Child,
    _folder: TempDir,
}

impl Served {
    pub fn start() -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let path = folder.path().join("site");
        let program = || Command::new(env!("CARGO_BIN_EXE_digit-adder"));
        let exported = program().args(["export", "--web"]).arg(&path).output();
        let exported = exported.map_err(|error| error.to_string())?;
        if !exported.status.success() {
            return Err(String::from_utf8_lossy(&exported.stderr).into_owned());
        }
        let index = std::fs::read_to_string(path.join("index.html")).map_err(|error| error.to_string())?;
        let blank =
            format!("<!doctype html><meta charset=utf-8>{}<link rel=icon href=icon.svg>", policy(&index)?);
        std::fs::write(path.join(BLANK), blank).map_err(|error| error.to_string())?;
        let mut serve = program();
        serve.args(["serve", "--port", "0"]).arg(&path).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = serve.spawn().map_err(|error| error.to_string())?;
        let mut url = String::new();
        let output = child.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut url).map_err(|error| error.to_string())?;
        Ok(Self { url: url.trim().into(), child, _folder: folder })
    }
}

/// The element that holds a page's content security policy.
fn policy(index: &str) -> Result<&str, String> {
    let named = index.find("Content-Security-Policy").ok_or("index.html has no content security policy")?;
    let start = index[..named].rfind('<').ok_or("no element")?;
    let end = index[named..].find('>').ok_or("no element")?;
    Ok(&index[start..=named + end])
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
