// augment: images of the training set, each turned, sized, slanted, shifted and bent at random.
//
//   u(draw) = pcg4d(n, draw, key[0], key[1]), four numbers in [-1, 1)
//   [turn, size, slant, _] = u(0);  [right, down, _, _] = u(1)
//   A = (1 + SCALE * size) * [cos -sin; sin cos](ROTATION * turn) * [1, SHEAR * slant; 0, 1]
//   (x, y) = M + A * ((c, r) - M) + SHIFT * (right, down) + ELASTIC * bend(c, r), M the image's middle
//   image[n,r,c] = originals[n] at column x, row y, between the four pixels around it by their distance
//                  (bilinear); 0 outside; rounded to a whole grey value
//   bend(c, r) = sum over i,j in 0..4 of B[i](r/CELL) * B[j](c/CELL) * [u_0, u_1](2 + KNOTS*i' + j'), the
//                uniform cubic B-spline over a lattice of knots, (i', j') the knots around (r, c)
//
// n = order[cursor.first + b], for the images up to cursor.end; the others of the data set are left alone.
// originals and images hold four grey values per word, WIDTH / 4 words a row, HEIGHT rows an image; WIDTH is a
// multiple of 4 and at most 104. key is that of the epoch: the same key, image and constants give the same
// image, in whatever order and on whatever device (up to the rounding of x and y). pcg4d is the hash of
// Jarzynski and Olano (2020); the affine map and the sampling are those of PyTorch's affine_grid and
// grid_sample, with zeros around and align_corners=False. One invocation computes four neighbouring pixels.

const PADDED: bool = true;
const BATCH: u32 = 64u;
const WIDTH: u32 = 28u;
const HEIGHT: u32 = 28u;
// In radians, at most a quarter of pi.
const ROTATION: f32 = 0.2;
const SCALE: f32 = 0.1;
const SHEAR: f32 = 0.15;
// In pixels.
const SHIFT: f32 = 2.0;
const ELASTIC: f32 = 3.0;

const WORDS: u32 = WIDTH * HEIGHT / 4u;
// Pixels between two knots, a multiple of 4: a word's pixels lie between the same.
const CELL: u32 = 8u;
// Draws from one row of knots to the next, which has no more of them.
const KNOTS: u32 = 16u;

struct Cursor { first: u32, end: u32 }
var<immediate> cursor: Cursor;

@group(0) @binding(0) var<storage> order: array<u32>;
@group(0) @binding(1) var<storage> key: array<u32>;
@group(0) @binding(2) var<storage> originals: array<u32>;
@group(0) @binding(3) var<storage, read_write> images: array<u32>;

fn pcg4d(n: u32, draw: u32) -> vec4<u32> {
    var v = vec4(n, draw, key[0], key[1]) * 1664525u + 1013904223u;
    v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
    v ^= v >> vec4(16u);
    v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
    return v;
}

// In [-1, 1), multiples of 2^-23.
fn u(n: u32, draw: u32) -> vec4<f32> {
    return vec4<f32>(pcg4d(n, draw) >> vec4(8u)) * 0.00000011920929 - 1.0;
}

// [cos, sin] of an angle of at most a quarter of pi, to the last bits: WGSL's own may be off by 2^-11.
fn direction(angle: f32) -> vec2<f32> {
    let s = angle * angle;
    let cos = 1.0 - s / 2.0 * (1.0 - s / 12.0 * (1.0 - s / 30.0 * (1.0 - s / 56.0 * (1.0 - s / 90.0))));
    let sin = angle * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0))));
    return vec2(cos, sin);
}

// Weights of the four knots around a place, t cells after the second of them.
fn spline(t: f32) -> vec4<f32> {
    let rest = 1.0 - t;
    return vec4(
        rest * rest * rest,
        (3.0 * t - 6.0) * t * t + 4.0,
        ((3.0 - 3.0 * t) * t + 3.0) * t + 1.0,
        t * t * t,
    ) / 6.0;
}

// The knots of a word's cell, summed over its rows: one displacement for each of four columns.
fn bends(n: u32, row: u32, column: u32) -> array<vec2<f32>, 4> {
    let first = 2u + KNOTS * (row / CELL) + column / CELL;
    let weight = spline(f32(row % CELL) / f32(CELL));
    var sum: array<vec2<f32>, 4>;
    for (var j = 0u; j < 4u; j++) {
        sum[j] = weight.x * u(n, first + j).xy
            + weight.y * u(n, first + j + KNOTS).xy
            + weight.z * u(n, first + j + 2u * KNOTS).xy
            + weight.w * u(n, first + j + 3u * KNOTS).xy;
    }
    return sum;
}

fn grey(n: u32, row: i32, column: i32) -> f32 {
    let inside = u32(row) < HEIGHT && u32(column) < WIDTH;
    let at = select(0u, u32(row) * WIDTH + u32(column), inside);
    let word = originals[n * WORDS + at / 4u];
    return select(0.0, f32((word >> (8u * (at % 4u))) & 255u), inside);
}

fn bilinear(n: u32, place: vec2<f32>) -> f32 {
    let corner = floor(place);
    let part = place - corner;
    let x = i32(corner.x);
    let y = i32(corner.y);
    let above = mix(grey(n, y, x), grey(n, y, x + 1), part.x);
    let below = mix(grey(n, y + 1, x), grey(n, y + 1, x + 1), part.x);
    return mix(above, below, part.y);
}

@compute @workgroup_size(64)
fn warp(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH * WORDS) { return; }
    let place = cursor.first + id.x / WORDS;
    let n = order[min(place, cursor.end - 1u)];
    let at = id.x % WORDS;
    let row = at / (WIDTH / 4u);
    let column = 4u * (at % (WIDTH / 4u));

    let affine = u(n, 0u);
    let turn = (1.0 + SCALE * affine.y) * direction(ROTATION * affine.x);
    let slant = SHEAR * affine.z;
    let middle = 0.5 * vec2(f32(WIDTH - 1u), f32(HEIGHT - 1u));
    let shift = middle + SHIFT * u(n, 1u).xy;
    let down = f32(row) - middle.y;
    var bend: array<vec2<f32>, 4>;
    if (ELASTIC > 0.0) { bend = bends(n, row, column); }

    var greys: array<f32, 4>;
    for (var i = 0u; i < 4u; i++) {
        let right = f32(column + i) - middle.x + slant * down;
        var source = shift + vec2(turn.x * right - turn.y * down, turn.y * right + turn.x * down);
        if (ELASTIC > 0.0) {
            let weight = spline(f32((column + i) % CELL) / f32(CELL));
            source += ELASTIC * (weight.x * bend[0] + weight.y * bend[1] + weight.z * bend[2] + weight.w * bend[3]);
        }
        greys[i] = bilinear(n, source);
    }
    // The surplus of the last dispatch computes the last image again and drops it: to return before would put
    // all loads under a mask, at three times their price on a software driver.
    if (place < cursor.end) {
        let rounded = vec4(greys[0], greys[1], greys[2], greys[3]) + 0.5;
        images[n * WORDS + at] = pack4xU8(vec4<u32>(rounded));
    }
}
