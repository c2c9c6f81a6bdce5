//! The program as a child: what it says, and how it ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Longer than anything here takes, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(300);

/// A training in a process of its own.
pub struct Training {
    child: Child,
    said: Receiver<String>,
}

impl Training {
    /// Starts the program in a folder.
    pub fn start(home: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_digit-adder"))
            .current_dir(home)
            .env_remove("MNIST_DIR")
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, said) = channel();
        std::thread::spawn(move || {
            let whole = stderr.lines().map_while(Result::ok);
            whole.take_while(|line| sender.send(line.clone()).is_ok()).for_each(drop);
        });
        Self { child, said }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it says until a line has these words, that line included.
    pub fn until(&self, words: &str) -> Result<String, String> {
        let (start, mut said) = (Instant::now(), String::new());
        loop {
            // A training that goes on has always something to say.
            let left = PATIENCE.saturating_sub(start.elapsed());
            let line = self.said.recv_timeout(left);
            let line = line.map_err(|error| format!("`{words}` was never said ({error}), only\n{said}"))?;
            said += &format!("{line}\n");
            if line.contains(words) {
                return Ok(said);
            }
        }
    }

    /// What else it says up to its end, and its exit code.
    pub fn end(mut self) -> Result<(Option<i32>, String), String> {
        let mut said = String::new();
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) => said += &format!("{line}\n"),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err(format!("it does not end: {said}")),
            }
        }
        let status = self.child.wait().map_err(|error| error.to_string())?;
        Ok((status.code(), said))
    }

    /// Asks it to stop, which it must do as it is told to.
    pub fn stop(self) -> Result<(), String> {
        let sent = Command::new("kill").args(["-s", "TERM", &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let (code, said) = self.end()?;
        let stopped = code == Some(143) && said.contains("stopped by SIGTERM") && !said.contains("panicked");
        if stopped { Ok(()) } else { Err(format!("{code:?}: {said}")) }
    }
}

impl Drop for Training {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to a good end.
pub fn done(home: &Path, arguments: &[&str]) -> Result<(), String> {
    match Training::start(home, arguments).end()? {
        (Some(0), _) => Ok(()),
        (code, said) => Err(format!("{arguments:?}, {code:?}: {said}")),
    }
}
