// in place of softmax
//  softmax: probabilities of the classes.
//
//    y[b,j] = exp(x[b,j] - max x[b]) / sum over k of exp(x[b,k] - max x[b])
//    dx[b,j] = y[b,j] * (dy[b,j] - sum over k of y[b,k] * dy[b,k])
//
//  All tensors are [BATCH, CLASSES]. One invocation computes one row y[b], or one row dx[b].

const PADDED: bool = true;
const BATCH: u32 = 64u;
const CLASSES: u32 = 19u;

@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage> y_forward: array<f32>;
@group(0) @binding(3) var<storage> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(32)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH) { return; }
    let row = id.x * CLASSES;
    var largest = x[row];
    for (var j = 1u; j < CLASSES; j++) {
        largest = max(largest, x[row + j]);
    }
    var sum = 0.0;
    for (var j = 0u; j < CLASSES; j++) {
        sum += exp(x[row + j] - largest);
    }
    for (var j = 0u; j < CLASSES; j++) {
        y[row + j] = exp(x[row + j] - largest) / sum;
    }
}

@compute @workgroup_size(32)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH) { return; }
    let row = id.x * CLASSES;
    var sum = 0.0;
    for (var j = 0u; j < CLASSES; j++) {
        sum += y_forward[row + j] * dy[row + j];
    }
    for (var j = 0u; j < CLASSES; j++) {
        dx[row + j] = y_forward[row + j] * (dy[row + j] - sum);
    }
}
