//! What a shader declares: the variables of each entry, their access and size, and its workgroup.
//!
//! The host restates none of this; it matches tensors to variables by name.

use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::{dead_code, depth, library};
use crate::program::schedule::{Access, Slot};
use crate::program::{Cursor, Field, Record};
use crate::{Error, Result};

/// One entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its function's name.
    pub name: String,
    /// Invocations of a workgroup in x, y and z.
    pub workgroup: [u32; 3],
    /// The variables that it uses, by slot.
    pub slots: Vec<Slot>,
    /// The variables that only branches use which its constants rule out, by slot.
    pub ruled_out: Vec<Slot>,
}

impl Entry {
    /// Bytes of immediate data that it reads.
    pub fn immediate_bytes(&self) -> u32 {
        let immediate = self.slots.iter().find(|slot| slot.access == Access::Immediate);
        immediate.map_or(0, |slot| slot.min_bytes as u32)
    }
}

/// What naga may let pass: what the program asks of a device.
pub const CAPABILITIES: Capabilities = Capabilities::SUBGROUP.union(Capabilities::IMMEDIATES);

/// A shader that was parsed and found valid.
pub struct Shader {
    /// The text as naga parsed it.
    pub module: naga::Module,
    /// How each entry uses the variables.
    pub info: naga::valid::ModuleInfo,
    /// The sizes of its types.
    pub sizes: naga::proc::Layouter,
    /// What each entry names, with the branches that are left out.
    named: Vec<Vec<Slot>>,
}

/// Parses and validates a shader, which may use WGSL's core, immediate data and subgroup operations, and
/// nothing else. Branches that its constants rule out are left out.
///
/// # Errors
/// [`Error::Device`] with naga's report, which points at the line.
pub fn parse(name: &str, text: &str) -> Result<Shader> {
    let path = library::path(name);
    if let Some(line) = depth::too_deep(text) {
        let what = "nests too deep: split a long chain of operators or of `else`";
        return Err(Error::Device(format!("{path}:{line}: {what}")));
    }
    let mut module = naga::front::wgsl::parse_str(text)
        .map_err(|error| named(&path, error.emit_to_string_with_path(text, &path)))?;
    // Their values would be the file's, and with them the workgroups that the grid is computed for.
    if let Some((_, constant)) = module.overrides.iter().next() {
        let name = constant.name.as_deref().unwrap_or("one without a name");
        return Err(Error::Device(format!(
            "{path}: `{name}` is an override, which the host does not set: make it a const"
        )));
    }
    let validate = |module: &naga::Module, flags| {
        let checked = Validator::new(flags, CAPABILITIES).validate(module);
        checked.map_err(|error| named(&path, error.emit_to_string_with_path(text, &path)))
    };
    let sizes = |module: &naga::Module| {
        let mut sizes = naga::proc::Layouter::default();
        let updated = sizes.update(module.to_ctx());
        updated.map_err(|error| Error::Device(format!("{path}: {error}"))).map(|()| sizes)
    };
    let info = validate(&module, ValidationFlags::all())?;
    let whole = sizes(&module)?;
    let named = (0..module.entry_points.len()).map(|entry| {
        let slots = used(&module, info.get_entry_point(entry));
        slots.filter_map(|variable| slot(variable, &whole)).collect()
    });
    let named = named.collect();
    dead_code::drop_dead_branches(&mut module);
    let info = validate(&module, ValidationFlags::empty())?;
    let sizes = sizes(&module)?;
    Ok(Shader { module, info, sizes, named })
}

/// The variables that an entry uses.
fn used<'a>(
    module: &'a naga::Module,
    uses: &'a naga::valid::FunctionInfo,
) -> impl Iterator<Item = &'a naga::GlobalVariable> {
    let variables = module.global_variables.iter().filter(|(handle, _)| !uses[*handle].is_empty());
    variables.map(|(_, variable)| variable)
}

/// What the host must provide for a variable, if anything.
fn slot(variable: &naga::GlobalVariable, sizes: &naga::proc::Layouter) -> Option<Slot> {
    Some(Slot {
        name: variable.name.clone().unwrap_or_default(),
        slot: variable.binding.map_or(0, |binding| binding.binding),
        access: access(variable.space)?,
        min_bytes: u64::from(sizes[variable.ty].size),
    })
}

/// A report of naga's as an error: some know no line, and so name no file.
fn named(path: &str, report: String) -> Error {
    let named = report.contains(path);
    Error::Device(if named { report } else { format!("{path}: {}", report.trim_start_matches("error: ")) })
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
    /// A binding outside group 0, immediate data that do not begin like the step's cursor, records laid out
    /// differently from how the host reads them.
    pub fn entries(&self, name: &str) -> Result<Vec<Entry>> {
        let entry = |(index, entry): (usize, &naga::EntryPoint)| {
            let slots = self.slots(index);
            let slots = slots.map_err(|what| Error::Device(format!("{}: {what}", library::path(name))))?;
            let is_used = |named: &Slot| slots.iter().any(|slot| slot.name == named.name);
            let mut ruled_out = self.named[index].clone();
            ruled_out.retain(|named| !is_used(named));
            ruled_out.sort_by_key(|slot| slot.slot);
            Ok(Entry { name: entry.name.clone(), workgroup: entry.workgroup_size, slots, ruled_out })
        };
        self.module.entry_points.iter().enumerate().map(entry).collect()
    }

    /// The variables that an entry uses, by slot.
    fn slots(&self, entry: usize) -> std::result::Result<Vec<Slot>, String> {
        let Self { module, info, sizes, .. } = self;
        let mut slots = Vec::new();
        for variable in used(module, info.get_entry_point(entry)) {
            let Some(slot) = slot(variable, sizes) else { continue };
            let Slot { name, access, .. } = &slot;
            if variable.binding.is_some_and(|binding| binding.group != 0) {
                return Err(format!("`{name}` must be in @group(0)"));
            }
            if *access == Access::Immediate && !begins(module, variable.ty, &Cursor::FIELDS, false) {
                return Err(format!(
                    "`{name}` must be a struct of {}, or of the first of them",
                    spelled(&Cursor::FIELDS)
                ));
            }
            if name == RECORDS && !is_array_of(module, variable.ty, &Record::FIELDS) {
                return Err(format!("`{name}` must be an array of a struct of {}", spelled(&Record::FIELDS)));
            }
            slots.push(slot);
        }
        slots.sort_by_key(|slot| slot.slot);
        Ok(slots)
    }
}

/// The variable that holds [`Record`]s in every shader that writes them.
const RECORDS: &str = "records";

/// How the host provides a variable of an address space, if it does.
fn access(space: naga::AddressSpace) -> Option<Access> {
    match space {
        naga::AddressSpace::Uniform => Some(Access::Uniform),
        naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
            Some(Access::ReadWrite)
        }
        naga::AddressSpace::Storage { .. } => Some(Access::Read),
        naga::AddressSpace::Immediate => Some(Access::Immediate),
        _ => None,
    }
}

/// Whether a type is a struct of these fields, by name, type and offset: of all of them, or of the first.
fn begins(module: &naga::Module, ty: naga::Handle<naga::Type>, fields: &[Field], all: bool) -> bool {
    let naga::TypeInner::Struct { members, span } = &module.types[ty].inner else { return false };
    let is = |(index, member): (usize, &naga::StructMember)| {
        fields.get(index).is_some_and(|&(name, ty)| {
            member.name.as_deref() == Some(name)
                && module.types[member.ty].inner == naga::TypeInner::Scalar(scalar(ty))
                && member.offset as usize == 4 * index
        })
    };
    *span as usize == 4 * members.len()
        && members.iter().enumerate().all(is)
        && (!all || members.len() == fields.len())
}

fn is_array_of(module: &naga::Module, ty: naga::Handle<naga::Type>, fields: &[Field]) -> bool {
    match module.types[ty].inner {
        naga::TypeInner::Array { base, stride, .. } => {
            stride as usize == 4 * fields.len() && begins(module, base, fields, true)
        }
        _ => false,
    }
}

fn scalar(wgsl_type: &str) -> naga::Scalar {
    if wgsl_type == "f32" { naga::Scalar::F32 } else { naga::Scalar::U32 }
}

/// `first: u32, end: u32`
fn spelled(fields: &[Field]) -> String {
    fields.iter().map(|(name, ty)| format!("{name}: {ty}")).collect::<Vec<_>>().join(", ")
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
        let slots: Vec<_> =
            entries[0].slots.iter().map(|s| (s.name.as_str(), s.slot, s.access, s.min_bytes)).collect();
        assert_eq!(
            slots,
            [
                ("x", 0, Access::Read, 4),
                ("cursor", 0, Access::Immediate, 8),
                ("w", 1, Access::Uniform, 48),
                ("y", 2, Access::ReadWrite, 4)
            ]
        );
    }

    #[test]
    fn what_only_dead_branches_use_is_told_apart() {
        let text = "const LANES: u32 = 1u;
@group(0) @binding(1) var<uniform> w: vec4<f32>;
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
struct Cursor { first: u32 }
var<immediate> cursor: Cursor;
fn weight() -> f32 { if (LANES > 1u) { return w.x + f32(cursor.first); } return 1.0; }
@compute @workgroup_size(1) fn forward() { y[0] = weight(); }
@compute @workgroup_size(1) fn other() { y[0] = w.x; }";
        let names = |slots: &[Slot]| slots.iter().map(|slot| slot.name.clone()).collect::<Vec<_>>();
        let entries = read("t", text).unwrap();
        assert_eq!(
            (names(&entries[0].slots), names(&entries[0].ruled_out)),
            (vec!["y".into()], vec!["cursor".into(), "w".into()])
        );
        assert_eq!((names(&entries[1].slots).len(), entries[1].ruled_out.len()), (2, 0));
        let all = read("t", &text.replace("LANES: u32 = 1u", "LANES: u32 = 2u")).unwrap();
        assert_eq!((all[0].slots.len(), all[0].ruled_out.len()), (3, 0));
    }

    #[test]
    fn immediate_data_is_the_cursor() {
        let with = |fields: &str| read("t", &TEXT.replace("first: u32, end: u32", fields));
        for fields in ["first: u32", "first: u32, end: u32, step_size: f32, step_root: f32, decay: f32"] {
            assert!(with(fields).is_ok(), "{fields}");
        }
        for fields in [
            "end: u32, first: u32",
            "first: u32, end: f32",
            "first: u32, end: vec2<u32>",
            "@size(8) first: u32, end: u32",
            "first: u32, @size(8) end: u32",
            "first: u32, end: u32, step_size: f32, step_root: f32, decay: f32, more: f32",
        ] {
            let Err(Error::Device(message)) = with(fields) else { panic!("{fields}") };
            assert!(
                message.contains("t.wgsl: `cursor` must be a struct of first: u32, end: u32,"),
                "{message}"
            );
        }
    }

    #[test]
    fn records_are_laid_out_as_the_host_reads_them() {
        let with = |record: &str| {
            let text = format!(
                "struct Record {{ {record} }}
                @group(0) @binding(0) var<storage, read_write> records: array<Record>;
                @compute @workgroup_size(1) fn judge() {{ records[0].loss = records[1].loss; }}"
            );
            read("t", &text)
        };
        assert!(with("loss: f32, right: u32").is_ok());
        for record in [
            "loss: f32",
            "right: u32, loss: f32",
            "loss: f32, right: f32",
            "loss: f32, right: u32, more: u32",
        ] {
            let error = with(record).unwrap_err().to_string();
            assert!(
                error.contains("`records` must be an array of a struct of loss: f32, right: u32"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_error_names_file_and_line() {
        let Err(Error::Device(message)) = read("relu", "fn f() {\n  let x = y;\n}") else { panic!() };
        assert!(message.contains("relu.wgsl:2"), "{message}");
        // naga knows no line of this one.
        let text = "@group(0) @binding(0) var<storage> x: array<u32>; fn f() -> bool { return x >= 2u; }";
        let Err(Error::Device(message)) = read("relu", text) else { panic!() };
        assert!(message.contains("relu.wgsl"), "{message}");
    }
}
