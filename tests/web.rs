//! `export --web` and `serve`, as a user runs them: what is written, what is answered, and to whom.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use digit_adder::network::Sizes;
use digit_adder::train::model_file::{self, Model};
use serde_json::Value;
use tempfile::TempDir;

mod common;
use common::program::{err, out, refused, run};

/// A server that is running.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_digit-adder"));
        command.current_dir(folder).args(["serve", "--port", "0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_string();
        Self { child, address }
    }

    /// The head and the body of what is answered to these lines.
    fn ask(&self, line: &str, host: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        (String::from_utf8(answer[..end].to_vec()).unwrap(), answer[end + 4..].to_vec())
    }

    fn get(&self, path: &str) -> (String, Vec<u8>) {
        self.ask(&format!("GET {path}"), &self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_site_is_whole() {
    let folder = TempDir::new().unwrap();
    let output = run(folder.path(), &["export", "--web", "site"]);
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).contains("digit-adder serve site"), "{}", out(&output));
    let site = folder.path().join("site");
    let json = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(site.join("data").join(name)).unwrap()).unwrap()
    };
    let description = json("site.json");
    assert_eq!(description["network"]["heads"][1]["classes"], 19);
    for (schedule, batch) in [("predict", 1), ("train", 64), ("evaluate", 64)] {
        assert_eq!(json(description["schedules"][schedule].as_str().unwrap())["batch"], batch, "{schedule}");
    }
    let network = Sizes::default().network().unwrap();
    let weights = model_file::load(&site.join("data/weights.safetensors"), &network).unwrap();
    assert_eq!(weights, model_file::shipped(&network).unwrap());
    assert_eq!(description["weights"]["about"]["trained_epochs"], 100);
    let size = std::fs::metadata(site.join("data/digits.bin")).unwrap().len();
    assert!(size < 1_000_000, "{size} bytes of drawn digits");
    // The same again, and over an earlier one, gives the same bytes.
    assert!(run(folder.path(), &["export", "--web", "site"]).status.success());
    assert!(run(folder.path(), &["export", "--web", "again"]).status.success());
    for file in ["data/site.json", "data/train.json", "data/digits.bin", "index.html"] {
        let read = |site: &str| std::fs::read(folder.path().join(site).join(file)).unwrap();
        assert!(read("site") == read("again"), "{file}");
    }
}

#[test]
fn weights_of_ones_own_are_exported() {
    let folder = TempDir::new().unwrap();
    let network = Sizes::default().network().unwrap();
    let mine = Model { parameters: network.initial_parameters(5), about: None };
    std::fs::write(folder.path().join("mine.safetensors"), model_file::to_bytes(&network, &mine).unwrap())
        .unwrap();
    assert!(run(folder.path(), &["export", "--web", "site", "mine.safetensors"]).status.success());
    let exported = model_file::load(&folder.path().join("site/data/weights.safetensors"), &network).unwrap();
    assert_eq!(exported, mine);
    let none = ["export", "--web", "other", "none.safetensors"];
    refused(folder.path(), &none, 4, &["none.safetensors"]);
    assert!(!folder.path().join("other").exists());
}

#[test]
fn files_that_are_no_export_are_kept() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("index.html"), "mine").unwrap();
    refused(folder.path(), &["export", "--web", "."], 4, &["nothing was written", "a new folder"]);
    refused(folder.path(), &["export", "--web", "index.html"], 4, &["index.html"]);
    refused(folder.path(), &["export"], 2, &["--web <DIR>"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("index.html")).unwrap(), "mine");
}

#[test]
fn the_page_is_served_with_and_without_a_folder() {
    let folder = TempDir::new().unwrap();
    assert!(run(folder.path(), &["export", "--web", "site"]).status.success());
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    for arguments in [&[][..], &["site"]] {
        let server = Serving::start(folder.path(), arguments);
        for (path, file, media_type) in [
            ("/", "index.html", "text/html; charset=utf-8"),
            ("/js/gpu/replay.js", "js/gpu/replay.js", "text/javascript; charset=utf-8"),
            ("/style/page.css?1", "style/page.css", "text/css; charset=utf-8"),
            ("/data/train.json", "data/train.json", "application/json"),
            ("/data/weights.safetensors", "data/weights.safetensors", "application/octet-stream"),
        ] {
            let (head, body) = server.get(path);
            let want = std::fs::read(folder.path().join("site").join(file)).unwrap();
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {head}");
            for line in [format!("Content-Type: {media_type}"), format!("Content-Length: {}", want.len())] {
                assert!(head.contains(&line), "{path}: {head}");
            }
            assert!(body == want, "{path}");
        }
        let (head, body) = server.ask("HEAD /", &server.address);
        assert!(head.starts_with("HTTP/1.1 200") && body.is_empty(), "{head}");
        for path in ["/none", "/../secret", "/%2e%2e/secret", "/js/..%2f..%2f..%2fsecret", "/js"] {
            let (head, body) = server.get(path);
            assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
            assert!(!body.ends_with(b"secret") || body.starts_with(b"there is no"), "{path}");
        }
        assert!(server.ask("GET /", "example.org").0.starts_with("HTTP/1.1 403"));
        assert!(server.ask("POST /", &server.address).0.starts_with("HTTP/1.1 405"));
        // A browser that asks nothing keeps nobody else waiting.
        let _silent = TcpStream::connect(&server.address).unwrap();
        assert!(server.get("/").0.starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn only_this_machine_is_served() {
    let folder = TempDir::new().unwrap();
    let server = Serving::start(folder.path(), &[]);
    assert!(server.address.starts_with("127.0.0.1:"), "{}", server.address);
    // Another address of the machine, if it has one that routes.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_ok() {
        let address = (socket.local_addr().unwrap().ip(), server.address[10..].parse().unwrap());
        assert!(address.0.is_loopback() || TcpStream::connect(address).is_err(), "{address:?}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = ["cannot listen on port", &port, "another program uses it", "--port 0"];
    refused(folder.path(), &["serve", "--port", &port], 2, &words);
    refused(folder.path(), &["serve", "none"], 4, &["none has no index.html", "export --web none"]);
    refused(folder.path(), &["serve", "site", "--model", "x"], 2, &["--model"]);
    refused(folder.path(), &["serve", "--port", "70000"], 2, &["70000"]);
}
