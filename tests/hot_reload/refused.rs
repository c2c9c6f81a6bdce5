//! What is refused: the message, reported once, and that training continues with the old shaders.

use digit_adder::network::Loss;
use digit_adder::ops::adam::Adam;
use digit_adder::plans::{Kind, tiles::Tiles};
use digit_adder::program::Dispatch;
use digit_adder::wgsl::compatibility::{check, set_by_host};
use digit_adder::wgsl::watch::Watch;
use digit_adder::wgsl::{Library, Texts};

use crate::common::steps::network;
use crate::run::{A_WHILE, Run, Shaders, edited, leaky, text};

/// What is wrong, a changed rectifier and what is reported about it.
type Wrong = (&'static str, String, &'static [&'static str]);

const BODY: &str = "y[i] = max(x[i], 0.0);";

fn change(from: &str, to: &str) -> String {
    edited("relu", from, to)
}

fn wrong_texts() -> Vec<Wrong> {
    let relu = text("relu");
    vec![
        ("syntax", change(BODY, "y[i] = max(x[i], 0.0;"), &["relu.wgsl:22:25", "y[i] = max(x[i], 0.0;", "^"]),
        ("type", change(BODY, "y[i] = max(x[i], 0u);"), &["relu.wgsl:22:", "y[i] = max(x[i], 0u);", "^"]),
        (
            "renamed binding",
            relu.replace("y_forward", "output"),
            &["relu.wgsl: binding 2 `y_forward` was renamed to `output`", "relu.wgsl:14:", "^"],
        ),
        (
            "access",
            change("var<storage> x:", "var<storage, read_write> x:"),
            &["relu.wgsl: access of `x` changed from read to read_write", "relu.wgsl:12:", "^"],
        ),
        ("removed entry", change("fn backward(", "fn back("), &["relu.wgsl: entry `backward` is gone"]),
        (
            "binding not used",
            change("select(0.0, dy[i], y_forward[i] > 0.0)", "dy[i]"),
            &["relu.wgsl: no entry uses binding 2 `y_forward` any more"],
        ),
        (
            "new binding",
            change(BODY, "y[i] = max(x[i], more[i]);")
                + "@group(0) @binding(5) var<storage> more: array<f32>;\n",
            &["relu.wgsl: binding 5 `more` is new, and the host binds nothing to it", "relu.wgsl:31:"],
        ),
        (
            "endless loop",
            change(BODY, "var t = x[i]; while (t < 1.0) { t *= 0.5; } y[i] = t;"),
            &["relu.wgsl: a loop in `forward`", "relu.wgsl:22:"],
        ),
        ("constant", relu.replace("SIZE", "LENGTH"), &["relu.wgsl must declare `const SIZE: u32 = ..;`"]),
        (
            "override",
            relu.replace("@workgroup_size(32)", "@workgroup_size(many)") + "override many = 32u;\n",
            &["relu.wgsl: `many` is an override, which the host does not set: make it a const"],
        ),
        ("empty", String::new(), &["relu.wgsl is empty"]),
    ]
}

fn too_large() -> Vec<Wrong> {
    vec![
        (
            "workgroup memory",
            change(BODY, "big[id.x] = x[i]; y[i] = max(big[id.x], 0.0);")
                + "var<workgroup> big: array<f32, 5000>;\n",
            &[
                "relu.wgsl: `forward` uses 20000 bytes of workgroup memory, but only 16352 are allowed",
                "relu.wgsl:19:",
            ],
        ),
        (
            "a function's variables",
            change(
                BODY,
                "var big: array<f32, 2049>; big[i % 2049u] = x[i]; y[i] = max(big[i % 2049u], 0.0);",
            ),
            &["relu.wgsl: `forward` has more than 8192 bytes of private variables, or in a function"],
        ),
        (
            "private variables",
            change(BODY, "big[i % 2049u] = x[i]; y[i] = max(big[i % 2049u], 0.0);")
                + "var<private> big: array<f32, 2049>;\n",
            &["relu.wgsl: `forward` has more than 8192 bytes of private variables, or in a function"],
        ),
        (
            "workgroup size",
            text("relu").replace("@workgroup_size(32)", "@workgroup_size(257)"),
            &["relu.wgsl: `forward` has a workgroup of 257 x 1 x 1: 256 invocations are allowed"],
        ),
    ]
}

/// The dispatches of a plan's training step.
fn dispatches(kind: Kind) -> Result<Vec<Dispatch>, String> {
    let program = kind.programs(&network(), Loss::Logits, Adam::default(), Tiles::FAT).training(64);
    program.map(|program| program.dispatches).map_err(|e| e.to_string())
}

/// The messages need no device.
pub fn the_check_says_what_is_wrong() -> Result<(), String> {
    let dispatches = dispatches(Kind::Layered)?;
    let checked =
        |new: String| check("relu", text("relu"), &Library::Texts(Texts::from([("relu", new)])), &dispatches);
    for (what, text, words) in wrong_texts().into_iter().chain(too_large()) {
        let said = checked(text).err().ok_or_else(|| format!("{what}: taken"))?.to_string();
        for word in words {
            assert!(said.contains(word), "{what}: no `{word}` in\n{said}");
        }
    }
    let longer = edited(
        "gather",
        "struct Cursor { first: u32, end: u32 }",
        "struct Cursor { first: u32, end: u32, more: u32 }",
    );
    let said =
        check("gather", text("gather"), &Library::Texts(Texts::from([("gather", longer)])), &dispatches);
    let said = said.err().ok_or("immediate data that the host does not give is taken")?.to_string();
    assert!(
        said.contains("gather.wgsl: `cursor` must be a struct of first: u32, end: u32, step_size"),
        "{said}"
    );

    Ok(())
}

/// A binding that only some values of the host's constants leave in use, and a grid that counts workgroups.
pub fn the_check_knows_the_hosts_constants() -> Result<(), String> {
    let fused = dispatches(Kind::Fused)?;
    let adam =
        |new: String| check("adam", text("adam"), &Library::Texts(Texts::from([("adam", new)])), &fused);
    let said =
        adam(text("adam").replace("partial", "slots_of_dw")).err().ok_or("a renamed binding is taken")?;
    assert!(said.to_string().contains("binding 1 `partial` was renamed to `slots_of_dw`"), "{said}");
    adam(edited("adam", "const SLOTS: u32 = 0u;", "const SLOTS: u32 = 16u;")).map_err(|e| e.to_string())?;

    // A grid that counts workgroups fits those of one size only; the report points at the entry.
    let linear_layers = |new: String| {
        let library = Library::Texts(Texts::from([("linear_layers", new)]));
        check("linear_layers", text("linear_layers"), &library, &fused)
    };
    let images = |size: &str| {
        let from = "@compute @workgroup_size(THREADS)\nfn images(";
        linear_layers(edited("linear_layers", from, &from.replace("THREADS", size)))
    };
    images("8").map_err(|e| e.to_string())?;
    for (size, words) in [
        ("32", "entry `images` asks for its workgroup_id, so its workgroup must stay 8 x 1 x 1"),
        ("512", "fn images(@builtin"),
    ] {
        let said = images(size).err().ok_or("another workgroup is taken")?.to_string();
        assert!(said.contains(words), "{said}");
    }

    Ok(())
}

/// What a developer may change, and how far.
pub fn the_check_leaves_room() -> Result<(), String> {
    let dispatches = dispatches(Kind::Layered)?;
    let checked =
        |new: String| check("relu", text("relu"), &Library::Texts(Texts::from([("relu", new)])), &dispatches);
    // Workgroups, slots, what is inside.
    let free =
        leaky().replace("@workgroup_size(32)", "@workgroup_size(64)").replace("binding(4)", "binding(6)");
    checked(free).map_err(|e| e.to_string())?;

    // More iterations than a software driver makes: as many as before, and no more.
    let mut large = dispatches.clone();
    large.retain(|dispatch| dispatch.shader == "relu");
    large.iter_mut().for_each(|dispatch| dispatch.constants = vec![("SIZE", 100_000.into())]);
    let body = "y[i] = max(x[i], 0.0);";
    let looping =
        |times| edited("relu", body, &format!("for (var n = 0u; n < {times}u * SIZE; n++) {{ {body} }}"));
    let follows = |old: &str, new| check("relu", old, &Library::Texts(Texts::from([("relu", new)])), &large);
    follows(&looping(1), looping(1)).map_err(|e| e.to_string())?;
    for (old, allowed) in [(text("relu"), 65_535), (&looping(1), 100_000)] {
        let said = follows(old, looping(2)).err().ok_or("twice as many iterations are taken")?.to_string();
        let words =
            format!("an invocation of `forward` may loop 200000 times, but only {allowed} are allowed");
        assert!(said.contains(&words), "{said}");
    }

    let size = text("relu").lines().find(|line| line.starts_with("const SIZE")).ok_or("relu has no SIZE")?;
    let other =
        |line: &str| set_by_host("relu", text("relu"), &text("relu").replace(size, line), &dispatches);
    assert!(other("const SIZE: u32 = 3u;").iter().eq(["SIZE"].iter()));
    assert!(other(&format!("{size} // A comment.")).is_empty());
    Ok(())
}

pub fn what_is_wrong_is_refused() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Layered)?;
    // The empty text comes last: it is what the file holds below.
    for (what, text, words) in too_large().into_iter().chain(wrong_texts()) {
        shaders.save("relu", &text);
        let said = run.train_until("the shaders from before the change stay in use")?;
        for word in words {
            assert!(said.contains(word), "{what}: no `{word}` in\n{said}");
        }
        assert_eq!(said.matches("stay in use").count(), 1, "{what}: {said}");
    }
    // A rejected text that is taken away is not a text in use.
    std::fs::remove_file(shaders.file("relu")).unwrap();
    assert_eq!(run.train_until("gone")?, "relu.wgsl is gone; its last good text stays in use\n");
    shaders.save("relu", "");
    assert_eq!(run.train_until("is back")?, "relu.wgsl is back\n");
    // Saved again as it is, and another file beside it: nothing is reported twice.
    shaders.save("relu", "");
    run.train_for(A_WHILE)?;
    assert_eq!(run.said(), "");
    shaders.save("add", &format!("{}// Seen.\n", text("add")));
    assert_eq!(run.train_until("waits")?, "add.wgsl waits for relu.wgsl: all or none\n");

    shaders.save("relu", text("relu"));
    let said = run.train_until("reloaded add.wgsl: ")?;
    assert!(said.starts_with("relu.wgsl matches the text in use again\n"), "{said}");
    assert!(run.bits() == run.undisturbed()?, "something was taken over, or a comment has changed bits");
    shaders.save("relu", &leaky());
    run.train_until("reloaded relu.wgsl: ")?;
    Ok(())
}

/// A good edit and a broken one, saved together: the good one must not compute alone.
pub fn all_or_none() -> Result<(), String> {
    let shaders = Shaders::new();
    let mut run = Run::new(Some(&shaders), Kind::Layered)?;
    shaders.save("relu", &leaky());
    shaders.save("max_pool", &format!("{}fn broken(", text("max_pool")));
    let said = run.train_until("all or none")?;
    assert!(said.contains("max_pool.wgsl:") && said.contains("relu.wgsl waits for max_pool.wgsl"), "{said}");
    run.train_for(A_WHILE)?;
    assert!(run.bits() == run.undisturbed()?, "half of a change is in use");
    shaders.save("max_pool", text("max_pool"));
    run.train_until("reloaded relu.wgsl: ")?;
    run.train_to(run.step + 1)?;
    assert!(run.bits() != run.undisturbed()?, "the edit has no effect");
    Ok(())
}

pub fn a_folder_that_cannot_be_taken() -> Result<(), String> {
    let refusal =
        |folder: &std::path::Path| Watch::new(folder, |_| {}).err().map(|e| (e.exit_code(), e.to_string()));
    let empty = tempfile::tempdir().unwrap();
    let (code, words) = refusal(empty.path()).ok_or("an empty folder was taken")?;
    assert!(code == 2 && words.contains("adam.wgsl is gone"), "{words}");
    let (code, words) = refusal(&empty.path().join("nowhere")).ok_or("no folder was taken")?;
    assert!(code == 2 && words.contains("nowhere") && words.contains("--shader-dir"), "{words}");

    let shaders = Shaders::new();
    shaders.save("linear", "fn broken(");
    let error = Run::new(Some(&shaders), Kind::Fused).err().ok_or("a broken shader was taken")?;
    assert!(error.contains("linear.wgsl:1:"), "{error}");
    let adapter = std::env::var("TEST_ADAPTER").unwrap_or_else(|_| "high-performance".into());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_digit-adder"))
        .current_dir(empty.path())
        .args(["train", "--dataset", "drawn", "--limit", "64", "--adapter", &adapter])
        .args(["--hot-reload", "--shader-dir"])
        .arg(shaders.folder())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("error: ") && !said.contains("error: error: "), "{said}");
    Ok(())
}
