// metrics: what came of each image of a step.
//
//   records[n].loss = (digit_loss[b] + sum_loss[b]) / 2      where n = cursor.first + b
//   records[n].digit = 1 if the largest logit in digit_x[b] is at digit[b], else 0
//   records[n].sum = the same of sum_x[b] and sum[b]
//
// digit_x [BATCH, DIGITS], sum_x [BATCH, SUMS], records [images of the order]; the first of equal logits
// counts as the largest. Images behind the end of the order leave no record.
// One invocation judges one image.

const PADDED: bool = true;
const BATCH: u32 = 64u;
const DIGITS: u32 = 10u;
const SUMS: u32 = 19u;

// Where the step stands: the first image of its batch in order, and the end of the order.
struct Cursor { first: u32, end: u32 }
var<immediate> cursor: Cursor;

struct Record { loss: f32, digit: u32, sum: u32 }

@group(0) @binding(0) var<storage> digit_x: array<f32>;
@group(0) @binding(1) var<storage> sum_x: array<f32>;
@group(0) @binding(2) var<storage> digit: array<u32>;
@group(0) @binding(3) var<storage> sum: array<u32>;
@group(0) @binding(4) var<storage> digit_loss: array<f32>;
@group(0) @binding(5) var<storage> sum_loss: array<f32>;
@group(0) @binding(6) var<storage, read_write> records: array<Record>;

@compute @workgroup_size(32)
fn judge(@builtin(global_invocation_id) id: vec3<u32>) {
    let b = id.x;
    if (PADDED && b >= BATCH) { return; }
    if (cursor.first + b >= cursor.end) { return; }
    var best_digit = 0u;
    for (var j = 1u; j < DIGITS; j++) {
        if (digit_x[b * DIGITS + j] > digit_x[b * DIGITS + best_digit]) { best_digit = j; }
    }
    var best_sum = 0u;
    for (var j = 1u; j < SUMS; j++) {
        if (sum_x[b * SUMS + j] > sum_x[b * SUMS + best_sum]) { best_sum = j; }
    }
    records[cursor.first + b] = Record(
        0.5 * (digit_loss[b] + sum_loss[b]),
        u32(best_digit == digit[b]),
        u32(best_sum == sum[b]),
    );
}
