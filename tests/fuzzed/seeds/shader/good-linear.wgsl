// in place of linear
//  linear: a fully connected layer.
//
//    y[b,o] = bias[o] + sum over i of w[o,i] * x[b,i]
//    dx[b,i] = sum over o of w[o,i] * dy[b,o]
//    dw[o,i] = sum over b of dy[b,o] * x[b,i]
//    db[o] = sum over b of dy[b,o]
//
//  x [BATCH, IN], w [OUT, IN], bias [OUT], y [BATCH, OUT].
//  One invocation computes one y, one dx, one dw or one db.

const PADDED: bool = true;
const BATCH: u32 = 64u;
const IN: u32 = 256u;
const OUT: u32 = 128u;

@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage> w: array<f32>;
@group(0) @binding(2) var<storage> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> dw: array<f32>;
@group(0) @binding(7) var<storage, read_write> db: array<f32>;

@compute @workgroup_size(32)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= OUT) { return; }
    var sum = bias[id.x];
    for (var i = 0u; i < IN; i++) {
        sum += w[id.x * IN + i] * x[id.y * IN + i];
    }
    y[id.y * OUT + id.x] = sum;
}

@compute @workgroup_size(32)
fn backward_input(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= IN) { return; }
    var sum = 0.0;
    for (var o = 0u; o < OUT; o++) {
        sum += w[o * IN + id.x] * dy[id.y * OUT + o];
    }
    dx[id.y * IN + id.x] = sum;
}

@compute @workgroup_size(32)
fn backward_weights(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= IN) { return; }
    var sum = 0.0;
    for (var b = 0u; b < BATCH; b++) {
        sum += dy[b * OUT + id.y] * x[b * IN + id.x];
    }
    dw[id.y * IN + id.x] = sum;
}

@compute @workgroup_size(32)
fn backward_bias(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= OUT) { return; }
    var sum = 0.0;
    for (var b = 0u; b < BATCH; b++) {
        sum += dy[b * OUT + id.x];
    }
    db[id.x] = sum;
}
