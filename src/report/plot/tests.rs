use super::curves::Results;
use super::*;
use crate::data::{PIXELS, Split, drawn_digits};
use crate::train::run::EpochRecord;
use crate::train::{Confusion, HeadMetrics, Metrics, Mistake, Said};

/// Losses and errors that fall as a run's do; the error ends at `floor` wrong of 10 000.
fn metrics(images: usize, epoch: u32, floor: f64, worse: f64) -> Metrics {
    let progress = f64::from(epoch).powf(-1.1);
    let head = |head: &str, start: f64| {
        let wrong = (start * progress * worse * images as f64 + floor * images as f64 / 1e4) as usize;
        let loss = 3.0 * start * progress * worse + floor / 4e3 + 1e-3;
        HeadMetrics { head: head.into(), loss, correct: images - wrong.min(images) }
    };
    Metrics::new(images, vec![head("digit", 0.12), head("sum", 0.61)])
}

/// Epochs of a run with held-out and test images, the test after every other epoch.
fn records(epochs: std::ops::RangeInclusive<u32>) -> Vec<EpochRecord> {
    let record = |epoch| EpochRecord {
        epoch,
        step: 938 * epoch,
        learning_rate: 1e-3 / epoch as f32,
        train: metrics(55_000, epoch, 0.0, 1.0),
        seconds: 5.5,
        validation: Some(metrics(5000, epoch, 40.0, 0.4)),
        test: epoch.is_multiple_of(2).then(|| metrics(10_000, epoch, 60.0, 0.5)),
        ..EpochRecord::default()
    };
    epochs.map(record).collect()
}

/// Records with other results on the training images, and on no others.
fn with(epochs: u32, loss: impl Fn(u32) -> f64, correct: impl Fn(u32) -> usize) -> Vec<EpochRecord> {
    let head =
        |name: &str, epoch| HeadMetrics { head: name.into(), loss: loss(epoch), correct: correct(epoch) };
    let change = |record: EpochRecord| EpochRecord {
        train: Metrics::new(10_000, vec![head("digit", record.epoch), head("sum", record.epoch)]),
        validation: None,
        test: None,
        ..record
    };
    records(1..=epochs).into_iter().map(change).collect()
}

#[test]
fn averaged_results_are_drawn_in_place_of_the_raw_ones() {
    let raw = records(1..=4);
    let averaged = |record: &EpochRecord| EpochRecord {
        validation: Some(metrics(5000, 1, 0.0, 1.0)),
        averaged_validation: record.validation.clone(),
        test: record.test.as_ref().map(|_| metrics(10_000, 1, 0.0, 1.0)),
        averaged_test: record.test.clone(),
        ..record.clone()
    };
    let averaged: Vec<EpochRecord> = raw.iter().map(averaged).collect();
    assert_eq!(Results::validation(&averaged).epochs, Results::validation(&raw).epochs);
    assert_eq!(Results::test(&averaged, None).epochs, Results::test(&raw, None).epochs);
}

fn confusion(head: &str, classes: usize) -> Confusion {
    let off = |right: usize, said: usize| match (right * 7 + said * 5) % 11 {
        0 => 1 + right,
        1 => 1,
        2 if right + said == 13 => 96,
        _ => 0,
    };
    let cell = |right, said| if right == said { 980 + 13 * right } else { off(right, said) };
    let row = |right: usize| (0..classes).map(|said| cell(right, said)).collect();
    Confusion { head: head.into(), counts: (0..classes).map(row).collect() }
}

fn mistakes(count: usize, split: &Split) -> Vec<Mistake> {
    let mistake = |index: usize| {
        let image = index * 37 % split.len();
        let (digit, addend) = (split.labels()[image], (index * 3 % 10) as u8);
        let said =
            |head: &str, right: u8, said: u8, p: f32| Said { head: head.into(), right, said, probability: p };
        let wrong = if index.is_multiple_of(3) { digit } else { (digit + 5) % 10 };
        let sum = if index % 3 == 1 { digit + addend } else { (digit + addend + 5) % 19 };
        let heads = vec![
            said("digit", digit, wrong, 0.9999 - 0.01 * index as f32),
            said("sum", digit + addend, sum, 0.97 - 0.012 * index as f32),
        ];
        Mistake { image, addend, heads }
    };
    (0..count).map(mistake).collect()
}

/// The SVG, which must have these texts and no number that is none.
fn checked(drawing: &Drawing, texts: &[&str], what: &str) -> String {
    let svg = drawing.svg();
    for text in texts {
        assert!(svg.contains(&format!(">{text}<")), "{what}: no `{text}` in {svg}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{what}: {svg}");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{what}");
    svg
}

#[test]
fn one_epoch_or_many_make_a_figure() {
    let test = metrics(10_000, 40, 60.0, 0.5);
    for epochs in [1..=1, 1..=3, 1..=8, 1..=50, 1..=200, 7..=9, 40..=40] {
        let what = format!("{epochs:?}");
        let records = records(epochs);
        for test in [None, Some(&test)] {
            checked(&curves::loss(&records, test, "seed 1"), &["seed 1", "loss", "train", "epoch"], &what);
            checked(&curves::accuracy(&records, test, "seed 1"), &["seed 1", "digit, train", "epoch"], &what);
        }
        checked(&curves::learning_rate(&records, "seed 1"), &["seed 1", "learning rate", "epoch"], &what);
    }
    checked(&curves::loss(&[], None, "none"), &["none"], "no epochs");
    checked(&curves::learning_rate(&[], "none"), &["none"], "no epochs");
}

#[test]
fn a_loss_of_any_size_is_drawn() {
    type Loss = fn(u32) -> f64;
    let losses: [(&str, Loss); 8] = [
        ("zero", |_| 0.0),
        ("equal", |_| 0.7),
        ("tiny", |_| 1e-300),
        ("tiny and huge", |epoch| if epoch == 1 { 1e300 } else { 1e-300 }),
        ("huge", |epoch| 1e30 / f64::from(epoch)),
        ("subnormal", |_| 5e-324),
        ("largest", |_| f64::MAX / 4.0),
        ("one zero", |epoch| if epoch == 2 { 0.0 } else { 0.3 }),
    ];
    for (what, loss) in losses {
        let svg = checked(&curves::loss(&with(3, loss, |_| 9000), None, ""), &["loss"], what);
        assert!(svg.contains("<circle"), "{what}");
    }
    // The 0 lies a decade below the others, and the axis says so.
    let drawing = curves::loss(&with(3, |epoch| [0.3, 0.0, 0.2][epoch as usize - 1], |_| 9000), None, "");
    checked(&drawing, &["0", "0.1", "0.5"], "one zero");
}

#[test]
fn errors_are_drawn_where_accuracies_look_alike() {
    let good = curves::accuracy(&with(4, |_| 0.1, |epoch| 8500 + 400 * epoch as usize), None, "");
    let svg = checked(&good, &["error (%)", "1", "10"], "good");
    assert!(!svg.contains("accuracy (%)"));
    let bad = curves::accuracy(&with(4, |_| 0.1, |epoch| 8000 + 249 * epoch as usize), None, "");
    let svg = checked(&bad, &["accuracy (%)", "100", "80"], "89.96 %");
    assert!(!svg.contains("error (%)"));
    checked(&curves::accuracy(&with(1, |_| 0.1, |_| 9000), None, ""), &["error (%)"], "90 %");
    // No mistake is below one of ten thousand, which is 0.01 %.
    let none = with(3, |_| 0.1, |epoch| if epoch == 3 { 10_000 } else { 9999 });
    checked(&curves::accuracy(&none, None, ""), &["0", "0.01", "0.02"], "no mistake");
    checked(&curves::accuracy(&with(3, |_| 0.1, |_| 10_000), None, ""), &["0", "0.01"], "never a mistake");
    checked(
        &curves::accuracy(&with(3, |_| 0.1, |_| 0), None, ""),
        &["accuracy (%)", "0", "100"],
        "all wrong",
    );
}

#[test]
fn the_result_after_the_last_epoch_stands_out() {
    let records = with(4, |_| 0.1, |_| 9500);
    let without = checked(&curves::loss(&records, None, ""), &["train"], "without");
    let test = metrics(10_000, 4, 60.0, 0.5);
    let svg = checked(&curves::loss(&records, Some(&test), ""), &["train", "test"], "with");
    assert!(!svg.contains(">at the end<"), "the diamond is all there is of the test");
    let twice = records.iter().map(|record| EpochRecord { test: Some(test.clone()), ..record.clone() });
    checked(&curves::loss(&twice.collect::<Vec<_>>(), Some(&test), ""), &["test", "at the end"], "twice");
    assert!(!without.contains(">test<") && svg.contains("#D55E00".to_lowercase().as_str()), "{svg}");
}

#[test]
fn a_rate_of_learning_may_be_flat_or_none() {
    for rate in [1e-3, 0.0, f32::MIN_POSITIVE, 3.0] {
        let flat = |record: EpochRecord| EpochRecord { learning_rate: rate, ..record };
        let records: Vec<_> = records(1..=5).into_iter().map(flat).collect();
        checked(&curves::learning_rate(&records, ""), &["learning rate", "0"], &rate.to_string());
    }
}

#[test]
fn a_png_is_twice_as_large() {
    let split = drawn_digits(1).test;
    let records = records(1..=8);
    let drawings = [
        curves::loss(&records, None, "loss"),
        curves::loss(&[], None, "none"),
        confusion::draw(&confusion("sum", 19), "confusion"),
        gallery::draw(&mistakes(9, &split), &split, "gallery"),
        compare::draw(&[("a", &records), ("b", &records[3..])], "compare"),
    ];
    for drawing in drawings {
        let png = image::load_from_memory(&drawing.png().unwrap()).unwrap().into_luma8();
        let expected = (drawing.scene.width * 2.0, drawing.scene.height * 2.0);
        let size = (f64::from(png.width()), f64::from(png.height()));
        assert!((size.0 - expected.0).abs() <= 1.0 && (size.1 - expected.1).abs() <= 1.0, "{size:?}");
        let title = (0..100).flat_map(|y| (0..png.width()).map(move |x| (x, y)));
        assert!(title.filter(|&(x, y)| png.get_pixel(x, y).0[0] < 100).count() > 60, "no title");
    }
}

#[test]
fn ticks_are_whole_epochs_and_few() {
    assert_eq!(
        [1, 3, 10, 11, 50, 51, 200, 1001].map(panel::tick_step),
        [1.0, 1.0, 1.0, 2.0, 5.0, 10.0, 20.0, 200.0]
    );
}

#[test]
fn ticks_are_numbers_as_they_are_said() {
    for (value, text) in [
        (0.0, "0"),
        (1e-4, "0.0001"),
        (6.000_000_000_000_001e-4, "0.0006"),
        (2e-7, "2e-7"),
        (0.05, "0.05"),
        (0.1 + 0.2, "0.3"),
        (1.0, "1"),
        (20.0, "20"),
        (1000.0, "1000"),
        (1e6, "1e6"),
        (5e30, "5e30"),
    ] {
        assert_eq!(panel::number(value), text);
    }
}

#[test]
fn counts_stand_in_their_cells() {
    for (head, classes) in [("digit", 10), ("sum", 19), ("one", 1)] {
        let confusion = confusion(head, classes);
        let (said, right) = (format!("{head} said"), format!("right {head}"));
        let last = (980 + 13 * (classes - 1)).to_string();
        let svg = checked(
            &confusion::draw(&confusion, "after 8 epochs"),
            &["after 8 epochs", &said, &right, &last],
            head,
        );
        let cells = confusion.counts.iter().flatten().filter(|count| **count > 0).count();
        assert!(svg.matches("<text").count() >= cells + 3 * classes, "{head}");
    }
    let none = Confusion { head: "digit".into(), counts: vec![vec![0; 10]; 10] };
    checked(&confusion::draw(&none, ""), &["–"], "no images");
    let digit = confusion("digit", 10);
    let wrong: usize =
        digit.counts.iter().enumerate().map(|(i, row)| row.iter().sum::<usize>() - row[i]).sum();
    let svg = confusion::draw(&digit, "").svg();
    assert!(svg.contains(&format!("{wrong} wrong")), "{wrong}");
}

#[test]
fn images_are_shown_with_what_was_said() {
    let mut image = vec![0; 2 * PIXELS];
    image[PIXELS + 28 * 5 + 3] = 255;
    let split = Split::new(image, vec![7, 4]).unwrap();
    let heads = vec![
        Said { head: "digit".into(), right: 4, said: 9, probability: 0.98 },
        Said { head: "sum".into(), right: 13, said: 18, probability: 0.9996 },
    ];
    let mistake = Mistake { image: 1, addend: 9, heads };
    let drawing = gallery::draw(&[mistake], &split, "seed 1");
    let texts = ["4 + 9", "said 9 (98 %)", "sum 18, not 13 (100 %)", "image 1", "1 of 2 images wrong"];
    let svg = checked(&drawing, &texts, "one");
    assert_eq!(svg.matches("<image").count(), 1);

    let png = image::load_from_memory(&drawing.png().unwrap()).unwrap().into_luma8();
    let Picture { x, y, scale, .. } = drawing.pictures[0];
    for (ink, (row, column)) in [(0, (5, 3)), (255, (5, 4)), (255, (4, 3)), (255, (27, 27))] {
        let at = |start: usize, pixel: usize| (2 * (start + pixel * scale) + scale) as u32;
        assert_eq!(png.get_pixel(at(x, column), at(y, row)).0, [ink], "{row}, {column}");
    }
    let data = svg.split_once("base64,").and_then(|(_, rest)| rest.split_once('"')).unwrap().0;
    assert!(data.starts_with("iVBORw0KGgo"), "{data}");
}

#[test]
fn as_many_images_as_fit_are_shown() {
    let split = drawn_digits(1).test;
    for (count, shown) in [(0, 0), (5, 5), (48, 48), (130, 48)] {
        let svg = checked(&gallery::draw(&mistakes(count, &split), &split, ""), &[], &count.to_string());
        assert_eq!(svg.matches("<image").count(), shown);
        assert_eq!(svg.contains("answers are right"), count == 0);
        assert_eq!(svg.contains("the first 48 of them"), count > 48);
    }
}

#[test]
fn runs_are_told_apart() {
    let runs: Vec<Vec<EpochRecord>> = (1..=10).map(|run| records(1..=2 + run)).collect();
    let names: Vec<String> = (1..=10).map(|run| format!("seed {run}")).collect();
    for count in [2, 10] {
        let all: Vec<_> = names.iter().zip(&runs).map(|(n, r)| (n.as_str(), &r[..])).take(count).collect();
        let drawing = compare::draw(&all, "seeds");
        let texts =
            ["seeds", "test loss", "test error of digit (%)", "test error of sum (%)", "seed 1", "seed 2"];
        let svg = checked(&drawing, &texts, &count.to_string());
        assert_eq!((1..=10).filter(|run| svg.contains(&format!(">seed {run}<"))).count(), count);
    }
    // Where the sets differ, each run says which is its own.
    let plain = with(3, |_| 0.1, |_| 9000);
    let long = format!("{}tail", "x".repeat(60));
    let drawing = compare::draw(&[("a $1$ run", &runs[0]), (&long, &plain), ("empty", &[])], "");
    let svg = checked(&drawing, &["loss", "a $1$ run (test)", "empty (train)"], "mixed");
    assert!(svg.contains("xtail (train)") && svg.contains('…'), "{svg}");
    checked(&compare::draw(&[], "nothing"), &["nothing"], "no runs");
}

/// Draws all figures into the folder of `PLOTS`, for a look at them. `EPOCHS` may name a file of epochs, one a line.
#[test]
#[ignore = "writes files to look at"]
fn all_figures() {
    let folder = std::path::PathBuf::from(std::env::var("PLOTS").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, drawing: Drawing| {
        std::fs::write(folder.join(format!("{name}.svg")), drawing.svg()).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), drawing.png().unwrap()).unwrap();
    };
    let title = "MNIST, seed 1, batch 64, learning rate 0.001";
    let test = metrics(10_000, 60, 55.0, 0.5);
    for epochs in [1, 3, 8, 50, 200] {
        let records = records(1..=epochs);
        write(&format!("loss-{epochs}"), curves::loss(&records, Some(&test), title));
        write(&format!("accuracy-{epochs}"), curves::accuracy(&records, Some(&test), title));
        write(&format!("rate-{epochs}"), curves::learning_rate(&records, title));
    }
    if let Ok(log) = std::env::var("EPOCHS") {
        let text = std::fs::read_to_string(log).unwrap();
        let real: Vec<EpochRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        write("real", curves::loss(&real, None, title));
        write("real-late", curves::accuracy(&real[4..], None, title));
    }
    let zero = |epoch: u32| if epoch == 5 { 0.0 } else { 0.5 / f64::from(epoch) };
    let none = |epoch: u32| 10_000 - 500 / (epoch * epoch * epoch * epoch) as usize;
    write("zeros", curves::accuracy(&with(8, zero, none), None, title));
    write("span", curves::loss(&with(3, |epoch| 10f64.powi(11 * epoch as i32 - 20), |_| 2000), None, title));
    write("flat", curves::loss(&with(8, |_| 0.7, |_| 1100), None, title));
    write("confusion-10", confusion::draw(&confusion("digit", 10), title));
    write("confusion-19", confusion::draw(&confusion("sum", 19), title));
    let split = crate::data::load(&crate::data::Request::default(), &mut |_| {}).unwrap().test;
    for count in [0, 1, 5, 130] {
        write(&format!("gallery-{count}"), gallery::draw(&mistakes(count, &split), &split, title));
    }
    let run = |seed: u32| {
        let change = |record: EpochRecord| EpochRecord {
            test: Some(metrics(
                10_000,
                record.epoch,
                30.0 + 11.0 * f64::from(seed),
                0.3 + 0.1 * f64::from(seed),
            )),
            ..record
        };
        records(seed..=20 + 3 * seed).into_iter().map(change).collect()
    };
    let runs: Vec<Vec<EpochRecord>> = (1..=10).map(run).collect();
    let names: Vec<String> =
        (1..=10).map(|run| format!("2026-11-26_19-13-0{}_seed{run}", run % 10)).collect();
    for count in [2, 10] {
        let all: Vec<_> = names.iter().zip(&runs).map(|(n, r)| (n.as_str(), &r[..])).take(count).collect();
        write(&format!("compare-{count}"), compare::draw(&all, "seeds 1 to 10"));
    }
}
