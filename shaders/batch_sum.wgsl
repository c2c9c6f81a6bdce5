// batch_sum: the sum over the batch of one tensor per image, in the order of the images.
//
//   y[i] = sum over b of x[b,i]
//
// x [BATCH, SIZE], y [SIZE]. One invocation computes one y[i].

const PADDED: bool = true;
const BATCH: u32 = 64u;
const SIZE: u32 = 1800u;

@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(32)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= SIZE) { return; }
    var sum = 0.0;
    for (var b = 0u; b < BATCH; b++) {
        sum += x[b * SIZE + id.x];
    }
    y[id.x] = sum;
}
