// max_pool: max pooling with a square window and a stride of the same size.
//
//   y[b,n,r,c] = max over p,q of x[b,n,r*WINDOW+p,c*WINDOW+q]
//   winner[b,n,r,c] = p*WINDOW+q of the first maximum in row-major order
//   dx[b,n,r*WINDOW+p,c*WINDOW+q] = dy[b,n,r,c] if winner[b,n,r,c] is p*WINDOW+q, else 0
//
// x [batch, CHANNELS, HEIGHT, WIDTH], y [batch, CHANNELS, HEIGHT/WINDOW, WIDTH/WINDOW]; rows and columns
// that do not fill a window are dropped and get gradient 0. y of the grid counts images.
// One invocation computes one y with its winner, or one dx.

const PADDED: bool = true;
const CHANNELS: u32 = 6u;
const HEIGHT: u32 = 24u;
const WIDTH: u32 = 24u;
const WINDOW: u32 = 2u;

const OUT_HEIGHT: u32 = HEIGHT / WINDOW;
const OUT_WIDTH: u32 = WIDTH / WINDOW;
const X_SIZE: u32 = CHANNELS * HEIGHT * WIDTH;
const Y_SIZE: u32 = CHANNELS * OUT_HEIGHT * OUT_WIDTH;

@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> winner: array<u32>;
@group(0) @binding(3) var<storage> winner_forward: array<u32>;
@group(0) @binding(4) var<storage> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(32)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= Y_SIZE) { return; }
    let n = id.x / (OUT_HEIGHT * OUT_WIDTH);
    let r = id.x / OUT_WIDTH % OUT_HEIGHT;
    let c = id.x % OUT_WIDTH;
    let corner = id.y * X_SIZE + (n * HEIGHT + r * WINDOW) * WIDTH + c * WINDOW;
    var best = x[corner];
    var best_at = 0u;
    for (var i = 1u; i < WINDOW * WINDOW; i++) {
        let value = x[corner + i / WINDOW * WIDTH + i % WINDOW];
        if (value > best) {
            best = value;
            best_at = i;
        }
    }
    y[id.y * Y_SIZE + id.x] = best;
    winner[id.y * Y_SIZE + id.x] = best_at;
}

@compute @workgroup_size(32)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= X_SIZE) { return; }
    let n = id.x / (HEIGHT * WIDTH);
    let r = id.x / WIDTH % HEIGHT;
    let c = id.x % WIDTH;
    var gradient = 0.0;
    if (r / WINDOW < OUT_HEIGHT && c / WINDOW < OUT_WIDTH) {
        let pooled = id.y * Y_SIZE + (n * OUT_HEIGHT + r / WINDOW) * OUT_WIDTH + c / WINDOW;
        if (winner_forward[pooled] == r % WINDOW * WINDOW + c % WINDOW) {
            gradient = dy[pooled];
        }
    }
    dx[id.y * X_SIZE + id.x] = gradient;
}
