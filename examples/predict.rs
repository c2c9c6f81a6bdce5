//! Reads the digit in a picture with the weights that ship with the library, and adds a number to it:
//! `predict PICTURE`, or without one on a digit that the library draws.

use digit_adder::{Addend, Dataset, Device, Image, Model, PIXELS, Picture, Result};

fn main() -> Result<()> {
    let (image, warnings) = match std::env::args_os().nth(1) {
        Some(path) => {
            let picture = Picture::read(&path)?;
            (picture.image, picture.warnings)
        }
        None => {
            let drawn = Dataset::drawn(1, 0, 1)?.test;
            println!("a drawn {}", drawn.labels()[0]);
            (Image::new(drawn.images())?, Vec::new())
        }
    };
    for row in image.pixels().chunks(2 * PIXELS / 28) {
        let inked = |grey: &u8| if *grey > 96 { '#' } else { ' ' };
        println!("{}", row[..28].iter().map(inked).collect::<String>().trim_end());
    }

    let mut model = Model::shipped(&Device::open("cpu")?)?;
    let addend = Addend::new(3)?;
    let prediction = model.predict(&image, addend)?;
    for head in &prediction.heads {
        let class = head.likeliest();
        println!("{}: {class} ({:.1} %)", head.head, 100.0 * head.probabilities[class]);
    }
    for doubt in warnings.iter().chain(&model.doubts(&prediction, addend)) {
        println!("warning: {doubt}");
    }
    Ok(())
}
