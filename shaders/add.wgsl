// add: the sum of two tensors.
//
//   y[i] = a[i] + b[i]
//
// One invocation computes one y[i].

const SIZE: u32 = 1000u;

@group(0) @binding(0) var<storage> a: array<f32>;
@group(0) @binding(1) var<storage> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < SIZE) {
        y[id.x] = a[id.x] + b[id.x];
    }
}
