//! What a shader says of itself: the bindings, their access and size, and the workgroup of each entry.
//!
//! The host restates none of this; it matches tensors to bindings by the variables' names.

use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::prune;
use crate::program::Cursor;
use crate::{Error, Result};

/// How an entry uses a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
    /// `var<immediate>`, which is no buffer: the step's [`Cursor`].
    Immediate,
}

/// One variable that an entry uses and the host gives: a buffer in group 0, or immediate data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The variable's name.
    pub name: String,
    /// Its `@binding` number; 0 for immediate data, which has none.
    pub slot: u32,
    /// How it is used.
    pub access: Access,
    /// Bytes that must be bound at least; exactly so many of immediate data.
    pub min_bytes: u64,
}

/// One entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its function's name.
    pub name: String,
    /// Invocations of a workgroup in x, y and z.
    pub workgroup: [u32; 3],
    /// The variables that it uses, by slot.
    pub bindings: Vec<Binding>,
}

impl Entry {
    /// Bytes of immediate data that it is told.
    pub fn immediate_bytes(&self) -> u32 {
        let immediate = self.bindings.iter().find(|binding| binding.access == Access::Immediate);
        immediate.map_or(0, |binding| binding.min_bytes as u32)
    }
}

/// What naga may let pass: what [`Gpu::open`](super::Gpu::open) asks of a device.
pub const CAPABILITIES: Capabilities = Capabilities::SUBGROUP.union(Capabilities::IMMEDIATES);

/// A shader that was parsed and found valid.
pub struct Shader {
    /// What naga made of the text.
    pub module: naga::Module,
    /// How each entry uses the variables.
    pub info: naga::valid::ModuleInfo,
    /// The sizes of its types.
    pub sizes: naga::proc::Layouter,
}

/// Parses and validates a shader, which may use WGSL's core, immediate data and subgroup operations, and
/// nothing else. Branches that its constants rule out are left out.
///
/// # Errors
/// [`Error::Device`] with naga's report, which points at the line.
pub fn parse(name: &str, text: &str) -> Result<Shader> {
    let path = format!("{name}.wgsl");
    let mut module = naga::front::wgsl::parse_str(text)
        .map_err(|error| Error::Device(error.emit_to_string_with_path(text, &path)))?;
    let validate = |module: &naga::Module, flags| {
        let checked = Validator::new(flags, CAPABILITIES).validate(module);
        checked.map_err(|error| Error::Device(error.emit_to_string_with_path(text, &path)))
    };
    validate(&module, ValidationFlags::all())?;
    prune::drop_dead_branches(&mut module);
    let info = validate(&module, ValidationFlags::empty())?;
    let mut sizes = naga::proc::Layouter::default();
    sizes.update(module.to_ctx()).map_err(|error| Error::Device(format!("{path}: {error}")))?;
    Ok(Shader { module, info, sizes })
}

/// Parses and validates a shader and reads its entries.
///
/// # Errors
/// [`Error::Device`] with naga's report, which points at the line.
pub fn read(name: &str, text: &str) -> Result<Vec<Entry>> {
    parse(name, text)?.entries(name)
}

impl Shader {
    /// Its entries.
    ///
    /// # Errors
    /// A binding outside group 0, or immediate data that is no beginning of the step's cursor.
    pub fn entries(&self, name: &str) -> Result<Vec<Entry>> {
        let Self { module, info, sizes } = self;
        let mut entries = Vec::new();
        for (index, entry) in module.entry_points.iter().enumerate() {
            let uses = info.get_entry_point(index);
            let mut bindings = Vec::new();
            for (handle, variable) in module.global_variables.iter() {
                if uses[handle].is_empty() {
                    continue;
                }
                let access = match variable.space {
                    naga::AddressSpace::Uniform => Access::Uniform,
                    naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                        Access::ReadWrite
                    }
                    naga::AddressSpace::Storage { .. } => Access::Read,
                    naga::AddressSpace::Immediate => Access::Immediate,
                    _ => continue,
                };
                let variable_name = variable.name.clone().unwrap_or_default();
                if access == Access::Immediate && !is_cursor(module, variable.ty) {
                    let fields =
                        Cursor::FIELDS.map(|(field, scalar)| format!("{field}: {}", spelled(scalar)));
                    return Err(Error::Device(format!(
                        "{name}.wgsl: `{variable_name}` must be a struct of {}, or of the first of them",
                        fields.join(", ")
                    )));
                }
                if variable.binding.is_some_and(|binding| binding.group != 0) {
                    return Err(Error::Device(format!(
                        "{name}.wgsl: `{variable_name}` must be in @group(0)"
                    )));
                }
                bindings.push(Binding {
                    name: variable_name,
                    slot: variable.binding.map_or(0, |binding| binding.binding),
                    access,
                    min_bytes: u64::from(sizes[variable.ty].size),
                });
            }
            bindings.sort_by_key(|binding| binding.slot);
            entries.push(Entry { name: entry.name.clone(), workgroup: entry.workgroup_size, bindings });
        }
        Ok(entries)
    }
}

/// Whether a type is a struct of the cursor's first fields, by name, type and place.
fn is_cursor(module: &naga::Module, ty: naga::Handle<naga::Type>) -> bool {
    let naga::TypeInner::Struct { members, span } = &module.types[ty].inner else { return false };
    let is = |(index, member): (usize, &naga::StructMember)| {
        Cursor::FIELDS.get(index).is_some_and(|&(field, scalar)| {
            member.name.as_deref() == Some(field)
                && module.types[member.ty].inner == naga::TypeInner::Scalar(scalar)
                && member.offset as usize == 4 * index
        })
    };
    *span as usize == 4 * members.len() && members.iter().enumerate().all(is)
}

fn spelled(scalar: naga::Scalar) -> &'static str {
    if scalar.kind == naga::ScalarKind::Float { "f32" } else { "u32" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(0) var<storage> x: array<f32>;
@group(0) @binding(1) var<uniform> w: array<vec4<f32>, 3>;
@group(0) @binding(3) var<storage> unused: array<f32>;
struct Cursor { first: u32, end: u32 }
var<immediate> cursor: Cursor;
@compute @workgroup_size(8, 2) fn forward(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = x[cursor.first] * w[0].x; }
";

    #[test]
    fn reads_what_an_entry_uses() {
        let entries = read("t", TEXT).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].workgroup, [8, 2, 1]);
        assert_eq!(entries[0].immediate_bytes(), 8);
        let bindings: Vec<_> =
            entries[0].bindings.iter().map(|b| (b.name.as_str(), b.slot, b.access, b.min_bytes)).collect();
        assert_eq!(
            bindings,
            [
                ("x", 0, Access::Read, 4),
                ("cursor", 0, Access::Immediate, 8),
                ("w", 1, Access::Uniform, 48),
                ("y", 2, Access::ReadWrite, 4)
            ]
        );
    }

    #[test]
    fn immediate_data_is_the_cursor() {
        let with = |fields: &str| read("t", &TEXT.replace("first: u32, end: u32", fields));
        for fields in ["first: u32", "first: u32, end: u32, step_size: f32, step_root: f32"] {
            assert!(with(fields).is_ok(), "{fields}");
        }
        for fields in [
            "end: u32, first: u32",
            "first: u32, end: f32",
            "first: u32, end: vec2<u32>",
            "@size(8) first: u32, end: u32",
            "first: u32, @size(8) end: u32",
            "first: u32, end: u32, step_size: f32, step_root: f32, more: f32",
        ] {
            let Err(Error::Device(message)) = with(fields) else { panic!("{fields}") };
            assert!(
                message.contains("t.wgsl: `cursor` must be a struct of first: u32, end: u32,"),
                "{message}"
            );
        }
    }

    #[test]
    fn an_error_names_file_and_line() {
        let Err(Error::Device(message)) = read("relu", "fn f() {\n  let x = y;\n}") else { panic!() };
        assert!(message.contains("relu.wgsl:2"), "{message}");
    }
}
