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
    Ok(Json(points.0))
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

/// The arrays of an answer. The last sample of a point's minutes stands for it.
struct Points(Samples, Option<Sample>);

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
        Points(samples, None)
    }

    fn take(&mut self, span: &Span, sample: &Sample) {
        let point = (sample.minute.saturating_sub(span.from) / span.step) as usize;
        if point >= self.0.time.len() {
            return;
        }
        let before = self.1.replace(sample.clone());
        let Samples { ready, leased, delayed, dead, machines, .. } = &mut self.0;
        (ready[point], leased[point]) = (Some(sample.depth.ready), Some(sample.depth.leased));
        (delayed[point], dead[point]) = (Some(sample.depth.delayed), Some(sample.depth.dead));
        machines[point] = Some(sample.machines);
        (self.0.machines_wanted[point], self.0.machines_in_service[point]) = (sample.wanted, sample.in_service);
        // Counters of another run say nothing about the rate.
        let Some(before) = before.filter(|before| before.run == sample.run && sample.minute > before.minute) else {
            return;
        };
        let seconds = (sample.minute - before.minute) as f64 * 60.0;
        let (now, then) = (&sample.settled, &before.settled);
        self.0.objects_per_second[point] = Some(now.objects().saturating_sub(then.objects()) as f64 / seconds);
        self.0.bytes_per_second[point] = Some(now.bytes.saturating_sub(then.bytes) as f64 / seconds);
        *self.0.failed[point].get_or_insert(0) += now.failed.saturating_sub(then.failed);
    }
}
