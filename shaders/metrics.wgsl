// metrics: the result of one head for each image of a step.
//
//   records[n,HEAD].loss = loss[b]      where n = cursor.first + b
//   records[n,HEAD].right = 1 if the largest of x[b] is at label[b], else 0
//
// x [BATCH, CLASSES], label [BATCH] (the right class), loss [BATCH], records [images of the order, HEADS].
// The first of equal numbers counts as the largest. Images past the end of the order leave no record.
// One invocation judges one image.

const PADDED: bool = true;
const BATCH: u32 = 64u;
const CLASSES: u32 = 19u;
const HEAD: u32 = 0u;
const HEADS: u32 = 2u;

// Where the step stands: its batch's first place in the order, and the order's end.
struct Cursor { first: u32, end: u32 }
var<immediate> cursor: Cursor;

// A head's result for an image: its loss, and whether its likeliest class is the right one.
struct Record { loss: f32, right: u32 }

@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<storage> label: array<u32>;
@group(0) @binding(2) var<storage> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> records: array<Record>;

@compute @workgroup_size(32)
fn judge(@builtin(global_invocation_id) id: vec3<u32>) {
    let b = id.x;
    if (PADDED && b >= BATCH) { return; }
    if (cursor.first + b >= cursor.end) { return; }
    var best = 0u;
    for (var j = 1u; j < CLASSES; j++) {
        if (x[b * CLASSES + j] > x[b * CLASSES + best]) { best = j; }
    }
    records[(cursor.first + b) * HEADS + HEAD] = Record(loss[b], u32(best == label[b]));
}
