//! An open device: buffers in and out, and every error that the driver reports.

use std::sync::Arc;

use bytemuck::Pod;
use wgpu::{Buffer, BufferDescriptor, BufferUsages};

use super::adapter;
use super::failure::{self, Failure};
use super::spans::Spans;
use crate::program::limits::{LANES, LIMITS};
use crate::{Error, Result};

/// A device with its queue and the first error on it.
pub struct Gpu {
    /// The adapter's name, kind, driver and backend.
    pub info: wgpu::AdapterInfo,
    /// How many neighbouring invocations of a workgroup may read each other's values: [`LANES`] where the
    /// device runs them side by side in groups of exactly that many, else 1.
    pub lanes: usize,
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// What the host did when, if that is recorded.
    pub spans: Spans,
    failure: Arc<Failure>,
    #[cfg(target_os = "linux")]
    _placement: Option<super::placement::Placement>,
}

impl Gpu {
    /// Opens a device with no more than [`LIMITS`]; only the sizes of buffers are raised to what the adapter
    /// offers, for large batches. It asks for immediate data, which every native backend has, and for
    /// subgroup operations where they have [`LANES`] lanes.
    ///
    /// # Errors
    /// [`Error::Device`] naming what the adapter lacks.
    pub fn open(adapter: &wgpu::Adapter) -> Result<Self> {
        Self::open_with(adapter, wgpu::Features::empty(), false)
    }

    /// Opens a device to be profiled: with timestamps where the adapter has them, and with spans.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn open_profiled(adapter: &wgpu::Adapter) -> Result<Self> {
        Self::open_with(adapter, adapter.features() & wgpu::Features::TIMESTAMP_QUERY, true)
    }

    fn open_with(adapter: &wgpu::Adapter, features: wgpu::Features, spans: bool) -> Result<Self> {
        let info = adapter.get_info();
        let offered = adapter.limits();
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
            max_buffer_size: offered.max_buffer_size,
            ..LIMITS
        };
        if let Some(lack) = lack(&limits, &offered) {
            return Err(unfit(&info, &format!("cannot be used: {lack}")));
        }
        let lanes = lanes(&info, adapter.features());
        let subgroup = if lanes > 1 { wgpu::Features::SUBGROUP } else { wgpu::Features::empty() };
        let features = features | wgpu::Features::IMMEDIATES | subgroup;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("digit-adder"),
            required_features: features,
            required_limits: limits,
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        }))
        .map_err(|error| unfit(&info, &format!("gave no device: {error}")))?;
        let failure = Arc::new(Failure::default());
        device.on_uncaptured_error(Arc::new({
            let failure = failure.clone();
            move |error: wgpu::Error| failure.note(error.to_string())
        }));
        device.set_device_lost_callback({
            let failure = failure.clone();
            move |reason, message| {
                if reason != wgpu::DeviceLostReason::Destroyed {
                    failure.lose(&message);
                }
            }
        });
        Ok(Self {
            #[cfg(target_os = "linux")]
            _placement: adapter::is_software(&info).then(super::placement::Placement::start).flatten(),
            info,
            lanes,
            device,
            queue,
            spans: Spans::new(spans),
            failure,
        })
    }

    /// Fails with the first error that the driver or wgpu has reported, if any; on a device that was lost, again and
    /// again.
    ///
    /// # Errors
    /// [`Error::Device`] with the report.
    pub fn check(&self) -> Result<()> {
        match self.failure.take() {
            None => Ok(()),
            Some(message) => Err(Error::Device(format!("{}: {message}", self.info.name))),
        }
    }

    /// A zeroed buffer of at least `bytes` bytes (rounded up to 256, never empty) for shaders and copies.
    ///
    /// # Errors
    /// [`Error::Device`] naming the buffer where it is larger than the device can bind.
    pub fn buffer(&self, label: &str, bytes: usize) -> Result<Buffer> {
        let size = (bytes.max(1) as u64).next_multiple_of(256);
        let limits = self.device.limits();
        let limit = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        if size > limit {
            return Err(Error::Device(format!(
                "`{label}` needs {size} bytes, but {} binds at most {limit}: use a smaller batch",
                self.info.name
            )));
        }
        Ok(self.device.create_buffer(&BufferDescriptor {
            label: Some(label),
            size,
            usage: BufferUsages::STORAGE
                | BufferUsages::UNIFORM
                | BufferUsages::COPY_SRC
                | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        }))
    }

    /// Writes `data` at the buffer's byte `offset`. Its bytes must be a multiple of 4.
    pub fn write<T: Pod>(&self, buffer: &Buffer, offset: usize, data: &[T]) {
        self.queue.write_buffer(buffer, offset as u64, bytemuck::cast_slice(data));
    }

    /// Waits for all work and reads `len` values from the buffer's byte `offset` on.
    ///
    /// # Errors
    /// [`Error::Device`] where the device has failed or the memory cannot be mapped.
    pub fn read<T: Pod>(&self, buffer: &Buffer, offset: usize, len: usize) -> Result<Vec<T>> {
        let bytes = (len * size_of::<T>()) as u64;
        if bytes == 0 {
            return Ok(Vec::new());
        }
        let staging = self.device.create_buffer(&BufferDescriptor {
            label: Some("read back"),
            size: bytes,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, offset as u64, &staging, 0, bytes);
        self.queue.submit([encoder.finish()]);
        let (sender, receiver) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only if the wait below has failed, which is reported there.
            let _ = sender.send(result);
        });
        self.wait(None)?;
        // Another thread that waits for the device may be the one that runs the callback.
        match receiver.recv() {
            Ok(Ok(())) => {}
            other => return Err(Error::Device(format!("reading {bytes} bytes back failed: {other:?}"))),
        }
        let view = staging
            .slice(..)
            .get_mapped_range()
            .map_err(|error| Error::Device(format!("mapping the read-back buffer failed: {error}")))?;
        // A mapped range need not be aligned for T.
        Ok(bytemuck::pod_collect_to_vec(&view))
    }

    /// Waits until a submission (or all work) is done, then reports any error so far.
    ///
    /// # Errors
    /// [`Error::Device`] with the first report of the driver or wgpu.
    pub fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        if self.failure.is_lost() {
            return self.check();
        }
        let until = wgpu::PollType::Wait { submission_index: submission, timeout: None };
        let waited = self.spans.time("wait", || failure::caught(|| self.device.poll(until)));
        self.check()?;
        match waited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::Device(format!("waiting for {} failed: {error}", self.info.name))),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// See [`Gpu::lanes`].
fn lanes(info: &wgpu::AdapterInfo, features: wgpu::Features) -> usize {
    let sizes = [info.subgroup_min_size, info.subgroup_max_size];
    let fits = sizes == [LANES as u32; 2] && features.contains(wgpu::Features::SUBGROUP);
    if fits { LANES } else { 1 }
}

/// What is wrong with an adapter, and what helps.
fn unfit(info: &wgpu::AdapterInfo, what: &str) -> Error {
    Error::Device(format!(
        "{} {what}. Choose another one with --adapter (`digit-adder adapters` lists them), or --adapter cpu",
        adapter::describe(info)
    ))
}

/// The first limit that an adapter does not reach, for the user.
fn lack(needed: &wgpu::Limits, offered: &wgpu::Limits) -> Option<String> {
    let mut lack = None;
    needed.check_limits_with_fail_fn(offered, true, |name, needed, offered| {
        lack = Some(format!("its {name} is {offered}, but {needed} is needed"));
    });
    lack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_that_cannot_be_used_is_named_with_the_cure() {
        let mut info = wgpu::AdapterInfo::new(wgpu::DeviceType::IntegratedGpu, wgpu::Backend::Gl);
        info.name = "Old".into();
        let error = unfit(&info, "gave no device: no immediates");
        assert_eq!(error.exit_code(), 3);
        for words in ["Old (integrated GPU)", "no immediates", "digit-adder adapters", "--adapter cpu"] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_limit_that_is_not_reached_is_named() {
        assert_eq!(lack(&LIMITS, &LIMITS), None);
        let small = wgpu::Limits { max_uniform_buffer_binding_size: 16_384, ..LIMITS };
        let words = "its max_uniform_buffer_binding_size is 16384, but 65536 is needed";
        assert_eq!(lack(&LIMITS, &small).as_deref(), Some(words));
    }
}
