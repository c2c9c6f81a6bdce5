//! Shaders that a reload would take, or not.

use digit_adder::wgsl::{Library, library};

use crate::targets::shader::HEAD;

/// A shader with one passage replaced.
fn edited(name: &str, from: &str, to: &str) -> Vec<u8> {
    let text = Library::Embedded.text(name).unwrap();
    assert!(text.contains(from), "{} has no `{from}`", library::path(name));
    format!("{HEAD}{name}\n{}", text.replace(from, to)).into()
}

pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let whole = |name| edited(name, "// ", "//  ");
    let body = "y[i] = max(x[i], 0.0);";
    let relu = |from: &str, to: &str| edited("relu", from, to);
    let more = "fn leaky(x: f32) -> f32 { if (x < 0.0) { return 0.25 * x; } return x; }\n\n@compute @workgroup_size(64)\nfn forward";
    let looping = |head: &str| relu(body, &format!("for ({head}) {{ {body} }}"));
    vec![
        ("good-relu.wgsl", whole("relu")),
        ("good-adam.wgsl", whole("adam")),
        ("good-linear.wgsl", whole("linear")),
        ("good-softmax.wgsl", whole("softmax")),
        ("good-clip-norm.wgsl", whole("clip_norm")),
        ("good-conv-pool.wgsl", whole("conv_pool")),
        ("good-function.wgsl", relu("@compute @workgroup_size(32)\nfn forward", more)),
        ("good-loop.wgsl", looping("var n = 0u; n < min(SIZE, 9u); n += 2u")),
        ("good-branch.wgsl", relu(body, "if (!PADDED) { y[i] = x[i]; } else { y[i] = max(x[i], 0.0); }")),
        ("bad-endless.wgsl", relu(body, "var t = x[i]; while (t < 1.0) { t *= 0.5; } y[i] = t;")),
        ("bad-bound-from-memory.wgsl", looping("var n = 0u; n < u32(x[0]); n++")),
        ("bad-long-loop.wgsl", looping("var n = 0u; n < SIZE * SIZE; n++")),
        ("bad-renamed.wgsl", relu("y_forward", "output")),
        ("bad-access.wgsl", relu("var<storage> x:", "var<storage, read_write> x:")),
        ("bad-workgroup.wgsl", relu("@workgroup_size(32)", "@workgroup_size(16, 17)")),
        (
            "bad-memory.wgsl",
            relu(
                body,
                "big[id.x] = x[i]; y[i] = big[id.x]; } var<workgroup> big: array<f32, 5000>; fn no() {",
            ),
        ),
        (
            "bad-override.wgsl",
            relu("const PADDED: bool = true;", "const PADDED: bool = true;\noverride more = 2u;"),
        ),
        ("bad-syntax.wgsl", relu(body, "y[i] = max(x[i], 0.0;")),
    ]
}
