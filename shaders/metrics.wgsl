// metrics: what came of a step, and on to the next.
//
//   record.loss = sum over b of (digit_loss[b] + sum_loss[b]) / 2, up to the end of the order
//   record.digits = number of b whose largest logit in digit_x[b] is at digit[b]
//   record.sums = the same of sum_x[b] and sum[b]
//
// digit_x [BATCH, DIGITS], sum_x [BATCH, SUMS]; the first of equal logits counts as the largest.
// Each of THREADS invocations adds up every THREADS-th image, then the first adds up the threads.
// `count` reads logits and losses; `add_up` reads the outcomes that dense has judged already.
// It also moves the cursor on by one step and BATCH images.

const BATCH: u32 = 64u;
const DIGITS: u32 = 10u;
const SUMS: u32 = 19u;
const THREADS: u32 = 64u;

// Where the epoch stands: the step, the first image of its batch in order, and the end of the order.
struct Cursor { step: u32, first: u32, end: u32 }

struct Record { loss: f32, digits: u32, sums: u32 }

@group(0) @binding(0) var<storage, read_write> cursor: Cursor;
@group(0) @binding(1) var<storage> digit_x: array<f32>;
@group(0) @binding(2) var<storage> sum_x: array<f32>;
@group(0) @binding(3) var<storage> digit: array<u32>;
@group(0) @binding(4) var<storage> sum: array<u32>;
@group(0) @binding(5) var<storage> digit_loss: array<f32>;
@group(0) @binding(6) var<storage> sum_loss: array<f32>;
@group(0) @binding(7) var<storage, read_write> records: array<Record>;

@group(0) @binding(8) var<storage> outcomes: array<Record>;

var<workgroup> partial: array<Record, THREADS>;

fn sum_of(a: Record, b: Record) -> Record {
    return Record(a.loss + b.loss, a.digits + b.digits, a.sums + b.sums);
}

// Adds up the threads' parts and writes the step's record.
fn finish(thread: u32, mine: Record) {
    partial[thread] = mine;
    workgroupBarrier();
    if (thread == 0u) {
        var all = partial[0];
        for (var t = 1u; t < THREADS; t++) {
            all = sum_of(all, partial[t]);
        }
        records[cursor.step] = all;
        cursor.step += 1u;
        cursor.first += BATCH;
    }
}

@compute @workgroup_size(THREADS)
fn count(@builtin(local_invocation_index) thread: u32) {
    var mine = Record(0.0, 0u, 0u);
    let images = cursor.end - cursor.first;
    for (var b = thread; b < BATCH; b += THREADS) {
        if (b >= images) { break; }
        mine.loss += 0.5 * (digit_loss[b] + sum_loss[b]);
        var best = 0u;
        for (var j = 1u; j < DIGITS; j++) {
            if (digit_x[b * DIGITS + j] > digit_x[b * DIGITS + best]) { best = j; }
        }
        mine.digits += u32(best == digit[b]);
        best = 0u;
        for (var j = 1u; j < SUMS; j++) {
            if (sum_x[b * SUMS + j] > sum_x[b * SUMS + best]) { best = j; }
        }
        mine.sums += u32(best == sum[b]);
    }
    finish(thread, mine);
}

@compute @workgroup_size(THREADS)
fn add_up(@builtin(local_invocation_index) thread: u32) {
    var mine = Record(0.0, 0u, 0u);
    for (var b = thread; b < BATCH; b += THREADS) {
        mine = sum_of(mine, outcomes[b]);
    }
    finish(thread, mine);
}
