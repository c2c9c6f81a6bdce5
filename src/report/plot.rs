//! The curves of a run: loss above, training accuracies below, over the epochs.

use kuva::backend::svg::SvgBackend;
use kuva::plot::LegendPosition;
use kuva::plot::{LinePlot, ScatterPlot};
use kuva::render::{figure::Figure, layout::Layout, plots::Plot, render::Scene, theme::Theme};
use kuva::{PngBackend, TickFormat};

use super::accuracy::Accuracy;
use crate::train::Metrics;
use crate::train::run::EpochRecord;
use crate::{Error, Result};

/// Blue for the loss, and colours for the heads that colour-blind readers tell apart (Okabe and Ito).
const LOSS: &str = "#0072B2";
const HEADS: [&str; 5] = ["#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];

const WIDTH: f64 = 860.0;
const PANEL_HEIGHT: f64 = 300.0;
/// Room for the tick labels of both panels, so that their axes line up.
const LEFT_MARGIN: f64 = 80.0;
/// Room for the legend.
const RIGHT_MARGIN: f64 = 96.0;
/// Longer runs get lines without markers.
const MOST_MARKERS: usize = 60;

/// A drawn figure.
pub(crate) struct Drawing(Scene);

impl Drawing {
    /// As SVG text. Its font is the viewer's sans-serif.
    pub(crate) fn svg(&self) -> String {
        SvgBackend::default().render_scene(&self.0)
    }

    /// As a PNG file, two pixels for each of the SVG's.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when it cannot be encoded.
    pub(crate) fn png(&self) -> Result<Vec<u8>> {
        let png = PngBackend::new().with_scale(2.0).render_scene(&self.0);
        png.map_err(|error| Error::Data(format!("cannot draw the plot as PNG: {error}")))
    }
}

/// Draws the epochs under a title.
pub(crate) fn draw(records: &[EpochRecord], title: &str) -> Drawing {
    let curve = |value: &dyn Fn(&Metrics) -> f64| -> Vec<(f64, f64)> {
        records.iter().map(|record| (f64::from(record.epoch), value(&record.train))).collect()
    };
    let loss = series(curve(&|train| train.loss), LOSS, None);
    let mut accuracy = Vec::new();
    let heads = records.first().map_or(&[][..], |record| &record.train.heads);
    for (index, (head, color)) in heads.iter().zip(HEADS.iter().cycle()).enumerate() {
        let share = |train: &Metrics| Accuracy::new(train.heads[index].correct, train.images).percent;
        accuracy.extend(series(curve(&share), color, Some(&head.head)));
    }

    let loss_panel = panel(&loss, records.len(), "training loss").with_title(title).with_title_size(15);
    let accuracy_panel = panel(&accuracy, records.len(), "training accuracy (%)")
        .with_x_label("epoch")
        .with_legend_position(LegendPosition::OutsideRightMiddle);
    let scene = Figure::new(2, 1)
        .with_plots(vec![loss, accuracy])
        .with_layouts(vec![loss_panel, accuracy_panel])
        .with_cell_size(WIDTH, PANEL_HEIGHT)
        .with_spacing(4.0)
        .with_padding(10.0)
        .render();
    Drawing(scene)
}

/// A line with a marker on each epoch; `name` goes into the legend.
fn series(points: Vec<(f64, f64)>, color: &str, name: Option<&str>) -> Vec<Plot> {
    let mut line = LinePlot::new().with_data(points.clone()).with_color(color).with_stroke_width(2.0);
    if let Some(name) = name {
        line = line.with_legend(name);
    }
    let mut plots = vec![line.into()];
    if points.len() <= MOST_MARKERS {
        plots.push(ScatterPlot::new().with_data(points).with_color(color).with_size(3.5).into());
    }
    plots
}

fn panel(plots: &[Plot], epochs: usize, y_label: &str) -> Layout {
    let theme = Theme {
        axis_color: "#444".into(),
        grid_color: "#e4e4e4".into(),
        tick_color: "#444".into(),
        text_color: "#222".into(),
        legend_border: "none".into(),
        ..Theme::light()
    };
    Layout::auto_from_plots(plots)
        .with_theme(theme)
        .with_y_label(y_label)
        .with_x_axis_min(if epochs <= 10 { 0.5 } else { 0.0 })
        .with_x_axis_max(epochs as f64 + 0.5)
        .with_x_tick_step(tick_step(epochs))
        .with_x_tick_format(TickFormat::Integer)
        .with_force_margins(LEFT_MARGIN, RIGHT_MARGIN)
}

/// The smallest of 1, 2, 5, 10, 20, 50, ... that leaves at most 10 ticks.
fn tick_step(epochs: usize) -> f64 {
    let mut decade = 1.0;
    loop {
        for step in [1.0, 2.0, 5.0] {
            if epochs as f64 / (step * decade) <= 10.0 {
                return step * decade;
            }
        }
        decade *= 10.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::HeadMetrics;

    fn records(epochs: u32) -> Vec<EpochRecord> {
        let head = |head: &str, wrong: usize, epoch: u32| HeadMetrics {
            head: head.into(),
            loss: 0.9 / f64::from(epoch) + 0.05,
            correct: 60_000 - wrong / epoch as usize,
        };
        let record = |epoch| EpochRecord {
            epoch,
            step: 938 * epoch,
            learning_rate: 1e-3,
            validation: None,
            train: Metrics::new(60_000, vec![head("digit", 6000, epoch), head("sum", 38_000, epoch)]),
            seconds: 1.0,
            test: None,
        };
        (1..=epochs).map(record).collect()
    }

    #[test]
    fn one_epoch_or_many_make_a_figure() {
        for epochs in [1, 3, 8, 50, 200] {
            let drawing = draw(&records(epochs), "MNIST, seed 1, batch 64");
            let svg = drawing.svg();
            for text in ["MNIST, seed 1, batch 64", "training loss", "training accuracy (%)", "epoch"] {
                assert!(svg.contains(text), "{epochs} epochs: no `{text}`");
            }
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{epochs} epochs");
            let png = image::load_from_memory(&drawing.png().unwrap()).unwrap();
            assert!(png.width() >= 1600 && png.height() >= 1200, "{}x{}", png.width(), png.height());
        }
    }

    #[test]
    fn flat_and_steep_curves_are_drawn() {
        let with_loss = |loss: fn(u32) -> f64| -> Vec<EpochRecord> {
            let with = |r: EpochRecord| EpochRecord {
                train: Metrics { loss: loss(r.epoch), ..r.train.clone() },
                ..r
            };
            records(3).into_iter().map(with).collect()
        };
        for records in [with_loss(|_| 0.0), with_loss(|_| 0.7), with_loss(|epoch| 1e30 / f64::from(epoch))] {
            let drawing = draw(&records, "");
            assert!(drawing.svg().contains("<circle") && !drawing.svg().contains("NaN"));
            assert!(drawing.png().is_ok());
        }
    }

    #[test]
    fn ticks_are_whole_epochs_and_few() {
        assert_eq!(
            [1, 3, 10, 11, 50, 51, 200, 1001].map(tick_step),
            [1.0, 1.0, 1.0, 2.0, 5.0, 10.0, 20.0, 200.0]
        );
    }
}
