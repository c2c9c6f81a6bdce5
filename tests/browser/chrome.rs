//! Chromium, driven over the DevTools protocol.
//!
//! `--remote-debugging-pipe` lets it read commands from descriptor 3 and write to descriptor 4, JSON with a zero byte
//! after each message: no port, no WebSocket and no crate. A shell hands both over, as the standard library
//! cannot.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// How it is called where it is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// WebGPU needs the last one on Linux; the others keep it from asking anything of the network or of a desktop.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--enable-unsafe-webgpu",
];

/// The longest that it may be silent: a training on one busy core takes its time.
const PATIENCE: Duration = Duration::from_secs(300);

/// A browser.
pub struct Chrome {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    sent: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

/// A page of it.
pub struct Page<'a> {
    chrome: &'a mut Chrome,
    target: String,
    session: String,
}

type Answer<T> = Result<T, String>;

/// The browser of this machine, if there is one: that of the variable `CHROMIUM`, or one of the usual names.
pub fn installed() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let folders = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    let places = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|path| path.is_file()).filter(|_| cfg!(unix))
}

impl Chrome {
    /// Starts the browser with a profile of its own.
    pub fn start() -> Answer<Self> {
        let program = installed().ok_or("no Chromium is installed (Debian's package chromium)")?;
        let profile = TempDir::new().map_err(|error| error.to_string())?;
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"]).arg(&program);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| format!("{}: {error}", program.display()))?;
        let (to, output) = (child.stdin.take(), child.stdout.take().ok_or("no output")?);
        let (sender, from) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|bytes| bytes > 0) {
                let parsed = serde_json::from_slice(message.strip_suffix(b"\0").unwrap_or(&message));
                if parsed.is_ok_and(|message| sender.send(message).is_err()) {
                    break;
                }
                message.clear();
            }
        });
        Ok(Self { child, to, from, sent: 0, events: Vec::new(), _profile: profile })
    }

    fn receive(&mut self) -> Answer<Value> {
        self.from.recv_timeout(PATIENCE).map_err(|error| format!("the browser says nothing more: {error}"))
    }

    /// Sends a command and waits for its answer; what is told meanwhile is kept.
    fn send(&mut self, session: Option<&str>, method: &str, params: &Value) -> Answer<Value> {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let to = self.to.as_mut().ok_or("the browser was closed")?;
        to.write_all(format!("{message}\0").as_bytes()).map_err(|error| format!("{method}: {error}"))?;
        loop {
            let mut message = self.receive()?;
            if message["id"] != self.sent {
                self.events.push(message);
            } else if let Some(error) = message.get("error") {
                return Err(format!("{method}: {error}"));
            } else {
                return Ok(message["result"].take());
            }
        }
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&mut self, url: &str) -> Answer<Page<'_>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let made = self.send(None, "Target.createTarget", &json!({ "url": "about:blank" }))?;
        let target = text(&made["targetId"]);
        let attached =
            self.send(None, "Target.attachToTarget", &json!({ "targetId": target, "flatten": true }))?;
        let session = text(&attached["sessionId"]);
        let mut page = Page { chrome: self, target, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.send(&format!("{domain}.enable"), &json!({}))?;
        }
        page.go(url)?;
        Ok(page)
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = self.send(None, "Browser.close", &json!({}));
        // It ends when nobody can command it any more, too.
        self.to = None;
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Page<'_> {
    /// Sends any command of the protocol: input, sizes, colours, screenshots.
    pub fn send(&mut self, method: &str, params: &Value) -> Answer<Value> {
        let session = self.session.clone();
        self.chrome.send(Some(&session), method, params)
    }

    /// Loads an address, and waits for it.
    pub fn go(&mut self, url: &str) -> Answer<()> {
        let is_load = |event: &Value| event["method"] == "Page.loadEventFired";
        let Self { chrome, session, .. } = self;
        chrome.events.retain(|event| event["sessionId"] != **session || !is_load(event));
        self.send("Page.navigate", &json!({ "url": url }))?;
        while !self.events().any(is_load) {
            let event = self.chrome.receive()?;
            self.chrome.events.push(event);
        }
        Ok(())
    }

    /// Runs the body of an async function of `args` in the page, and returns its result.
    pub fn run(&mut self, body: &str, args: &Value) -> Answer<Value> {
        let expression = format!("(async (args) => {{\n{body}\n}})({args})");
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.send("Runtime.evaluate", &params)?;
        match answer.get("exceptionDetails") {
            Some(details) => {
                Err(details["exception"]["description"].as_str().unwrap_or("an exception").to_string())
            }
            None => Ok(answer["result"]["value"].take()),
        }
    }

    fn events(&self) -> impl Iterator<Item = &Value> {
        self.chrome.events.iter().filter(|event| event["sessionId"] == *self.session)
    }

    /// All errors and warnings in the console so far, and requests to elsewhere than `origin`.
    pub fn faults(&mut self, origin: &str) -> Answer<Vec<String>> {
        // What was told before the answer has arrived with it.
        self.run("", &Value::Null)?;
        let fault = |event: &Value| {
            let params = &event["params"];
            let bad = |level: &Value| ["error", "warning", "assert"].iter().any(|bad| level == bad);
            let url = params["request"]["url"].as_str().unwrap_or_default();
            let inside = |url: &str| ["data:", "blob:", origin].iter().any(|begin| url.starts_with(begin));
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if bad(&params["type"]) => Some(params["args"].to_string()),
                "Log.entryAdded" if bad(&params["entry"]["level"]) => Some(params["entry"].to_string()),
                "Network.requestWillBeSent" if !inside(url) => Some(format!("a request to {url}")),
                _ => None,
            }
        };
        Ok(self.events().filter_map(fault).collect())
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        let target = json!({ "targetId": self.target });
        let _ = self.chrome.send(None, "Target.closeTarget", &target);
        let session = std::mem::take(&mut self.session);
        self.chrome.events.retain(|event| event["sessionId"] != *session);
    }
}
