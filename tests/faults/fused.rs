//! The mistakes in the fused ops.

use digit_adder::program::Constant;

use crate::planted::{Fault, between_lanes, host, set, shader};

/// The mistakes in the fused ops.
pub const FAULTS: &[Fault] = &[
    shader(
        "conv_pool",
        "last maximum instead of the first",
        &[
            ("if (z[g][0][2u * j + 1u] > best)", "if (z[g][0][2u * j + 1u] >= best)"),
            ("if (z[g][1][2u * j] > best)", "if (z[g][1][2u * j] >= best)"),
            ("if (z[g][1][2u * j + 1u] > best)", "if (z[g][1][2u * j + 1u] >= best)"),
        ],
    ),
    shader(
        "conv_pool",
        "dead windows win",
        &[("select(NOWHERE, best_at, best > 0.0 && exists)", "select(NOWHERE, best_at, exists)")],
    ),
    shader(
        "conv_pool",
        "windows past the end of a row win",
        &[("select(NOWHERE, best_at, best > 0.0 && exists)", "select(NOWHERE, best_at, best > 0.0)")],
    ),
    shader("conv_pool", "no ReLU", &[("select(0.0, max(best, 0.0), exists)", "select(0.0, best, exists)")]),
    shader("conv_pool", "only the last image of a slot counts", &[("db[g] += d;", "db[g] = d;")]),
    shader(
        "conv_pool",
        "the last image counts in every slot",
        &[(
            "let exists = n * SLOTS + slot < BATCH;\n        let b = min(n * SLOTS + slot, BATCH - 1u);",
            "let exists = true;\n        let b = min(n * SLOTS + slot, BATCH - 1u);",
        )],
    ),
    shader(
        "conv_pool",
        "packed images not picked by the order",
        &[(
            "return order[min(cursor.first + b, cursor.end - 1u)];",
            "return min(cursor.first + b, cursor.end - 1u) + 0u * order[0];",
        )],
    ),
    shader(
        "conv_pool",
        "rows of dy without their offset",
        &[(
            "4u * s;\n    if (PITCH % 4u == 0u) { return",
            "4u * s - AT;\n    if (PITCH % 4u == 0u) { return",
        )],
    ),
    between_lanes(
        "conv_pool",
        "a tap read from the wrong lane",
        &[(
            "subgroupShuffle(mine[t / LANES], t % LANES)",
            "subgroupShuffle(mine[t / LANES], (t + 1u) % LANES)",
        )],
    ),
    shader(
        "conv_pool",
        "grey values taken as they are",
        &[("const GREY: f32 = 0.003921569;", "const GREY: f32 = 1.0;")],
    ),
    shader(
        "conv_pool",
        "region moved down by one row only",
        &[("region[p][q] = region[p + 2u][q];", "region[p][q] = region[p + 1u][q];")],
    ),
    shader(
        "conv_pool",
        "the winner's column does not count",
        &[("let right = (best & 1u) != 0u;", "let right = false && best != 0u;")],
    ),
    shader(
        "conv_pool",
        "a block of dx does not see the windows above",
        &[("let exists = row < POOLED_HEIGHT;", "let exists = row < POOLED_HEIGHT && p >= BEFORE;")],
    ),
    shader(
        "linear_layers",
        "labels smoothed over all heads",
        &[("SMOOTHING / f32(end - start)", "SMOOTHING / f32(CLASSES)")],
    ),
    shader(
        "linear_layers",
        "softmax twice",
        &[("if (DOUBLE_SOFTMAX) { softmax(start, end); }", "softmax(start, end);")],
    ),
    shader(
        "linear_layers",
        "records of the heads swapped",
        &[
            ("records[first] = Record(digit", "records[first + 1u] = Record(digit"),
            ("records[first + 1u] = Record(sum", "records[first] = Record(sum"),
        ],
    ),
    shader(
        "linear_layers",
        "gradient passes at 0",
        &[(
            "select(vec4(0.0), tile_sums[b][n], x > vec4(0.0))",
            "select(vec4(0.0), tile_sums[b][n], x >= vec4(0.0))",
        )],
    ),
    shader(
        "linear_layers",
        "the sum's weights with the digit's bias",
        &[("OUT2_B + sum, OUT1_B", "OUT1_B + min(sum, DIGITS - 1u), OUT1_B")],
    ),
    shader(
        "linear_layers",
        "addend not added to the label",
        &[(
            "head_loss(SUMS_AT, SUMS_AT + SUMS, labels[n] + addend, weight)",
            "head_loss(SUMS_AT, SUMS_AT + SUMS, labels[n], weight)",
        )],
    ),
    between_lanes(
        "linear_layers",
        "an image read from the wrong lane",
        &[("from_lane(mine[b / LANES], b % LANES)", "from_lane(mine[b / LANES], (b + 1u) % LANES)")],
    ),
    between_lanes(
        "linear_layers_gradients",
        "gradient read from the wrong lane",
        &[(
            "from_lane(d_mine[m][q / LANES], q % LANES)",
            "from_lane(d_mine[m][q / LANES], (q + 1u) % LANES)",
        )],
    ),
    shader(
        "linear_layers_gradients",
        "the last image of an odd batch counts twice",
        &[("select(vec4(0.0), d, b + m < BATCH)", "d")],
    ),
    shader("linear_layers_gradients", "a bias too many", &[("if (o < job.biases)", "if (o <= job.biases)")]),
    shader(
        "linear_layers",
        "what is past the end of the order leaves records",
        &[("if (exists) {", "if (image < BATCH) {")],
    ),
    shader("linear_layers", "no 1/B in the gradient", &[("0.5 / f32(images_left())", "0.5")]),
    shader(
        "linear_layers",
        "what is past the end of the order counts",
        &[("let exists = image < images_left();", "let exists = image < BATCH;")],
    ),
    shader(
        "linear_layers",
        "records of every step in one place",
        &[("let first = 2u * (cursor.first + image);", "let first = 2u * image;")],
    ),
    host("linear_layers", "tail batch one short", |program| {
        set(program, "linear_layers", "BATCH", |value| match value {
            Constant::U32(batch) => Constant::U32(batch.saturating_sub(1).max(1)),
            other => other,
        });
    }),
];
