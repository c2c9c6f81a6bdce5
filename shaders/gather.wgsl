// gather: the batch, picked out of the data set.
//
//   n[b] = order[cursor.first + b], or the order's last past its end
//   image[b,i] = images[n[b],i] / 255
//   number[b,j] = 1 if j is addends[n[b]], else 0
//   weight[b] = HEAD_SHARE / images of the batch if b is one of them, else 0
//   label[b] = classes[labels[n[b]],addends[n[b]]]
//
// images holds four grey values per word, the first in the lowest byte; WORDS words per image.
// image [BATCH, 4*WORDS], number [BATCH, ADDENDS], weight [BATCH], classes [digits, ADDENDS], label [BATCH].
// HEAD_SHARE is 1 over the number of heads: the weight is that of each head's loss in the mean over heads and
// images. classes is a head's table of right answers.
// One invocation computes four neighbouring pixels, or number[b] and weight[b], or label[b].

const PADDED: bool = true;
const BATCH: u32 = 64u;
const WORDS: u32 = 196u;
const ADDENDS: u32 = 10u;
const HEAD_SHARE: f32 = 0.5;

// 1 / 255, as in conv_pool: both plans compute with the same bits.
const GREY: f32 = 0.003921569;

// Where the step stands: its batch's first place in the order, and the order's end.
struct Cursor { first: u32, end: u32 }
var<immediate> cursor: Cursor;

@group(0) @binding(0) var<storage> order: array<u32>;
@group(0) @binding(1) var<storage> images: array<u32>;
@group(0) @binding(2) var<storage, read_write> image: array<vec4<f32>>;
@group(0) @binding(3) var<storage> labels: array<u32>;
@group(0) @binding(4) var<storage> addends: array<u32>;
@group(0) @binding(5) var<storage, read_write> number: array<f32>;
@group(0) @binding(6) var<storage, read_write> weight: array<f32>;
@group(0) @binding(7) var<storage> classes: array<u32>;
@group(0) @binding(8) var<storage, read_write> label: array<u32>;

fn sample(b: u32) -> u32 {
    return order[min(cursor.first + b, cursor.end - 1u)];
}

@compute @workgroup_size(32)
fn pixels(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= WORDS) { return; }
    let n = sample(id.y);
    image[id.y * WORDS + id.x] = GREY * vec4<f32>(unpack4xU8(images[n * WORDS + id.x]));
}

@compute @workgroup_size(32)
fn numbers(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH) { return; }
    let n = sample(id.x);
    let images = min(BATCH, cursor.end - cursor.first);
    for (var j = 0u; j < ADDENDS; j++) {
        number[id.x * ADDENDS + j] = f32(j == addends[n]);
    }
    weight[id.x] = select(0.0, HEAD_SHARE / f32(images), id.x < images);
}

@compute @workgroup_size(32)
fn targets(@builtin(global_invocation_id) id: vec3<u32>) {
    if (PADDED && id.x >= BATCH) { return; }
    let n = sample(id.x);
    label[id.x] = classes[labels[n] * ADDENDS + addends[n]];
}
