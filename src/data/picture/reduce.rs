//! Brings pixels of any layout to 8 bits of red, green, blue and opacity, in squares of one mean each.

use image::{Rgba, RgbaImage};

/// Turns values of 16 bits, as they lie in memory, into 8 bits in place. Some programs write 8, 10 or
/// 12 bits into 16 without scaling them up: the brightest colour tells how many are used.
pub(super) fn narrowed(pixels: &mut Vec<u8>, channels: usize, has_alpha: bool) {
    let value = |pixels: &[u8], i: usize| u16::from_ne_bytes([pixels[2 * i], pixels[2 * i + 1]]);
    let count = pixels.len() / 2;
    let is_alpha = |i: usize| has_alpha && i % channels == channels - 1;
    let brightest = (0..count).filter(|&i| !is_alpha(i)).map(|i| value(pixels, i)).max().unwrap_or(0);
    let unused = (u16::BITS - brightest.leading_zeros()).saturating_sub(8);
    for i in 0..count {
        let shift = if is_alpha(i) { 8 } else { unused };
        pixels[i] = (value(pixels, i) >> shift) as u8;
    }
    pixels.truncate(count);
}

/// Means over squares of `shrink` x `shrink` pixels of 1-4 channels (grey, grey and opacity, colours,
/// colours and opacity); `None` for another number of channels or of pixels.
pub(super) fn means(pixels: &[u8], size: [usize; 2], channels: usize, shrink: usize) -> Option<RgbaImage> {
    match channels {
        1 => means_of::<1>(pixels, size, shrink, |[l]| [l, l, l, 255]),
        2 => means_of::<2>(pixels, size, shrink, |[l, a]| [l, l, l, a]),
        3 => means_of::<3>(pixels, size, shrink, |[r, g, b]| [r, g, b, 255]),
        4 => means_of::<4>(pixels, size, shrink, |rgba| rgba),
        _ => None,
    }
}

fn means_of<const CHANNELS: usize>(
    pixels: &[u8],
    [width, height]: [usize; 2],
    shrink: usize,
    rgba: impl Fn([u8; CHANNELS]) -> [u8; 4],
) -> Option<RgbaImage> {
    if width == 0 || pixels.len() != width * height * CHANNELS {
        return None;
    }
    let columns = width.div_ceil(shrink);
    let mut image =
        RgbaImage::new(u32::try_from(columns).ok()?, u32::try_from(height.div_ceil(shrink)).ok()?);
    let mut sums = vec![Sum::default(); columns];
    let mut means = image.pixels_mut();
    for rows in pixels.chunks(width * CHANNELS * shrink) {
        sums.fill(Sum::default());
        for row in rows.chunks_exact(width * CHANNELS) {
            for (square, sum) in row.chunks(CHANNELS * shrink).zip(&mut sums) {
                for pixel in square.as_chunks::<CHANNELS>().0 {
                    sum.add(rgba(*pixel));
                }
            }
        }
        // The sums first: they end first, and a mean that is drawn is gone.
        for (sum, mean) in sums.iter().zip(means.by_ref()) {
            *mean = sum.mean();
        }
    }
    Some(image)
}

/// Colours weighted by their opacity: what cannot be seen has no say.
#[derive(Clone, Copy, Default)]
struct Sum {
    colours: [u64; 3],
    opacity: u64,
    count: u64,
}

impl Sum {
    fn add(&mut self, [red, green, blue, opacity]: [u8; 4]) {
        let weight = u64::from(opacity);
        for (sum, colour) in self.colours.iter_mut().zip([red, green, blue]) {
            *sum += weight * u64::from(colour);
        }
        self.opacity += weight;
        self.count += 1;
    }

    fn mean(&self) -> Rgba<u8> {
        let rounded = |sum: u64, over: u64| (sum + over / 2).checked_div(over).unwrap_or(0) as u8;
        let [red, green, blue] = self.colours.map(|sum| rounded(sum, self.opacity));
        Rgba([red, green, blue, rounded(self.opacity, self.count)])
    }
}
