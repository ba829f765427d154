use super::*;
use crate::tasks::{Author, Definition, LiveRun, Losses, NewTask, Next, Outline, TaskRef};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const HOUR: i64 = 3_600_000;

fn task(schedule: &str, next_due: Option<Timestamp>) -> Summary {
    let outline = Outline { schedule: schedule.into(), ..Outline::default() };
    let definition = Definition { text: String::new(), outline, limits: Default::default() };
    let new = NewTask { task: TaskRef { name: "t".into(), id: "id".into() }, definition, next_due };
    Summary::of_new(&new, &Author::new("me", Timestamp(1), ""))
}

/// A task whose live run is `r1`, watched as given.
fn live(watch: Watch) -> Summary {
    let run = LiveRun { id: "r1".into(), version: 1, begun: NOW };
    Summary { run: Some(run), watch, ..task("", None) }
}

fn run(phase: Option<Phase>, waiting: u64, failed: u64) -> RunView {
    RunView { phase, unsettled: waiting + 1, waiting, failed, progress: 7, ..RunView::queued("r1") }
}

/// Watched for so many passes: without a live claim, without a message, without progress.
fn passes(unclaimed: u32, empty: u32, still: u32) -> Watch {
    Watch { minute: 10, progress: 7, claim: None, unclaimed, empty, still, outage: None }
}

fn of(summary: &Summary, run: &RunView, watch: &Watch) -> Option<TaskDecision> {
    of_run(summary, run, watch, NOW)
}

fn ended(end: RunEnd, failed: u64, lost: u64) -> Option<TaskDecision> {
    Some(TaskDecision::End(EndedRun { failed, lost, ..EndedRun::new("r1", end, NOW) }))
}

/// The table of states: phase, unsettled objects, failures, passes, what follows for a run and for a cancelled one.
#[test]
fn each_state_of_a_run_has_its_decision() {
    use Phase::*;
    let (find, cancel) = (|| Some(TaskDecision::Find("r1".into())), || Some(TaskDecision::Cancel("r1".into())));
    let lose = |lost| Some(TaskDecision::Lose { run: "r1".into(), lost });
    let fresh = passes(0, 0, 0);
    let abandoned = passes(3, 3, 3);
    let still = passes(10, 10, 10);
    for (phase, waiting, failed, watch, live_run, cancelled) in [
        (None, 0, 0, fresh, None, None),
        (None, 0, 0, passes(2, 2, 2), None, ended(RunEnd::Cancelled, 0, 0)),
        (None, 0, 0, passes(3, 2, 2), None, ended(RunEnd::Cancelled, 0, 0)),
        (None, 0, 0, passes(0, 9, 9), None, None),
        (None, 0, 0, abandoned, find(), ended(RunEnd::Cancelled, 0, 0)),
        (Some(Listing), 5, 0, fresh, None, cancel()),
        (Some(Listing), 5, 0, passes(9, 2, 2), None, cancel()),
        (Some(Listing), 5, 0, abandoned, find(), cancel()),
        (Some(Listing), 5, 0, still, None, cancel()),
        (Some(Listing), 5, 0, passes(12, 12, 12), find(), cancel()),
        (Some(Releasing), 5, 0, fresh, None, cancel()),
        (Some(Releasing), 5, 0, abandoned, find(), cancel()),
        (Some(Listed), 5, 0, fresh, None, cancel()),
        (Some(Listed), 5, 0, passes(20, 20, 9), None, cancel()),
        (Some(Listed), 5, 0, still, lose(5), cancel()),
        (Some(Listed), 0, 0, fresh, ended(RunEnd::Done, 0, 0), cancel()),
        (Some(Listed), 0, 2, still, ended(RunEnd::DoneWithFailures, 2, 0), cancel()),
        (Some(Stopped), 5, 0, abandoned, None, cancel()),
        (Some(Stopped), 5, 0, still, lose(5), cancel()),
        (Some(Stopped), 0, 1, fresh, ended(RunEnd::Stopped, 1, 0), cancel()),
        (Some(Cancelling), 5, 0, fresh, None, None),
        (Some(Cancelling), 5, 0, abandoned, cancel(), cancel()),
        (Some(Cancelled), 5, 0, abandoned, None, None),
        (Some(Cancelled), 5, 0, still, ended(RunEnd::Cancelled, 0, 5), ended(RunEnd::Cancelled, 0, 5)),
        (Some(Cancelled), 0, 3, fresh, ended(RunEnd::Cancelled, 3, 0), ended(RunEnd::Cancelled, 3, 0)),
        (Some(Lost), 5, 0, fresh, ended(RunEnd::Stopped, 0, 6), ended(RunEnd::Cancelled, 0, 6)),
    ] {
        let view = run(phase, waiting, failed);
        assert_eq!(of(&live(watch), &view, &watch), live_run, "{phase:?} {waiting} {watch:?}");
        let summary = Summary { cancelled: ["r1".to_owned()].into(), ..live(watch) };
        assert_eq!(of(&summary, &view, &watch), cancelled, "cancelled: {phase:?} {waiting} {watch:?}");
    }
}

#[test]
fn a_paused_task_gets_no_message() {
    let paused = Summary { state: TaskState::Paused, ..live(passes(9, 9, 9)) };
    assert_eq!(of(&paused, &run(Some(Phase::Listing), 5, 0), &paused.watch), None);
}

#[test]
fn a_due_time_begins_a_run_or_is_skipped_beside_a_live_one() {
    let due = Timestamp(NOW.0 - 5 * HOUR / 2);
    let next = Due { seen: due, next: Some(Timestamp(NOW.0 + HOUR / 2)) };
    let idle = task("every 1h", Some(due));
    let begin = TaskDecision::Begin { run: run_id("id", due), due: Some(next) };
    assert_eq!(super::begin(&idle, NOW), Some(begin));
    let busy = Summary { run: live(Watch::default()).run, ..idle.clone() };
    assert_eq!(super::begin(&busy, NOW), Some(TaskDecision::Skip(next)));
    for state in [TaskState::Paused, TaskState::Deleting] {
        assert_eq!(super::begin(&Summary { state, ..idle.clone() }, NOW), None, "{state:?}");
    }
    assert_eq!(super::begin(&task("every 1h", Some(Timestamp(NOW.0 + 1))), NOW), None);
    assert_eq!(super::begin(&task("", None), NOW), None);
    let once = Due { seen: due, next: None };
    let begin = TaskDecision::Begin { run: run_id("id", due), due: Some(once) };
    assert_eq!(super::begin(&task("once", Some(due)), NOW), Some(begin));
}

#[test]
fn a_schedule_of_a_newer_release_is_shown_and_begins_nothing() {
    let decision = super::begin(&task("lunar new year", Some(Timestamp(1))), NOW);
    assert!(matches!(&decision, Some(TaskDecision::Unreadable(why)) if why.contains("lunar")), "{decision:?}");
}

#[test]
fn what_was_lost_starts_again_by_one_run() {
    let lost = |end, lost| EndedRun { lost, ..EndedRun::new("r1", end, Timestamp(5)) };
    let losses = Losses { in_a_row: 1, version: 1 };
    let with = |last| Summary { last_run: Some(last), losses, ..task("", None) };
    let again = Some(TaskDecision::Begin { run: run_id("id", Timestamp(5)), due: None });
    assert_eq!(super::begin(&with(lost(RunEnd::Stopped, 3)), NOW), again);
    assert_eq!(super::begin(&with(lost(RunEnd::Stopped, 0)), NOW), None, "its finder gave up: the schedule decides");
    assert_eq!(super::begin(&with(lost(RunEnd::Cancelled, 3)), NOW), None);
    let cancelling = Summary { cancelled: ["r0".to_owned()].into(), ..with(lost(RunEnd::Stopped, 3)) };
    assert_eq!(super::begin(&cancelling, NOW), None, "jobs of another run are still to be settled");
}

#[test]
fn regression_a_run_that_always_loses_is_begun_a_few_times() {
    let mut summary = task("", None);
    for restarts in 0..=MAX_RESTARTS {
        summary = lost(&summary, restarts);
        let begins = super::begin(&summary, NOW).is_some();
        assert_eq!(begins, restarts < MAX_RESTARTS, "{restarts} restarts");
    }
    // By schedule it begins still, and what ends otherwise is counted from 0.
    let due = Summary { next_due: Some(NOW), outline: task("every 1h", None).outline, ..summary.clone() };
    assert!(matches!(super::begin(&due, NOW), Some(TaskDecision::Begin { due: Some(_), .. })));
    let live = Summary { run: live(Watch::default()).run, ..summary };
    let end = EndedRun::new("r1", RunEnd::Done, NOW);
    let Next::Write(done) = live.ended(&end) else { panic!("refused") };
    assert!(super::begin(&lost(&done, 9), NOW).is_some());
}

#[test]
fn regression_what_another_version_lost_does_not_start_again() {
    let summary = lost(&task("", None), 0);
    assert!(super::begin(&summary, NOW).is_some());
    assert_eq!(super::begin(&Summary { version: 2, ..summary }, NOW), None);
}

/// After a live run that lost messages.
fn lost(summary: &Summary, number: u32) -> Summary {
    let id = format!("lost-{number}");
    let run = LiveRun { id: id.clone(), version: 1, begun: NOW };
    let end = EndedRun { lost: 3, ..EndedRun::new(id, RunEnd::Stopped, NOW) };
    match (Summary { run: Some(run), ..summary.clone() }).ended(&end) {
        Next::Write(next) => *next,
        other => panic!("{other:?}"),
    }
}

fn view<'a>(summary: &'a Summary, run: &RunView, claim: Option<u64>, ready: u64) -> TaskView<'a> {
    let depth = Depth { ready, ..Depth::default() };
    TaskView { summary, runs: Some(vec![run.clone()]), claim: Some(claim), depth: Some(depth) }
}

#[test]
fn a_failed_read_decides_nothing_and_restarts_the_count() {
    let summary = live(passes(9, 9, 9));
    let run = run(Some(Phase::Listed), 5, 0);
    let whole = view(&summary, &run, None, 0);
    assert_eq!(decide(&whole, 11, NOW).0, [TaskDecision::Lose { run: "r1".into(), lost: 5 }]);
    for failed in [
        TaskView { runs: None, ..whole.clone() },
        TaskView { claim: None, ..whole.clone() },
        TaskView { depth: None, ..whole.clone() },
    ] {
        let (decisions, watch) = decide(&failed, 11, NOW);
        assert_eq!(decisions, [], "{failed:?}");
        assert_eq!((watch.unclaimed, watch.empty, watch.still), (0, 0, 0));
    }
}

#[test]
fn two_controllers_of_one_minute_count_it_once() {
    let summary = live(passes(2, 2, 2));
    let run = run(Some(Phase::Listing), 5, 0);
    let (decisions, watch) = decide(&view(&summary, &run, None, 0), 11, NOW);
    assert_eq!((decisions.as_slice(), watch.unclaimed), ([TaskDecision::Find("r1".into())].as_slice(), 3));
    let after = Summary { watch, ..summary };
    assert_eq!(decide(&view(&after, &run, None, 0), 11, NOW), (decisions, watch));
}

#[test]
fn regression_a_find_job_is_sent_once_in_three_passes() {
    let mut summary = live(Watch::default());
    let run = run(Some(Phase::Listing), 5, 0);
    let mut sent = Vec::new();
    for minute in 1..=12 {
        let (decisions, watch) = decide(&view(&summary, &run, None, 0), minute, NOW);
        sent.extend(decisions.iter().map(|_| minute));
        summary.watch = watch;
    }
    assert_eq!(sent, [3, 6, 9, 12]);
}

/// What a pass sees.
#[derive(Debug, Clone)]
struct Pass {
    claim: Option<u64>,
    ready: u64,
    progress: u64,
}

fn pass() -> impl Strategy<Value = Pass> {
    (proptest::option::of(0u64..3), 0u64..2, 0u64..3).prop_map(|(claim, ready, progress)| Pass {
        claim,
        ready,
        progress,
    })
}

proptest! {
    /// Objects are given up only after ten passes in a row that show neither a message nor progress, and a find job is
    /// sent again only after three that show no message and no live claim.
    #[test]
    fn nothing_is_lost_while_anything_moves(
        passes in proptest::collection::vec(pass(), 1..60), quiet in 0usize..20, is_listed in any::<bool>()
    ) {
        let last = passes.last().cloned().unwrap();
        let still = Pass { claim: last.claim, ready: 0, progress: last.progress };
        let all: Vec<Pass> = passes.into_iter().chain(std::iter::repeat_n(still, quiet)).collect();
        let phase = if is_listed { Phase::Listed } else { Phase::Listing };
        let mut summary = live(Watch::default());
        for (n, pass) in all.iter().enumerate() {
            let seen = RunView { progress: pass.progress, ..run(Some(phase), 5, 0) };
            let (decisions, watch) = decide(&view(&summary, &seen, pass.claim, pass.ready), n as u64 + 1, NOW);
            let window = |passes: usize| n.checked_sub(passes).map(|first| &all[first..=n]);
            for decision in &decisions {
                match decision {
                    TaskDecision::Lose { lost, .. } => {
                        prop_assert_eq!(*lost, 5);
                        // Its first pass has nothing to be compared with, unless all was zero from the beginning.
                        let from = n.saturating_sub(STILL_PASSES as usize - 1);
                        prop_assert!(all[from..=n].iter().all(|p| p.ready == 0 && p.progress == pass.progress));
                        prop_assert!(n + 1 >= STILL_PASSES as usize);
                    }
                    TaskDecision::Find(_) => {
                        let from = n + 1 - UNCLAIMED_PASSES as usize;
                        prop_assert!(all[from..=n].iter().all(|p| p.ready == 0));
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            // The reverse: a run that stands still for long enough is found.
            if let Some(window) = window(STILL_PASSES as usize) {
                let is_still = window.iter().all(|p| p.ready == 0 && p.progress == pass.progress);
                prop_assert!(!is_still || !is_listed || !decisions.is_empty(), "{:?}", window);
            }
            summary.watch = watch;
        }
    }

    /// A decision that is carried out leads to a record that the rules take, and the same pass decides nothing new.
    #[test]
    fn a_begun_run_is_not_begun_again(hours in 0i64..100, schedule in prop::sample::select(vec!["once", "every 1h", "cron 0 * * * *"])) {
        let due = Timestamp(NOW.0 - hours * HOUR);
        let summary = task(schedule, Some(due));
        let Some(TaskDecision::Begin { run, due: Some(due) }) = super::begin(&summary, NOW) else {
            return Err(TestCaseError::fail("no run begins"));
        };
        prop_assert!(due.next.is_none_or(|next| next > NOW));
        let operation = crate::tasks::Operation {
            id: run,
            task: "id".into(),
            kind: crate::tasks::OperationKind::Find,
            version: 1,
            who: "controller".into(),
            requested: NOW,
            request: String::new(),
            beat: 0,
            worker: None,
            progress: None,
            end: None,
        };
        let task = summary.task.clone();
        let begin = crate::tasks::BeginRun { task: &task, operation: &operation, due: Some(due), supersedes: None };
        let Next::Write(begun) = summary.begun(&begin) else { return Err(TestCaseError::fail("refused")) };
        prop_assert_eq!(super::begin(&begun, NOW), None);
    }
}
