// conv2d: 2-d convolution, valid padding, stride 1.
//
//   y[b,o,r,c] = b[o] + sum over i,p,q of w[o,i,p,q] * x[b,i,r+p,c+q]
//   dx[b,i,r,c] = sum over o,p,q of w[o,i,p,q] * dy[b,o,r-p,c-q]
//   dw[b][o,i,p,q] = sum over r,c of dy[b,o,r,c] * x[b,i,r+p,c+q]
//   db[b][o] = sum over r,c of dy[b,o,r,c]
//
// x [batch, IN, HEIGHT, WIDTH], w [OUT, IN, K, K], bias [OUT], y [batch, OUT, HEIGHT-K+1, WIDTH-K+1].
// dw_each and db_each hold one gradient per image; batch_sum adds them up, which keeps every sum short
// and its order fixed. y of the grid counts images.
// One invocation computes one y, one dx, one element of dw_each or one of db_each.

const PADDED: bool = true;
const IN: u32 = 6u;
const HEIGHT: u32 = 12u;
const WIDTH: u32 = 12u;
const OUT: u32 = 12u;
const K: u32 = 5u;

const OUT_HEIGHT: u32 = HEIGHT - K + 1u;
const OUT_WIDTH: u32 = WIDTH - K + 1u;
const X_SIZE: u32 = IN * HEIGHT * WIDTH;
const W_SIZE: u32 = OUT * IN * K * K;
const Y_SIZE: u32 = OUT * OUT_HEIGHT * OUT_WIDTH;

@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage> w: array<f32>;
@group(0) @binding(2) var<storage> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dw_each: array<f32>;
@group(0) @binding(7) var<storage, read_write> db_each: array<f32>;

@compute @workgroup_size(32)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= Y_SIZE) { return; }
    let o = id.x / (OUT_HEIGHT * OUT_WIDTH);
    let r = id.x / OUT_WIDTH % OUT_HEIGHT;
    let c = id.x % OUT_WIDTH;
    var sum = bias[o];
    for (var i = 0u; i < IN; i++) {
        for (var p = 0u; p < K; p++) {
            let x_row = id.y * X_SIZE + (i * HEIGHT + r + p) * WIDTH + c;
            let w_row = ((o * IN + i) * K + p) * K;
            for (var q = 0u; q < K; q++) {
                sum += w[w_row + q] * x[x_row + q];
            }
        }
    }
    y[id.y * Y_SIZE + id.x] = sum;
}

@compute @workgroup_size(32)
fn backward_input(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= X_SIZE) { return; }
    let i = id.x / (HEIGHT * WIDTH);
    let r = id.x / WIDTH % HEIGHT;
    let c = id.x % WIDTH;
    var sum = 0.0;
    for (var o = 0u; o < OUT; o++) {
        for (var p = 0u; p < K; p++) {
            for (var q = 0u; q < K; q++) {
                // Where r < p or c < q, the difference wraps around and is too large too.
                if (r - p < OUT_HEIGHT && c - q < OUT_WIDTH) {
                    let dy_at = id.y * Y_SIZE + (o * OUT_HEIGHT + r - p) * OUT_WIDTH + c - q;
                    sum += w[((o * IN + i) * K + p) * K + q] * dy[dy_at];
                }
            }
        }
    }
    dx[id.y * X_SIZE + id.x] = sum;
}

@compute @workgroup_size(32)
fn backward_weights(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= W_SIZE) { return; }
    let o = id.x / (IN * K * K);
    let i = id.x / (K * K) % IN;
    let p = id.x / K % K;
    let q = id.x % K;
    var sum = 0.0;
    for (var r = 0u; r < OUT_HEIGHT; r++) {
        let dy_row = id.y * Y_SIZE + (o * OUT_HEIGHT + r) * OUT_WIDTH;
        let x_row = id.y * X_SIZE + (i * HEIGHT + r + p) * WIDTH + q;
        for (var c = 0u; c < OUT_WIDTH; c++) {
            sum += dy[dy_row + c] * x[x_row + c];
        }
    }
    dw_each[id.y * W_SIZE + id.x] = sum;
}

@compute @workgroup_size(32)
fn backward_bias(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= OUT) { return; }
    let start = id.y * Y_SIZE + id.x * OUT_HEIGHT * OUT_WIDTH;
    var sum = 0.0;
    for (var i = 0u; i < OUT_HEIGHT * OUT_WIDTH; i++) {
        sum += dy[start + i];
    }
    db_each[id.y * OUT + id.x] = sum;
}
