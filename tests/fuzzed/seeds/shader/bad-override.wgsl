// in place of relu
// relu: the rectifier.
//
//   y[b,i] = max(x[b,i], 0)
//   dx[b,i] = dy[b,i] if y[b,i] > 0, else 0
//
// All tensors are [batch, SIZE]; y of the grid counts images.
// One invocation computes one y[b,i], or one dx[b,i].

const PADDED: bool = true;
override more = 2u;
const SIZE: u32 = 3456u;

@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage> y_forward: array<f32>;
@group(0) @binding(3) var<storage> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(32)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= SIZE) { return; }
    let i = id.y * SIZE + id.x;
    y[i] = max(x[i], 0.0);
}

@compute @workgroup_size(32)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= SIZE) { return; }
    let i = id.y * SIZE + id.x;
    dx[i] = select(0.0, dy[i], y_forward[i] > 0.0);
}
