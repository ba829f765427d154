//! `flotilla retry`: enqueues the failed objects of a run again, as a new run of the same task.
//!
//! It is a finder whose listing is the ledger's list of failures, and follows the finder's protocol:
//! one checkpoint moves cursor, counters and outbox together, then the outbox is sent. Interrupted at
//! any point and repeated, it goes on where it was, and every object is counted once.

use std::time::Duration;

use adapters::open::{self, Backend};
use shared::config::Config;
use shared::filter::Filter;
use shared::job::Origin;
use shared::ledger::{
    self, Checkpoint, FAILED_DELETE, MAX_RUNS, Outcome as Settled, Phase, Run, RunOptions, RunStart, SharedLedger,
};
use shared::object::Timestamp;
use shared::objects::job::{Job, JobChange, JobKey, JobObject, Work};
use shared::queue::Outgoing;
use shared::terminal;
use tokio_util::sync::CancellationToken;

use crate::args::{RetryArgs, open_report};
use crate::claim::Claim;
use crate::exit::{Exit, Failure, Outcome};
use crate::records::Records;
use crate::sync;
use crate::verbosity::note;

/// Objects of one job. A key has at most 1,024 bytes, and JSON makes at most six of each: so many
/// always fit one message, and one page of failures is one job.
const JOB_OBJECTS: usize = 32;

/// How long this process is the task's only finder without a sign of life.
const CLAIM: Duration = Duration::from_secs(60);

/// Enqueues a run's failures again. With an embedded queue, whose only worker is `flotilla` itself, does
/// them too.
pub async fn run(args: &RetryArgs, stop: CancellationToken) -> Outcome {
    let records = Records::open(&args.records).await?;
    let old = records.run(args.records.run.as_deref()).await?;
    if old.settled.failed == 0 {
        note(format_args!("run {} has no failed objects", terminal::run_id(&old.start.id)));
        return Ok(Exit::InSync);
    }
    let config = records.task(&old)?;
    let options = options(&config, &old).await?;
    let backend = records.backend(&config).await?;
    if config.queue.is_some() {
        if args.report.is_some() {
            return Err(Failure::usage(
                "--report: other programs do the jobs of this task: leave --report out here, and give it to the workers",
            ));
        }
        let begun = enqueue_claimed(&backend, &old, &options, &stop).await?;
        return Ok(begun.map_or(Exit::Interrupted, |_| Exit::InSync));
    }
    let claim = Claim::take(&backend.ledger, &config.task).await?;
    let ended = retry_here(&backend, &config, &old, &options, args, stop).await;
    claim.end().await;
    ended
}

/// Enqueues, and works. The report is the new run's.
async fn retry_here(
    backend: &Backend,
    config: &Config,
    old: &Run,
    options: &RunOptions,
    args: &RetryArgs,
    stop: CancellationToken,
) -> Outcome {
    let report = open_report(args.report.as_deref())?;
    let Some(run) = enqueue_claimed(backend, old, options, &stop).await? else { return Ok(Exit::Interrupted) };
    if let Some(report) = &report {
        report.begin_anew().map_err(Failure::usage)?;
    }
    sync::finish_run(config, &run, report, args.json, stop).await
}

/// As [`enqueue`], as the task's only finder.
async fn enqueue_claimed(
    backend: &Backend,
    old: &Run,
    options: &RunOptions,
    stop: &CancellationToken,
) -> Result<Option<String>, Failure> {
    let (ledger, task) = (&backend.ledger, &old.start.task);
    let owner = format!("retry-{}", uuid::Uuid::now_v7());
    ledger
        .claim(task, &owner, CLAIM)
        .await
        .map_err(|why| Failure::usage(why).hint("wait until the task's finder has finished, then retry"))?;
    let enqueued = enqueue(backend, old, options, &owner, stop).await;
    // A claim that cannot be given back ends by itself.
    let _ = ledger.unclaim(task, &owner).await;
    let Some((run, objects)) = enqueued? else { return Ok(None) };
    let objects = terminal::counted(objects, "object");
    note(format_args!("run {} retries {objects} of run {}", terminal::run_id(&run), terminal::run_id(&old.start.id)));
    Ok(Some(run))
}

/// Enqueues the failures of `old`; gives the new run and how many they are, or nothing when interrupted.
async fn enqueue(
    backend: &Backend,
    old: &Run,
    options: &RunOptions,
    owner: &str,
    stop: &CancellationToken,
) -> Result<Option<(String, u64)>, Failure> {
    let ledger = &backend.ledger;
    for run in ledger::supersede(ledger, &old.start.task, options, owner).await.map_err(Failure::midway)? {
        sync::say_cancelled(&run);
    }
    let run = begin(ledger, old, options).await?;
    let mut checkpoint =
        ledger.checkpoints(&run).await.map_err(Failure::midway)?.into_iter().next().unwrap_or_default();
    loop {
        // Also what an earlier process left unsent; sent twice, it counts once by its origin.
        send_outbox(backend, &checkpoint).await?;
        if checkpoint.done {
            break;
        }
        if stop.is_cancelled() {
            return Ok(None);
        }
        ledger.claim(&old.start.task, owner, CLAIM).await.map_err(Failure::midway)?;
        let after = checkpoint.cursor.take();
        let (page, next) =
            ledger.failures(&old.start.id, after.as_deref(), JOB_OBJECTS).await.map_err(Failure::midway)?;
        advance(&mut checkpoint, old, &run, &page, next);
        ledger.checkpoint(&run, &checkpoint).await.map_err(Failure::midway)?;
    }
    ledger.set_phase(&run, Phase::Listed, None).await.map_err(Failure::midway)?;
    Ok(Some((run, checkpoint.found.enqueued)))
}

/// The options of the retry: those that the task has now. Failures of a run that had others are not retried in their
/// name. An event is followed as the task is now, whatever it was.
async fn options(config: &Config, old: &Run) -> Result<RunOptions, Failure> {
    let (source, destination) = open::sides(config).await.map_err(Failure::usage)?;
    let filter = Filter::load(&config.find, None).map_err(Failure::usage)?;
    let options = RunOptions::of(&source, &destination, &config.find, &config.work, filter.prefixes());
    if !old.is_events() && old.start.options.digest != options.digest {
        let why = format!(
            "run {} had other options than its task has now, so its failed objects cannot be retried",
            terminal::run_id(&old.start.id)
        );
        return Err(Failure::usage(why).hint("start a new run, which finds these objects again"));
    }
    Ok(RunOptions { retries: Some(old.start.id.clone()), ..options })
}

/// The new run: one that an interrupted retry of the same run began, or a fresh one.
async fn begin(ledger: &SharedLedger, old: &Run, options: &RunOptions) -> Result<String, Failure> {
    let runs = ledger.runs(&old.start.task, MAX_RUNS).await.map_err(Failure::midway)?;
    if let Some(begun) = runs.iter().find(|run| run.phase == Phase::Listing && run.start.options == *options) {
        return Ok(begun.start.id.clone());
    }
    let (id, started) = (uuid::Uuid::now_v7().to_string(), Timestamp::now());
    let start = RunStart { id, options: options.clone(), started, ..old.start.clone() };
    ledger.start_run(&start).await.map_err(Failure::midway)?;
    Ok(start.id)
}

/// Moves the checkpoint over one page of the failures of `old`: counters, cursor and the job for it in one.
fn advance(checkpoint: &mut Checkpoint, old: &Run, run: &str, page: &[Settled], next: Option<String>) {
    checkpoint.version += 1;
    checkpoint.outbox.clear();
    let (changes, others): (Vec<&Settled>, Vec<&Settled>) = page.iter().partition(|_| old.is_events());
    let (deletes, copies): (Vec<&Settled>, Vec<&Settled>) =
        others.into_iter().partition(|outcome| outcome.reason.as_deref() == Some(FAILED_DELETE));
    for (page, work) in [(&copies, copy as fn(&[&Settled]) -> Work), (&deletes, delete), (&changes, change)] {
        if !page.is_empty() {
            checkpoint.outbox.push(job(&old.start.task, run, checkpoint.jobs, page.len(), work(page)).to_body());
            checkpoint.jobs += 1;
        }
    }
    let objects = page.len() as u64;
    checkpoint.found.listed += objects;
    checkpoint.found.enqueued += objects;
    checkpoint.found.enqueued_bytes += page.iter().map(|outcome| outcome.size).sum::<u64>();
    checkpoint.done = next.is_none();
    checkpoint.cursor = next;
}

async fn send_outbox(backend: &Backend, checkpoint: &Checkpoint) -> Result<(), Failure> {
    let messages: Vec<Outgoing> = checkpoint.outbox.iter().cloned().map(Outgoing::now).collect();
    if messages.is_empty() {
        return Ok(());
    }
    backend.queue.send(&messages).await.map_err(Failure::midway)
}

/// Failed copies, of the versions that failed: a worker that finds another one takes that. When they were
/// written is not recorded, nor needed: a read tells it.
fn copy(page: &[&Settled]) -> Work {
    let object = |(index, outcome): (u32, &&Settled)| JobObject {
        index,
        key: outcome.key.clone(),
        size: outcome.size,
        modified: Timestamp::default(),
        etag: outcome.source.etag.clone(),
        version: outcome.source.version.clone(),
        storage_class: None,
        // What failed may have been something else than the bytes.
        refresh: true,
        suspect: outcome.reason.as_deref() == Some(shared::ledger::WRONG_BYTES_REMAIN),
        blocked: 0,
    };
    Work::Copy { objects: (0..).zip(page).map(object).collect() }
}

/// Failed deletes.
fn delete(page: &[&Settled]) -> Work {
    let key = |(index, outcome): (u32, &&Settled)| JobKey { index, key: outcome.key.clone(), may_block: true };
    Work::Delete { objects: (0..).zip(page).map(key).collect() }
}

/// Keys whose events failed, maybe long ago: whatever is there now is what counts.
fn change(page: &[&Settled]) -> Work {
    let change = |(index, outcome): (u32, &&Settled)| JobChange {
        index,
        key: outcome.key.clone(),
        time: None,
        no_delete: false,
    };
    Work::Changed { objects: (0..).zip(page).map(change).collect() }
}

fn job(task: &str, run: &str, number: u32, objects: usize, work: Work) -> Job {
    let origin = Origin { id: format!("retry-{number}"), items: objects as u32 };
    Job::new(task, run, origin, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ledger::{State, events_run};
    use shared::object::Pin;

    fn failed(key: &str) -> Settled {
        Settled {
            key: key.into(),
            state: State::Failed,
            reason: None,
            size: 5,
            source: Pin::default(),
            etag: None,
            checksum: None,
            verified: None,
            attempts: 3,
            error: Some("no".into()),
            worker: "w".into(),
            started: Timestamp(1),
            finished: Timestamp(2),
        }
    }

    fn run(id: &str) -> Run {
        let start = RunStart {
            id: id.into(),
            task: "t".into(),
            source: "/a".into(),
            destination: "/b".into(),
            options: RunOptions::default(),
            started: Timestamp(0),
        };
        Run { start, phase: Phase::Listing, error: None, found: Default::default(), settled: Default::default() }
    }

    #[test]
    fn keys_whose_events_failed_are_looked_at_anew_whatever_it_was() {
        let mut checkpoint = Checkpoint::default();
        let delete = Settled { reason: Some(FAILED_DELETE.into()), ..failed("gone") };
        advance(&mut checkpoint, &run(&events_run("t")), "r", &[failed("a"), delete], None);
        let jobs: Vec<Job> = checkpoint.outbox.iter().map(|body| Job::parse(body).expect("is a job")).collect();
        let change = |index, key: &str| JobChange { index, key: key.into(), time: None, no_delete: false };
        let work = Work::Changed { objects: vec![change(0, "a"), change(1, "gone")] };
        assert_eq!(jobs, [job("t", "r", 0, 2, work)]);
        assert_eq!((checkpoint.jobs, checkpoint.found.enqueued), (1, 2));
    }

    #[test]
    fn a_page_of_the_longest_keys_fits_one_message() {
        let page: Vec<Settled> = (0..JOB_OBJECTS).map(|_| failed(&"\u{1}".repeat(1024))).collect();
        let page: Vec<&Settled> = page.iter().collect();
        assert!(Job::parse(&job("t", "r", 0, page.len(), copy(&page)).to_body()).is_ok());
    }

    #[test]
    fn counters_cursor_and_outbox_move_together() {
        let mut checkpoint = Checkpoint::default();
        let old = run("r0");
        advance(&mut checkpoint, &old, "r", &[failed("a"), failed("b")], Some("token".into()));
        assert_eq!((checkpoint.found.enqueued, checkpoint.found.enqueued_bytes), (2, 10));
        assert_eq!((checkpoint.jobs, checkpoint.outbox.len(), checkpoint.done), (1, 1, false));
        advance(&mut checkpoint, &old, "r", &[], None);
        assert_eq!((checkpoint.found.enqueued, checkpoint.jobs, checkpoint.outbox.len()), (2, 1, 0));
        assert!(checkpoint.done);
    }

    #[test]
    fn a_failed_delete_is_tried_again_as_a_delete() {
        let mut checkpoint = Checkpoint::default();
        let delete = Settled { reason: Some(FAILED_DELETE.into()), ..failed("gone") };
        advance(&mut checkpoint, &run("r0"), "r", &[failed("a"), delete], None);
        let kinds: Vec<&str> =
            checkpoint.outbox.iter().map(|body| Job::parse(body).expect("is a job").work.verb()).collect();
        assert_eq!((kinds, checkpoint.jobs, checkpoint.found.enqueued), (vec!["copy", "delete"], 2, 2));
    }
}
