// golden: what whoever replays a schedule must get right, in numbers that have no rounding.
//
//   y[b,i] = SCALE * table[i%4] * pixel i of images[order[cursor.first + b]], past the end those of the last
//   w[i] = w[i] - cursor.step_size * y[0,i]
//   records[n] = w[b], cursor.end; n = cursor.first + b
//
// y [BATCH, SIZE], w [SIZE]. One invocation computes one y, or one w and one record.

const PADDED: bool = true;
const BATCH: u32 = 2u;
const SIZE: u32 = 6u;
const SCALE: f32 = 1.0;
const LANES: u32 = 1u;

struct Cursor { first: u32, end: u32, step_size: f32 }
var<immediate> cursor: Cursor;

struct Record { loss: f32, right: u32 }

@group(0) @binding(0) var<storage> order: array<u32>;
@group(0) @binding(1) var<storage> images: array<u32>;
@group(0) @binding(2) var<uniform> table: vec4<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage> idle: array<f32>;
@group(0) @binding(5) var<storage, read_write> spare: array<f32>;
@group(0) @binding(6) var<storage> picked: array<f32>;
@group(0) @binding(7) var<storage, read_write> w: array<f32>;
@group(0) @binding(8) var<storage, read_write> records: array<Record>;

// What neighbour l has.
fn from_lane(v: f32, l: u32) -> f32 {
    if (LANES > 1u) { spare[l] = subgroupShuffle(v + idle[(l + 1u) % LANES], min(l, LANES - 1u)); }
    return v;
}

@compute @workgroup_size(4)
fn pick(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= SIZE) { return; }
    let n = order[min(cursor.first + id.y, cursor.end - 1u)];
    let word = images[n * ((SIZE + 3u) / 4u) + id.x / 4u];
    let grey = f32((word >> (8u * (id.x % 4u))) & 255u);
    y[id.y * SIZE + id.x] = from_lane(SCALE * table[id.x % 4u] * grey, id.x);
}

@compute @workgroup_size(8)
fn update(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= SIZE) { return; }
    w[id.x] -= cursor.step_size * picked[id.x];
    if (id.x < BATCH && cursor.first + id.x < cursor.end) {
        records[cursor.first + id.x] = Record(w[id.x], cursor.end);
    }
}
