// cross_entropy: the loss of a head on its logits, with the softmax inside.
//
//   loss[b] = log(sum over k of exp(x[b,k] - max x[b])) + max x[b] - x[b,label[b]]
//   dx[b,j] = (softmax(x[b])[j] - (1 - SMOOTHING) * (1 if j is label[b], else 0) - SMOOTHING / CLASSES) * weight[b]
//
// SMOOTHING is the share of a label that is spread over all classes; the loss is told without it.
// x [BATCH, CLASSES], label [BATCH], loss [BATCH], weight [BATCH] (of an image's loss in the mean).
// One invocation computes one loss[b], or one row dx[b].

const PADDED: bool = true;
const BATCH: u32 = 64u;
const CLASSES: u32 = 19u;
const SMOOTHING: f32 = 0.0;

const SPREAD: f32 = SMOOTHING / f32(CLASSES);

@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage> label: array<u32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<storage> weight: array<f32>;

// The largest logit of a row, and the sum of exp(logit - largest).
fn largest_and_sum(row: u32) -> vec2<f32> {
    var largest = x[row];
    for (var j = 1u; j < CLASSES; j++) {
        largest = max(largest, x[row + j]);
    }
    var sum = 0.0;
    for (var j = 0u; j < CLASSES; j++) {
        sum += exp(x[row + j] - largest);
    }
    return vec2(largest, sum);
}

@compute @workgroup_size(32)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH) { return; }
    let row = id.x * CLASSES;
    let m = largest_and_sum(row);
    loss[id.x] = log(m.y) + (m.x - x[row + label[id.x]]);
}

@compute @workgroup_size(32)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH) { return; }
    let row = id.x * CLASSES;
    let m = largest_and_sum(row);
    for (var j = 0u; j < CLASSES; j++) {
        let probability = exp(x[row + j] - m.x) / m.y;
        let goal = select(SPREAD, 1.0 - SMOOTHING + SPREAD, j == label[id.x]);
        dx[row + j] = (probability - goal) * weight[id.x];
    }
}
