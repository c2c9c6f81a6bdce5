// linear_layers_gradients: the gradients of all weights and biases of the linear layers.
//
//   dw[o,i] = sum over b of dy[b,o] * x[b,i]
//   db[o] = sum over b of dy[b,o]
//
// per layer. `rows` is what linear_layers leaves: an image's x and dy of every layer in ROW_QUADS vec4. The
// weights' gradients are [OUT, IN] in `flat_gradients`.
// One invocation computes its job's tile of a weight matrix: 4 * D_QUADS outputs by 4 * X_QUADS inputs. Where
// LANES is not 1, LANES neighbouring invocations have jobs with the same outputs: each loads a part of the
// outputs' gradients, and they read them from each other.
// The host sets the constants down to ROW_QUADS; PADDED says whether there are more invocations than jobs.

const PADDED: bool = true;
const BATCH: u32 = 64u;
const D_QUADS: u32 = 4u;
const X_QUADS: u32 = 4u;
const JOBS: u32 = 8u;
const LANES: u32 = 1u;
const ROW_QUADS: u32 = 243u;

const D_LOADS: u32 = (D_QUADS + LANES - 1u) / LANES;

// Images whose products are added to the gradients at once: a driver that keeps the sums in memory loads and
// stores each of them half as often.
const AT_ONCE: u32 = 2u;

// A tile of a weight matrix. Places are in words; an invocation's own inputs and biases lie LANES vec4 apart.
struct Job {
    // Its first output gradient and its first input, in a row.
    d_at: u32,
    x_at: u32,
    // Its first element, in the gradients, and the inputs of the whole matrix.
    dw_at: u32,
    width: u32,
    // How many outputs and inputs there are from its first on.
    outputs: u32,
    inputs: u32,
    // How many biases, 0 except in tiles at input 0, and its first one, in the gradients.
    biases: u32,
    db_at: u32,
}

@group(0) @binding(0) var<storage> jobs: array<Job>;
@group(0) @binding(1) var<storage> rows: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> flat_gradients: array<f32>;

// What neighbour l of LANES has loaded.
fn from_lane(v: vec4<f32>, l: u32) -> vec4<f32> {
    var held = v;
    if (LANES > 1u) { held = subgroupShuffle(v, l); }
    return held;
}

@compute @workgroup_size(8)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= JOBS) { return; }
    let job = jobs[id.x];
    // sums[q][k] are the gradients of output 4q+k, for all inputs of the tile.
    var sums: array<array<array<vec4<f32>, X_QUADS>, 4>, D_QUADS>;
    var biases: array<vec4<f32>, D_LOADS>;
    for (var b = 0u; b < BATCH; b += AT_ONCE) {
        var x = array<array<vec4<f32>, X_QUADS>, AT_ONCE>();
        var d_mine = array<array<vec4<f32>, D_LOADS>, AT_ONCE>();
        for (var m = 0u; m < AT_ONCE; m++) {
            // Past the end of the batch its last image is repeated and adds nothing.
            let row = min(b + m, BATCH - 1u) * ROW_QUADS;
            for (var n = 0u; n < X_QUADS; n++) { x[m][n] = rows[row + job.x_at / 4u + n * LANES]; }
            for (var n = 0u; n < D_LOADS; n++) {
                let d = rows[row + job.d_at / 4u + n * LANES];
                d_mine[m][n] = select(vec4(0.0), d, b + m < BATCH);
                biases[n] += d_mine[m][n];
            }
        }
        for (var q = 0u; q < D_QUADS; q++) {
            for (var n = 0u; n < X_QUADS; n++) {
                for (var m = 0u; m < AT_ONCE; m++) {
                    let d = from_lane(d_mine[m][q / LANES], q % LANES);
                    sums[q][0][n] += d.x * x[m][n];
                    sums[q][1][n] += d.y * x[m][n];
                    sums[q][2][n] += d.z * x[m][n];
                    sums[q][3][n] += d.w * x[m][n];
                }
            }
        }
    }
    for (var q = 0u; q < D_QUADS; q++) {
        for (var k = 0u; k < 4u; k++) {
            let o = 4u * q + k;
            if (o < job.outputs) {
                for (var n = 0u; n < X_QUADS; n++) {
                    for (var j = 0u; j < 4u; j++) {
                        let i = 4u * LANES * n + j;
                        if (i < job.inputs) { flat_gradients[job.dw_at + o * job.width + i] = sums[q][k][n][j]; }
                    }
                }
            }
        }
    }
    for (var m = 0u; m < D_LOADS; m++) {
        for (var k = 0u; k < 4u; k++) {
            let o = 4u * LANES * m + k;
            if (o < job.biases) { flat_gradients[job.db_at + o] = biases[m][k]; }
        }
    }
}
