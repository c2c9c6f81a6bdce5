//! Which class was taken for which.

use kuva::render::color::Color;

use super::canvas::{Canvas, Style};
use super::{Drawing, TEXT};
use crate::train::Confusion;

/// Left of the cells, right of them and above: the axes' labels, the share of right answers, the title.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 84.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 20.0;
/// The least width of the figure, for its title.
const LEAST_WIDTH: f64 = 560.0;

/// What is right has a colour of its own, so that it does not outshine the mistakes.
const CORRECT: (u8, u8, u8) = (0xDD, 0xEA, 0xF4);
/// Of mistakes, from few to many.
const FEW: (u8, u8, u8) = (0xFE, 0xE8, 0xCF);
const MANY: (u8, u8, u8) = (0xB2, 0x3A, 0x00);
const GRID: &str = "#E0E0E0";

/// The right class down, the said one across, the number of images in each cell. Mistakes are coloured by the
/// logarithm of their number, and on the right stands the share of each class that was told right.
pub(crate) fn draw(confusion: &Confusion, title: &str) -> Drawing {
    let counts = &confusion.counts;
    let classes = counts.len();
    let cell = if classes <= 12 { 48.0 } else { 38.0 };
    let side = cell * classes as f64;
    let (width, height) = ((LEFT + side + RIGHT).max(LEAST_WIDTH), TOP + side + BOTTOM);
    let left = LEFT + (width - (LEFT + side + RIGHT)) / 2.0;
    let mut canvas = Canvas::new(width, height);

    canvas.text(width / 2.0, 22.0, title, Style::middle(15));
    canvas.text(width / 2.0, 44.0, &summary(confusion), Style::middle(12).muted());
    canvas.text(left + side / 2.0, TOP - 34.0, &format!("{} said", confusion.head), Style::middle(13));
    canvas.upwards(left - 42.0, TOP + side / 2.0, &format!("right {}", confusion.head), Style::middle(13));
    canvas.text(left + side + RIGHT - 14.0, TOP - 14.0, "right (%)", Style::end(11).muted());

    let most = mistakes(counts).map(|(_, count)| count).max().unwrap_or(0);
    for (right, row) in counts.iter().enumerate() {
        let y = TOP + cell * right as f64;
        let middle = y + cell / 2.0;
        let across = left + cell * (right as f64 + 0.5);
        canvas.text(across, TOP - 14.0, &right.to_string(), Style::middle(12));
        canvas.text(left - 10.0, middle, &right.to_string(), Style::end(12));
        canvas.text(left + side + RIGHT - 14.0, middle, &recall(row, right), Style::end(11).muted());
        for (said, &count) in row.iter().enumerate() {
            let x = left + cell * said as f64;
            let (fill, color) = colors(count, said == right, most);
            canvas.rect(x, y, cell, cell, fill, GRID);
            if count > 0 {
                let text = count.to_string();
                let style = Style { color, ..Style::middle(fitting(text.len(), cell)) };
                canvas.text(x + cell / 2.0, middle, &text, style);
            }
        }
    }
    canvas.0.into()
}

/// The cells off the diagonal.
fn mistakes(counts: &[Vec<usize>]) -> impl Iterator<Item = ((usize, usize), usize)> + '_ {
    let cells = counts
        .iter()
        .enumerate()
        .flat_map(|(right, row)| row.iter().enumerate().map(move |(said, &count)| ((right, said), count)));
    cells.filter(|((right, said), _)| right != said)
}

fn summary(confusion: &Confusion) -> String {
    let all: usize = confusion.counts.iter().flatten().sum();
    let wrong: usize = mistakes(&confusion.counts).map(|(_, count)| count).sum();
    let share = 100.0 * (all - wrong) as f64 / all.max(1) as f64;
    format!("{}: {} of {all} images right ({share:.2} %), {wrong} wrong", confusion.head, all - wrong)
}

/// The share of a class's images that were told right, in percent.
fn recall(row: &[usize], right: usize) -> String {
    match row.iter().sum::<usize>() {
        0 => "–".into(),
        all => format!("{:.1}", 100.0 * row.get(right).copied().unwrap_or(0) as f64 / all as f64),
    }
}

/// The colours of a cell and of its text.
fn colors(count: usize, correct: bool, most: usize) -> (Color, &'static str) {
    if count == 0 {
        return (Color::Rgb(255, 255, 255), TEXT);
    }
    if correct {
        return (Color::Rgb(CORRECT.0, CORRECT.1, CORRECT.2), TEXT);
    }
    let t = if most > 1 { (count as f64).ln() / (most as f64).ln() } else { 0.0 };
    let mix = |few: u8, many: u8| (f64::from(few) + t * (f64::from(many) - f64::from(few))).round() as u8;
    let fill = Color::Rgb(mix(FEW.0, MANY.0), mix(FEW.1, MANY.1), mix(FEW.2, MANY.2));
    (fill, if t > 0.6 { "#FFFFFF" } else { TEXT })
}

/// The size of so many digits that fit into a cell.
fn fitting(digits: usize, cell: f64) -> u32 {
    let size = (0.86 * cell / (0.64 * digits.max(1) as f64)).floor();
    (size as u32).clamp(6, 14)
}
