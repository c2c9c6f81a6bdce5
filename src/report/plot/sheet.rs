//! Images as they are, and as the epochs of a training see them.

use kuva::render::color::Color;

use super::canvas::{Canvas, Style};
use super::{Drawing, Picture};
use crate::data::SIDE;

/// How many times the images are enlarged.
const ENLARGED: usize = 2;
/// From one image to the next.
const PITCH: usize = SIDE * ENLARGED + 8;
/// Left of the images and above them, for labels and title.
const LEFT: usize = 92;
const TOP: usize = 72;
/// Around, and between the first column and the others.
const PADDING: usize = 16;
/// The least width of the figure, for its title.
const LEAST_WIDTH: usize = 480;

/// An image of `[28, 28]` grey values, ink 255, before and after its changes.
pub(crate) struct Row {
    /// What it is.
    pub(crate) label: String,
    /// As it is, then as each epoch sees it.
    pub(crate) images: Vec<Vec<u8>>,
}

/// A row for each image, a column for each epoch.
pub(crate) fn draw(rows: &[Row], title: &str) -> Drawing {
    let columns = rows.iter().map(|row| row.images.len()).max().unwrap_or(0);
    let x = |column: usize| LEFT + column * PITCH + if column > 0 { PADDING } else { 0 };
    let width = (x(columns) + PADDING).max(LEAST_WIDTH);
    let mut canvas = Canvas::new(width as f64, (TOP + rows.len() * PITCH + PADDING) as f64);
    canvas.text(width as f64 / 2.0, 22.0, title, Style::middle(15));
    for column in 0..columns {
        let head = if column == 0 { "as it is".into() } else { format!("epoch {column}") };
        let middle = x(column) + SIDE * ENLARGED / 2;
        canvas.text(middle as f64, (TOP - 14) as f64, &head, Style::middle(11).muted());
    }
    let mut pictures = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + index * PITCH;
        let middle = (y + SIDE * ENLARGED / 2) as f64;
        canvas.text((LEFT - PADDING) as f64, middle, &row.label, Style::end(11).muted());
        pictures.extend(row.images.iter().enumerate().map(|(column, image)| Picture {
            x: x(column),
            y,
            scale: ENLARGED,
            grey: image.iter().map(|ink| 255 - ink).collect(),
        }));
    }
    for picture in &pictures {
        let (x, y, side) = (picture.x as f64, picture.y as f64, picture.side() as f64);
        canvas.rect(x - 1.0, y - 1.0, side + 2.0, side + 2.0, Color::Rgb(255, 255, 255), "#BBBBBB");
    }
    Drawing { scene: canvas.0, pictures }
}
