// dense_gradient: the gradients of all linear layers, from the rows that dense leaves behind.
//
//   dw[o,i] = sum over b of rows[b][d_at + o] * rows[b][x_at + i]
//   db[o] = sum over b of rows[b][d_at + o]
//
// A job tells a tile of TILE x TILE of one matrix: the words d_at and x_at in a row (STRIDE vec4), the
// word dw_at of its first element in the gradients and the matrix's width; only `outputs` x `inputs` of
// the tile exist. Jobs of the first column of tiles have db_at; the others NONE.
// One invocation computes one tile.

const BATCH: u32 = 64u;
const STRIDE: u32 = 243u;
const QUADS: u32 = 2u;
const THREADS: u32 = 8u;
const NONE: u32 = 0xffffffffu;

struct Job { d_at: u32, x_at: u32, dw_at: u32, width: u32, outputs: u32, inputs: u32, db_at: u32, unused: u32 }

@group(0) @binding(0) var<storage> jobs: array<Job>;
@group(0) @binding(1) var<storage> rows: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(THREADS)
fn weights(@builtin(global_invocation_id) id: vec3<u32>) {
    let job = jobs[id.x];
    // sums[q][k] are the gradients of output 4q+k, for all inputs of the tile.
    var sums: array<array<array<vec4<f32>, QUADS>, 4>, QUADS>;
    var bias: array<vec4<f32>, QUADS>;
    for (var b = 0u; b < BATCH; b++) {
        var x: array<vec4<f32>, QUADS>;
        for (var n = 0u; n < QUADS; n++) { x[n] = rows[b * STRIDE + job.x_at / 4u + n]; }
        for (var q = 0u; q < QUADS; q++) {
            let d = rows[b * STRIDE + job.d_at / 4u + q];
            bias[q] += d;
            for (var k = 0u; k < 4u; k++) {
                for (var n = 0u; n < QUADS; n++) { sums[q][k][n] += d[k] * x[n]; }
            }
        }
    }
    for (var q = 0u; q < QUADS; q++) {
        for (var k = 0u; k < 4u; k++) {
            let o = 4u * q + k;
            if (o < job.outputs) {
                for (var n = 0u; n < QUADS; n++) {
                    for (var j = 0u; j < 4u; j++) {
                        if (4u * n + j < job.inputs) {
                            gradients[job.dw_at + o * job.width + 4u * n + j] = sums[q][k][n][j];
                        }
                    }
                }
                if (job.db_at != NONE) { gradients[job.db_at + o] = bias[q][k]; }
            }
        }
    }
}
