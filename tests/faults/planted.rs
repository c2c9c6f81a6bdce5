//! What a planted mistake is; and those in the ops of the layered plan and in what surrounds every plan.

use digit_adder::program::{Constant, Program};

/// Where something is done wrong.
pub enum Plant {
    /// In a shader: pieces of its text, each found exactly once, with what stands there instead.
    Shader(&'static [(&'static str, &'static str)]),
    /// On the host: the program that a check runs.
    Host(fn(&mut Program)),
}

/// One mistake.
pub struct Fault {
    /// What is wrong.
    pub name: &'static str,
    /// The op whose checks must catch it, and its shader.
    pub op: &'static str,
    /// Where.
    pub plant: Plant,
    /// Whether it lies in what only devices with lanes do.
    pub lanes: bool,
}

pub const fn shader(
    op: &'static str,
    name: &'static str,
    pieces: &'static [(&'static str, &'static str)],
) -> Fault {
    Fault { name, op, plant: Plant::Shader(pieces), lanes: false }
}

/// In what only devices with lanes do.
pub const fn between_lanes(
    op: &'static str,
    name: &'static str,
    pieces: &'static [(&'static str, &'static str)],
) -> Fault {
    Fault { lanes: true, ..shader(op, name, pieces) }
}

pub const fn host(op: &'static str, name: &'static str, change: fn(&mut Program)) -> Fault {
    Fault { name, op, plant: Plant::Host(change), lanes: false }
}

/// The mistakes in the ops of the layered plan, and in what surrounds every plan.
pub const FAULTS: &[Fault] = &[
    shader(
        "conv2d",
        "bias gradient with the wrong sign",
        &[("sum += dy[start + i];", "sum -= dy[start + i];")],
    ),
    shader("conv2d", "no bias", &[("var sum = bias[o];", "var sum = 0.0 * bias[o];")]),
    shader(
        "conv2d",
        "last tap of each row dropped",
        &[(
            "for (var q = 0u; q < K; q++) {\n                sum += w[w_row",
            "for (var q = 0u; q < max(K - 1u, 1u); q++) {\n                sum += w[w_row",
        )],
    ),
    shader(
        "conv2d",
        "kernel not turned in the input's gradient",
        &[(
            "sum += w[((o * IN + i) * K + p) * K + q] * dy[dy_at];",
            "sum += w[((o * IN + i) * K + q) * K + p] * dy[dy_at];",
        )],
    ),
    shader("max_pool", "last maximum instead of the first", &[("if (value > best)", "if (value >= best)")]),
    shader(
        "max_pool",
        "gradient to every place of a window",
        &[(
            "if (winner_forward[pooled] == r % WINDOW * WINDOW + c % WINDOW)",
            "if (winner_forward[pooled] < 99u)",
        )],
    ),
    shader(
        "linear",
        "weights transposed",
        &[("sum += w[id.x * IN + i] * x[id.y * IN + i];", "sum += w[i * OUT + id.x] * x[id.y * IN + i];")],
    ),
    shader(
        "linear",
        "bias gradient with the wrong sign",
        &[("sum += dy[b * OUT + id.x];", "sum -= dy[b * OUT + id.x];")],
    ),
    host("linear", "tail batch one short", |program| {
        set(program, "linear", "BATCH", |value| match value {
            Constant::U32(batch) => Constant::U32(batch.saturating_sub(1).max(1)),
            other => other,
        });
    }),
    host("concat", "sides swapped", |program| {
        let bindings = &mut program.dispatches[0].bindings;
        (bindings[0].1, bindings[1].1) = (bindings[1].1, bindings[0].1);
    }),
    shader(
        "concat",
        "gradients swapped in their rows",
        &[(
            "dright[id.y * RIGHT + id.x - LEFT] = dy[id.y * SIZE + id.x];",
            "dright[id.y * RIGHT + id.x - LEFT] = dy[id.y * SIZE + id.x - LEFT];",
        )],
    ),
    shader("relu", "gradient passes at 0", &[("y_forward[i] > 0.0", "y_forward[i] >= 0.0")]),
    shader(
        "relu",
        "one output is not written",
        &[("y[i] = max(x[i], 0.0);", "if (i != 0u) { y[i] = max(x[i], 0.0); }")],
    ),
    shader(
        "relu",
        "an input is changed",
        &[
            ("var<storage> x: array<f32>;", "var<storage, read_write> x: array<f32>;"),
            ("y[i] = max(x[i], 0.0);", "y[i] = max(x[i], 0.0); x[i] = 0.25;"),
        ],
    ),
    shader("add", "a write past the end", &[("if (id.x < SIZE)", "if (id.x <= SIZE)")]),
    host("add", "last workgroup not run", |program| {
        let threads = &mut program.dispatches[0].threads[0];
        *threads = threads.saturating_sub(64).max(1);
    }),
    shader("batch_sum", "accumulates instead of overwriting", &[("y[id.x] = sum;", "y[id.x] += sum;")]),
    shader(
        "softmax",
        "no maximum taken out",
        &[
            ("sum += exp(x[row + j] - largest);", "sum += exp(x[row + j]);"),
            ("y[row + j] = exp(x[row + j] - largest) / sum;", "y[row + j] = exp(x[row + j]) / sum;"),
        ],
    ),
    shader(
        "softmax",
        "gradient without the other classes",
        &[("(dy[row + j] - sum)", "(dy[row + j] - 0.0 * sum)")],
    ),
    shader(
        "cross_entropy",
        "an image's weight does not count",
        &[("* weight[id.x];", "* (0.5 + 0.0 * weight[id.x]);")],
    ),
    shader("cross_entropy", "labels not smoothed", &[("1.0 - SMOOTHING + SPREAD", "1.0 + 0.0 * SPREAD")]),
    shader("augment", "turned the other way", &[("vec2(cos, sin)", "vec2(cos, -sin)")]),
    shader("augment", "key not used", &[("vec4(n, draw, key[0], key[1])", "vec4(n, draw, key[0], key[0])")]),
    shader("augment", "every image alike", &[("vec4(n, draw,", "vec4(0u * n, draw,")]),
    shader(
        "augment",
        "the edge repeated outside",
        &[("select(0.0, f32((word", "select(f32(word & 255u), f32((word")],
    ),
    shader("augment", "cut, not rounded", &[("greys[3]) + 0.5", "greys[3])")]),
    shader("augment", "no slant", &[("+ slant * down;", "+ 0.0 * slant * down;")]),
    shader(
        "augment",
        "pixels of a word bent alike",
        &[("spline(f32((column + i) % CELL)", "spline(f32(column % CELL)")],
    ),
    shader("gather", "no 1/B in the weight", &[("HEAD_SHARE / f32(images)", "HEAD_SHARE")]),
    host("gather", "each head counts whole", |program| {
        set(program, "gather", "HEAD_SHARE", |_| Constant::F32(1.0));
    }),
    shader(
        "cross_entropy",
        "label of the next class",
        &[("SPREAD, j == label[id.x])", "SPREAD, j == label[id.x] + 1u)")],
    ),
    shader(
        "adam",
        "no bias correction",
        &[("cursor.step_size * m_new", "(0.001 + 0.0 * cursor.step_size) * m_new")],
    ),
    shader(
        "adam",
        "epsilon under the root",
        &[("(sqrt(v_new) * cursor.step_root + EPSILON)", "(sqrt(v_new + EPSILON) * cursor.step_root)")],
    ),
    shader(
        "adam",
        "a slot left out",
        &[("for (var s = 0u; s < slots; s++)", "for (var s = 1u; s < slots; s++)")],
    ),
    shader(
        "adam",
        "a parameter too many from the slots",
        &[
            ("select(0u, SLOTS, i < SUMMED)", "select(0u, SLOTS, i <= SUMMED)"),
            ("id.x < SUMMED)", "id.x <= SUMMED)"),
        ],
    ),
    shader(
        "adam",
        "no decay",
        &[("w[id.x] - cursor.decay * w[id.x];", "w[id.x] - 0.0 * cursor.decay * w[id.x];")],
    ),
    shader(
        "adam",
        "decay as a part of the gradient",
        &[
            ("w[id.x] - cursor.decay * w[id.x];", "w[id.x];"),
            ("let m_new =", "g += cursor.decay * w[id.x] / 0.001;\n    let m_new ="),
        ],
    ),
    shader(
        "adam",
        "gradients not scaled",
        &[("if (CLIPPED) { g *= scale[0]; }", "if (CLIPPED) { g *= 1.0 + 0.0 * scale[0]; }")],
    ),
    shader(
        "adam",
        "updates scaled instead of gradients",
        &[
            ("if (CLIPPED) { g *= scale[0]; }", "var times = 1.0; if (CLIPPED) { times = scale[0]; }"),
            ("cursor.step_size * m_new", "times * cursor.step_size * m_new"),
        ],
    ),
    shader(
        "adam",
        "average of the parameters before the step",
        &[
            ("let w_new = kept", "let before = w[id.x];\n    let w_new = kept"),
            ("(w_new - average[id.x])", "(before - average[id.x])"),
        ],
    ),
    shader(
        "adam",
        "the share of the parameters for that of the average",
        &[("cursor.blend * (w_new", "(1.0 - cursor.blend) * (w_new")],
    ),
    shader(
        "adam",
        "the average is only the parameters",
        &[(
            "average[id.x] += cursor.blend * (w_new - average[id.x]);",
            "average[id.x] = w_new + 0.0 * (cursor.blend + average[id.x]);",
        )],
    ),
    shader("clip_norm", "padding counts", &[("words < vec4(end)", "words < vec4(end + 1u)")]),
    shader(
        "clip_norm",
        "the last block left out",
        &[("block < BLOCKS; block += PARTS", "block < BLOCKS - 1u; block += PARTS")],
    ),
    shader(
        "clip_norm",
        "only the first blocks count",
        &[("block < BLOCKS; block += PARTS", "block < min(BLOCKS, PARTS); block += PARTS")],
    ),
    shader(
        "clip_norm",
        "no root",
        &[("sqrt(dot(sum, vec4(1.0))) + EPSILON", "dot(sum, vec4(1.0)) + EPSILON")],
    ),
    shader(
        "clip_norm",
        "nothing added to the norm",
        &[("sqrt(dot(sum, vec4(1.0))) + EPSILON", "sqrt(dot(sum, vec4(1.0))) + 0.0 * EPSILON")],
    ),
    shader(
        "clip_norm",
        "what is short is scaled up",
        &[("scale[0] = min(1.0, MAX", "scale[0] = min(9.0, MAX")],
    ),
    host("clip_norm", "another limit", |program| {
        set(program, "clip_norm", "MAX", |value| match value {
            Constant::F32(max) => Constant::F32(0.999 * max),
            other => other,
        });
    }),
    shader("metrics", "records in another head's place", &[("* HEADS + HEAD]", "* HEADS]")]),
    shader(
        "metrics",
        "last of equal logits is the answer",
        &[(
            "if (x[b * CLASSES + j] > x[b * CLASSES + best])",
            "if (x[b * CLASSES + j] >= x[b * CLASSES + best])",
        )],
    ),
    shader(
        "metrics",
        "records of every step in one place",
        &[("records[(cursor.first + b) * HEADS", "records[b * HEADS")],
    ),
    shader(
        "metrics",
        "what is past the end of the order counts",
        &[("if (cursor.first + b >= cursor.end) { return; }", "")],
    ),
    shader(
        "gather",
        "images in the order of the data set",
        &[(
            "return order[min(cursor.first + b, cursor.end - 1u)];",
            "return min(cursor.first + b, cursor.end - 1u) + 0u * order[0];",
        )],
    ),
    shader(
        "gather",
        "class without the addend",
        &[("classes[labels[n] * ADDENDS + addends[n]]", "classes[labels[n] * ADDENDS + 0u * addends[n]]")],
    ),
];

/// Gives every dispatch of a shader a different value of a constant.
pub fn set(program: &mut Program, shader: &str, name: &str, change: fn(Constant) -> Constant) {
    for dispatch in program.dispatches.iter_mut().filter(|dispatch| dispatch.shader == shader) {
        for (_, value) in dispatch.constants.iter_mut().filter(|(constant, _)| *constant == name) {
            *value = change(*value);
        }
    }
}
