// concat: two tensors side by side.
//
//   y[b,i] = left[b,i] if i < LEFT, else right[b,i-LEFT]
//
// left [batch, LEFT], right [batch, RIGHT], y [batch, LEFT+RIGHT]. y of the grid counts images.
// One invocation computes one y, or copies one dy to dleft or dright.

const LEFT: u32 = 192u;
const RIGHT: u32 = 64u;

const SIZE: u32 = LEFT + RIGHT;

@group(0) @binding(0) var<storage> left: array<f32>;
@group(0) @binding(1) var<storage> right: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dleft: array<f32>;
@group(0) @binding(5) var<storage, read_write> dright: array<f32>;

@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < LEFT) {
        y[id.y * SIZE + id.x] = left[id.y * LEFT + id.x];
    } else if (id.x < SIZE) {
        y[id.y * SIZE + id.x] = right[id.y * RIGHT + id.x - LEFT];
    }
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < LEFT) {
        dleft[id.y * LEFT + id.x] = dy[id.y * SIZE + id.x];
    } else if (id.x < SIZE) {
        dright[id.y * RIGHT + id.x - LEFT] = dy[id.y * SIZE + id.x];
    }
}
