//! The images that the network got wrong.

use kuva::render::color::Color;

use super::canvas::{Canvas, Style};
use super::{Drawing, Picture, VERMILION};
use crate::data::{PIXELS, SIDE, Split};
use crate::train::{Mistake, Said};

/// As many as are looked at.
const MOST: usize = 48;
const COLUMNS: usize = 8;
/// How many times the images are enlarged.
const ENLARGED: usize = 3;
/// Of a cell: an image, and the text below it.
const WIDTH: usize = 156;
const LINE: usize = 16;
/// Around and between.
const PADDING: usize = 16;
const TITLE: usize = 64;
/// The least width of the figure, for its title.
const LEAST_WIDTH: usize = 640;

/// The first mistakes as a grid: the image, what was asked, what each wrong head said, and the image's place in
/// the set.
pub(crate) fn draw(mistakes: &[Mistake], split: &Split, title: &str) -> Drawing {
    let shown = &mistakes[..mistakes.len().min(MOST)];
    let columns = shown.len().clamp(1, COLUMNS);
    let rows = shown.len().div_ceil(columns);
    let lines = shown.iter().map(|mistake| wrong(mistake).count()).max().unwrap_or(0) + 2;
    let height = SIDE * ENLARGED + LINE * lines + 2 * PADDING;
    let grid = columns * WIDTH;
    let width = (grid + 2 * PADDING).max(LEAST_WIDTH);
    let left = (width - grid) / 2;
    let mut canvas = Canvas::new(width as f64, (TITLE + rows.max(1) * height + PADDING) as f64);
    let middle = width as f64 / 2.0;
    canvas.text(middle, 22.0, title, Style::middle(15));
    let (count, images) = (mistakes.len(), split.len());
    let told = match count {
        0 => format!("none of {images} images wrong"),
        _ if count > MOST => format!("{count} of {images} images wrong; the first {MOST} of them"),
        _ => format!("{count} of {images} images wrong"),
    };
    canvas.text(middle, 44.0, &told, Style::middle(12).muted());
    if mistakes.is_empty() {
        let all_right = format!("All {images} answers are right.");
        canvas.text(middle, (TITLE + height / 2) as f64, &all_right, Style::middle(15));
    }

    let mut pictures = Vec::new();
    for (index, mistake) in shown.iter().enumerate() {
        let (column, row) = (index % columns, index / columns);
        let (x, y) = (left + column * WIDTH, TITLE + row * height);
        pictures.extend(picture(mistake, split, x + (WIDTH - SIDE * ENLARGED) / 2, y));
        describe(&mut canvas, mistake, split, (x + WIDTH / 2, y + SIDE * ENLARGED + LINE));
    }
    for picture in &pictures {
        let (x, y, side) = (picture.x as f64, picture.y as f64, picture.side() as f64);
        canvas.rect(x - 1.0, y - 1.0, side + 2.0, side + 2.0, Color::Rgb(255, 255, 255), "#BBBBBB");
    }
    Drawing { scene: canvas.0, pictures }
}

/// The image, if the set has it, dark on light.
fn picture(mistake: &Mistake, split: &Split, x: usize, y: usize) -> Option<Picture> {
    let pixels = split.images().chunks_exact(PIXELS).nth(mistake.image)?;
    let grey = pixels.iter().map(|ink| 255 - ink).collect();
    Some(Picture { x, y, scale: ENLARGED, grey })
}

/// The lines below an image, from the middle of the first on.
fn describe(canvas: &mut Canvas, mistake: &Mistake, split: &Split, (x, y): (usize, usize)) {
    let digit = split.labels().get(mistake.image).map_or("?".into(), u8::to_string);
    let asked = format!("{digit} + {}", mistake.addend);
    let mut lines = vec![(asked, Style { bold: true, ..Style::middle(13) })];
    let said = Style { color: VERMILION, ..Style::middle(11) };
    lines.extend(wrong(mistake).map(|head| (told(head), said)));
    lines.push((format!("image {}", mistake.image), Style::middle(10).muted()));
    for (index, (text, style)) in lines.iter().enumerate() {
        canvas.text(x as f64, (y + index * LINE) as f64, text, *style);
    }
}

/// What the heads said that were wrong.
fn wrong(mistake: &Mistake) -> impl Iterator<Item = &Said> {
    mistake.heads.iter().filter(|said| said.said != said.right)
}

/// A wrong answer. The right digit stands above it, the right sum does not.
fn told(said: &Said) -> String {
    let percent = 100.0 * said.probability;
    // What is not quite certain is not told as certain.
    let percent =
        if (99.5..99.95).contains(&percent) { format!("{percent:.1}") } else { format!("{percent:.0}") };
    match said.head.as_str() {
        "digit" => format!("said {} ({percent} %)", said.said),
        head => format!("{head} {}, not {} ({percent} %)", said.said, said.right),
    }
}
