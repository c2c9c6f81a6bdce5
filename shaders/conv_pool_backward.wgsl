// conv_pool_backward: the gradients of conv_pool.
//
//   dz[b,o,2r+p,2c+q] = dy[b,o,r,c] if winner[b,o,r,c] is 2p+q, else 0
//   dx[b,i,r,c] = sum over o,p,q of w[o,i,p,q] * dz[b,o,r-p,c-q]
//   dw[o,i,p,q] = sum over b,r,c of dz[b,o,r,c] * x[b,i,r+p,c+q]
//   db[o] = sum over b,r,c of dy[b,o,r,c] where the window has a winner
//
// x [batch, IN, HEIGHT, WIDTH] (or the packed images), w [OUT, IN, K, K] as vec4, dy [batch, DY_STRIDE]
// with [OUT, POOLED_HEIGHT, POOLED_WIDTH] at DY_AT, winner dense as conv_pool leaves it.
// Only one z in four has a gradient, at the winner of its window.
//
// `input`: one invocation computes two rows of four neighbouring dx, for GROUP input channels.
// `weights` and `weights_packed`: one invocation computes the K x K gradients of GROUP output channels
// and one input channel over every SLOTS-th image, into dw_each [SLOTS, OUT, IN, K, K] and
// db_each [SLOTS, OUT]; batch_sum adds up the slots.

const BATCH: u32 = 64u;
const IN: u32 = 6u;
const HEIGHT: u32 = 12u;
const WIDTH: u32 = 12u;
const OUT: u32 = 12u;
const K: u32 = 5u;
const GROUP: u32 = 2u;
const SLOTS: u32 = 8u;
const DY_STRIDE: u32 = 972u;
const DY_AT: u32 = 704u;
const THREADS: u32 = 8u;

const POOLED_HEIGHT: u32 = (HEIGHT - K + 1u) / 2u;
const POOLED_WIDTH: u32 = (WIDTH - K + 1u) / 2u;
const POOLED: u32 = POOLED_HEIGHT * POOLED_WIDTH;
const PAIRS: u32 = POOLED_WIDTH / 2u;
const W_WORDS: u32 = (OUT * IN * K * K + 3u) / 4u;
const TAPS: u32 = K * K;
// Windows that reach a block of 2 x 4 of dx: from (K-1)/2 before it on.
const BEFORE: u32 = K / 2u;
const WINDOW_ROWS: u32 = BEFORE + 1u;
const WINDOW_COLUMNS: u32 = BEFORE + 2u;
const QUADS: u32 = (K + 6u) / 4u;
const ROWS: u32 = K + 1u;

// Where the epoch stands: the step, and the first image of its batch in order.
struct Cursor { step: u32, first: u32 }

@group(0) @binding(0) var<storage> x: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> w: array<vec4<f32>, W_WORDS>;
@group(0) @binding(2) var<storage> dy: array<f32>;
@group(0) @binding(3) var<storage> winner: array<u32>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dw_each: array<f32>;
@group(0) @binding(6) var<storage, read_write> db_each: array<f32>;
@group(0) @binding(7) var<storage> cursor: Cursor;
@group(0) @binding(8) var<storage> order: array<u32>;
@group(0) @binding(9) var<storage> images: array<u32>;

// The dz around a block of dx, row by row.
const DZ_COLUMNS: u32 = 2u * WINDOW_COLUMNS;
alias Around = array<f32, 2u * WINDOW_ROWS * DZ_COLUMNS>;

// A block of dx: two rows of four.
struct Block { top: vec4<f32>, bottom: vec4<f32> }

@compute @workgroup_size(THREADS)
fn input(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = id.x % (WIDTH / 4u);
    let r = id.x / (WIDTH / 4u) % (HEIGHT / 2u);
    let group = id.x / (WIDTH / 4u * (HEIGHT / 2u));
    var blocks: array<Block, GROUP>;
    for (var o = 0u; o < OUT; o++) {
        var dz: Around;
        for (var p = 0u; p < WINDOW_ROWS; p++) {
            for (var q = 0u; q < WINDOW_COLUMNS; q++) {
                // Windows outside wrap around to large numbers.
                let row = r + p - BEFORE;
                let column = 2u * c + q - BEFORE;
                let inside = row < POOLED_HEIGHT && column < POOLED_WIDTH;
                let at = o * POOLED + min(row, POOLED_HEIGHT - 1u) * POOLED_WIDTH + min(column, POOLED_WIDTH - 1u);
                let d = select(0.0, dy[id.y * DY_STRIDE + DY_AT + at], inside);
                let best = winner[id.y * OUT * POOLED + at];
                let corner = 2u * p * DZ_COLUMNS + 2u * q;
                dz[corner] = select(0.0, d, best == 0u);
                dz[corner + 1u] = select(0.0, d, best == 1u);
                dz[corner + DZ_COLUMNS] = select(0.0, d, best == 2u);
                dz[corner + DZ_COLUMNS + 1u] = select(0.0, d, best == 3u);
            }
        }
        for (var g = 0u; g < GROUP; g++) {
            for (var p = 0u; p < K; p++) {
                for (var q = 0u; q < K; q++) {
                    let tap = ((o * IN + group * GROUP + g) * K + p) * K + q;
                    let weight = w[tap / 4u][tap % 4u];
                    let at = (2u * BEFORE - p) * DZ_COLUMNS + 2u * BEFORE - q;
                    let below = at + DZ_COLUMNS;
                    blocks[g].top += weight * vec4(dz[at], dz[at + 1u], dz[at + 2u], dz[at + 3u]);
                    blocks[g].bottom += weight * vec4(dz[below], dz[below + 1u], dz[below + 2u], dz[below + 3u]);
                }
            }
        }
    }
    for (var g = 0u; g < GROUP; g++) {
        let at = ((id.y * IN + group * GROUP + g) * HEIGHT + 2u * r) * (WIDTH / 4u) + c;
        dx[at] = blocks[g].top;
        dx[at + WIDTH / 4u] = blocks[g].bottom;
    }
}

// A patch of x behind two neighbouring windows, row by row.
alias Patch = array<f32, 4u * QUADS * ROWS>;

// K x K gradients of some output channels, and of their bias.
var<private> dw: array<array<f32, TAPS>, GROUP>;
var<private> db: array<f32, GROUP>;

// Adds what the windows at `at` and beside it give to output channel g of the group.
fn add_windows(patch: ptr<function, Patch>, g: u32, dy_at: u32, winner_at: u32, exists: bool) {
    for (var side = 0u; side < 2u; side++) {
        let best = winner[winner_at + side];
        let d = select(0.0, dy[dy_at + side], exists && best < 4u);
        let d0 = select(0.0, d, best == 0u);
        let d1 = select(0.0, d, best == 1u);
        let d2 = select(0.0, d, best == 2u);
        let d3 = select(0.0, d, best == 3u);
        db[g] += d;
        for (var p = 0u; p < K; p++) {
            for (var q = 0u; q < K; q++) {
                let at = p * 4u * QUADS + 2u * side + q;
                let below = at + 4u * QUADS;
                dw[g][p * K + q] += d0 * (*patch)[at] + d1 * (*patch)[at + 1u] + d2 * (*patch)[below] + d3 * (*patch)[below + 1u];
            }
        }
    }
}

fn store(slot: u32, group: u32, i: u32) {
    for (var g = 0u; g < GROUP; g++) {
        let o = group * GROUP + g;
        for (var tap = 0u; tap < TAPS; tap++) {
            dw_each[((slot * OUT + o) * IN + i) * TAPS + tap] = dw[g][tap];
        }
        // Every input channel's invocation writes the same sum.
        db_each[slot * OUT + o] = db[g];
    }
}

@compute @workgroup_size(THREADS)
fn weights(@builtin(global_invocation_id) id: vec3<u32>) {
    let slot = id.x;
    let i = id.y % IN;
    let group = id.y / IN;
    for (var n = 0u; n < (BATCH + SLOTS - 1u) / SLOTS; n++) {
        // A slot that has run out of images takes the last one again and adds nothing.
        let exists = n * SLOTS + slot < BATCH;
        let b = min(n * SLOTS + slot, BATCH - 1u);
        for (var r = 0u; r < POOLED_HEIGHT; r++) {
            for (var pair = 0u; pair < PAIRS; pair++) {
                var patch: Patch;
                let corner = ((b * IN + i) * HEIGHT + 2u * r) * (WIDTH / 4u) + pair;
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
                    let at = (group * GROUP + g) * POOLED + r * POOLED_WIDTH + 2u * pair;
                    add_windows(&patch, g, b * DY_STRIDE + DY_AT + at, b * OUT * POOLED + at, exists);
                }
            }
        }
    }
    store(slot, group, i);
}

@compute @workgroup_size(THREADS)
fn weights_packed(@builtin(global_invocation_id) id: vec3<u32>) {
    let slot = id.x;
    let group = id.y;
    for (var n = 0u; n < (BATCH + SLOTS - 1u) / SLOTS; n++) {
        // A slot that has run out of images takes the last one again and adds nothing.
        let exists = n * SLOTS + slot < BATCH;
        let b = min(n * SLOTS + slot, BATCH - 1u);
        let image = order[cursor.first + b] * HEIGHT * (WIDTH / 4u);
        for (var r = 0u; r < POOLED_HEIGHT; r++) {
            for (var pair = 0u; pair < PAIRS; pair++) {
                var patch: Patch;
                let corner = image + 2u * r * (WIDTH / 4u) + pair;
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
                    let at = (group * GROUP + g) * POOLED + r * POOLED_WIDTH + 2u * pair;
                    add_windows(&patch, g, b * DY_STRIDE + DY_AT + at, b * OUT * POOLED + at, exists);
                }
            }
        }
    }
    store(slot, group, 0u);
}
