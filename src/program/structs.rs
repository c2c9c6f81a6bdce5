//! The structs that both the host and the shaders declare. A shader's own declaration is checked against
//! these fields, by name, type and offset, when it is read.

use bytemuck::{Pod, Zeroable};
use serde::Serialize;

/// The name and the WGSL type of a field; each field is one 4-byte word.
pub type Field = (&'static str, &'static str);

/// Where a step stands, and all that distinguishes one step from another: the immediate data of its
/// dispatches. A shader's `var<immediate>` is a struct of these fields in this order, as many as it needs.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable, Serialize)]
pub struct Cursor {
    /// The first image of its batch in the order.
    pub first: u32,
    /// The end of the order.
    pub end: u32,
    /// The size of Adam's step.
    pub step_size: f32,
    /// 1 over Adam's root correction.
    pub step_root: f32,
    /// The share of every parameter that decays.
    pub decay: f32,
    /// The new parameters' share of their average.
    pub blend: f32,
}

impl Cursor {
    /// The fields as a shader declares them.
    pub const FIELDS: [Field; 6] = [
        ("first", "u32"),
        ("end", "u32"),
        ("step_size", "f32"),
        ("step_root", "f32"),
        ("decay", "f32"),
        ("blend", "f32"),
    ];
}

/// The result of one head for one image. A shader's `records` is an array of these: the heads of an image
/// side by side, image after image in their order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable, Serialize)]
pub struct Record {
    /// The head's cross-entropy, not scaled.
    pub loss: f32,
    /// 1 if the likeliest class is the target, else 0.
    pub right: u32,
}

impl Record {
    /// The fields as a shader declares them.
    pub const FIELDS: [Field; 2] = [("loss", "f32"), ("right", "u32")];
    /// 4-byte words of a record.
    pub const WORDS: usize = Self::FIELDS.len();
}
