// adam: one step of the optimizer on all parameters (Kingma and Ba, 2015, as PyTorch computes it).
//
//   m[i] = BETA1 * m[i] + (1 - BETA1) * dw[i]
//   v[i] = BETA2 * v[i] + (1 - BETA2) * dw[i]^2
//   w[i] = w[i] - rate.size * m[i] / (sqrt(v[i]) * rate.root + EPSILON)
//
// The host computes, for step t from 1, rate.size = lr / (1 - BETA1^t) and rate.root =
// 1 / sqrt(1 - BETA2^t): powers near 1 lose their digits in f32.
// w, dw, m and v are flat, padded to whole workgroups. One invocation updates four parameters.

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const REST1: f32 = 0.1;
const REST2: f32 = 0.001;
const EPSILON: f32 = 1e-8;

// Where the epoch stands: the step, the first image of its batch in order, and the end of the order.
struct Cursor { step: u32, first: u32, end: u32 }

struct Rate { size: f32, root: f32 }

@group(0) @binding(0) var<storage> cursor: Cursor;
@group(0) @binding(1) var<storage> rates: array<Rate>;
@group(0) @binding(2) var<storage> dw: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> w: array<vec4<f32>>;

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3<u32>) {
    let rate = rates[cursor.step];
    let g = dw[id.x];
    let m_new = BETA1 * m[id.x] + REST1 * g;
    let v_new = BETA2 * v[id.x] + REST2 * g * g;
    m[id.x] = m_new;
    v[id.x] = v_new;
    w[id.x] -= rate.size * m_new / (sqrt(v_new) * rate.root + EPSILON);
}
