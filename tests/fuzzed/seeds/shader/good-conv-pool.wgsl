// in place of conv_pool
//  conv_pool: convolution, bias, ReLU and 2x2 max pooling in one go, and its gradients.
//
//    z[b,o,r,c] = bias[o] + sum over i,p,q of w[o,i,p,q] * x[b,i,r+p,c+q]
//    y[b,o,r,c] = max(0, max over p,q of z[b,o,2r+p,2c+q])
//    winner[b,o,r,c] = 2p+q of the first maximum in row-major order; 4 where it is not above 0,
//                      so that no gradient passes
//    dz[b,o,2r+p,2c+q] = dy[b,o,r,c] if winner[b,o,r,c] is 2p+q, else 0
//    dx[b,i,r,c] = sum over o,p,q of w[o,i,p,q] * dz[b,o,r-p,c-q]
//    dw[o,i,p,q] = sum over b,r,c of dz[b,o,r,c] * x[b,i,r+p,c+q]
//    db[o] = sum over b,r,c of dz[b,o,r,c]
//
//  x [BATCH, IN, HEIGHT, WIDTH], its rows padded to whole vec4; if PACKED, IN is 1 and x is read from the
//  packed images of the data set instead (four grey values per word). w [OUT, IN, K, K] and bias [OUT] as
//  vec4. y and dy are [BATCH, STRIDE] with [OUT, POOLED_HEIGHT, PITCH] from AT on. A strip is four
//  neighbouring windows of a pooled row; winner [BATCH, OUT, POOLED_HEIGHT, STRIPS] holds one word per strip,
//  one byte per window. Where a row ends within a strip, the windows past its end have no winner.
//
//  forward: one invocation computes a strip for each of GROUP output channels, whose z share one region
//  of x. x of the grid counts strips, rows and images; y counts groups.
//  backward: one invocation computes ROWS rows of dx for one input channel, or the K x K gradients of GROUP
//  output channels and one input channel, over every SLOTS-th image. These go into row [slot] of
//  partial [SLOTS, SLOT] at DW_AT, the biases' at DB_AT; adam adds up the slots. y of the grid counts input
//  channels, so that every part of the grid does some of both; x counts blocks of rows and images,
//  DX_INVOCATIONS in all, then slots and groups. Packed images get no dx.
//  Where LANES is not 1, LANES neighbouring invocations load K x K taps together and read them from each
//  other. The host sets the constants down to PITCH; PADDED says whether the grid has more invocations in x
//  than are needed.

const PADDED: bool = true;
const PACKED: bool = false;
const LANES: u32 = 1u;
const BATCH: u32 = 64u;
const IN: u32 = 6u;
const HEIGHT: u32 = 12u;
const WIDTH: u32 = 12u;
const OUT: u32 = 12u;
const K: u32 = 5u;
const GROUP: u32 = 4u;
const ROWS: u32 = 12u;
const SLOTS: u32 = 8u;
const SLOT: u32 = 1812u;
const DW_AT: u32 = 0u;
const DB_AT: u32 = 1800u;
const STRIDE: u32 = 192u;
const AT: u32 = 0u;
const PITCH: u32 = 4u;

const POOLED_HEIGHT: u32 = (HEIGHT - K + 1u) / 2u;
const POOLED_WIDTH: u32 = (WIDTH - K + 1u) / 2u;
const STRIPS: u32 = (POOLED_WIDTH + 3u) / 4u;
const QUADS: u32 = (WIDTH + 3u) / 4u;
const COLUMNS: u32 = 4u * QUADS;
const TAPS: u32 = K * K;
const TAP_LOADS: u32 = (TAPS + LANES - 1u) / LANES;
const W_WORDS: u32 = (OUT * IN * TAPS + 3u) / 4u;
const BIAS_WORDS: u32 = (OUT + 3u) / 4u;

//  The region of x that a strip needs: K + 1 rows of K + 7 columns, loaded as whole vec4.
const REGION_QUADS: u32 = (K + 10u) / 4u;
const REGION_ROWS: u32 = K + 1u;

//  The rows of windows whose dz reach a block of ROWS rows of dx: all if the block is the whole image,
//  else those that begin in the block and BEFORE above it.
const BLOCKS: u32 = (HEIGHT + ROWS - 1u) / ROWS;
const WHOLE: u32 = u32(BLOCKS == 1u);
const BEFORE: u32 = (1u - WHOLE) * (K / 2u);
const DZ_ROWS: u32 = 2u * (WHOLE * POOLED_HEIGHT + (1u - WHOLE) * (BEFORE + ROWS / 2u));
const DZ_COLUMNS: u32 = 8u * STRIPS;

//  Invocations for dx, in whole workgroups of 8: all invocations of one take the same branch.
const DX_INVOCATIONS: u32 = (BATCH * BLOCKS + 7u) / 8u * 8u;
const DW_INVOCATIONS: u32 = SLOTS * (OUT / GROUP);

//  1 / 255. Multiplying by it is much faster than dividing by 255, and the same except for the last bit.
const GREY: f32 = 0.003921569;

//  No winner.
const NOWHERE: u32 = 4u;

//  Where the step stands: its batch's first place in the order, and the order's end.
struct Cursor { first: u32, end: u32 }
var<immediate> cursor: Cursor;

@group(0) @binding(0) var<storage> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<vec4<f32>, W_WORDS>;
@group(0) @binding(2) var<uniform> bias: array<vec4<f32>, BIAS_WORDS>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> winner: array<u32>;
@group(0) @binding(5) var<storage> order: array<u32>;
@group(0) @binding(6) var<storage> images: array<u32>;
@group(0) @binding(7) var<storage> winner_forward: array<u32>;
@group(0) @binding(8) var<storage> dy: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(10) var<storage, read_write> partial: array<f32>;

//  Every loop runs through a whole dimension of these arrays: drivers unroll such loops, and the arrays
//  become registers.
var<private> taps: array<array<f32, K>, K>;
var<private> region: array<array<vec4<f32>, REGION_QUADS>, REGION_ROWS>;
var<private> z: array<array<array<f32, 8>, 2>, GROUP>;
var<private> dz: array<array<f32, DZ_COLUMNS>, DZ_ROWS>;
var<private> dx_rows: array<array<f32, COLUMNS>, ROWS>;
var<private> dw: array<array<array<f32, K>, K>, GROUP>;
var<private> db: array<f32, GROUP>;
var<private> strip: array<f32, 4>;

//  The place in the data set of an image of the batch; past the end of the order its last is repeated.
fn sample(b: u32) -> u32 {
    return order[min(cursor.first + b, cursor.end - 1u)];
}

//  The first vec4 of x[b,i].
fn first_quad(b: u32, i: u32) -> u32 {
    if (PACKED) { return sample(b) * HEIGHT * QUADS; } else { return (b * IN + i) * HEIGHT * QUADS; }
}

fn x_quad(at: u32) -> vec4<f32> {
    if (PACKED) { return GREY * vec4<f32>(unpack4xU8(images[at])); } else { return x[at]; }
}

fn tap(at: u32) -> f32 {
    return w[at / 4u][at % 4u];
}

//  Loads the K x K taps at word w_at.
fn load_taps(w_at: u32, lane: u32) {
    if (LANES > 1u) {
        var mine: array<f32, TAP_LOADS>;
        for (var n = 0u; n < TAP_LOADS; n++) { mine[n] = tap(w_at + min(n * LANES + lane, TAPS - 1u)); }
        for (var p = 0u; p < K; p++) {
            for (var q = 0u; q < K; q++) {
                let t = p * K + q;
                taps[p][q] = subgroupShuffle(mine[t / LANES], t % LANES);
            }
        }
    } else {
        for (var p = 0u; p < K; p++) {
            for (var q = 0u; q < K; q++) { taps[p][q] = tap(w_at + p * K + q); }
        }
    }
}

fn x_at(row: u32, c: u32) -> f32 {
    return region[row][c / 4u][c % 4u];
}

//  Loads row p of the region of strip s; `row` is the first vec4 of the row of x. A region that reaches
//  past the end of its row repeats the last vec4 there, for windows that do not exist.
fn load_row(p: u32, row: u32, s: u32) {
    for (var q = 0u; q < REGION_QUADS; q++) {
        region[p][q] = x_quad(row + min(2u * s + q, QUADS - 1u));
    }
}

//  Moves the region down by one window: its first K - 1 rows are already there.
fn move_down() {
    for (var p = 0u; p < K - 1u; p++) {
        for (var q = 0u; q < REGION_QUADS; q++) { region[p][q] = region[p + 2u][q]; }
    }
}

//  Adds the convolution of the region with the taps to z of channel g of the group.
fn convolve(g: u32) {
    for (var row = 0u; row < 2u; row++) {
        for (var p = 0u; p < K; p++) {
            for (var q = 0u; q < K; q++) {
                for (var c = 0u; c < 8u; c++) { z[g][row][c] += taps[p][q] * x_at(row + p, c + q); }
            }
        }
    }
}

//  Pooling, ReLU and the stores of channel g of the group, which is output channel o.
fn finish(g: u32, o: u32, b: u32, r: u32, s: u32) {
    var winners = 0u;
    var pooled: vec4<f32>;
    for (var j = 0u; j < 4u; j++) {
        var best = z[g][0][2u * j];
        var best_at = 0u;
        if (z[g][0][2u * j + 1u] > best) { best = z[g][0][2u * j + 1u]; best_at = 1u; }
        if (z[g][1][2u * j] > best) { best = z[g][1][2u * j]; best_at = 2u; }
        if (z[g][1][2u * j + 1u] > best) { best = z[g][1][2u * j + 1u]; best_at = 3u; }
        let exists = 4u * s + j < POOLED_WIDTH;
        winners |= select(NOWHERE, best_at, best > 0.0 && exists) << (8u * j);
        pooled[j] = select(0.0, max(best, 0.0), exists);
    }
    let at = b * STRIDE + AT + (o * POOLED_HEIGHT + r) * PITCH + 4u * s;
    if (PITCH % 4u == 0u) {
        y[at / 4u] = pooled;
    } else {
        //  These rows have no room at their end for windows that do not exist.
        for (var j = 0u; j < 4u; j++) {
            if (4u * s + j < POOLED_WIDTH) { y[(at + j) / 4u][(at + j) % 4u] = pooled[j]; }
        }
    }
    winner[((b * OUT + o) * POOLED_HEIGHT + r) * STRIPS + s] = winners;
}

fn begin(group: u32) {
    for (var g = 0u; g < GROUP; g++) {
        let o = group * GROUP + g;
        for (var row = 0u; row < 2u; row++) {
            for (var c = 0u; c < 8u; c++) { z[g][row][c] = bias[o / 4u][o % 4u]; }
        }
    }
}

//  Adds input channel i's part of z of the group.
fn add_channel(i: u32, b: u32, r: u32, s: u32, group: u32, lane: u32) {
    let first = first_quad(b, i);
    for (var p = 0u; p < REGION_ROWS; p++) { load_row(p, first + (2u * r + p) * QUADS, s); }
    for (var g = 0u; g < GROUP; g++) {
        load_taps(((group * GROUP + g) * IN + i) * TAPS, lane);
        convolve(g);
    }
}

@compute @workgroup_size(32)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    //  An invocation past the end computes what the last one does: its neighbours may need it.
    let n = select(id.x, min(id.x, BATCH * POOLED_HEIGHT * STRIPS - 1u), PADDED);
    let s = n % STRIPS;
    let r = n / STRIPS % POOLED_HEIGHT;
    let b = n / (STRIPS * POOLED_HEIGHT);
    begin(id.y);
    if (PACKED) {
        //  Not a loop of one round: in it, everything would take a software driver half as long again.
        add_channel(0u, b, r, s, id.y, id.x % LANES);
    } else {
        for (var i = 0u; i < IN; i++) { add_channel(i, b, r, s, id.y, id.x % LANES); }
    }
    if (PADDED && n != id.x) { return; }
    for (var g = 0u; g < GROUP; g++) { finish(g, id.y * GROUP + g, b, r, s); }
}

//  The gradients of a strip of y.
fn dy_strip(b: u32, o: u32, r: u32, s: u32) -> vec4<f32> {
    let at = b * STRIDE + AT + (o * POOLED_HEIGHT + r) * PITCH + 4u * s;
    if (PITCH % 4u == 0u) { return dy[at / 4u]; }
    var strip: vec4<f32>;
    for (var j = 0u; j < 4u; j++) {
        let behind = at + min(j, POOLED_WIDTH - 1u - 4u * s);
        strip[j] = dy[behind / 4u][behind % 4u];
    }
    return strip;
}

fn winners_of(b: u32, o: u32, r: u32, s: u32) -> u32 {
    return winner_forward[((b * OUT + o) * POOLED_HEIGHT + r) * STRIPS + s];
}

//  Spreads the gradients of the windows of output channel o, from row first - BEFORE on, over dz.
fn load_dz(b: u32, o: u32, first: u32) {
    for (var p = 0u; p < DZ_ROWS / 2u; p++) {
        //  Rows above the first wrap around to large numbers.
        let row = first + p - BEFORE;
        let exists = row < POOLED_HEIGHT;
        for (var s = 0u; s < STRIPS; s++) {
            let d = dy_strip(b, o, min(row, POOLED_HEIGHT - 1u), s);
            let winners = winners_of(b, o, min(row, POOLED_HEIGHT - 1u), s);
            for (var j = 0u; j < 4u; j++) {
                let best = extractBits(winners, 8u * j, 8u);
                let c = 8u * s + 2u * j;
                dz[2u * p][c] = select(0.0, d[j], exists && best == 0u);
                dz[2u * p][c + 1u] = select(0.0, d[j], exists && best == 1u);
                dz[2u * p + 1u][c] = select(0.0, d[j], exists && best == 2u);
                dz[2u * p + 1u][c + 1u] = select(0.0, d[j], exists && best == 3u);
            }
        }
    }
}

//  Adds the transposed convolution of dz with the taps to the rows of dx.
fn convolve_transposed() {
    for (var r = 0u; r < ROWS; r++) {
        for (var p = 0u; p < K; p++) {
            //  Rows and columns before the first wrap around to large numbers.
            let row = r + 2u * BEFORE - p;
            if (row < DZ_ROWS) {
                for (var q = 0u; q < K; q++) {
                    for (var c = 0u; c < COLUMNS; c++) {
                        if (c - q < 2u * POOLED_WIDTH) { dx_rows[r][c] += taps[p][q] * dz[row][c - q]; }
                    }
                }
            }
        }
    }
}

//  Rows of dx: block `at` of all images' blocks. An invocation past the last computes what that one does.
fn input_gradient(at: u32, i: u32, lane: u32) {
    let n = min(at, BATCH * BLOCKS - 1u);
    let block = n % BLOCKS;
    let b = n / BLOCKS;
    for (var o = 0u; o < OUT; o++) {
        load_dz(b, o, (1u - WHOLE) * block * ROWS / 2u);
        load_taps((o * IN + i) * TAPS, lane);
        convolve_transposed();
    }
    if (n != at) { return; }
    for (var r = 0u; r < ROWS; r++) {
        if (block * ROWS + r < HEIGHT) {
            for (var q = 0u; q < QUADS; q++) {
                let c = 4u * q;
                dx[((b * IN + i) * HEIGHT + block * ROWS + r) * QUADS + q] =
                    vec4(dx_rows[r][c], dx_rows[r][c + 1u], dx_rows[r][c + 2u], dx_rows[r][c + 3u]);
            }
        }
    }
}

//  Adds window j's part of the gradients of channel g of the group. Of the four places
//  where its region of x may begin, only the winner's counts.
fn add_window(g: u32, j: u32, d: f32, best: u32) {
    let right = (best & 1u) != 0u;
    let below = (best & 2u) != 0u;
    db[g] += d;
    for (var p = 0u; p < K; p++) {
        for (var q = 0u; q < K; q++) {
            let c = 2u * j + q;
            let top = select(x_at(p, c), x_at(p, c + 1u), right);
            let bottom = select(x_at(p + 1u, c), x_at(p + 1u, c + 1u), right);
            dw[g][p][q] += d * select(top, bottom, below);
        }
    }
}

//  Adds a strip's part of the gradients of the group, or nothing if the image does not exist.
fn add_strip(group: u32, b: u32, r: u32, s: u32, exists: bool) {
    for (var g = 0u; g < GROUP; g++) {
        let d = dy_strip(b, group * GROUP + g, r, s);
        strip = array(d.x, d.y, d.z, d.w);
        let winners = winners_of(b, group * GROUP + g, r, s);
        for (var j = 0u; j < 4u; j++) {
            let best = extractBits(winners, 8u * j, 8u);
            add_window(g, j, select(0.0, strip[j], exists && best != NOWHERE), best);
        }
    }
}

fn store_gradients(slot: u32, group: u32, i: u32) {
    for (var g = 0u; g < GROUP; g++) {
        let o = group * GROUP + g;
        for (var p = 0u; p < K; p++) {
            for (var q = 0u; q < K; q++) {
                partial[slot * SLOT + DW_AT + (o * IN + i) * TAPS + p * K + q] = dw[g][p][q];
            }
        }
        //  Every input channel computes the same sum.
        if (i == 0u) { partial[slot * SLOT + DB_AT + o] = db[g]; }
    }
}

//  The gradients of one slot and one group, numbered by `at`.
fn weight_gradients(at: u32, i: u32) {
    if (PADDED && at >= DW_INVOCATIONS) { return; }
    let slot = at % SLOTS;
    let group = at / SLOTS;
    for (var n = 0u; n < (BATCH + SLOTS - 1u) / SLOTS; n++) {
        //  A slot that has run out of images takes the last one again and adds nothing.
        let exists = n * SLOTS + slot < BATCH;
        let b = min(n * SLOTS + slot, BATCH - 1u);
        let first = first_quad(b, i);
        for (var s = 0u; s < STRIPS; s++) {
            for (var p = 2u; p < REGION_ROWS; p++) { load_row(p, first + (p - 2u) * QUADS, s); }
            for (var r = 0u; r < POOLED_HEIGHT; r++) {
                move_down();
                load_row(K - 1u, first + (2u * r + K - 1u) * QUADS, s);
                load_row(K, first + (2u * r + K) * QUADS, s);
                add_strip(group, b, r, s, exists);
            }
        }
    }
    store_gradients(slot, group, i);
}

@compute @workgroup_size(8)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PACKED) {
        weight_gradients(id.x, id.y);
    } else if (id.x < DX_INVOCATIONS) {
        input_gradient(id.x, id.y, id.x % LANES);
    } else {
        weight_gradients(id.x - DX_INVOCATIONS, id.y);
    }
}
