//! Plans a run of a task, in slices.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use adapters::open;
use finder::{FindError, Plan, PlanProgress, Progress};
use shared::config::{Config, Work};
use shared::location::Scheme;
use shared::store::Store;
use shared::tasks::MAX_TEXT_BYTES;
use shared::{Result, terminal};
use tokio::time::sleep_until;

use super::job::SliceBounds;
use super::slice::{SliceCheckpoint, SliceEnd};

/// The largest progress that a slice leaves to the next one, bytes: its checkpoint has a bound, and so has it
/// compressed. Most bytes are names of ranges and prefixes.
const MAX_PROGRESS_BYTES: usize = MAX_TEXT_BYTES / 2;

/// Counts what a run would do, until all is compared or the slice ends. The result is what `flotilla plan --json`
/// prints.
///
/// A progress that is too large for a checkpoint, of a prefix list of thousands, goes on in the same slice, whose lease
/// is extended for as long as it takes. A worker that drains ends it all the same: then the next one begins anew.
pub async fn slice(
    config: &Config,
    (source, destination): (&Store, &Store),
    checkpoint: &SliceCheckpoint,
    bounds: &SliceBounds,
) -> Result<SliceEnd> {
    let mut so_far: PlanProgress = match checkpoint.state() {
        Ok(so_far) => so_far,
        Err(error) => return Ok(SliceEnd::failed(error)),
    };
    let probed = match destination.location().scheme() {
        // A folder that does not exist yet counts as empty.
        Scheme::File => open::probe_source(source).await,
        _ => open::probe_both(source, destination).await,
    };
    if let Err(unusable) = probed {
        return Ok(SliceEnd::unusable(unusable));
    }
    let mut until = bounds.until;
    loop {
        match go_on(config, (source, destination), &mut so_far, bounds, until).await {
            Ok(plan) => return Ok(SliceEnd::succeeded(&plan)),
            Err(FindError::Interrupted) => {}
            Err(error) => return Ok(SliceEnd::failed(error)),
        }
        let progress = progress(so_far.listed(), so_far.copies());
        let bytes = serde_json::to_string(&so_far).map_or(usize::MAX, |json| json.len());
        match (bytes <= MAX_PROGRESS_BYTES, bounds.stop.is_cancelled()) {
            (true, _) => return Ok(SliceEnd::continued(progress, &so_far, Duration::ZERO)),
            (false, true) => return Ok(SliceEnd::continued(progress, &PlanProgress::default(), Duration::ZERO)),
            (false, false) => until += super::SLICE,
        }
    }
}

fn progress(listed: u64, copies: u64) -> String {
    format!("{} listed, {} to copy", terminal::counted(listed, "object"), terminal::count(copies))
}

/// Goes on with a plan until it has ended, the worker drains, or it is time.
async fn go_on(
    config: &Config,
    (source, destination): (&Store, &Store),
    so_far: &mut PlanProgress,
    bounds: &SliceBounds,
    until: Instant,
) -> std::result::Result<Plan, FindError> {
    let work = Work { look_again: Some(config.looks_again()), ..config.objects.work.clone() };
    let options = (&config.objects.find, &work);
    let (stop, counted) = (bounds.stop.child_token(), Arc::new(Progress::default()));
    let live = counted.clone();
    bounds.progress.follow(move || progress(live.listed.load(Relaxed), live.enqueued.load(Relaxed)));
    let mut going = pin!(finder::go_on(so_far, source.clone(), destination.clone(), options, stop.clone(), counted));
    tokio::select! {
        planned = &mut going => planned,
        () = sleep_until(until.into()) => {
            stop.cancel();
            going.await
        }
    }
}
