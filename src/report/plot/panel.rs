//! Panels of curves over the epochs, one above the other, with a legend on the right.

use std::sync::Arc;

use kuva::TickFormat;
use kuva::plot::{LegendEntry, LegendPosition, LegendShape, LinePlot, LineStyle, MarkerShape, ScatterPlot};
use kuva::render::{figure::Figure, layout::Layout, plots::Plot, theme::Theme};

use super::Drawing;

/// Width of the axes' area.
const PLOT_WIDTH: f64 = 660.0;
const PANEL_HEIGHT: f64 = 320.0;
/// Room for the tick labels, so that the axes of all panels line up.
const LEFT_MARGIN: f64 = 80.0;
/// Of the legend: what is no text, and about what a letter takes.
const LEGEND_SWATCH: f64 = 56.0;
const LEGEND_LETTER: f64 = 7.4;
/// What the legend calls a curve's mark.
const MARKED: &str = "at the end";
/// Longer curves get lines without markers.
const MOST_MARKERS: usize = 30;
/// What a logarithmic axis can show; smaller and larger numbers are drawn as these.
const LEAST: f64 = 1e-9;
const MOST: f64 = 1e300;
/// More decades than these do not all get a label.
const MOST_LABELS: i32 = 8;

/// A curve over the epochs.
pub(super) struct Curve {
    /// For the legend.
    pub(super) name: String,
    /// Epoch and value.
    pub(super) points: Vec<(f64, f64)>,
    /// One of the points that is to stand out.
    pub(super) mark: Option<(f64, f64)>,
    pub(super) color: String,
    pub(super) stroke: Stroke,
}

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
    Dotted,
}

impl Stroke {
    /// Lengths of lines and gaps: short enough for the legend, and gaps that the PNG's round ends leave open.
    fn dashes(self) -> String {
        match self {
            Self::Solid => "",
            Self::Dashed => "7 5",
            Self::Dotted => "2 4",
        }
        .into()
    }
}

/// Curves with one axis.
pub(super) struct Panel {
    pub(super) label: String,
    pub(super) axis: Axis,
    pub(super) curves: Vec<Curve>,
    /// Whether the curves are named beside it.
    pub(super) legend: bool,
}

/// The axis of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    Linear {
        low: f64,
        high: f64,
        /// Between ticks, if that is not left to the plotter.
        step: Option<f64>,
    },
    Log {
        low: f64,
        high: f64,
        /// Whether `low`, which is then a power of ten, stands for 0.
        zero: bool,
    },
}

impl Axis {
    /// A logarithmic axis for the curves. A 0 is drawn at its lower end, at a power of ten well below all other
    /// values and below `least`.
    pub(super) fn log(curves: &[Curve], least: f64) -> Self {
        let values = || curves.iter().flat_map(|curve| &curve.points).map(|point| point.1);
        let zero = values().any(|value| value <= 0.0);
        let positive = || values().filter(|value| *value > 0.0).map(|value| value.clamp(LEAST, MOST));
        let least = if least.is_finite() { least.max(LEAST) } else { MOST };
        let mut low = positive().fold(if zero { least } else { MOST }, f64::min);
        if low == MOST {
            low = 1.0;
        }
        let high = round(1.1 * positive().fold(low, f64::max), f64::max);
        let low = if zero { decade(low / 4.0) } else { round(0.9 * low, f64::min) };
        Self::Log { low, high, zero }
    }

    fn ends(self) -> (f64, f64) {
        match self {
            Self::Linear { low, high, .. } | Self::Log { low, high, .. } => (low, high),
        }
    }

    /// The points that are numbers, those outside moved to the axis's ends.
    fn within(self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let (low, high) = self.ends();
        let numbers = points.iter().filter(|(_, value)| value.is_finite());
        numbers.map(|&(epoch, value)| (epoch, value.clamp(low, high))).collect()
    }

    fn apply(self, layout: Layout) -> Layout {
        let (low, high) = self.ends();
        let layout = layout.with_y_axis_min(low).with_y_axis_max(high);
        match self {
            Self::Linear { step, .. } => {
                let layout = layout.with_y_tick_format(TickFormat::Custom(Arc::new(number)));
                match step {
                    Some(step) => layout.with_y_tick_step(step),
                    None => layout,
                }
            }
            Self::Log { zero, .. } => {
                let every = ((high / low).log10() / f64::from(MOST_LABELS)).ceil().max(1.0);
                let label = move |value: f64| match value {
                    value if zero && value < 1.5 * low => "0".into(),
                    value if every > 1.0 && value.log10().round() % every != 0.0 => String::new(),
                    value => number(value),
                };
                layout.with_log_y().with_y_tick_format(TickFormat::Custom(Arc::new(label)))
            }
        }
    }
}

/// The power of ten at or below a value.
fn decade(value: f64) -> f64 {
    // A power of ten may have a logarithm that is a hair below its exponent.
    10f64.powi((value.log10() + 1e-9).floor() as i32)
}

/// The nearest of 1, 2, 5, 10, ... above a value with `f64::max`, below it with `f64::min`.
fn round(value: f64, side: fn(f64, f64) -> f64) -> f64 {
    let beyond = |candidate: &f64| side(*candidate, value) == *candidate;
    let candidates = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade(value));
    let nearer = |a: f64, b: f64| if (a - value).abs() <= (b - value).abs() { a } else { b };
    candidates.into_iter().filter(beyond).reduce(nearer).unwrap_or(value)
}

/// With three digits, and without zeros that say nothing.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let exponent = decade(value.abs()).log10().round() as i32;
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        return trimmed(&format!("{value:.*}", (2 - exponent).max(0) as usize));
    }
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", trimmed(digits)),
        None => text,
    }
}

/// The panels over the epochs from the first to the last, under a title.
pub(super) fn stack(panels: &[Panel], (first, last): (u32, u32), title: &str) -> Drawing {
    let names = panels.iter().filter(|panel| panel.legend).flat_map(|panel| &panel.curves);
    let longest = names.map(|curve| curve.name.chars().count().max(MARKED.len())).max();
    let right = longest.map_or(24.0, |letters| LEGEND_SWATCH + LEGEND_LETTER * letters as f64);
    let mut plots = Vec::new();
    let mut layouts = Vec::new();
    for (index, panel) in panels.iter().enumerate() {
        let mut drawn: Vec<Plot> =
            panel.curves.iter().flat_map(|curve| curve.plots(panel.axis, panel.longest())).collect();
        if drawn.is_empty() {
            // Without anything to draw there would be no title either.
            let nothing = [(f64::from(first), panel.axis.ends().1)];
            drawn.push(LinePlot::new().with_data(nothing).into());
        }
        let mut layout = panel.layout(&drawn, (first, last)).with_force_margins(LEFT_MARGIN, right);
        if index == 0 {
            layout = layout.with_title(escaped(title)).with_title_size(15);
        }
        if index + 1 == panels.len() {
            layout = layout.with_x_label("epoch");
        }
        plots.push(drawn);
        layouts.push(layout);
    }
    let figure = Figure::new(panels.len(), 1).with_plots(plots).with_layouts(layouts);
    let figure = figure.with_cell_size(LEFT_MARGIN + PLOT_WIDTH + right, PANEL_HEIGHT);
    figure.with_spacing(4.0).with_padding(10.0).render().into()
}

impl Panel {
    /// The points of its longest curve.
    fn longest(&self) -> usize {
        self.curves.iter().map(|curve| curve.points.len()).max().unwrap_or(0)
    }

    fn layout(&self, plots: &[Plot], (first, last): (u32, u32)) -> Layout {
        let theme = Theme {
            axis_color: "#444".into(),
            grid_color: "#e4e4e4".into(),
            tick_color: "#444".into(),
            text_color: super::TEXT.into(),
            legend_border: "none".into(),
            ..Theme::light()
        };
        let epochs = last.saturating_sub(first) as usize + 1;
        let start = if first <= 1 && epochs > 10 { 0.0 } else { f64::from(first) - 0.5 };
        let layout = Layout::auto_from_plots(plots)
            .with_theme(theme)
            .with_y_label(self.label.clone())
            .with_x_axis_min(start)
            .with_x_axis_max(f64::from(last) + f64::max(0.5, 0.015 * epochs as f64))
            .with_x_tick_step(tick_step(epochs))
            .with_x_tick_format(TickFormat::Integer);
        let layout = self.axis.apply(layout);
        if !self.legend || self.curves.is_empty() {
            return layout;
        }
        let mut entries: Vec<LegendEntry> = self.curves.iter().map(Curve::legend).collect();
        if self.curves.iter().any(|curve| curve.mark.is_some() && curve.points.len() > 1) {
            let shape = LegendShape::Marker(MarkerShape::Diamond);
            let (label, color) = (MARKED.into(), super::MUTED.into());
            entries.push(LegendEntry { label, color, shape, dasharray: None });
        }
        layout.with_legend_entries(entries).with_legend_position(LegendPosition::OutsideRightTop)
    }
}

impl Curve {
    /// A line with a marker on each epoch, where these stand well apart, and a diamond where it is marked.
    fn plots(&self, axis: Axis, longest: usize) -> Vec<Plot> {
        let points = axis.within(&self.points);
        let scatter = |points| ScatterPlot::new().with_data(points).with_color(self.color.clone());
        let mut plots = Vec::new();
        if points.len() > 1 {
            let line = LinePlot::new().with_data(points.clone()).with_color(self.color.clone());
            let line = match self.stroke {
                Stroke::Solid => line.with_stroke_width(2.0),
                other => line.with_stroke_width(1.6).with_line_style(LineStyle::Custom(other.dashes())),
            };
            plots.push(line.into());
        }
        let sparse = longest <= MOST_MARKERS || 2 * points.len() <= longest;
        if sparse && points.len() <= MOST_MARKERS {
            plots.push(scatter(points).with_size(3.5).into());
        }
        if let Some(mark) = self.mark {
            let mark = axis.within(&[mark]);
            plots.push(scatter(mark).with_size(5.0).with_marker(MarkerShape::Diamond).into());
        }
        plots
    }

    fn legend(&self) -> LegendEntry {
        let shape = match (self.points.len(), self.mark) {
            (2.., _) => LegendShape::Line,
            (_, Some(_)) => LegendShape::Marker(MarkerShape::Diamond),
            _ => LegendShape::Circle,
        };
        let dasharray = (self.stroke != Stroke::Solid).then(|| self.stroke.dashes());
        LegendEntry { label: escaped(&self.name), color: self.color.clone(), shape, dasharray }
    }
}

/// The plotter would typeset what is between two dollars as a formula.
pub(super) fn escaped(text: &str) -> String {
    text.replace('$', "\\$")
}

/// The smallest of 1, 2, 5, 10, 20, 50, ... that leaves at most 10 ticks.
pub(super) fn tick_step(epochs: usize) -> f64 {
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
