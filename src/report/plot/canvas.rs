//! Text and rectangles, for the figures that have no axes.

use kuva::render::color::Color;
use kuva::render::render::{Primitive, Scene, TextAnchor};

use super::panel::escaped;
use super::{MUTED, TEXT};

/// A white sheet.
pub(super) struct Canvas(pub(super) Scene);

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) size: u32,
    pub(super) anchor: TextAnchor,
    pub(super) color: &'static str,
    pub(super) bold: bool,
}

impl Style {
    /// Dark, with its middle at the given x.
    pub(super) fn middle(size: u32) -> Self {
        Self { size, anchor: TextAnchor::Middle, color: TEXT, bold: false }
    }

    /// The same with its end there.
    pub(super) fn end(size: u32) -> Self {
        Self { anchor: TextAnchor::End, ..Self::middle(size) }
    }

    /// For what matters less.
    pub(super) fn muted(self) -> Self {
        Self { color: MUTED, ..self }
    }
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut scene = Scene::new(width, height);
        scene.font_family = Some("DejaVu Sans, Liberation Sans, Arial, sans-serif".into());
        Self(scene)
    }

    /// Its baseline is a third of its size below `y`: its digits and capitals are centred there.
    pub(super) fn text(&mut self, x: f64, y: f64, content: &str, style: Style) {
        self.turned(x, y + 0.36 * f64::from(style.size), content, style, None);
    }

    /// Upwards, centred on the point.
    pub(super) fn upwards(&mut self, x: f64, y: f64, content: &str, style: Style) {
        self.turned(x + 0.36 * f64::from(style.size), y, content, style, Some(-90.0));
    }

    fn turned(&mut self, x: f64, y: f64, content: &str, style: Style, rotate: Option<f64>) {
        self.0.add(Primitive::Text {
            x,
            y,
            content: escaped(content),
            size: style.size,
            anchor: style.anchor,
            rotate,
            bold: style.bold,
            color: Some(Color::from(style.color)),
        });
    }

    /// A filled rectangle with a thin border.
    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Color, border: &str) {
        let stroke = Some(Color::from(border));
        self.0.add(Primitive::Rect {
            x,
            y,
            width,
            height,
            fill,
            stroke,
            stroke_width: Some(1.0),
            opacity: None,
        });
    }
}
