// in place of adam
//  adam: one step of the optimizer on all parameters (Kingma and Ba, 2015, with the decay of Loshchilov and
//  Hutter, 2019, as PyTorch computes both).
//
//    g[i] = sum over s of partial[s,i], in order, if SLOTS > 0, in the first SUMMED vec4; else dw[i]
//    g[i] = scale[0] * g[i] if CLIPPED
//    m[i] = BETA1 * m[i] + (1 - BETA1) * g[i]
//    v[i] = BETA2 * v[i] + (1 - BETA2) * g[i]^2
//    w[i] = w[i] - cursor.decay * w[i] - cursor.step_size * m[i] / (sqrt(v[i]) * cursor.step_root + EPSILON)
//    average[i] = average[i] + cursor.blend * (w[i] - average[i]) if AVERAGED
//
//  The host computes, for step t from 1, step_size = lr / (1 - BETA1^t), step_root = 1 / sqrt(1 - BETA2^t) and
//  decay = lr * weight decay: powers near 1 lose digits in f32. With a decay of 0 no bit of w is another. blend is the
//  new weights' share of their average, larger in the first steps.
//  w, dw, m, v and average are flat, QUADS vec4; partial [SLOTS, SUMMED] holds gradients in parts, each over some
//  images of the batch (a slot). One invocation updates four parameters.

const PADDED: bool = true;
const QUADS: u32 = 16u;
const SLOTS: u32 = 0u;
const SUMMED: u32 = 0u;
const CLIPPED: bool = false;
const AVERAGED: bool = false;
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const REST1: f32 = 0.1;
const REST2: f32 = 0.001;
const EPSILON: f32 = 1e-8;

//  Where the step stands: its batch's first place in the order, the order's end, Adam's rates, and the average's.
struct Cursor { first: u32, end: u32, step_size: f32, step_root: f32, decay: f32, blend: f32 }
var<immediate> cursor: Cursor;

@group(0) @binding(0) var<storage> dw: array<vec4<f32>>;
@group(0) @binding(1) var<storage> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> w: array<vec4<f32>>;
@group(0) @binding(5) var<storage> scale: array<f32>;
@group(0) @binding(6) var<storage, read_write> average: array<vec4<f32>>;

//  The sum over the slots, or 0 if there are none: a software driver always goes through both sides of a
//  branch, so a loop without iterations is cheaper.
fn summed(i: u32) -> vec4<f32> {
    var sum = vec4(0.0);
    let slots = select(0u, SLOTS, i < SUMMED);
    for (var s = 0u; s < slots; s++) { sum += partial[s * SUMMED + i]; }
    return sum;
}

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= QUADS) { return; }
    var g = dw[id.x];
    if (SLOTS > 0u) { g = select(g, summed(id.x), id.x < SUMMED); }
    if (CLIPPED) { g *= scale[0]; }
    let m_new = BETA1 * m[id.x] + REST1 * g;
    let v_new = BETA2 * v[id.x] + REST2 * g * g;
    m[id.x] = m_new;
    v[id.x] = v_new;
    let kept = w[id.x] - cursor.decay * w[id.x];
    let w_new = kept - cursor.step_size * m_new / (sqrt(v_new) * cursor.step_root + EPSILON);
    w[id.x] = w_new;
    if (AVERAGED) { average[id.x] += cursor.blend * (w_new - average[id.x]); }
}
