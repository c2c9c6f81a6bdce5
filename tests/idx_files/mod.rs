//! Makes IDX files, and serves files over HTTP.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use digit_adder::data::{MEMBERS, PIXELS};
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

/// An IDX file of values of type `kind`.
pub fn idx(kind: u8, dims: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dims.len() as u8];
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// The bytes as a gzip stream.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder with a sound set: blank images except for the first and the last value (1 and 2 in the
/// training set, 3 and 4 in the test set), labels counting 0-9 over and over.
pub fn blank_set(gzipped: bool) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (member, mark) in MEMBERS.iter().zip([1, 0, 3, 0]) {
        let count = member.count as u32;
        let bytes = if mark == 0 {
            idx(0x08, &[count], &(0..count).map(|i| (i % 10) as u8).collect::<Vec<_>>())
        } else {
            let mut values = vec![0; member.count * PIXELS];
            let last = values.len() - 1;
            (values[0], values[last]) = (mark, mark + 1);
            idx(0x08, &[count, 28, 28], &values)
        };
        let (name, bytes) = if gzipped {
            (format!("{}.gz", member.name), gzip(&bytes))
        } else {
            (member.name.to_owned(), bytes)
        };
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Serves what `content` gives for a file's name, or 404, until the test ends; returns the address.
pub fn serve(content: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/mnist", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<String> =
                BufReader::new(&stream).lines().map_while(Result::ok).take_while(|l| !l.is_empty()).collect();
            let path = head[0].split(' ').nth(1).unwrap();
            let (status, body) = match content(path.rsplit('/').next().unwrap()) {
                Some(body) => ("200 OK", body),
                None => ("404 Not Found", Vec::new()),
            };
            // A client may hang up early.
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            )
            .and_then(|()| stream.write_all(&body));
        }
    });
    address
}
