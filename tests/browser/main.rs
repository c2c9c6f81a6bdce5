//! The page in a browser: the program exports the site and serves it, Chromium opens it, and what its modules compute
//! is compared with the program.
//!
//! The tests speak to Chromium themselves (chrome.rs), so neither Node nor a driver is needed. Without a Chromium they
//! are shown as ignored; with `REQUIRE_BROWSER=1` they fail. What runs in the page lies beside, in .js files that are
//! bodies of async functions of `args`.

#[path = "../common/mod.rs"]
mod common;

mod chrome;
mod drawing;
mod edit;
mod engine;
mod golden;
mod input;
mod learn;
mod look;
mod lost;
mod page;
mod pictures;
mod shots;
mod site;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use chrome::{Chrome, Page};
use libtest_mimic::{Arguments, Failed, Trial};
use site::Served;

/// A browser and a site, started for the first trial that needs them.
#[derive(Clone, Default)]
pub struct Setup(Arc<Mutex<Option<(Chrome, Served)>>>);

/// What a trial does with its page; it gets the address of the site, too.
type Run = fn(&mut Page, &str) -> Result<(), Failed>;

impl Setup {
    /// A trial on a page of the site.
    fn trial(&self, name: &str, page: &'static str, run: Run) -> Trial {
        let required = std::env::var("REQUIRE_BROWSER").is_ok_and(|value| value == "1");
        let setup = self.clone();
        let trial = Trial::test(name, move || setup.on_page(page, run));
        trial.with_ignored_flag(!required && chrome::installed().is_none())
    }

    fn on_page(&self, path: &str, run: Run) -> Result<(), Failed> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some((Chrome::start()?, Served::start()?));
        }
        let (chrome, served) = held.as_mut().ok_or("nothing was started")?;
        let url = served.url.clone();
        let mut page = chrome.open(&format!("{url}{path}"))?;
        run(&mut page, &url)?;
        match &page.faults(&url)?[..] {
            [] => Ok(()),
            faults => Err(faults.join("\n").into()),
        }
    }
}

fn main() -> ExitCode {
    if chrome::installed().is_none() {
        eprintln!(
            "the tests that need a browser are ignored: no Chromium is installed (Debian's package chromium)"
        );
    }
    let setup = Setup::default();
    let mut trials = golden::trials(&setup);
    trials.extend(engine::trials(&setup));
    trials.extend(drawing::trials(&setup));
    trials.extend(page::trials(&setup));
    trials.extend(edit::trials(&setup));
    trials.extend(learn::trials(&setup));
    trials.extend(lost::trials(&setup));
    trials.extend(shots::trials(&setup));
    // One after the other: each keeps all cores busy.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let code = libtest_mimic::run(&arguments, trials).exit_code();
    drop(setup.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    code
}
