//! Lowers a program to a schedule: final shader texts, buffers with their sizes, bindings and grids.

use std::collections::HashMap;

use super::interface::Entry;
use super::library::Library;
use super::specialise::{self, Specialised};
use crate::program::limits::LIMITS;
use crate::program::schedule::{
    Access, Answer, Bound, Buffer, GUARD, Kernel, ROUNDING, Role, Schedule, Size, Step, Text,
};
use crate::program::{self, Cursor, Dispatch, Place, Program, Shared, TensorInfo};
use crate::{Error, Result};

/// The schedule of a program with the shaders of a library. A pure function: one program and one library, one
/// schedule.
///
/// # Errors
/// [`Error::Device`] naming layer and kernel: a shader that is not valid, a variable without a tensor or a
/// tensor without a variable, a tensor too small for its variable, a buffer that a dispatch both reads and
/// writes, a grid that is too large.
pub fn lower(program: &Program, library: &Library) -> Result<Schedule> {
    let mut lowering = Lowering {
        program,
        places: HashMap::new(),
        known: HashMap::new(),
        schedule: Schedule {
            batch: program.batch,
            buffers: Vec::new(),
            tensors: Vec::new(),
            kernels: Vec::new(),
            steps: Vec::new(),
            cursor: Cursor::FIELDS.map(|(name, ty)| (name.into(), ty.into())).to_vec(),
            answers: Vec::new(),
        },
    };
    lowering.buffers();
    for dispatch in &program.dispatches {
        lowering.step(library, dispatch)?;
    }
    lowering.schedule.answers = program.answers.iter().map(|answer| lowering.answer(answer)).collect();
    Ok(lowering.schedule)
}

/// What distinguishes one buffer from another: a tensor's index, or the shared buffer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Own(usize),
    Shared(Shared),
}

struct Lowering<'a> {
    program: &'a Program,
    /// Where each buffer stands in the schedule.
    places: HashMap<Key, usize>,
    /// Where each kernel stands in the schedule, by entry and text.
    known: HashMap<(String, String), usize>,
    schedule: Schedule,
}

fn key(index: usize, info: &TensorInfo) -> Key {
    match info.place {
        Place::Own => Key::Own(index),
        Place::Shared(shared, _) | Place::Whole(shared) => Key::Shared(shared),
    }
}

impl Lowering<'_> {
    /// All buffers: those of single tensors, then the shared ones as large as their tensors ask for.
    fn buffers(&mut self) {
        let tensors = || self.program.tensors.iter().enumerate();
        let mut shared: Vec<Buffer> = Vec::new();
        let mut places: HashMap<Shared, usize> = HashMap::new();
        for (index, info) in tensors() {
            let (Place::Shared(name, _) | Place::Whole(name)) = info.place else {
                let role = if info.words.is_some() { Role::Constant } else { Role::Scratch };
                let size = Size::Bytes((info.bytes() + GUARD).next_multiple_of(ROUNDING));
                self.places.insert(Key::Own(index), self.schedule.buffers.len());
                let (name, words) = (info.name.clone(), info.words.clone());
                self.schedule.buffers.push(Buffer { name, shared: None, size, role, words });
                continue;
            };
            let place = *places.entry(name).or_insert_with(|| {
                shared.push(Buffer {
                    name: name.to_string(),
                    shared: Some(name),
                    size: Size::Bytes(0),
                    role: Role::of(name),
                    words: None,
                });
                shared.len() - 1
            });
            let size = &mut shared[place].size;
            *size = size.max(needed(info, name, self.program.batch));
        }
        let first = self.schedule.buffers.len();
        self.places.extend(places.into_iter().map(|(name, place)| (Key::Shared(name), first + place)));
        self.schedule.buffers.extend(shared);
        self.schedule.tensors = tensors().map(|(index, info)| self.places[&key(index, info)]).collect();
    }

    fn step(&mut self, library: &Library, dispatch: &Dispatch) -> Result<()> {
        let fail = |reason: String| {
            Error::Device(format!("{} {}: {reason}", dispatch.layer, dispatch.kernel()).trim_start().into())
        };
        let Specialised { text, entry, constants } = specialise::of_dispatch(library, dispatch)?;
        for (variable, _) in &dispatch.bindings {
            if !entry.slots.iter().any(|slot| slot.name == *variable) {
                return Err(fail(format!("the shader does not use `{variable}`")));
            }
        }
        let bindings = self.bindings(dispatch, &entry).map_err(&fail)?;
        let workgroups = workgroups(dispatch, &entry).map_err(&fail)?;
        let next = self.schedule.kernels.len();
        let kernel = *self.known.entry((entry.name.clone(), text.clone())).or_insert(next);
        if kernel == next {
            self.schedule.kernels.push(Kernel {
                shader: dispatch.shader.into(),
                workgroup: entry.workgroup,
                immediate_bytes: entry.immediate_bytes(),
                slots: entry.slots.into_iter().filter(|slot| slot.access != Access::Immediate).collect(),
                ruled_out: entry.ruled_out,
                entry: entry.name,
                constants: constants.into_iter().map(|(name, value)| (name.into(), value)).collect(),
                text: Text::new(text, library.is_shipped()),
            });
        }
        self.schedule.steps.push(Step { layer: dispatch.layer.clone(), kernel, bindings, workgroups });
        Ok(())
    }

    fn answer(&self, answer: &program::Answer) -> Answer {
        let offset = match self.program.info(answer.tensor).place {
            Place::Shared(_, offset) => offset,
            Place::Own | Place::Whole(_) => 0,
        };
        Answer {
            head: answer.head.clone(),
            buffer: self.schedule.tensors[answer.tensor.index()],
            offset: 4 * (offset + answer.at) as u64,
            classes: answer.classes,
        }
    }

    /// A tensor for each of the entry's buffers, by the variables' names.
    fn bindings(&self, dispatch: &Dispatch, entry: &Entry) -> std::result::Result<Vec<Bound>, String> {
        let mut bound: Vec<Bound> = Vec::new();
        let mut written: HashMap<usize, bool> = HashMap::new();
        for slot in entry.slots.iter().filter(|slot| slot.access != Access::Immediate) {
            let named = dispatch.bindings.iter().find(|(variable, _)| *variable == slot.name);
            let &(_, tensor) = named.ok_or_else(|| format!("no tensor for `{}`", slot.name))?;
            let info = self.program.info(tensor);
            let (offset, bytes) = match info.place {
                Place::Whole(_) => (0, None),
                // Buffers and places in the flat ones are padded to 256 bytes.
                Place::Own => (0, Some(info.bytes().next_multiple_of(16))),
                Place::Shared(_, offset) => (4 * offset as u64, Some(info.bytes().next_multiple_of(16))),
            };
            if bytes.unwrap_or(info.bytes()) < slot.min_bytes {
                return Err(format!("`{}` is too small for `{}`", info.name, slot.name));
            }
            let buffer = self.schedule.tensors[tensor.index()];
            let writes = slot.access == Access::ReadWrite;
            if *written.entry(buffer).or_insert(writes) != writes {
                return Err(format!("the buffer of `{}` is both read and written", info.name));
            }
            let (variable, tensor, shape) = (slot.name.clone(), info.name.clone(), info.shape.clone());
            bound.push(Bound { variable, tensor, shape, buffer, offset, bytes });
        }
        Ok(bound)
    }
}

/// How large a shared buffer must be for one of its tensors: in bytes for each image where it grows with the
/// data set.
fn needed(info: &TensorInfo, shared: Shared, batch: usize) -> Size {
    match (Role::of(shared), info.place) {
        (Role::Data | Role::Pass | Role::Result, _) => {
            Size::BytesPerImage(info.bytes().div_ceil(batch.max(1) as u64))
        }
        (_, Place::Shared(_, offset)) => {
            Size::Bytes((4 * offset as u64 + info.bytes()).next_multiple_of(ROUNDING))
        }
        (_, Place::Own | Place::Whole(_)) => Size::Bytes(info.bytes().next_multiple_of(ROUNDING)),
    }
}

impl Size {
    fn max(self, other: Self) -> Self {
        match (self, other) {
            (Self::Bytes(a), Self::Bytes(b)) => Self::Bytes(a.max(b)),
            (Self::BytesPerImage(a), Self::BytesPerImage(b)) => Self::BytesPerImage(a.max(b)),
            (per_image @ Self::BytesPerImage(_), Self::Bytes(_)) | (_, per_image) => per_image,
        }
    }
}

/// The grid of a dispatch in whole workgroups of its entry.
fn workgroups(dispatch: &Dispatch, entry: &Entry) -> std::result::Result<[u32; 3], String> {
    let most = LIMITS.max_compute_workgroups_per_dimension;
    let mut workgroups = [1; 3];
    for (workgroups, (threads, size)) in
        workgroups.iter_mut().zip(dispatch.threads.iter().zip(entry.workgroup))
    {
        let count = threads.div_ceil(size as usize);
        let fitting = u32::try_from(count).ok().filter(|&count| count <= most);
        *workgroups =
            fitting.ok_or_else(|| format!("{count} workgroups are too many: use a smaller batch"))?;
    }
    Ok(workgroups)
}
