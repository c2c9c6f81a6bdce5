// in place of clip_norm
//  clip_norm: what limits the norm of all gradients, as PyTorch's clip_grad_norm_ does.
//
//    part[p] = sum over all i in the blocks p, p + PARTS, p + 2 PARTS .. of dw[i]^2
//    scale[0] = min(1, MAX / (sqrt(sum over p of part[p]) + EPSILON))
//
//  dw is flat, BLOCKS blocks of QUADS vec4 and more that does not count. Only the first filled[block] words of
//  a block are gradients: the others are padding, and hold anything. part is [PARTS], scale [1]. One invocation
//  of `squares` computes one part[p], that of `limit` the scale.

const PADDED: bool = true;
const BLOCKS: u32 = 720u;
const QUADS: u32 = 16u;
const PARTS: u32 = 256u;
const MAX: f32 = 1.0;
const EPSILON: f32 = 1e-6;

@group(0) @binding(0) var<storage> dw: array<vec4<f32>>;
@group(0) @binding(1) var<storage> filled: array<u32>;
@group(0) @binding(2) var<storage, read_write> part: array<f32>;
@group(0) @binding(3) var<storage> parts: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(64)
fn squares(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= PARTS) { return; }
    var sum = vec4(0.0);
    for (var block = id.x; block < BLOCKS; block += PARTS) {
        let end = filled[block];
        for (var q = 0u; q < QUADS; q++) {
            let words = vec4(4u * q) + vec4(0u, 1u, 2u, 3u);
            let g = select(vec4(0.0), dw[block * QUADS + q], words < vec4(end));
            sum += g * g;
        }
    }
    part[id.x] = dot(sum, vec4(1.0));
}

@compute @workgroup_size(1)
fn limit(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= 1u) { return; }
    var sum = vec4(0.0);
    for (var p = 0u; p < PARTS / 4u; p++) { sum += parts[p]; }
    scale[0] = min(1.0, MAX / (sqrt(dot(sum, vec4(1.0))) + EPSILON));
}
