//! The data sets: malformed files are refused with a message that says what is wrong, folders are
//! searched in order, drawn digits are the same for a seed, addends and order are evenly distributed.

use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;

use digit_adder::Error;
use digit_adder::data::{
    AddendDraw, Dataset, HeldOut, MEMBERS, PIXELS, Request, SIDE, Sources, Split, Wanted, draw, drawn_digits,
    held_out_addends, load, load_from, order,
};
use digit_adder::random::{Purpose, Random};
use sha2::{Digest, Sha256};

mod idx_files;
use idx_files::{blank_set, gzip, idx, serve};

fn sha256(parts: &[&[u8]]) -> String {
    let hash = parts.iter().fold(Sha256::new(), Digest::chain_update).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Loads from one folder, with the messages.
fn from_folder(folder: &Path) -> (digit_adder::Result<Dataset>, Vec<String>) {
    let mut messages = Vec::new();
    let request = Request { wanted: Wanted::Auto, data_dir: Some(folder), ..Request::default() };
    let result = load_from(&Sources::default(), &request, &mut |m| messages.push(m.to_owned()));
    (result, messages)
}

/// The message of a data error that names every one of `words`.
#[track_caller]
fn assert_data_error<T>(result: digit_adder::Result<T>, words: &[&str]) {
    match result {
        Err(Error::Data(message)) => {
            for word in words {
                assert!(message.contains(word), "{message:?} does not say {word:?}");
            }
        }
        Err(other) => panic!("not a data error: {other}"),
        Ok(_) => panic!("accepted, though it should say {words:?}"),
    }
}

#[test]
fn sound_folders_are_read_raw_and_gzipped() {
    for gzipped in [false, true] {
        let folder = blank_set(gzipped);
        let (result, messages) = from_folder(folder.path());
        let set = result.unwrap();
        assert_eq!((set.train.len(), set.test.len()), (60_000, 10_000));
        assert_eq!((set.train.images().len(), set.test.images().len()), (60_000 * PIXELS, 10_000 * PIXELS));
        // The sets' first and last images are marked, so a misaligned reader shows.
        for (split, mark) in [(&set.train, 1), (&set.test, 3)] {
            assert_eq!((split.images()[0], split.images()[split.images().len() - 1]), (mark, mark + 1));
            assert_eq!(split.images().iter().map(|&p| u32::from(p)).sum::<u32>(), u32::from(2 * mark + 1));
            assert!(split.labels().iter().enumerate().all(|(i, &label)| usize::from(label) == i % 10));
        }
        assert!(messages.len() == 1 && messages[0].contains("not MNIST's own"), "{messages:?}");
    }
}

#[test]
fn dotted_names_and_names_without_gz_are_found() {
    let folder = blank_set(true);
    let rename = |from: &str, to: &str| {
        std::fs::rename(folder.path().join(from), folder.path().join(to)).unwrap();
    };
    rename("train-images-idx3-ubyte.gz", "train-images.idx3-ubyte.gz");
    rename("t10k-labels-idx1-ubyte.gz", "t10k-labels.idx1-ubyte");
    assert!(from_folder(folder.path()).0.is_ok());
}

#[test]
fn a_malformed_file_in_a_folder_is_named() {
    let cases: [(usize, Vec<u8>, &str); 5] = [
        (0, idx(0x08, &[10_000, 28, 28], &vec![0; 10_000 * PIXELS]), "mislabelled"),
        (1, idx(0x08, &[60_000, 28, 28], &vec![0; 60_000 * PIXELS]), "mislabelled"),
        (1, idx(0x08, &[60_000], &vec![12; 60_000]), "label 12"),
        (2, idx(0x08, &[10_000, 28, 28], &vec![0; 10_000 * PIXELS - 1]), "truncated"),
        (3, idx(0x08, &[10_000], &vec![0; 10_001]), "oversized"),
    ];
    for (member, bytes, word) in cases {
        for gzipped in [false, true] {
            let folder = blank_set(true);
            let path = folder.path().join(format!("{}.gz", MEMBERS[member].name));
            std::fs::write(path, if gzipped { gzip(&bytes) } else { bytes.clone() }).unwrap();
            assert_data_error(from_folder(folder.path()).0, &[MEMBERS[member].name, word]);
        }
    }
}

#[test]
fn folders_that_are_none_are_refused() {
    let folder = blank_set(true);
    assert_data_error(from_folder(&folder.path().join("nowhere")).0, &["nowhere", "does not exist"]);
    let file = folder.path().join("t10k-labels-idx1-ubyte.gz");
    assert_data_error(from_folder(&file).0, &["t10k-labels-idx1-ubyte.gz", "is not a folder"]);
    std::fs::remove_file(&file).unwrap();
    assert_data_error(from_folder(folder.path()).0, &["lacks t10k-labels-idx1-ubyte:"]);
    let empty = tempfile::tempdir().unwrap();
    assert_data_error(from_folder(empty.path()).0, &["holds none of train-images-idx3-ubyte, train-labels"]);
}

#[test]
fn the_search_goes_in_order_and_stops_at_a_wrong_place() {
    let request = Request { wanted: Wanted::Mnist, ..Request::default() };
    let find = |sources: &Sources| load_from(sources, &request, &mut |_| ());
    let (good, other, empty) = (blank_set(true), blank_set(true), tempfile::tempdir().unwrap());
    let mut sources = Sources {
        nearby: vec![empty.path().join("nowhere"), empty.path().into(), good.path().into()],
        cache: Some(other.path().into()),
        ..Sources::default()
    };
    assert!(find(&sources).unwrap().origin.contains(&*good.path().to_string_lossy()));
    sources.nearby.pop();
    assert!(find(&sources).unwrap().origin.contains(&*other.path().to_string_lossy()));
    sources.variable = Some(empty.path().into());
    assert_data_error(find(&sources), &["MNIST_DIR", "holds none of"]);
    sources.variable = None;
    std::fs::remove_file(other.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    sources.nearby.push(other.path().into());
    assert_data_error(find(&sources), &["lacks t10k-labels-idx1-ubyte:"]);
}

#[test]
fn without_mnist_the_drawn_digits_are_announced_or_refused() {
    let empty = tempfile::tempdir().unwrap();
    let sources = Sources { nearby: vec![empty.path().into()], ..Sources::default() };
    let mut messages = Vec::new();
    let request = Request { limit: Some(100), seed: 1, ..Request::default() };
    let set = load_from(&sources, &request, &mut |m| messages.push(m.to_owned())).unwrap();
    assert_eq!((set.train.len(), set.test.len()), (100, 10_000));
    assert!(set.origin.contains("drawn"), "{}", set.origin);
    let said = messages.join("\n");
    for word in ["MNIST was not found", &*empty.path().to_string_lossy(), "drawn digits", "--data-dir"] {
        assert!(said.contains(word), "{said:?} does not say {word:?}");
    }
    let strict = Request { wanted: Wanted::Mnist, ..request };
    assert_data_error(load_from(&sources, &strict, &mut |_| ()), &["MNIST was not found"]);
}

#[test]
fn requests_that_make_no_sense_are_usage_errors() {
    let load = |request: &Request| load_from(&Sources::default(), request, &mut |_| ());
    let nothing = Request { wanted: Wanted::Drawn, limit: Some(0), ..Request::default() };
    assert!(matches!(load(&nothing), Err(Error::Usage(_))));
    let both = Request { wanted: Wanted::Drawn, data_dir: Some(Path::new(".")), ..Request::default() };
    assert!(matches!(load(&both), Err(Error::Usage(_))));
}

#[test]
fn mirrors_that_fail_are_named_and_leave_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let sources = Sources {
        cache: Some(cache.path().join("new").join("folder")),
        mirrors: vec![
            format!("http://{closed}/mnist"),
            serve(|_| None),
            serve(|_| Some(gzip(b"something else"))),
            serve(|_| Some(b"<html>log in</html>".to_vec())),
            format!("http://{}/mnist", silent.local_addr().unwrap()),
        ],
        ..Sources::default()
    };
    let request = Request { wanted: Wanted::Mnist, download: true, ..Request::default() };
    let start = std::time::Instant::now();
    let result = load_from(&sources, &request, &mut |_| ());
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    assert_data_error(result, &["could not be downloaded", "404", "not the official file", "timeout"]);
    let left: Vec<_> = std::fs::read_dir(cache.path().join("new").join("folder")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
#[ignore = "needs MNIST: MNIST_DIR=<folder> cargo test --test data -- --ignored"]
fn real_mnist_is_the_published_one() {
    let mut messages = Vec::new();
    let set =
        load(&Request { wanted: Wanted::Mnist, ..Request::default() }, &mut |m| messages.push(m.to_owned()));
    let set = set.unwrap();
    assert!(messages.is_empty(), "{messages:?}");
    assert_eq!(counts(set.train.labels()), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    assert_eq!(counts(set.test.labels()), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    assert!((mean_pixel(&set.train) - 0.130_660).abs() <= 1e-6, "{}", mean_pixel(&set.train));
}

/// The `mnist` crate decodes the same images and labels. It opens raw files only, so they are written out first.
#[test]
#[ignore = "needs MNIST: MNIST_DIR=<folder> cargo test --test data -- --ignored"]
fn the_mnist_crate_reads_the_same() {
    let set = load(&Request { wanted: Wanted::Mnist, ..Request::default() }, &mut |_| ()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (member, values) in
        MEMBERS.iter().zip([set.train.images(), set.train.labels(), set.test.images(), set.test.labels()])
    {
        let count = member.count as u32;
        let dims = if values.len() == member.count { vec![count] } else { vec![count, 28, 28] };
        std::fs::write(folder.path().join(member.name), idx(0x08, &dims, values)).unwrap();
    }
    let read = mnist::MnistBuilder::new()
        .base_path(folder.path().to_str().unwrap())
        .label_format_digit()
        .training_set_length(60_000)
        .validation_set_length(0)
        .test_set_length(10_000)
        .finalize();
    assert!(read.trn_img == set.train.images() && read.trn_lbl == set.train.labels());
    assert!(read.tst_img == set.test.images() && read.tst_lbl == set.test.labels());
}

#[test]
#[ignore = "needs MNIST's .gz files: MNIST_DIR=<folder> cargo test --test data -- --ignored"]
fn a_download_is_verified_kept_and_used_again() {
    let folder = std::path::PathBuf::from(std::env::var_os("MNIST_DIR").expect("MNIST_DIR is not set"));
    let mirror = serve(move |name| std::fs::read(folder.join(name)).ok());
    let cache = tempfile::tempdir().unwrap();
    let damaged = cache.path().join(MEMBERS[3].name);
    std::fs::write(&damaged, b"half a file").unwrap();
    let sources = Sources {
        cache: Some(cache.path().into()),
        mirrors: vec![serve(|_| None), mirror],
        ..Sources::default()
    };
    let request = Request { wanted: Wanted::Mnist, download: true, ..Request::default() };
    let first = load_from(&sources, &request, &mut |_| ()).unwrap();
    assert_eq!(counts(first.test.labels()), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 4);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        let folder = tempfile::tempdir().unwrap();
        let usual = folder.path().join("usual");
        std::fs::write(&usual, "").unwrap();
        assert_eq!(mode(&damaged), mode(&usual), "as readable as any file");
    }
    let offline = Request { download: false, ..request };
    let mut messages = Vec::new();
    let again = load_from(&sources, &offline, &mut |m| messages.push(m.to_owned())).unwrap();
    assert!(again == first && messages.is_empty(), "{messages:?}");
}

fn counts(digits: &[u8]) -> [usize; 10] {
    let mut counts = [0; 10];
    digits.iter().for_each(|&label| counts[usize::from(label)] += 1);
    counts
}

fn mean_pixel(split: &Split) -> f64 {
    split.images().iter().map(|&p| f64::from(p)).sum::<f64>() / 255.0 / split.images().len() as f64
}

fn drawn() -> &'static Dataset {
    static SET: OnceLock<Dataset> = OnceLock::new();
    SET.get_or_init(|| drawn_digits(1))
}

#[test]
fn drawn_digits_are_pinned() {
    let set = drawn();
    let hash = sha256(&[set.train.images(), set.train.labels(), set.test.images(), set.test.labels()]);
    assert_eq!(hash, "c6b018e153932191a4bd410d9be103fdc28d97114c5a1757bbce7ad0f85d2125");
    let alone = draw(set.train.labels()[77], &mut Random::new(1, Purpose::Drawing, 77));
    assert_eq!(alone, set.train.images()[77 * PIXELS..78 * PIXELS]);
    let other = draw(set.train.labels()[77], &mut Random::new(2, Purpose::Drawing, 77));
    assert_ne!(alone, other);
}

#[test]
fn drawn_digits_are_balanced_and_all_different() {
    let set = drawn();
    assert_eq!(counts(set.train.labels()), [6000; 10]);
    assert_eq!(counts(set.test.labels()), [1000; 10]);
    // The first thousand are not sorted: about 100 of each, standard deviation 9.
    let start = counts(&set.train.labels()[..1000]);
    assert!(start.iter().all(|n| n.abs_diff(100) < 50), "{start:?}");
    let images = set.train.images().chunks(PIXELS).chain(set.test.images().chunks(PIXELS));
    assert_eq!(images.collect::<HashSet<_>>().len(), 70_000);
}

#[test]
fn drawn_digits_are_placed_like_mnist() {
    let set = drawn();
    let mean = mean_pixel(&set.train);
    assert!((mean - 0.13).abs() <= 0.02, "{mean}");
    for (i, image) in set.train.images().chunks(PIXELS).enumerate() {
        let edge = |p: &usize| [0, SIDE - 1].contains(&(p % SIDE)) || [0, SIDE - 1].contains(&(p / SIDE));
        let on_edge = (0..PIXELS).filter(edge).filter(|&p| image[p] > 0).count();
        assert_eq!(on_edge, 0, "image {i} touches the edge");
        let bright = image.iter().filter(|&&p| p > 100).count();
        assert!((15..=350).contains(&bright), "image {i} has {bright} bright pixels");
    }
}

/// How many test images lie nearest to the mean image of their own digit: 83 %; for MNIST it is 82 %.
#[test]
fn drawn_digits_are_neither_trivial_nor_noise() {
    let set = drawn();
    let mut means = vec![[0.0f32; PIXELS]; 10];
    for (image, &label) in set.train.images().chunks(PIXELS).zip(set.train.labels()) {
        means[usize::from(label)].iter_mut().zip(image).for_each(|(m, &p)| *m += f32::from(p) / 6000.0);
    }
    let distance = |image: &[u8], mean: &[f32; PIXELS]| -> f32 {
        image.iter().zip(mean).map(|(&p, m)| (f32::from(p) - m) * (f32::from(p) - m)).sum()
    };
    let nearest = |image: &[u8]| {
        (0..10).min_by(|&a, &b| distance(image, &means[a]).total_cmp(&distance(image, &means[b])))
    };
    let images = set.test.images().chunks(PIXELS).zip(set.test.labels());
    let right = images.filter(|(image, label)| nearest(image) == Some(usize::from(**label))).count();
    assert!((7_800..8_800).contains(&right), "{right} of 10000");
}

#[test]
fn addends_are_even_and_drawn_when_they_should() {
    for addends in [AddendDraw::Fresh.draw(1, 0, 60_000), held_out_addends(1, HeldOut::Test, 60_000)] {
        let counts = counts(addends.numbers());
        // Standard deviation 73: five of them on each side.
        assert!(counts.iter().all(|n| n.abs_diff(6000) < 367), "{counts:?}");
    }
    assert_eq!(AddendDraw::Fixed.draw(1, 0, 1000), AddendDraw::Fixed.draw(1, 7, 1000));
    assert_ne!(AddendDraw::Fresh.draw(1, 0, 1000), AddendDraw::Fresh.draw(1, 7, 1000));
    assert_ne!(AddendDraw::Fixed.draw(1, 0, 1000), AddendDraw::Fixed.draw(2, 0, 1000));
    assert_ne!(AddendDraw::Fixed.draw(1, 0, 1000), held_out_addends(1, HeldOut::Test, 1000));
    // A shorter set has the same addends as the start of a longer one.
    let [short, long] = [10, 1000].map(|count| AddendDraw::Fresh.draw(1, 3, count));
    assert_eq!(short.numbers(), &long.numbers()[..10]);
}

#[test]
fn every_epoch_takes_every_image_once_in_its_own_order() {
    let (first, second) = (order(1, 1, 1000), order(1, 2, 1000));
    assert_ne!(first, second);
    assert_eq!(first, order(1, 1, 1000));
    for mut order in [first, second] {
        order.sort_unstable();
        assert!(order.into_iter().eq(0..1000));
    }
}

#[test]
#[ignore = "writes drawn.png into the folder for temporary files, to look at"]
fn contact_sheet() {
    const COLUMNS: usize = 30;
    let set = drawn();
    let mut sheet = image::GrayImage::new((COLUMNS * SIDE) as u32, (20 * SIDE) as u32);
    let mut placed = [0; 10];
    for (image, &label) in set.train.images().chunks(PIXELS).zip(set.train.labels()) {
        let place = placed[usize::from(label)];
        placed[usize::from(label)] += 1;
        if place < 2 * COLUMNS {
            let (x, y) = (place % COLUMNS * SIDE, (2 * usize::from(label) + place / COLUMNS) * SIDE);
            let glyph = image::GrayImage::from_raw(SIDE as u32, SIDE as u32, image.to_vec()).unwrap();
            image::imageops::replace(&mut sheet, &glyph, x as i64, y as i64);
        }
    }
    sheet.save(std::env::temp_dir().join("drawn.png")).unwrap();
}
