//! A server for the site, for those who have none: files, on this machine only.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::request::{self, Refusal, Request};
use super::site::Site;
use crate::escape::Shown;
use crate::{Error, Result, bounded};

/// How long a browser may take to ask, and for a part of the answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most bytes of a file that is served.
const MOST: u64 = 256_000_000;

/// What is served.
#[derive(Clone, Debug)]
pub enum Content {
    /// A site in memory.
    Site(Site),
    /// The files of a folder, read when they are asked for.
    Folder(PathBuf),
}

/// A server that only this machine can reach.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    content: Content,
}

impl Server {
    /// Takes a port of the loopback interface, any free one for 0.
    ///
    /// # Errors
    /// [`Error::Usage`] for a port that is taken or not allowed, [`Error::Data`] for a folder without the page.
    pub fn bind(port: u16, content: Content) -> Result<Self> {
        if let Content::Folder(folder) = &content
            && !folder.join("index.html").is_file()
        {
            let shown = folder.shown();
            return Err(Error::Data(format!(
                "{shown} has no index.html: digit-adder export --web {shown} writes the page there"
            )));
        }
        let taken = |error: io::Error| {
            let what = match error.kind() {
                ErrorKind::AddrInUse => "another program uses it".to_string(),
                _ => error.to_string(),
            };
            Error::Usage(format!(
                "cannot listen on port {port}: {what}. Choose another with --port, or any free one with --port 0"
            ))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        Ok(Self { listener, address, content })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the process ends.
    pub fn run(&self) {
        std::thread::scope(|threads| {
            for stream in self.listener.incoming() {
                match stream {
                    // A browser that goes away is no error; where there is no room for a thread, it must.
                    Ok(mut stream) => {
                        let answer = move || drop(self.answer(&mut stream));
                        let _ = std::thread::Builder::new().spawn_scoped(threads, answer);
                    }
                    // Out of file handles, most likely: others will be closed.
                    Err(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        });
    }

    fn answer(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let asked = request::read(stream, self.address.port(), Instant::now() + PATIENCE);
        let Request { body, path } =
            asked.unwrap_or_else(|refusal| Request { body: true, path: Err(refusal) });
        let found = path.and_then(|path| Ok((200, media_type(&path), self.content.find(&path)?)));
        let (status, media_type, bytes) = found.unwrap_or_else(|(status, what)| {
            (status, "text/plain; charset=utf-8", Cow::Owned(what.into_bytes()))
        });
        write_head(stream, status, media_type, bytes.len())?;
        if body {
            stream.write_all(&bytes)?;
        }
        stream.flush()
    }
}

impl Content {
    fn find(&self, path: &str) -> std::result::Result<Cow<'_, [u8]>, Refusal> {
        let missing = || (404, format!("there is no /{path}"));
        match self {
            Self::Site(site) => site.file(path).map(Cow::Borrowed).ok_or_else(missing),
            Self::Folder(folder) => {
                let file = inside(folder, path).ok_or_else(missing)?;
                let bytes = bounded::read_regular(&file, MOST);
                bytes.map(Cow::Owned).map_err(|error| (500, format!("/{path}: {error}")))
            }
        }
    }
}

/// A file of a folder, wherever links lead, unless they lead out of it.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let file = folder.join(path).canonicalize().ok()?;
    (file.starts_with(&folder) && file.is_file()).then_some(file)
}

fn write_head(stream: &mut impl Write, status: u16, media_type: &str, length: usize) -> io::Result<()> {
    let word = match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        500 => "Internal Server Error",
        _ => "Request Header Fields Too Large",
    };
    let allow = if status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
    write!(
        stream,
        "HTTP/1.1 {status} {word}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n{allow}\
         Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: frame-ancestors 'none'\r\nCross-Origin-Resource-Policy: same-origin\r\n\
         Connection: close\r\n\r\n"
    )
}

/// What a browser must know about a file: it runs no module of another type.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" | "md" | "wgsl" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_files_and_no_others() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("site");
        std::fs::create_dir_all(folder.join("js")).unwrap();
        std::fs::write(outer.path().join("secret"), "secret").unwrap();
        std::fs::write(folder.join("js/main.js"), "x").unwrap();
        assert!(inside(&folder, "js/main.js").is_some());
        for path in ["js", "none", "../secret", "js/../../secret"] {
            assert!(inside(&folder, path).is_none(), "{path}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outer.path().join("secret"), folder.join("link")).unwrap();
            assert!(inside(&folder, "link").is_none());
        }
        let error = Server::bind(0, Content::Folder(folder)).unwrap_err();
        assert!(error.exit_code() == 4 && error.to_string().contains("export --web"), "{error}");
    }

    #[test]
    fn modules_have_the_type_that_browsers_ask_for() {
        assert_eq!(media_type("js/gpu/replay.js"), "text/javascript; charset=utf-8");
        assert_eq!(media_type("data/train.json"), "application/json");
        assert_eq!(media_type("data/weights.safetensors"), "application/octet-stream");
        assert_eq!(media_type("noend"), "application/octet-stream");
    }
}
