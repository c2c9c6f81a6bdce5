//! A rectangle of values, and what the steps ask of one.

/// Values row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid<T> {
    pub width: usize,
    pub height: usize,
    pub cells: Vec<T>,
}

impl<T: Copy> Grid<T> {
    pub(super) fn from_fn(width: usize, height: usize, mut value: impl FnMut(usize, usize) -> T) -> Self {
        let mut cells = Vec::with_capacity(width * height);
        for y in 0..height {
            cells.extend((0..width).map(|x| value(x, y)));
        }
        Self { width, height, cells }
    }

    pub(super) fn filled(width: usize, height: usize, value: T) -> Self {
        Self { width, height, cells: vec![value; width * height] }
    }

    pub(super) fn at(&self, x: usize, y: usize) -> T {
        self.cells[y * self.width + x]
    }

    pub(super) fn set(&mut self, x: usize, y: usize, value: T) {
        self.cells[y * self.width + x] = value;
    }

    pub(super) fn map<U>(&self, value: impl FnMut(T) -> U) -> Grid<U> {
        Grid {
            width: self.width,
            height: self.height,
            cells: self.cells.iter().copied().map(value).collect(),
        }
    }

    pub(super) fn longer_side(&self) -> usize {
        self.width.max(self.height)
    }

    /// Rows become columns.
    pub(super) fn transposed(&self) -> Self {
        Self::from_fn(self.height, self.width, |x, y| self.at(y, x))
    }
}

impl Grid<f32> {
    /// The mean over a square of `2 * radius + 1`, as much of it as lies inside.
    pub(super) fn blurred(&self, radius: usize) -> Self {
        self.blurred_along_rows(radius).transposed().blurred_along_rows(radius).transposed()
    }

    fn blurred_along_rows(&self, radius: usize) -> Self {
        let mut cells = Vec::with_capacity(self.cells.len());
        let mut sums = vec![0.0f64; self.width + 1];
        for row in self.cells.chunks_exact(self.width) {
            for (x, &value) in row.iter().enumerate() {
                sums[x + 1] = sums[x] + f64::from(value);
            }
            cells.extend((0..self.width).map(|x| {
                let (from, to) = (x.saturating_sub(radius), (x + radius + 1).min(self.width));
                ((sums[to] - sums[from]) / (to - from) as f64) as f32
            }));
        }
        Self { width: self.width, height: self.height, cells }
    }

    /// Without what is bright and narrower than `2 * radius + 1`.
    pub(super) fn opened(&self, radius: usize) -> Self {
        self.around(radius, f32::min).around(radius, f32::max)
    }

    /// The least or greatest within a square of `2 * radius + 1`.
    fn around(&self, radius: usize, choose: fn(f32, f32) -> f32) -> Self {
        let along_rows = |grid: &Self| {
            Self::from_fn(grid.width, grid.height, |x, y| {
                let within = x.saturating_sub(radius)..(x + radius + 1).min(grid.width);
                within.map(|x| grid.at(x, y)).fold(grid.at(x, y), choose)
            })
            .transposed()
        };
        along_rows(&along_rows(self))
    }

    /// The value that a share of all values, 0-1, does not exceed.
    pub(super) fn quantile(&self, share: f64) -> f32 {
        quantile(&mut self.cells.clone(), share)
    }
}

/// The value that a share of `values`, 0-1, does not exceed; 0 if there are none.
pub(super) fn quantile(values: &mut [f32], share: f64) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let rank = ((values.len() - 1) as f64 * share).round() as usize;
    *values.select_nth_unstable_by(rank, f32::total_cmp).1
}

/// Columns `left..=right` of rows `top..=bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub left: usize,
    pub right: usize,
    pub top: usize,
    pub bottom: usize,
}

impl Bounds {
    pub(super) fn of_point(x: usize, y: usize) -> Self {
        Self { left: x, right: x, top: y, bottom: y }
    }

    /// Of the cells that are set.
    pub(super) fn of(mask: &Grid<bool>) -> Option<Self> {
        let set = (0..mask.cells.len()).filter(|&i| mask.cells[i]);
        set.map(|i| Self::of_point(i % mask.width, i / mask.width)).reduce(|a, b| a.with(&b))
    }

    pub(super) fn with(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            right: self.right.max(other.right),
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.right - self.left + 1
    }

    pub(super) fn height(&self) -> usize {
        self.bottom - self.top + 1
    }

    pub(super) fn longer_side(&self) -> usize {
        self.width().max(self.height())
    }

    /// Wholly inside, touching no side.
    pub(super) fn is_within(&self, outer: &Self) -> bool {
        outer.left < self.left
            && self.right < outer.right
            && outer.top < self.top
            && self.bottom < outer.bottom
    }

    /// Free columns or rows between the two, whichever are more.
    pub(super) fn gap_to(&self, other: &Self) -> usize {
        let across = other.left.saturating_sub(self.right).max(self.left.saturating_sub(other.right));
        let down = other.top.saturating_sub(self.bottom).max(self.top.saturating_sub(other.bottom));
        across.max(down)
    }
}
