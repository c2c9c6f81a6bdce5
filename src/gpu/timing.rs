//! How long each dispatch of a replay takes: by the device's own timestamps, or where it has none, by the
//! wall clock of a submission that repeats one dispatch many times.

use std::time::Instant;

use wgpu::{CommandEncoder, ComputePassTimestampWrites, Features, QuerySet};

use super::device::Gpu;
use super::replay::Replay;
use crate::Result;
use crate::program::Cursor;
use crate::program::times::{Method, Times, median};

/// Timestamps that one set can hold on every device.
const QUERIES: usize = wgpu::QUERY_SET_MAX_QUERIES as usize;
/// Submissions of which the median counts, at least.
const SUBMISSIONS: usize = 3;
/// How long a submission should be, in seconds: far below any watchdog's limit.
const SUBMISSION: f64 = 0.1;
/// Repetitions that one submission may hold.
const REPETITIONS: usize = 1 << 14;

/// Times a replay at `cursor` for about `seconds` per measurement.
///
/// # Errors
/// A device that fails.
pub fn time(gpu: &Gpu, replay: &Replay, cursor: &Cursor, seconds: f64) -> Result<Times> {
    let step = wall_clock(gpu, seconds, |encoder| {
        replay.record(&mut encoder.begin_compute_pass(&Default::default()), cursor);
    })?;
    let count = replay.program.dispatches.len();
    if gpu.device.features().contains(Features::TIMESTAMP_QUERY) {
        let fitting = (SUBMISSION.min(seconds / SUBMISSIONS as f64) / step) as usize;
        let repetitions = fitting.clamp(1, QUERIES / 2 / count);
        let dispatches = timestamps(gpu, replay, cursor, repetitions, seconds)?;
        // Even a driver whose clock stands still offers timestamps.
        if dispatches.iter().sum::<f64>() > step / 10.0 {
            return Ok(Times { method: Method::Timestamps, dispatches, step });
        }
    }
    let each = seconds / count as f64;
    let alone = |index| wall_clock(gpu, each, |encoder| replay.record_alone(index, cursor, encoder, None));
    Ok(Times { method: Method::WallClock, dispatches: (0..count).map(alone).collect::<Result<_>>()?, step })
}

/// Seconds that the device takes for what `record` records once: its share of a submission of many.
fn wall_clock(gpu: &Gpu, seconds: f64, record: impl Fn(&mut CommandEncoder)) -> Result<f64> {
    let run = |repetitions: usize| -> Result<f64> {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        (0..repetitions).for_each(|_| record(&mut encoder));
        let commands = encoder.finish();
        let start = Instant::now();
        gpu.queue.submit([commands]);
        gpu.wait(None)?;
        Ok(start.elapsed().as_secs_f64())
    };
    // The first one may wait for the driver's compiler.
    run(1)?;
    let enough = SUBMISSION.min(seconds / SUBMISSIONS as f64);
    let mut repetitions = 1;
    while repetitions < REPETITIONS && run(repetitions)? < enough / 2.0 {
        repetitions *= 2;
    }
    let mut runs = Vec::new();
    while runs.len() < SUBMISSIONS || runs.iter().sum::<f64>() < seconds {
        runs.push(run(repetitions)?);
    }
    Ok(median(runs) / repetitions as f64)
}

/// Seconds of each dispatch: the medians over all repetitions of the step, of which each submission has
/// `repetitions`.
fn timestamps(
    gpu: &Gpu,
    replay: &Replay,
    cursor: &Cursor,
    repetitions: usize,
    seconds: f64,
) -> Result<Vec<f64>> {
    let count = replay.program.dispatches.len();
    let queries = 2 * count * repetitions;
    let set = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
        label: Some("timestamps"),
        ty: wgpu::QueryType::Timestamp,
        count: queries as u32,
    });
    let ticks = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("timestamps"),
        size: 8 * queries as u64,
        usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: false,
    });
    let mut samples = vec![Vec::new(); count];
    let start = Instant::now();
    for submission in 0.. {
        if submission >= SUBMISSIONS && start.elapsed().as_secs_f64() >= seconds {
            break;
        }
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for pass in 0..count * repetitions {
            replay.record_alone(pass % count, cursor, &mut encoder, Some(both_ends(&set, pass)));
        }
        encoder.resolve_query_set(&set, 0..queries as u32, &ticks, 0);
        gpu.queue.submit([encoder.finish()]);
        let ticks: Vec<[u64; 2]> = gpu.read(&ticks, 0, count * repetitions)?;
        let period = f64::from(gpu.queue.get_timestamp_period()) * 1e-9;
        for (pass, [start, end]) in ticks.into_iter().enumerate() {
            samples[pass % count].push(end.saturating_sub(start) as f64 * period);
        }
    }
    Ok(samples.into_iter().map(median).collect())
}

fn both_ends(set: &QuerySet, pass: usize) -> ComputePassTimestampWrites<'_> {
    ComputePassTimestampWrites {
        query_set: set,
        beginning_of_pass_write_index: Some(2 * pass as u32),
        end_of_pass_write_index: Some(2 * pass as u32 + 1),
    }
}
