//! Event files, as TensorBoard reads them: a TFRecord for each protobuf message `Event`.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};

use crate::escape::Shown;
use crate::train::Metrics;
use crate::train::run::EpochRecord;
use crate::{Error, Result};

/// CRC-32C.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// What the first event of a file says.
const VERSION: &str = "brain.Event:2";

/// The types of protobuf's fields on the wire.
const VARINT: u8 = 0;
const DOUBLE: u8 = 1;
const BYTES: u8 = 2;
const FLOAT: u8 = 5;

/// A file of events that grows. TensorBoard shows all files of a folder as one run.
pub(crate) struct EventFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventFile {
    /// A new file in `folder`, which is created where it is missing.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
        let now = now();
        let name = format!("events.out.tfevents.{:010}.digit-adder.{}", now as u64, std::process::id());
        let mut path = folder.join(&name);
        let mut number = 2;
        let file = loop {
            match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    path = folder.join(format!("{name}.{number}"));
                    number += 1;
                }
                other => break other.map_err(|error| cannot("create", &path, &error))?,
            }
        };
        let mut events = Self { path, file: BufWriter::new(file) };
        let mut event = wall_time(now);
        bytes(&mut event, 3, VERSION.as_bytes());
        events.write(&event)?;
        events.flush()?;
        Ok(events)
    }

    /// Adds a number to the curve `tag`; `wall_time` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn scalar(&mut self, tag: &str, step: u64, wall_time: f64, value: f32) -> Result<()> {
        self.write(&event(tag, step, wall_time, value))
    }

    /// Adds what an epoch says, under the number of its last step, and hands it to the system.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        let now = now();
        for (tag, value) in scalars(record) {
            self.scalar(&tag, u64::from(record.step), now, value as f32)?;
        }
        self.flush()
    }

    /// Hands all that was added to the system.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] naming the file.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| cannot("write", &self.path, &error))
    }

    fn write(&mut self, event: &[u8]) -> Result<()> {
        self.file.write_all(&framed(event)).map_err(|error| cannot("write", &self.path, &error))
    }
}

/// The curves that an epoch adds to. Accuracies are shares, from 0 to 1.
fn scalars(record: &EpochRecord) -> Vec<(String, f64)> {
    let sets: [(&str, Option<&Metrics>); 5] = [
        ("train", Some(&record.train)),
        ("validation", record.validation.as_ref()),
        ("averaged_validation", record.averaged_validation.as_ref()),
        ("test", record.test.as_ref()),
        ("averaged_test", record.averaged_test.as_ref()),
    ];
    let mut scalars = Vec::new();
    for (set, metrics) in sets.into_iter().filter_map(|(set, metrics)| Some((set, metrics?))) {
        scalars.push((format!("loss/{set}"), metrics.loss));
        for head in &metrics.heads {
            let share = head.correct as f64 / metrics.images.max(1) as f64;
            scalars.push((format!("accuracy/{}/{set}", head.head), share));
        }
    }
    scalars.push(("learning_rate".into(), f64::from(record.learning_rate)));
    if record.seconds > 0.0 {
        scalars.push(("images_per_second".into(), record.train.images as f64 / record.seconds));
    }
    scalars
}

/// `Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } } }`
fn event(tag: &str, step: u64, at: f64, value: f32) -> Vec<u8> {
    let mut point = Vec::new();
    bytes(&mut point, 1, tag.as_bytes());
    point.push(2 << 3 | FLOAT);
    point.extend(value.to_le_bytes());
    let mut summary = Vec::new();
    bytes(&mut summary, 1, &point);

    let mut event = wall_time(at);
    event.push(2 << 3 | VARINT);
    varint(&mut event, step);
    bytes(&mut event, 5, &summary);
    event
}

/// The start of an `Event`.
fn wall_time(at: f64) -> Vec<u8> {
    let mut event = vec![1 << 3 | DOUBLE];
    event.extend(at.to_le_bytes());
    event
}

/// A field of text, of bytes or of a message.
fn bytes(message: &mut Vec<u8>, field: u8, content: &[u8]) {
    message.push(field << 3 | BYTES);
    varint(message, content.len() as u64);
    message.extend(content);
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

/// A TFRecord: length, its checksum, data, its checksum.
fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked(data).to_le_bytes());
    record
}

/// TFRecord's checksum: a CRC-32C that is turned and shifted, so that data with checksums in it has another.
fn masked(data: &[u8]) -> u32 {
    CRC.checksum(data).rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// In seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn cannot(verb: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Data(format!("cannot {verb} {}: {error}", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::HeadMetrics;

    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(CRC.checksum(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn numbers_are_written_seven_bits_a_byte() {
        for (number, expected) in [(0, &[0][..]), (127, &[127]), (128, &[0x80, 1]), (300, &[0xAC, 2])] {
            let mut message = Vec::new();
            varint(&mut message, number);
            assert_eq!(message, expected, "{number}");
        }
        let mut message = Vec::new();
        varint(&mut message, u64::MAX);
        assert_eq!(message, [[0xFF; 9].as_slice(), &[1]].concat());
    }

    /// As TensorBoard's own writer writes the same two events (tensorboard 2.21, protobuf 7.36).
    #[test]
    fn records_are_those_of_tensorboard_to_the_byte() {
        let scalar = framed(&event("loss/train", 300, 1234.5, 0.25));
        let mut version = wall_time(1234.5);
        bytes(&mut version, 3, VERSION.as_bytes());
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        assert_eq!(
            hex(&scalar),
            "2100000000000000017becf60900000000004a934010ac022a130a110a0a6c6f73732f747261696e150000803e10b887d6"
        );
        assert_eq!(
            hex(&framed(&version)),
            "1800000000000000a37f4b220900000000004a93401a0d627261696e2e4576656e743a3265b8d3fb"
        );
    }

    fn record(epoch: u32) -> EpochRecord {
        let metrics = |images, correct| {
            let head = |name: &str| HeadMetrics { head: name.into(), loss: 0.5 / f64::from(epoch), correct };
            Metrics::new(images, vec![head("digit"), head("sum")])
        };
        EpochRecord {
            epoch,
            step: 938 * epoch,
            learning_rate: 1e-3,
            train: metrics(60_000, 45_000),
            seconds: 2.0,
            test: (epoch == 2).then(|| metrics(10_000, 9500)),
            ..EpochRecord::default()
        }
    }

    #[test]
    fn an_epoch_is_told_set_by_set_and_head_by_head() {
        let names = |epoch| scalars(&record(epoch)).into_iter().map(|(tag, _)| tag).collect::<Vec<_>>();
        let train = ["loss/train", "accuracy/digit/train", "accuracy/sum/train"];
        let test = ["loss/test", "accuracy/digit/test", "accuracy/sum/test"];
        let rates = ["learning_rate", "images_per_second"];
        assert_eq!(names(1), [&train[..], &rates].concat());
        assert_eq!(names(2), [&train[..], &test, &rates].concat());
        let values = scalars(&record(2));
        assert_eq!((values[1].1, values[4].1, values[7].1), (0.75, 0.95, 30_000.0));
        let averaged = scalars(&EpochRecord { averaged_test: record(2).test, ..record(1) });
        assert_eq!(averaged[3].0, "loss/averaged_test");
        assert_eq!((averaged[4].0.as_str(), averaged[4].1), ("accuracy/digit/averaged_test", 0.95));
    }

    #[test]
    fn each_file_is_new_and_grows_with_each_epoch() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("events");
        let mut files: Vec<_> = (0..3).map(|_| EventFile::create(&folder).unwrap()).collect();
        let paths: std::collections::HashSet<_> = files.iter().map(|file| file.path.clone()).collect();
        assert_eq!(paths.len(), 3);
        let length = |file: &EventFile| fs::metadata(&file.path).unwrap().len();
        assert_eq!(length(&files[0]), 40, "the version, framed");
        for epoch in 1..=2 {
            let before = length(&files[0]);
            files[0].epoch(&record(epoch)).unwrap();
            assert!(length(&files[0]) > before);
        }
        let name = files[0].path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("events.out.tfevents."), "{name}");
        let error = EventFile::create(&files[0].path).err().unwrap();
        assert!(error.exit_code() == 4 && error.to_string().contains(name), "{error}");
    }

    /// Writes the epochs of the log that `EPOCHS` names into the folder of `EVENTS`, for TensorBoard itself.
    #[test]
    #[ignore = "writes a file for TensorBoard"]
    fn events_of_a_run() {
        let log = fs::read_to_string(std::env::var("EPOCHS").unwrap()).unwrap();
        let mut events = EventFile::create(Path::new(&std::env::var("EVENTS").unwrap())).unwrap();
        for line in log.lines() {
            events.epoch(&serde_json::from_str(line).unwrap()).unwrap();
        }
    }
}
