// ceiling: the most that a device can do, to measure kernels against. It is not an op.
//
//   y[i] = x[i]; for multiply_add, after 8 * ROUNDS times x[i] = x[i] * a + b
//
// x and y [any] as vec4, of a whole number of workgroups.
// copy: one invocation moves one vec4; both tensors are larger than a cache.
// multiply_add: one invocation keeps two vec4 in registers, eight independent sums.
// a and b come from a buffer, so that no compiler computes the result in advance.

const ROUNDS: u32 = 64u;

@group(0) @binding(0) var<storage> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> factors: vec4<f32>;

@compute @workgroup_size(256)
fn copy(@builtin(global_invocation_id) id: vec3<u32>) {
    y[id.x] = x[id.x];
}

@compute @workgroup_size(256)
fn multiply_add(@builtin(global_invocation_id) id: vec3<u32>) {
    let a = factors.x;
    let b = vec4(factors.y);
    var u = x[2u * id.x];
    var v = x[2u * id.x + 1u];
    for (var round = 0u; round < ROUNDS; round++) {
        u = u * a + b;
        v = v * a + b;
        u = u * a + b;
        v = v * a + b;
        u = u * a + b;
        v = v * a + b;
        u = u * a + b;
        v = v * a + b;
        u = u * a + b;
        v = v * a + b;
        u = u * a + b;
        v = v * a + b;
        u = u * a + b;
        v = v * a + b;
        u = u * a + b;
        v = v * a + b;
    }
    y[2u * id.x] = u;
    y[2u * id.x + 1u] = v;
}
