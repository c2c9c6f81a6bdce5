// conv_pool: convolution, bias, ReLU and 2x2 max pooling in one go, and its gradients.
//
//   z[b,o,r,c] = bias[o] + sum over i,p,q of w[o,i,p,q] * x[b,i,r+p,c+q]
//   y[b,o,r,c] = max(0, max over p,q of z[b,o,2r+p,2c+q])
//   winner[b,o,r,c] = 2p+q of the first maximum in row-major order; 4 where it is not above 0,
//                     so that no gradient passes
//   dz[b,o,2r+p,2c+q] = dy[b,o,r,c] if winner[b,o,r,c] is 2p+q, else 0
//   dx[b,i,r,c] = sum over o,p,q of w[o,i,p,q] * dz[b,o,r-p,c-q]
//   dw[o,i,p,q] = sum over b,r,c of dz[b,o,r,c] * x[b,i,r+p,c+q]
//   db[o] = sum over b,r,c of dz[b,o,r,c]
//
// x [BATCH, IN, HEIGHT, WIDTH], HEIGHT even and WIDTH a multiple of 4; the _packed entries read x, with
// IN = 1, out of the packed images of the data set instead (four grey values a word). w [OUT, IN, K, K]
// and bias [OUT] as vec4. y and dy are [BATCH, STRIDE] with [OUT, POOLED_HEIGHT, POOLED_WIDTH] from AT on;
// winner is dense.
//
// forward: one invocation computes two neighbouring y for each of GROUP output channels; the z behind
// them share one region of x. Consecutive invocations take column pairs, rows, groups, images.
// backward_input: one invocation computes two rows of four dx for each of IN_GROUP input channels.
// backward_weights: one invocation computes the K x K gradients of GROUP output channels and one input
// channel, over every SLOTS-th image, into dw_each [SLOTS, OUT, IN, K, K] and db_each [SLOTS, OUT];
// batch_sum adds up the slots.

const PADDED: bool = true;
const BATCH: u32 = 64u;
const IN: u32 = 6u;
const HEIGHT: u32 = 12u;
const WIDTH: u32 = 12u;
const OUT: u32 = 12u;
const K: u32 = 5u;
const GROUP: u32 = 2u;
const IN_GROUP: u32 = 2u;
const SLOTS: u32 = 8u;
const STRIDE: u32 = 192u;
const AT: u32 = 0u;

const POOLED_HEIGHT: u32 = (HEIGHT - K + 1u) / 2u;
const POOLED_WIDTH: u32 = (WIDTH - K + 1u) / 2u;
const POOLED: u32 = POOLED_HEIGHT * POOLED_WIDTH;
const PAIRS: u32 = POOLED_WIDTH / 2u;
const QUADS: u32 = WIDTH / 4u;
const TAPS: u32 = K * K;
const W_WORDS: u32 = (OUT * IN * TAPS + 3u) / 4u;
const BIAS_WORDS: u32 = (OUT + 3u) / 4u;

// The region of x behind a pair of windows: K + 1 rows of K + 3 columns, loaded as whole vec4.
const REGION_QUADS: u32 = (K + 6u) / 4u;
const REGION_ROWS: u32 = K + 1u;
const REGION_COLUMNS: u32 = 4u * REGION_QUADS;

// The windows whose dz reach a block of 2 x 4 of dx, and their columns of dz.
const BEFORE: u32 = K / 2u;
const WINDOW_ROWS: u32 = BEFORE + 1u;
const WINDOW_COLUMNS: u32 = BEFORE + 2u;
const DZ_COLUMNS: u32 = 2u * WINDOW_COLUMNS;

// Where the epoch stands: the step, and the first image of its batch in order.
struct Cursor { step: u32, first: u32 }

// Two rows of four values.
struct Block { top: vec4<f32>, bottom: vec4<f32> }

@group(0) @binding(0) var<storage> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<vec4<f32>, W_WORDS>;
@group(0) @binding(2) var<uniform> bias: array<vec4<f32>, BIAS_WORDS>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> winner: array<u32>;
@group(0) @binding(5) var<storage> cursor: Cursor;
@group(0) @binding(6) var<storage> order: array<u32>;
@group(0) @binding(7) var<storage> images: array<u32>;
@group(0) @binding(8) var<storage> winner_forward: array<u32>;
@group(0) @binding(9) var<storage> dy: array<f32>;
@group(0) @binding(10) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(11) var<storage, read_write> dw_each: array<f32>;
@group(0) @binding(12) var<storage, read_write> db_each: array<f32>;

var<private> region: array<f32, REGION_ROWS * REGION_COLUMNS>;
var<private> blocks: array<Block, GROUP>;
var<private> dx_blocks: array<Block, IN_GROUP>;
var<private> dz: array<f32, 2u * WINDOW_ROWS * DZ_COLUMNS>;
var<private> dw: array<array<f32, TAPS>, GROUP>;
var<private> db: array<f32, GROUP>;

fn set_quad(at: u32, quad: vec4<f32>) {
    region[at] = quad.x;
    region[at + 1u] = quad.y;
    region[at + 2u] = quad.z;
    region[at + 3u] = quad.w;
}

// Loads the region whose first vec4 is `corner` of x.
fn load(corner: u32) {
    for (var p = 0u; p < REGION_ROWS; p++) {
        for (var q = 0u; q < REGION_QUADS; q++) {
            set_quad(p * REGION_COLUMNS + 4u * q, x[corner + p * QUADS + q]);
        }
    }
}

fn load_packed(corner: u32) {
    for (var p = 0u; p < REGION_ROWS; p++) {
        for (var q = 0u; q < REGION_QUADS; q++) {
            set_quad(p * REGION_COLUMNS + 4u * q, unpack4x8unorm(images[corner + p * QUADS + q]));
        }
    }
}

// Adds the convolution of the region with the kernel at word w_at to block g.
fn convolve(g: u32, w_at: u32) {
    for (var p = 0u; p < K; p++) {
        for (var q = 0u; q < K; q++) {
            let weight = w[(w_at + p * K + q) / 4u][(w_at + p * K + q) % 4u];
            let at = p * REGION_COLUMNS + q;
            let below = at + REGION_COLUMNS;
            blocks[g].top += weight * vec4(region[at], region[at + 1u], region[at + 2u], region[at + 3u]);
            blocks[g].bottom += weight * vec4(region[below], region[below + 1u], region[below + 2u], region[below + 3u]);
        }
    }
}

// Bias, pooling, ReLU and the stores of block g, whose first window is the at-th of output channel o.
fn finish(g: u32, o: u32, b: u32, at: u32) {
    let top = blocks[g].top + bias[o / 4u][o % 4u];
    let bottom = blocks[g].bottom + bias[o / 4u][o % 4u];
    store_window(vec4(top.xy, bottom.xy), o * POOLED + at, b);
    store_window(vec4(top.zw, bottom.zw), o * POOLED + at + 1u, b);
}

fn store_window(z: vec4<f32>, at: u32, b: u32) {
    var best = z.x;
    var best_at = 0u;
    if (z.y > best) { best = z.y; best_at = 1u; }
    if (z.z > best) { best = z.z; best_at = 2u; }
    if (z.w > best) { best = z.w; best_at = 3u; }
    y[b * STRIDE + AT + at] = max(best, 0.0);
    winner[b * OUT * POOLED + at] = select(4u, best_at, best > 0.0);
}

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH * (OUT / GROUP) * POOLED_HEIGHT * PAIRS) { return; }
    let pair = id.x % PAIRS;
    let r = id.x / PAIRS % POOLED_HEIGHT;
    let group = id.x / (PAIRS * POOLED_HEIGHT) % (OUT / GROUP);
    let b = id.x / (PAIRS * POOLED_HEIGHT * (OUT / GROUP));
    for (var i = 0u; i < IN; i++) {
        load(((b * IN + i) * HEIGHT + 2u * r) * QUADS + pair);
        for (var g = 0u; g < GROUP; g++) {
            convolve(g, ((group * GROUP + g) * IN + i) * TAPS);
        }
    }
    for (var g = 0u; g < GROUP; g++) {
        finish(g, group * GROUP + g, b, r * POOLED_WIDTH + 2u * pair);
    }
}

@compute @workgroup_size(64)
fn forward_packed(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH * (OUT / GROUP) * POOLED_HEIGHT * PAIRS) { return; }
    let pair = id.x % PAIRS;
    let r = id.x / PAIRS % POOLED_HEIGHT;
    let group = id.x / (PAIRS * POOLED_HEIGHT) % (OUT / GROUP);
    let b = id.x / (PAIRS * POOLED_HEIGHT * (OUT / GROUP));
    load_packed((order[cursor.first + b] * HEIGHT + 2u * r) * QUADS + pair);
    for (var g = 0u; g < GROUP; g++) {
        convolve(g, (group * GROUP + g) * TAPS);
        finish(g, group * GROUP + g, b, r * POOLED_WIDTH + 2u * pair);
    }
}

// Spreads the gradients of the windows around the block at row pair r, quad c into dz.
fn load_dz(b: u32, o: u32, r: u32, c: u32) {
    for (var p = 0u; p < WINDOW_ROWS; p++) {
        for (var q = 0u; q < WINDOW_COLUMNS; q++) {
            // Windows before the first wrap around to large numbers.
            let row = r + p - BEFORE;
            let column = 2u * c + q - BEFORE;
            let inside = row < POOLED_HEIGHT && column < POOLED_WIDTH;
            let at = o * POOLED + min(row, POOLED_HEIGHT - 1u) * POOLED_WIDTH + min(column, POOLED_WIDTH - 1u);
            let d = select(0.0, dy[b * STRIDE + AT + at], inside);
            let best = winner_forward[b * OUT * POOLED + at];
            let corner = 2u * p * DZ_COLUMNS + 2u * q;
            dz[corner] = select(0.0, d, best == 0u);
            dz[corner + 1u] = select(0.0, d, best == 1u);
            dz[corner + DZ_COLUMNS] = select(0.0, d, best == 2u);
            dz[corner + DZ_COLUMNS + 1u] = select(0.0, d, best == 3u);
        }
    }
}

// Adds the correlation of dz with the kernel at word w_at to block g of dx.
fn correlate(g: u32, w_at: u32) {
    for (var p = 0u; p < K; p++) {
        for (var q = 0u; q < K; q++) {
            let weight = w[(w_at + p * K + q) / 4u][(w_at + p * K + q) % 4u];
            let at = (2u * BEFORE - p) * DZ_COLUMNS + 2u * BEFORE - q;
            let below = at + DZ_COLUMNS;
            dx_blocks[g].top += weight * vec4(dz[at], dz[at + 1u], dz[at + 2u], dz[at + 3u]);
            dx_blocks[g].bottom += weight * vec4(dz[below], dz[below + 1u], dz[below + 2u], dz[below + 3u]);
        }
    }
}

@compute @workgroup_size(64)
fn backward_input(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH * (IN / IN_GROUP) * (HEIGHT / 2u) * QUADS) { return; }
    let c = id.x % QUADS;
    let r = id.x / QUADS % (HEIGHT / 2u);
    let group = id.x / (QUADS * (HEIGHT / 2u)) % (IN / IN_GROUP);
    let b = id.x / (QUADS * (HEIGHT / 2u) * (IN / IN_GROUP));
    for (var o = 0u; o < OUT; o++) {
        load_dz(b, o, r, c);
        for (var g = 0u; g < IN_GROUP; g++) {
            correlate(g, (o * IN + group * IN_GROUP + g) * TAPS);
        }
    }
    for (var g = 0u; g < IN_GROUP; g++) {
        let at = ((b * IN + group * IN_GROUP + g) * HEIGHT + 2u * r) * QUADS + c;
        dx[at] = dx_blocks[g].top;
        dx[at + QUADS] = dx_blocks[g].bottom;
    }
}

// Adds what one window gives to the gradients of output channel g of the group. Its region begins at
// `column`; without an image it adds nothing.
fn add_window(g: u32, column: u32, b: u32, at: u32, exists: bool) {
    let best = winner_forward[b * OUT * POOLED + at];
    let d = select(0.0, dy[b * STRIDE + AT + at], exists && best < 4u);
    let d0 = select(0.0, d, best == 0u);
    let d1 = select(0.0, d, best == 1u);
    let d2 = select(0.0, d, best == 2u);
    let d3 = select(0.0, d, best == 3u);
    db[g] += d;
    for (var p = 0u; p < K; p++) {
        for (var q = 0u; q < K; q++) {
            let above = p * REGION_COLUMNS + column + q;
            let below = above + REGION_COLUMNS;
            dw[g][p * K + q] += d0 * region[above] + d1 * region[above + 1u] + d2 * region[below] + d3 * region[below + 1u];
        }
    }
}

fn add_windows(group: u32, b: u32, at: u32, exists: bool) {
    for (var g = 0u; g < GROUP; g++) {
        let window = (group * GROUP + g) * POOLED + at;
        add_window(g, 0u, b, window, exists);
        add_window(g, 2u, b, window + 1u, exists);
    }
}

fn store_gradients(slot: u32, group: u32, i: u32) {
    for (var g = 0u; g < GROUP; g++) {
        let o = group * GROUP + g;
        for (var tap = 0u; tap < TAPS; tap++) {
            dw_each[((slot * OUT + o) * IN + i) * TAPS + tap] = dw[g][tap];
        }
        // Every input channel comes to the same sum.
        db_each[slot * OUT + o] = db[g];
    }
}

// x of the grid counts slots, y pairs of group and input channel.
@compute @workgroup_size(8)
fn backward_weights(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y % IN;
    let group = id.y / IN;
    for (var n = 0u; n < (BATCH + SLOTS - 1u) / SLOTS; n++) {
        // A slot that has run out of images takes the last one again and adds nothing.
        let exists = n * SLOTS + id.x < BATCH;
        let b = min(n * SLOTS + id.x, BATCH - 1u);
        for (var r = 0u; r < POOLED_HEIGHT; r++) {
            for (var pair = 0u; pair < PAIRS; pair++) {
                load(((b * IN + i) * HEIGHT + 2u * r) * QUADS + pair);
                add_windows(group, b, r * POOLED_WIDTH + 2u * pair, exists);
            }
        }
    }
    store_gradients(id.x, group, i);
}

@compute @workgroup_size(8)
fn backward_weights_packed(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var n = 0u; n < (BATCH + SLOTS - 1u) / SLOTS; n++) {
        let exists = n * SLOTS + id.x < BATCH;
        let b = min(n * SLOTS + id.x, BATCH - 1u);
        let image = order[cursor.first + b] * HEIGHT * QUADS;
        for (var r = 0u; r < POOLED_HEIGHT; r++) {
            for (var pair = 0u; pair < PAIRS; pair++) {
                load_packed(image + 2u * r * QUADS + pair);
                add_windows(id.y, b, r * POOLED_WIDTH + 2u * pair, exists);
            }
        }
    }
    store_gradients(id.x, id.y, 0u);
}
