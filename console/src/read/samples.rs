//! Shows a task over time.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use shared::object::Timestamp;
use shared::tasks::{Sample, oldest_sample};

use super::found;
use crate::Console;
use crate::api::samples::{Samples, SamplesQuery};
use crate::problem::Problem;

/// Most points of an answer.
const MAX_POINTS: u64 = 400;

/// Samples that are read at a time.
const READ: usize = 1_000;

/// A task over time.
#[utoipa::path(
    get, path = "/tasks/{task}/samples", tag = "samples",
    params(("task" = String, Path, description = "The name of the task", max_length = 40), SamplesQuery),
    responses((status = 200, description = "Answer", body = Samples))
)]
pub async fn get_samples(
    State(console): State<Console>,
    Path(name): Path<String>,
    Query(query): Query<SamplesQuery>,
) -> Result<Json<Samples>, Problem> {
    let summary = found::task(&console, &name).await?;
    let span = Span::of(&query)?;
    let mut points = Points::new(&span);
    let mut from = span.from;
    while from < span.to {
        let page = console.backend().tasks.samples(&summary.task.id, from, span.to, READ).await?;
        let Some(last) = page.last().map(|sample| sample.minute) else { break };
        page.iter().for_each(|sample| points.take(&span, sample));
        if page.len() < READ {
            break;
        }
        from = last + 1;
    }
    Ok(Json(points.samples))
}

/// The minutes that are shown, and how many make a point.
struct Span {
    from: u64,
    to: u64,
    step: u64,
}

impl Span {
    fn of(query: &SamplesQuery) -> Result<Span, Problem> {
        let minute = |text: &Option<String>, other: u64| match text {
            Some(text) => minute(text),
            None => Ok(other),
        };
        let now = u64::try_from(Timestamp::now().0 / 60_000).unwrap_or(0);
        // The minute of now is shown.
        let to = minute(&query.to, now + 1)?.min(now + 1);
        let from = minute(&query.from, to.saturating_sub(60))?.max(oldest_sample()).min(to);
        let most = (to - from).div_ceil(MAX_POINTS).max(1);
        let step = query.step.map_or(most, |step| u64::from(step / 60).max(most));
        Ok(Span { from, to, step })
    }
}

fn minute(text: &str) -> Result<u64, Problem> {
    let parsed = humantime::parse_rfc3339_weak(text).ok();
    let since = parsed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.as_ref().map(Duration::as_secs).map(|seconds| seconds / 60).ok_or_else(|| {
        let detail = format!("{text:?} is not a time: give one like 2026-11-27T06:49:32Z");
        Problem::new(StatusCode::BAD_REQUEST, "invalid-request", detail)
    })
}

/// The arrays of an answer. A point stands for all samples of its minutes: rates over the whole time, sums of failures,
/// and the highest number of everything that is counted at one moment.
struct Points {
    samples: Samples,
    before: Option<Sample>,
    moved: Vec<Moved>,
}

/// What a run moved within a point's minutes.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    seconds: f64,
    objects: u64,
    bytes: u64,
}

impl Points {
    fn new(span: &Span) -> Points {
        let points = (span.to - span.from).div_ceil(span.step) as usize;
        let time = (0..points as u64).map(|point| ((span.from + point * span.step) * 60) as i64).collect();
        let step = u32::try_from(span.step * 60).unwrap_or(u32::MAX);
        let samples = Samples {
            step,
            time,
            objects_per_second: vec![None; points],
            bytes_per_second: vec![None; points],
            failed: vec![None; points],
            ready: vec![None; points],
            leased: vec![None; points],
            delayed: vec![None; points],
            dead: vec![None; points],
            machines: vec![None; points],
            machines_wanted: vec![None; points],
            machines_in_service: vec![None; points],
            event_age: vec![None; points],
        };
        Points { samples, before: None, moved: vec![Moved::default(); points] }
    }

    fn take(&mut self, span: &Span, sample: &Sample) {
        let point = (sample.minute.saturating_sub(span.from) / span.step) as usize;
        if point >= self.moved.len() {
            return;
        }
        let all = &mut self.samples;
        raise(&mut all.ready[point], Some(sample.depth.ready));
        raise(&mut all.leased[point], Some(sample.depth.leased));
        raise(&mut all.delayed[point], Some(sample.depth.delayed));
        raise(&mut all.dead[point], Some(sample.depth.dead));
        raise(&mut all.machines[point], Some(sample.machines));
        raise(&mut all.machines_wanted[point], sample.wanted);
        raise(&mut all.machines_in_service[point], sample.in_service);
        raise(&mut all.event_age[point], sample.event_age);
        let before = self.before.replace(sample.clone());
        // Counters of another run say nothing about the rate.
        if let Some(before) = before.filter(|before| before.run == sample.run && sample.minute > before.minute) {
            self.count(point, &before, sample);
        }
    }

    /// Counts what the run moved between two samples.
    fn count(&mut self, point: usize, before: &Sample, sample: &Sample) {
        let (now, then) = (&sample.settled, &before.settled);
        let moved = &mut self.moved[point];
        moved.seconds += (sample.minute - before.minute) as f64 * 60.0;
        moved.objects += now.objects().saturating_sub(then.objects());
        moved.bytes += now.bytes.saturating_sub(then.bytes);
        self.samples.objects_per_second[point] = Some(moved.objects as f64 / moved.seconds);
        self.samples.bytes_per_second[point] = Some(moved.bytes as f64 / moved.seconds);
        *self.samples.failed[point].get_or_insert(0) += now.failed.saturating_sub(then.failed);
    }
}

fn raise<T: Ord>(highest: &mut Option<T>, value: Option<T>) {
    if value > *highest {
        *highest = value;
    }
}

#[cfg(test)]
mod tests {
    use shared::ledger::Settled;
    use shared::queue::Depth;

    use super::*;

    fn sample(minute: u64, run: &str, done: u64, ready: u64) -> Sample {
        let failed = done / 60;
        let settled = Settled { copied: done - failed, failed, bytes: done * 10, ..Settled::default() };
        let depth = Depth { ready, ..Depth::default() };
        Sample { minute, run: Some(run.into()), settled, depth, machines: 1, ..Sample::default() }
    }

    #[test]
    fn regression_a_point_stands_for_all_of_its_minutes() {
        let span = Span { from: 100, to: 106, step: 3 };
        let mut points = Points::new(&span);
        let event_age = |sample: Sample, age| Sample { event_age: Some(age), ..sample };
        // All of the first point's work is done before its last minute.
        for sample in [
            sample(100, "a", 0, 5),
            event_age(sample(101, "a", 240, 70), 90),
            event_age(sample(102, "a", 240, 1), 5),
            sample(103, "a", 240, 0),
            sample(104, "b", 999, 2),
        ] {
            points.take(&span, &sample);
        }
        let Samples { objects_per_second, bytes_per_second, failed, ready, event_age, machines_wanted, .. } =
            points.samples;
        assert_eq!(objects_per_second, [Some(2.0), Some(0.0)]);
        assert_eq!(bytes_per_second, [Some(20.0), Some(0.0)]);
        assert_eq!(failed, [Some(4), Some(0)]);
        assert_eq!(ready, [Some(70), Some(2)]);
        assert_eq!((event_age, machines_wanted), (vec![Some(90), None], vec![None; 2]));
    }
}
