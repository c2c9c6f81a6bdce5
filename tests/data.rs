//! Drawn digits.
use digit_adder::data::{PIXELS, Request, SIDE, Source, drawn_digits, load};

#[test]
#[ignore = "writes a picture to look at"]
fn contact_sheet() {
    let set = drawn_digits(1);
    let per = 30;
    let mut sheet = image::GrayImage::new((per * SIDE) as u32, (20 * SIDE) as u32);
    for digit in 0..10usize {
        let of: Vec<usize> = (0..set.train.len())
            .filter(|&i| usize::from(set.train.labels[i]) == digit)
            .take(2 * per)
            .collect();
        for (k, &i) in of.iter().enumerate() {
            let (x0, y0) = (k % per * SIDE, (2 * digit + k / per) * SIDE);
            for p in 0..PIXELS {
                sheet.put_pixel(
                    (x0 + p % SIDE) as u32,
                    (y0 + p / SIDE) as u32,
                    image::Luma([set.train.images[i * PIXELS + p]]),
                );
            }
        }
    }
    let path = std::env::temp_dir().join("drawn.png");
    image::imageops::resize(
        &sheet,
        sheet.width() * 2,
        sheet.height() * 2,
        image::imageops::FilterType::Nearest,
    )
    .save(&path)
    .unwrap();
}

#[test]
#[ignore = "timing"]
fn timing() {
    let t = std::time::Instant::now();
    let set = drawn_digits(1);
    println!("drawn {:?}", t.elapsed());
    let mean =
        set.train.images.iter().map(|&p| f64::from(p)).sum::<f64>() / 255.0 / set.train.images.len() as f64;
    println!("mean {mean}");
    for _ in 0..3 {
        let t = std::time::Instant::now();
        match load(&Request { source: Source::Mnist, ..Request::default() }, &mut |m| println!("{m}")) {
            Ok(set) => println!("{} {:?}", set.origin, t.elapsed()),
            Err(e) => println!("{e} {:?}", t.elapsed()),
        }
    }
}
