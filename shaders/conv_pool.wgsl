// conv_pool: convolution, bias, ReLU and 2x2 max pooling in one go.
//
//   z[b,o,r,c] = bias[o] + sum over i,p,q of w[o,i,p,q] * x[b,i,r+p,c+q]
//   y[b,o,r,c] = max(0, max over p,q of z[b,o,2r+p,2c+q])
//   winner[b,o,r,c] = 2p+q of the first maximum in row-major order; 4 where it is not above 0,
//                     so that no gradient passes
//
// x [batch, IN, HEIGHT, WIDTH], WIDTH a multiple of 4; w [OUT, IN, K, K] and bias [OUT] as vec4;
// y [batch, Y_STRIDE] with [OUT, POOLED_HEIGHT, POOLED_WIDTH] at Y_AT; winner [batch, OUT, ..], dense.
// `packed` reads x out of the packed images of the data set (four grey values a word, IN = 1) instead.
// One invocation computes two neighbouring y, for GROUP output channels: the eight z behind them share
// one patch of x, four rows of z columns being loaded as vec4.
// x of the grid counts pairs of columns, rows and groups of an image; y counts images.

const IN: u32 = 6u;
const HEIGHT: u32 = 12u;
const WIDTH: u32 = 12u;
const OUT: u32 = 12u;
const K: u32 = 5u;
const GROUP: u32 = 4u;
const Y_STRIDE: u32 = 972u;
const Y_AT: u32 = 0u;
const THREADS: u32 = 8u;

const POOLED_HEIGHT: u32 = (HEIGHT - K + 1u) / 2u;
const POOLED_WIDTH: u32 = (WIDTH - K + 1u) / 2u;
const PAIRS: u32 = POOLED_WIDTH / 2u;
const SIZE: u32 = OUT * POOLED_HEIGHT * POOLED_WIDTH;
const W_WORDS: u32 = (OUT * IN * K * K + 3u) / 4u;
const BIAS_WORDS: u32 = (OUT + 3u) / 4u;
const QUADS: u32 = (K + 6u) / 4u;
const ROWS: u32 = K + 1u;

// Where the epoch stands: the step, and the first image of its batch in order.
struct Cursor { step: u32, first: u32 }

@group(0) @binding(0) var<storage> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<vec4<f32>, W_WORDS>;
@group(0) @binding(2) var<uniform> bias: array<vec4<f32>, BIAS_WORDS>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> winner: array<u32>;
@group(0) @binding(5) var<storage> cursor: Cursor;
@group(0) @binding(6) var<storage> order: array<u32>;
@group(0) @binding(7) var<storage> images: array<u32>;

// The eight z of one output channel: two rows of four.
struct Block { top: vec4<f32>, bottom: vec4<f32> }

// A patch of x, row by row.
alias Patch = array<f32, 4u * QUADS * ROWS>;

fn convolve(block: ptr<function, Block>, patch: ptr<function, Patch>, w_at: u32) {
    for (var p = 0u; p < K; p++) {
        for (var q = 0u; q < K; q++) {
            let tap = w_at + p * K + q;
            let weight = w[tap / 4u][tap % 4u];
            let at = p * 4u * QUADS + q;
            (*block).top += weight * vec4((*patch)[at], (*patch)[at + 1u], (*patch)[at + 2u], (*patch)[at + 3u]);
            let below = at + 4u * QUADS;
            (*block).bottom += weight * vec4((*patch)[below], (*patch)[below + 1u], (*patch)[below + 2u], (*patch)[below + 3u]);
        }
    }
}

// Bias, pooling, ReLU and the two stores for the pair of outputs at `at` of an image.
fn finish(block: Block, o: u32, image: u32, at: u32) {
    let b = bias[o / 4u][o % 4u];
    for (var side = 0u; side < 2u; side++) {
        let z = select(vec4(block.top.zw, block.bottom.zw), vec4(block.top.xy, block.bottom.xy), side == 0u) + b;
        var best = z.x;
        var best_at = 0u;
        if (z.y > best) { best = z.y; best_at = 1u; }
        if (z.z > best) { best = z.z; best_at = 2u; }
        if (z.w > best) { best = z.w; best_at = 3u; }
        let i = o * POOLED_HEIGHT * POOLED_WIDTH + at + side;
        y[image * Y_STRIDE + Y_AT + i] = max(best, 0.0);
        winner[image * SIZE + i] = select(4u, best_at, best > 0.0);
    }
}

@compute @workgroup_size(THREADS)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    let pair = id.x % PAIRS;
    let r = id.x / PAIRS % POOLED_HEIGHT;
    let group = id.x / (PAIRS * POOLED_HEIGHT);
    var blocks: array<Block, GROUP>;
    for (var i = 0u; i < IN; i++) {
        var patch: Patch;
        let corner = ((id.y * IN + i) * HEIGHT + 2u * r) * (WIDTH / 4u) + pair;
        for (var p = 0u; p < ROWS; p++) {
            for (var q = 0u; q < QUADS; q++) {
                let quad = x[corner + p * (WIDTH / 4u) + q];
                let at = (p * QUADS + q) * 4u;
                patch[at] = quad.x;
                patch[at + 1u] = quad.y;
                patch[at + 2u] = quad.z;
                patch[at + 3u] = quad.w;
            }
        }
        for (var g = 0u; g < GROUP; g++) {
            convolve(&blocks[g], &patch, ((group * GROUP + g) * IN + i) * K * K);
        }
    }
    for (var g = 0u; g < GROUP; g++) {
        finish(blocks[g], group * GROUP + g, id.y, r * POOLED_WIDTH + 2u * pair);
    }
}

@compute @workgroup_size(THREADS)
fn packed(@builtin(global_invocation_id) id: vec3<u32>) {
    let pair = id.x % PAIRS;
    let r = id.x / PAIRS % POOLED_HEIGHT;
    let group = id.x / (PAIRS * POOLED_HEIGHT);
    var patch: Patch;
    let corner = (order[cursor.first + id.y] * HEIGHT + 2u * r) * (WIDTH / 4u) + pair;
    for (var p = 0u; p < ROWS; p++) {
        for (var q = 0u; q < QUADS; q++) {
            let quad = unpack4x8unorm(images[corner + p * (WIDTH / 4u) + q]);
            let at = (p * QUADS + q) * 4u;
            patch[at] = quad.x;
            patch[at + 1u] = quad.y;
            patch[at + 2u] = quad.z;
            patch[at + 3u] = quad.w;
        }
    }
    for (var g = 0u; g < GROUP; g++) {
        var block = Block();
        convolve(&block, &patch, (group * GROUP + g) * K * K);
        finish(block, group * GROUP + g, id.y, r * POOLED_WIDTH + 2u * pair);
    }
}
