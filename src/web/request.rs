//! What a browser asks for, as far as a static site needs to understand it.

use std::io::Read;
use std::time::Instant;

use percent_encoding::percent_decode_str;

/// The most that a request's head may take.
const MAX_HEAD: usize = 16 * 1024;
/// The most headers that it may have.
const MAX_HEADERS: usize = 64;

/// A request for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Whether the file itself is wanted, not only what is known of it.
    pub body: bool,
    /// The file's path in the site, without a slash before it; the index of a folder where that was named. Or why
    /// there is none.
    pub path: Result<String, Refusal>,
}

/// Why there is no answer but this status, and what to tell.
pub(super) type Refusal = (u16, String);

/// Reads the head of a request that was made to this port of this machine, up to some time.
///
/// # Errors
/// The status for what is no such request.
pub(super) fn read(stream: &mut impl Read, port: u16, until: Instant) -> Result<Request, Refusal> {
    let mut head = Vec::new();
    let mut part = [0; 2048];
    loop {
        let bytes = stream.read(&mut part).map_err(|error| (408, error.to_string()))?;
        if Instant::now() > until {
            return Err((408, "too slow".into()));
        }
        head.extend(&part[..bytes]);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(_)) => return understand(&request, port),
            Ok(httparse::Status::Partial) if bytes == 0 => return Err((400, "half a request".into())),
            Ok(httparse::Status::Partial) if head.len() <= MAX_HEAD => {}
            Ok(httparse::Status::Partial) => return Err((431, "too long a head".into())),
            Err(error) => return Err((400, error.to_string())),
        }
    }
}

fn understand(request: &httparse::Request, port: u16) -> Result<Request, Refusal> {
    let body = match request.method {
        Some("GET") => true,
        Some("HEAD") => false,
        _ => return Err((405, "only GET and HEAD".into())),
    };
    // A name of elsewhere that was made to mean this machine would lend its pages our files.
    let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
    let host = host.map_or(&b""[..], |header| header.value);
    let names = ["localhost", "127.0.0.1", "[::1]"];
    if !names.iter().any(|name| host == name.as_bytes() || host == format!("{name}:{port}").as_bytes()) {
        return Err((403, format!("this server is http://127.0.0.1:{port}/ and nothing else")));
    }
    Ok(Request { body, path: path(request.path.unwrap_or_default()) })
}

fn path(asked: &str) -> Result<String, Refusal> {
    let asked = asked.split(['?', '#']).next().unwrap_or_default();
    let missing = || (404, format!("there is no {asked}"));
    let decoded = percent_decode_str(asked).decode_utf8().map_err(|_| missing())?;
    let mut path = decoded.strip_prefix('/').ok_or_else(missing)?.to_string();
    if path.is_empty() || path.ends_with('/') {
        path += "index.html";
    }
    // Nothing above the folder, on no system, and nothing hidden.
    let is_plain =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0']);
    if path.split('/').all(is_plain) { Ok(path) } else { Err(missing()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn asked(line: &str, host: &str) -> Result<String, u16> {
        let text = format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let path = read(&mut text.as_bytes(), 80, soon()).and_then(|request| request.path);
        path.map_err(|(status, _)| status)
    }

    #[test]
    fn paths_stay_inside() {
        for (path, want) in [
            ("/", Ok("index.html")),
            ("/js/main.js?1#2", Ok("js/main.js")),
            ("/js/", Ok("js/index.html")),
            ("/a%20b", Ok("a b")),
            ("/../x", Err(404)),
            ("/js/../../x", Err(404)),
            ("/%2e%2e/x", Err(404)),
            ("/js%2f..%2f..%2fx", Err(404)),
            ("/..%5cx", Err(404)),
            ("/js//x", Err(404)),
            ("//etc/passwd", Err(404)),
            ("/c:/x", Err(404)),
            ("/.git/config", Err(404)),
            ("/%00", Err(404)),
            ("/%ff", Err(404)),
            ("http://elsewhere/", Err(404)),
            ("*", Err(404)),
        ] {
            assert_eq!(asked(&format!("GET {path}"), "localhost"), want.map(String::from), "{path}");
        }
    }

    #[test]
    fn other_hosts_and_methods_are_refused() {
        for host in ["localhost", "localhost:80", "127.0.0.1:80", "[::1]:80"] {
            assert!(asked("GET /", host).is_ok(), "{host}");
        }
        for host in ["", "example.org", "localhost.example.org", "localhost:81", "127.0.0.1.example.org:80"] {
            assert_eq!(asked("GET /", host), Err(403), "{host}");
        }
        assert_eq!(asked("POST /", "localhost"), Err(405));
        assert_eq!(asked("GET /\r\nX", "localhost"), Err(400));
        let head = |text: &str| read(&mut text.as_bytes(), 80, soon());
        for (path, is_there) in [("/", true), ("/../x", false)] {
            let request = head(&format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).unwrap();
            assert!(!request.body && request.path.is_ok() == is_there);
        }
        let late = Instant::now() - Duration::from_millis(1);
        assert_eq!(read(&mut &b"GET / HTTP/1.1\r\n"[..], 80, late).unwrap_err().0, 408);
        assert_eq!(head("GET / HTTP/1.1\r\n").unwrap_err().0, 400);
        assert_eq!(head(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000))).unwrap_err().0, 431);
    }
}
