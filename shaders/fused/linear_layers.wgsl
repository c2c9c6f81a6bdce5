// linear_layers: all linear layers of the network, forward and backward.
//
//   number[b]  = one-hot of addend[b]
//   features[b, FLAT..] = relu(fc1(number[b]))       features[b, ..FLAT] is pool2's output
//   h2[b]      = relu(fc2(features[b]))
//   h3[b]      = relu(fc3(h2[b]))
//   logits[b]  = out1(h3[b]), then out2(h3[b])
//   records[n,h] = cross-entropy of head h, and whether its likeliest class is right; n = cursor.first + b
//   d_logits[b] = (softmax - label) / (2 * images of the batch), for each head of so many classes;
//                label = (1 - SMOOTHING) * one-hot of the target + SMOOTHING / classes
//   d_h3[b]    = d_logits[b] * out1 and out2, where h3[b] > 0
//   d_h2[b]    = d_h3[b] * fc3, where h2[b] > 0
//   d_features[b] = d_h2[b] * fc2, where features[b] > 0
//
// linear_layers_gradients computes those of weights and biases from it. All of an image's activations and
// gradients lie in one row of `rows`, ROW_QUADS vec4 long, at the places named below; a weight matrix is
// [OUT, IN] in `parameters`. With DOUBLE_SOFTMAX the heads' probabilities replace the logits before the
// cross-entropy. Images past the end of the order leave no record and have gradients of 0. Without BACKWARD
// nothing is computed after the losses. If UNIFORM, weights are read from three uniform buffers.
// images: one workgroup computes IMAGES images, in stages separated by barriers. In a stage, one invocation
// computes tiles of TILE_B images by 4 * TILE_Q outputs, so that each word it loads serves several
// products. THREADS should divide every stage's number of tiles: then no invocation is idle.
// Where LANES is not 1, LANES neighbouring invocations share the images of their tiles: each loads a part of
// what they all need, and they read it from each other.
// The host sets the constants down to BEHIND_QUADS.

const BATCH: u32 = 64u;
const IMAGES: u32 = 16u;
const THREADS: u32 = 16u;
const TILE_B: u32 = 8u;
const TILE_Q: u32 = 2u;
const LANES: u32 = 1u;
const DOUBLE_SOFTMAX: bool = false;
const SMOOTHING: f32 = 0.0;
const BACKWARD: bool = true;
const UNIFORM: bool = false;

// Widths.
const FLAT: u32 = 192u;
const ADDENDS: u32 = 10u;
const FC1: u32 = 64u;
const FC2: u32 = 128u;
const FC3: u32 = 64u;
const DIGITS: u32 = 10u;
const SUMS: u32 = 19u;

// Places in a row, and its length, in vec4.
const FEATURES: u32 = 0u;
const H2: u32 = 64u;
const H3: u32 = 96u;
const LOGITS: u32 = 112u;
const D_LOGITS: u32 = 120u;
const D_H3: u32 = 128u;
const D_H2: u32 = 144u;
const NUMBER: u32 = 176u;
const D_FEATURES: u32 = 179u;
const ROW_QUADS: u32 = 243u;

// Places in the parameters, in words. The zeros only make the file valid by itself.
const FC1_W: u32 = 0u;
const FC1_B: u32 = 0u;
const FC2_W: u32 = 0u;
const FC2_B: u32 = 0u;
const FC3_W: u32 = 0u;
const FC3_B: u32 = 0u;
const OUT1_W: u32 = 0u;
const OUT1_B: u32 = 0u;
const OUT2_W: u32 = 0u;
const OUT2_B: u32 = 0u;

// vec4 of fc2's weights, and of all parameters after them.
const FC2_QUADS: u32 = 2u;
const BEHIND_QUADS: u32 = 1u;

// Both heads side by side, each padded to whole vec4.
const SUMS_AT: u32 = (DIGITS + 3u) / 4u * 4u;
const CLASSES: u32 = SUMS_AT + (SUMS + 3u) / 4u * 4u;
const CLASS_QUADS: u32 = CLASSES / 4u;
const TILE_O: u32 = 4u * TILE_Q;
const TILES_B: u32 = IMAGES / TILE_B;
const LOADS: u32 = (TILE_B + LANES - 1u) / LANES;

// In place of a weight matrix: the weights of both heads, a row for each class.
const HEADS: u32 = 0xffffffffu;

// Which buffer to read weights from: the first or second half of fc2's, all that follows them, or any.
const ANYWHERE: u32 = 0u;
const FC2_LOW: u32 = 1u;
const FC2_HIGH: u32 = 2u;
const BEHIND_FC2: u32 = 3u;

// Where the step stands: its batch's first place in the order, and the order's end.
struct Cursor { first: u32, end: u32 }
var<immediate> cursor: Cursor;

// A head's result for an image: its loss, and whether its likeliest class is the right one.
struct Record { loss: f32, right: u32 }

@group(0) @binding(0) var<storage> order: array<u32>;
@group(0) @binding(1) var<storage> labels: array<u32>;
@group(0) @binding(2) var<storage> addends: array<u32>;
@group(0) @binding(3) var<storage> parameters: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> rows: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> records: array<Record>;

@group(0) @binding(6) var<uniform> fc2_low: array<vec4<f32>, FC2_QUADS / 2u>;
@group(0) @binding(7) var<uniform> fc2_high: array<vec4<f32>, FC2_QUADS / 2u>;
@group(0) @binding(8) var<uniform> behind_fc2: array<vec4<f32>, BEHIND_QUADS>;

alias Tile = array<array<vec4<f32>, TILE_Q>, TILE_B>;

var<private> tile_sums: Tile;
// One vec4 of each of the tile's images, of which this invocation has loaded every LANES-th.
var<private> mine: array<vec4<f32>, LOADS>;

// The place in the data set of an image of the batch; past the end of the order its last is repeated.
fn sample(image: u32) -> u32 {
    return order[min(cursor.first + image, cursor.end - 1u)];
}

// Images of the batch: BATCH, or what is left of the order.
fn images_left() -> u32 {
    return min(BATCH, cursor.end - cursor.first);
}

fn parameter(i: u32) -> f32 {
    return parameters[i / 4u][i % 4u];
}

// The first word of a class's row of weights in its head; padding repeats the last class.
fn class_row(c: u32) -> u32 {
    let sum = min(max(c, SUMS_AT) - SUMS_AT, SUMS - 1u);
    return select(OUT2_W + sum * FC3, OUT1_W + min(c, DIGITS - 1u) * FC3, c < SUMS_AT);
}

fn class_bias(c: u32) -> f32 {
    let sum = min(max(c, SUMS_AT) - SUMS_AT, SUMS - 1u);
    return parameter(select(OUT2_B + sum, OUT1_B + min(c, DIGITS - 1u), c < SUMS_AT));
}

// The first word of row o of a weight matrix that begins at w_at, or of both heads' (HEADS).
fn row_of(w_at: u32, width: u32, o: u32) -> u32 {
    return select(w_at + o * width, class_row(o), w_at == HEADS);
}

// Whether a workgroup's last round has no such tile. Not checked where every round is full.
fn is_idle(tile: u32, tiles: u32) -> bool {
    return tiles % THREADS != 0u && tile >= tiles;
}

// The tile itself, or the last for an idle invocation, which must load for its neighbours.
fn existing(tile: u32, tiles: u32) -> u32 {
    return select(tile, tiles - 1u, is_idle(tile, tiles));
}

// What neighbour l of LANES has loaded.
fn from_lane(v: vec4<f32>, l: u32) -> vec4<f32> {
    var held = v;
    if (LANES > 1u) { held = subgroupShuffle(v, l); }
    return held;
}

// Four words of the parameters, vec4 number `at`, from the buffer that holds them: a software driver reads
// a uniform buffer three times as fast as a storage buffer. `source` is a constant wherever this is called,
// so only one branch is left.
fn weights(source: u32, at: u32) -> vec4<f32> {
    if (UNIFORM && source == FC2_LOW) { return fc2_low[at - FC2_W / 4u]; }
    if (UNIFORM && source == FC2_HIGH) { return fc2_high[at - FC2_W / 4u - FC2_QUADS / 2u]; }
    if (UNIFORM && source == BEHIND_FC2) { return behind_fc2[at - FC2_B / 4u]; }
    return parameters[at];
}

// Loads this invocation's part of the images' vec4, which lie at `at` in the tile's first row.
fn load_mine(at: u32, thread: u32) {
    for (var m = 0u; m < LOADS; m++) { mine[m] = rows[at + (m * LANES + thread % LANES) * ROW_QUADS]; }
}

// The vec4 of image b of the tile.
fn of_image(b: u32) -> vec4<f32> {
    return from_lane(mine[b / LANES], b % LANES);
}

// y = relu(w x + bias): `inputs` words of the rows from x_at on, `outputs` words to y_at. x_at and y_at are
// places in a row, w_at and bias_at in the parameters.
fn linear_relu(
    first: u32, thread: u32, source: u32,
    x_at: u32, inputs: u32, w_at: u32, bias_at: u32, y_at: u32, outputs: u32,
) {
    let tiles = TILES_B * (outputs / TILE_O);
    for (var t = 0u; t < (tiles + THREADS - 1u) / THREADS; t++) {
        let tile = existing(t * THREADS + thread, tiles);
        let row = (first + tile % TILES_B * TILE_B) * ROW_QUADS;
        let o = tile / TILES_B * TILE_O;
        tile_sums = Tile();
        for (var i = 0u; i < inputs / 4u; i++) {
            load_mine(row + x_at + i, thread);
            for (var n = 0u; n < TILE_Q; n++) {
                let at = (w_at + (o + 4u * n) * inputs) / 4u + i;
                let step = inputs / 4u;
                let w = mat4x4(
                    weights(source, at),
                    weights(source, at + step),
                    weights(source, at + 2u * step),
                    weights(source, at + 3u * step),
                );
                for (var b = 0u; b < TILE_B; b++) { tile_sums[b][n] += of_image(b) * w; }
            }
        }
        if (is_idle(t * THREADS + thread, tiles)) { break; }
        for (var n = 0u; n < TILE_Q; n++) {
            let bias = parameters[(bias_at + o) / 4u + n];
            for (var b = 0u; b < TILE_B; b++) {
                rows[row + b * ROW_QUADS + y_at + o / 4u + n] = max(tile_sums[b][n] + bias, vec4(0.0));
            }
        }
    }
}

// Adds dy w to the tile's sums: `outputs` words of the rows at dy_at, each row of w from its vec4 i on.
fn add_products(row: u32, thread: u32, source: u32, dy_at: u32, outputs: u32, w_at: u32, width: u32, i: u32) {
    for (var o = 0u; o < outputs / 4u; o++) {
        load_mine(row + dy_at + o, thread);
        let at = vec4(
            row_of(w_at, width, 4u * o),
            row_of(w_at, width, 4u * o + 1u),
            row_of(w_at, width, 4u * o + 2u),
            row_of(w_at, width, 4u * o + 3u),
        ) / 4u + i;
        for (var n = 0u; n < TILE_Q; n++) {
            let w = mat4x4(
                weights(source, at.x + n),
                weights(source, at.y + n),
                weights(source, at.z + n),
                weights(source, at.w + n),
            );
            for (var b = 0u; b < TILE_B; b++) { tile_sums[b][n] += w * of_image(b); }
        }
    }
}

// dx = dy w where x > 0: `outputs` words of the rows at dy_at, `inputs` words to dx_at.
fn linear_relu_backward(
    first: u32, thread: u32, source: u32,
    dy_at: u32, outputs: u32, w_at: u32, x_at: u32, dx_at: u32, inputs: u32,
) {
    let tiles = TILES_B * (inputs / TILE_O);
    for (var t = 0u; t < (tiles + THREADS - 1u) / THREADS; t++) {
        let tile = existing(t * THREADS + thread, tiles);
        let row = (first + tile % TILES_B * TILE_B) * ROW_QUADS;
        let i = tile / TILES_B * TILE_Q;
        tile_sums = Tile();
        if (source == FC2_LOW) {
            add_products(row, thread, FC2_LOW, dy_at, outputs / 2u, w_at, inputs, i);
            let half = outputs / 2u;
            add_products(row, thread, FC2_HIGH, dy_at + half / 4u, half, w_at + half * inputs, inputs, i);
        } else {
            add_products(row, thread, source, dy_at, outputs, w_at, inputs, i);
        }
        if (is_idle(t * THREADS + thread, tiles)) { break; }
        for (var n = 0u; n < TILE_Q; n++) {
            for (var b = 0u; b < TILE_B; b++) {
                let x = rows[row + b * ROW_QUADS + x_at + i + n];
                rows[row + b * ROW_QUADS + dx_at + i + n] = select(vec4(0.0), tile_sums[b][n], x > vec4(0.0));
            }
        }
    }
}

// The number's branch, whose input is one-hot: fc1 is a look-up of one column.
fn number_branch(first: u32, thread: u32) {
    let tiles = IMAGES * FC1 / 4u;
    for (var t = 0u; t < (tiles + THREADS - 1u) / THREADS; t++) {
        let item = t * THREADS + thread;
        if (is_idle(item, tiles)) { break; }
        let image = first + item % IMAGES;
        let o = item / IMAGES * 4u;
        let column = FC1_W + o * ADDENDS + addends[sample(image)];
        let z = vec4(parameter(column), parameter(column + ADDENDS), parameter(column + 2u * ADDENDS), parameter(column + 3u * ADDENDS));
        rows[image * ROW_QUADS + FEATURES + (FLAT + o) / 4u] = max(z + parameters[(FC1_B + o) / 4u], vec4(0.0));
    }
}

// One invocation computes four classes of TILE_B images.
fn heads(first: u32, thread: u32) {
    let tiles = TILES_B * CLASS_QUADS;
    for (var t = 0u; t < (tiles + THREADS - 1u) / THREADS; t++) {
        let tile = existing(t * THREADS + thread, tiles);
        let row = (first + tile % TILES_B * TILE_B) * ROW_QUADS;
        let c = tile / TILES_B * 4u;
        let at = vec4(class_row(c), class_row(c + 1u), class_row(c + 2u), class_row(c + 3u)) / 4u;
        var sums = array<vec4<f32>, TILE_B>();
        for (var i = 0u; i < FC3 / 4u; i++) {
            load_mine(row + H3 + i, thread);
            let w = mat4x4(
                weights(BEHIND_FC2, at.x + i),
                weights(BEHIND_FC2, at.y + i),
                weights(BEHIND_FC2, at.z + i),
                weights(BEHIND_FC2, at.w + i),
            );
            for (var b = 0u; b < TILE_B; b++) { sums[b] += of_image(b) * w; }
        }
        if (is_idle(t * THREADS + thread, tiles)) { break; }
        let bias = vec4(class_bias(c), class_bias(c + 1u), class_bias(c + 2u), class_bias(c + 3u));
        for (var b = 0u; b < TILE_B; b++) {
            rows[row + b * ROW_QUADS + LOGITS + c / 4u] = sums[b] + bias;
        }
    }
}

// A head's loss, and its likeliest class.
struct Verdict { loss: f32, best: u32 }

var<private> logit: array<f32, CLASSES>;
var<private> d_logit: array<f32, CLASSES>;

// Softmax of logit[start..end] in place.
fn softmax(start: u32, end: u32) {
    var largest = logit[start];
    for (var j = start + 1u; j < end; j++) { largest = max(largest, logit[j]); }
    var sum = 0.0;
    for (var j = start; j < end; j++) {
        logit[j] = exp(logit[j] - largest);
        sum += logit[j];
    }
    for (var j = start; j < end; j++) { logit[j] /= sum; }
}

// Cross-entropy of logit[start..end] against a class, and its gradient times `weight` in d_logit.
fn head_loss(start: u32, end: u32, label: u32, weight: f32) -> Verdict {
    if (DOUBLE_SOFTMAX) { softmax(start, end); }
    var best = start;
    for (var j = start + 1u; j < end; j++) {
        if (logit[j] > logit[best]) { best = j; }
    }
    let largest = logit[best];
    var sum = 0.0;
    for (var j = start; j < end; j++) { sum += exp(logit[j] - largest); }
    let loss = log(sum) + (largest - logit[start + label]);
    let spread = SMOOTHING / f32(end - start);
    for (var j = start; j < end; j++) {
        let goal = select(spread, 1.0 - SMOOTHING + spread, j - start == label);
        d_logit[j] = (exp(logit[j] - largest) / sum - goal) * weight;
    }
    if (DOUBLE_SOFTMAX) {
        var along = 0.0;
        for (var j = start; j < end; j++) { along += logit[j] * d_logit[j]; }
        for (var j = start; j < end; j++) { d_logit[j] = logit[j] * (d_logit[j] - along); }
    }
    return Verdict(loss, best - start);
}

// One image per invocation: both losses, their gradients, and the one-hot number.
fn losses(image: u32) {
    let row = image * ROW_QUADS;
    for (var j = 0u; j < CLASSES; j++) { logit[j] = rows[row + LOGITS + j / 4u][j % 4u]; }
    let n = sample(image);
    let addend = addends[n];
    let exists = image < images_left();
    let weight = select(0.0, 0.5 / f32(images_left()), exists);
    let digit = head_loss(0u, DIGITS, labels[n], weight);
    let sum = head_loss(SUMS_AT, SUMS_AT + SUMS, labels[n] + addend, weight);
    if (exists) {
        let first = 2u * (cursor.first + image);
        records[first] = Record(digit.loss, u32(digit.best == labels[n]));
        records[first + 1u] = Record(sum.loss, u32(sum.best == labels[n] + addend));
    }
    for (var q = 0u; q < CLASS_QUADS; q++) {
        rows[row + D_LOGITS + q] = vec4(d_logit[4u * q], d_logit[4u * q + 1u], d_logit[4u * q + 2u], d_logit[4u * q + 3u]);
    }
    for (var q = 0u; q < (ADDENDS + 3u) / 4u; q++) {
        rows[row + NUMBER + q] = vec4<f32>(vec4(4u * q, 4u * q + 1u, 4u * q + 2u, 4u * q + 3u) == vec4(addend));
    }
}

@compute @workgroup_size(THREADS)
fn images(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = workgroup.x * IMAGES;
    number_branch(first, thread);
    storageBarrier();
    if (UNIFORM) {
        let half = FC2 / 2u;
        linear_relu(first, thread, FC2_LOW, FEATURES, FLAT + FC1, FC2_W, FC2_B, H2, half);
        let half_w = half * (FLAT + FC1);
        linear_relu(first, thread, FC2_HIGH, FEATURES, FLAT + FC1, FC2_W + half_w, FC2_B + half, H2 + half / 4u, half);
    } else {
        linear_relu(first, thread, ANYWHERE, FEATURES, FLAT + FC1, FC2_W, FC2_B, H2, FC2);
    }
    storageBarrier();
    linear_relu(first, thread, BEHIND_FC2, H2, FC2, FC3_W, FC3_B, H3, FC3);
    storageBarrier();
    heads(first, thread);
    storageBarrier();
    for (var image = thread; image < IMAGES; image += THREADS) { losses(first + image); }
    if (BACKWARD) {
        storageBarrier();
        linear_relu_backward(first, thread, BEHIND_FC2, D_LOGITS, CLASSES, HEADS, H3, D_H3, FC3);
        storageBarrier();
        linear_relu_backward(first, thread, BEHIND_FC2, D_H3, FC3, FC3_W, H2, D_H2, FC2);
        storageBarrier();
        linear_relu_backward(first, thread, select(ANYWHERE, FC2_LOW, UNIFORM), D_H2, FC2, FC2_W, FEATURES, D_FEATURES, FLAT + FC1);
    }
}
