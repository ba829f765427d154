//! Jobs whose executor is not there: it is about to be opened, another worker has it, or its run has ended.

use std::time::Duration;

use shared::Result;
use shared::job;
use shared::ledger::Run;
use shared::ledger::events::is_events_run;
use shared::object::Timestamp;
use shared::queue::Message;

use crate::engine::context::LaneContext;
use crate::engine::work::{
    LEFT_LIMIT, MAX_DELAY, RETURN_DELAY, acknowledge, dead_letter, first_of_run, release, send_back,
};

/// A job comes back after this at the earliest, and after as long again as it has waited.
const FIRST_DELAY: Duration = Duration::from_secs(5);

/// Longest delay of a job that follows the task's present definition: some worker opens that one.
const PRESENT_DELAY: Duration = Duration::from_secs(60);

/// A job whose executor is not there.
pub(crate) struct Absent {
    /// The run that counts it.
    pub run: String,
    /// Whether it follows the present definition: events and follow-ups, which may outlive their run.
    pub follows_present: bool,
}

/// Has a job wait for its executor. A job of a run that has ended, or that the ledger has no record of, is dropped: the
/// version of an ended run is closed, so its late duplicates would wait for ever. An error is no answer. An event that
/// is sent anew is a message of its own: lost answers count it twice.
pub(crate) async fn wait(lane: &LaneContext, mut message: Message, absent: &Absent) {
    match is_over(lane, absent).await {
        Ok(true) => acknowledge(lane, &message).await,
        Ok(false) => {
            let since = job::left_since(&message.body).unwrap_or_else(Timestamp::now);
            if since.age() >= LEFT_LIMIT {
                let reason = "no worker opened the version of its definition for 13 days";
                return dead_letter(lane, &message, "job", reason).await;
            }
            message.body = job::left(&message.body, since);
            send_back(lane, message, delay(since.age(), absent.follows_present)).await;
        }
        Err(error) => release_unknown(lane, &message, error).await,
    }
}

/// Releases a job whose run could not be read.
pub(crate) async fn release_unknown(lane: &LaneContext, message: &Message, error: shared::Error) {
    tracing::warn!(%error, "could not read the run of a job that waits for its executor: it will be redelivered");
    lane.engine.backend.fails(error);
    release(lane, message, RETURN_DELAY).await;
}

/// Whether nobody needs the job any more. The state that is known for some seconds decides first: the sums of a run are
/// read only for a run that may be over.
async fn is_over(lane: &LaneContext, absent: &Absent) -> Result<bool> {
    let (engine, run) = (&lane.engine, absent.run.as_str());
    if engine.runs.is_unknown(run).await? {
        if let Some(id) = first_of_run(lane, run) {
            tracing::warn!(run, "dropping the jobs of run {id}, because the ledger has no record of it");
        }
        return Ok(true);
    }
    if absent.follows_present || is_events_run(&engine.task, run) || !engine.runs.is_listed(run).await? {
        return Ok(false);
    }
    Ok(has_ended(engine.ledger.run(run).await?.as_ref()))
}

/// Whether each object of a run is settled or lost: then its jobs are late duplicates.
fn has_ended(run: Option<&Run>) -> bool {
    run.is_none_or(Run::is_done)
}

/// How long a job that has waited for so long waits next.
fn delay(waited: Duration, follows_present: bool) -> Duration {
    waited.clamp(FIRST_DELAY, if follows_present { PRESENT_DELAY } else { MAX_DELAY })
}

#[cfg(test)]
mod tests {
    use shared::ledger::{Found, Phase, RunOptions, RunStart, Settled};

    use super::*;

    fn run(phase: Phase, copied: u64) -> Run {
        let (id, task, options) = ("r".to_owned(), "t".to_owned(), RunOptions::default());
        let (source, destination, started) = Default::default();
        Run {
            start: RunStart { id, task, source, destination, options, started },
            phase,
            entered: Default::default(),
            error: None,
            found: Found { enqueued: 2, ..Found::default() },
            settled: Settled { copied, ..Settled::default() },
        }
    }

    #[test]
    fn regression_a_late_job_of_an_ended_run_is_dropped() {
        use Phase::{Cancelled, Cancelling, Listed, Listing, Lost, Releasing, Stopped};
        assert!(has_ended(None));
        for (phase, while_one_is_left, after_the_last) in [
            (Listing, false, false),
            (Releasing, false, false),
            (Listed, false, true),
            (Stopped, false, true),
            (Cancelling, false, false),
            (Cancelled, false, true),
            (Lost, true, true),
        ] {
            let ended = [1, 2].map(|copied| has_ended(Some(&run(phase, copied))));
            assert_eq!(ended, [while_one_is_left, after_the_last], "{phase:?}");
        }
    }

    #[test]
    fn regression_a_job_waits_ever_longer_for_its_executor() {
        let delays = |present| [0, 8, 300, 5_000].map(|waited| delay(Duration::from_secs(waited), present).as_secs());
        assert_eq!((delays(false), delays(true)), ([5, 8, 300, 900], [5, 8, 60, 60]));
    }
}
