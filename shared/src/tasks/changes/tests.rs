use super::*;
use crate::tasks::{Definition, OperationKind, OperationVerdict, Outline, RunEnd};
use proptest::prelude::*;

fn definition() -> Definition {
    Definition { text: "x".into(), outline: Outline::default(), limits: Limits::default() }
}

fn summary() -> Summary {
    let task = TaskRef { name: "photos".into(), id: "t1".into() };
    let new = NewTask { task, definition: definition(), next_due: Some(Timestamp(100)) };
    Summary::of_new(&new, &Author::new("me", Timestamp(1), ""))
}

fn operation(id: &str, version: u32) -> Operation {
    Operation {
        id: id.into(),
        task: "t1".into(),
        kind: OperationKind::Find,
        version,
        who: "me".into(),
        requested: Timestamp(5),
        request: "{}".into(),
        beat: 0,
        worker: None,
        progress: None,
        end: None,
    }
}

fn begin(summary: &Summary, id: &str, due: Option<Due>, supersedes: Option<&str>) -> Next<Summary> {
    let operation = operation(id, summary.version);
    summary.begun(&BeginRun { task: &summary.task.clone(), operation: &operation, due, supersedes })
}

fn written(next: Next<Summary>) -> Summary {
    match next {
        Next::Write(next) => *next,
        other => panic!("{other:?}"),
    }
}

fn ended(id: &str, end: RunEnd) -> EndedRun {
    EndedRun::new(id, end, Timestamp(9))
}

#[test]
fn of_two_editors_the_second_gets_the_conflict() {
    let edited = written(summary().edited(1, &definition(), None));
    assert_eq!((edited.version, edited.next_due), (2, Some(Timestamp(100))));
    let mut other = definition();
    other.outline.schedule = "every 1h".into();
    assert_eq!(written(summary().edited(1, &other, None)).next_due, None, "another schedule");
    assert_eq!(edited.edited(1, &definition(), None), Next::Conflict);
    assert_eq!(written(edited.edited(2, &definition(), None)).version, 3);
}

#[test]
fn one_due_time_begins_one_run() {
    let due = Some(Due { seen: Timestamp(100), next: Some(Timestamp(200)) });
    let live = written(begin(&summary(), "r1", due, None));
    assert_eq!((live.next_due, live.run.as_ref().unwrap().id.as_str()), (Some(Timestamp(200)), "r1"));
    assert_eq!(begin(&live, "r1", due, None), Next::Made);
    assert_eq!(begin(&live, "r2", None, None), Next::Conflict);
    let over = written(live.ended(&ended("r1", RunEnd::Done)));
    assert_eq!(begin(&over, "r1", due, None), Next::Conflict, "the due time has moved");
}

#[test]
fn regression_a_stale_change_does_not_move_a_due_time_back() {
    let (seen, due) = (Some(Timestamp(100)), Due { seen: Timestamp(100), next: Some(Timestamp(200)) });
    let live = written(begin(&summary(), "r1", Some(due), None));
    let over = written(live.ended(&ended("r1", RunEnd::Done)));
    assert_eq!(written(over.edited(1, &definition(), seen)).next_due, due.next);
    let paused = written(over.moved(TaskState::Paused, seen));
    assert_eq!(paused.next_due, due.next);
    assert_eq!(written(paused.moved(TaskState::Active, seen)).next_due, due.next);
    assert_eq!(written(paused.moved(TaskState::Active, Some(Timestamp(300)))).next_due, Some(Timestamp(300)));
    let once = Summary { next_due: None, ..paused };
    assert_eq!(written(once.moved(TaskState::Active, seen)).next_due, None, "its only run has been");
    // Whatever wrote it back: the run that there was moves it on.
    let back = Summary { next_due: seen, ..over };
    let on = written(back.passed(&due));
    assert_eq!((on.next_due, on.passed(&due)), (due.next, Next::Made));
}

#[test]
fn regression_the_end_of_the_live_run_is_the_last_one() {
    // Begun by a machine whose clock is behind.
    let before = written(written(begin(&summary(), "r9", None, None)).ended(&ended("r9", RunEnd::Stopped)));
    let live = written(begin(&before, "r1", None, None));
    assert_eq!(written(live.ended(&ended("r1", RunEnd::Done))).last_run.unwrap().id, "r1");
}

#[test]
fn a_run_begins_for_an_active_task_under_its_present_version() {
    let paused = written(summary().moved(TaskState::Paused, None));
    assert_eq!(begin(&paused, "r1", None, None), Next::Conflict);
    let old = operation("r1", 7);
    let task = summary().task;
    let begun = summary().begun(&BeginRun { task: &task, operation: &old, due: None, supersedes: None });
    assert_eq!(begun, Next::Conflict);
}

#[test]
fn a_superseded_run_is_cancelled_until_it_has_ended() {
    let live = written(begin(&summary(), "r1", None, None));
    assert_eq!(begin(&live, "r3", None, Some("r2")), Next::Conflict);
    let next = written(begin(&live, "r2", None, Some("r1")));
    assert!(next.cancelled.contains("r1") && next.run.as_ref().unwrap().id == "r2");
    let over = written(next.ended(&ended("r1", RunEnd::Cancelled)));
    assert!(over.cancelled.is_empty() && over.run.as_ref().unwrap().id == "r2");
    assert_eq!(over.ended(&ended("r1", RunEnd::Cancelled)), Next::Made);
}

#[test]
fn a_late_end_of_an_older_run_is_not_the_last_run() {
    let live = written(begin(&summary(), "r1", None, None));
    let both = written(begin(&live, "r2", None, Some("r1")));
    let newer = written(both.ended(&ended("r2", RunEnd::Done)));
    let older = written(newer.ended(&ended("r1", RunEnd::Cancelled)));
    assert_eq!(older.last_run.as_ref().unwrap().id, "r2");
    assert_eq!(older.newer, [] as [String; 0]);
    assert!(older.cancelled.is_empty() && older.run.is_none());
}

/// Its id may be the later one, where the clock of the program that began it was ahead.
#[test]
fn regression_the_last_run_is_the_one_that_began_last() {
    let live = written(begin(&summary(), "r9", None, None));
    let both = written(begin(&live, "r1", None, Some("r9")));
    let all = written(begin(&both, "r5", None, Some("r1")));
    assert_eq!(all.newer, ["r9", "r1", "r5"]);
    let one = written(all.ended(&ended("r1", RunEnd::Cancelled)));
    assert_eq!(one.last_run.as_ref().unwrap().id, "r1");
    let older = written(one.ended(&ended("r9", RunEnd::Cancelled)));
    assert_eq!((older.last_run.as_ref().unwrap().id.as_str(), &older.newer[..]), ("r1", &["r5".to_owned()][..]));
    let newest = written(older.ended(&ended("r5", RunEnd::Done)));
    assert_eq!((newest.last_run.unwrap().id.as_str(), newest.newer.len()), ("r5", 0));
}

#[test]
fn regression_a_cancelled_run_has_its_own_reason() {
    let live = written(begin(&summary(), "r1", None, None));
    assert_eq!(live.cancel_reason("r1"), "cancelled by command");
    let both = written(begin(&live, "r2", None, Some("r1")));
    assert!(both.cancel_reason("r1").contains("a newer run") && both.cancel_reason("r2").contains("by command"));
    let deleting = written(both.moved(TaskState::Deleting, None));
    assert!(["r1", "r2"].iter().all(|run| deleting.cancel_reason(run).contains("being deleted")));
}

#[test]
fn deleting_cancels_the_live_run_and_is_final() {
    let live = written(begin(&summary(), "r1", None, None));
    let deleting = written(live.moved(TaskState::Deleting, Some(Timestamp(7))));
    assert!(deleting.cancelled.contains("r1") && deleting.next_due.is_none());
    assert_eq!(deleting.moved(TaskState::Active, None), Next::Conflict);
    assert_eq!(deleting.moved(TaskState::Deleting, None), Next::Made);
    assert_eq!(deleting.edited(1, &definition(), None), Next::Conflict);
}

#[test]
fn runs_that_are_cancelled_are_bounded() {
    let mut present = summary();
    for n in 0..MAX_CANCELLED_RUNS {
        present = written(present.cancelled(&format!("r{n}")));
    }
    assert_eq!(present.cancelled("one-more"), Next::Conflict);
    assert_eq!(present.cancelled("r0"), Next::Made);
}

#[test]
fn limits_are_replaced_by_somebody_who_has_seen_them() {
    let limits = |machines| Limits { machines: Some(machines), ..Limits::default() };
    let first = written(summary().limited(&Limits::default(), &limits(1)));
    assert_eq!(first.limited(&Limits::default(), &limits(1)), Next::Made);
    assert_eq!(first.limited(&Limits::default(), &limits(2)), Next::Conflict);
}

#[test]
fn an_operation_is_queued_then_running_then_done() {
    use crate::tasks::OperationState::{Done, Queued, Running};
    let queued = operation("o", 1);
    assert_eq!(queued.state(), Queued);
    let Next::Write(running) = queued.stepped(0, "w1", "1 %") else { panic!("refused") };
    assert_eq!(running.state(), Running);
    assert_eq!(running.stepped(0, "w1", "1 %"), Next::Made);
    assert_eq!(running.stepped(0, "w2", "1 %"), Next::Conflict);
    let end = OperationEnd { verdict: OperationVerdict::Succeeded, at: Timestamp(7), result: "{}".into() };
    let Next::Write(done) = running.ended(&end) else { panic!("refused") };
    assert_eq!(done.state(), Done);
    assert_eq!(done.ended(&end), Next::Made);
    assert_eq!(done.ended(&OperationEnd { verdict: OperationVerdict::Failed, ..end }), Next::Conflict);
    assert_eq!(done.stepped(1, "w1", "2 %"), Next::Conflict);
}

/// A change of a task by one of several programs.
#[derive(Debug, Clone)]
enum Act {
    Begin(usize, bool),
    Due,
    Cancel(usize),
    End(usize),
    Move(TaskState),
    Edit,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let state = prop_oneof![9 => Just(TaskState::Active), 3 => Just(TaskState::Paused), 1 => Just(TaskState::Deleting)];
    let act = prop_oneof![
        (0usize..6, any::<bool>()).prop_map(|(run, supersede)| Act::Begin(run, supersede)),
        Just(Act::Due),
        (0usize..6).prop_map(Act::Cancel),
        (0usize..6).prop_map(Act::End),
        state.prop_map(Act::Move),
        Just(Act::Edit),
    ];
    proptest::collection::vec(act, 0..60)
}

fn apply(present: &Summary, act: &Act) -> Next<Summary> {
    let run = |n: usize| format!("r{n}");
    match act {
        Act::Begin(n, supersede) => {
            let live = present.run.as_ref().map(|run| run.id.clone()).filter(|_| *supersede);
            begin(present, &run(*n), None, live.as_deref())
        }
        Act::Due => match present.next_due {
            Some(seen) => {
                let id = crate::tasks::run_id("t1", seen);
                begin(present, &id, Some(Due { seen, next: Some(Timestamp(seen.0 + 100)) }), None)
            }
            None => Next::Made,
        },
        Act::Cancel(n) => present.cancelled(&run(*n)),
        Act::End(n) => present.ended(&ended(&run(*n), RunEnd::Done)),
        Act::Move(state) => present.moved(*state, Some(Timestamp(1_000))),
        Act::Edit => present.edited(present.version, &definition(), present.next_due),
    }
}

proptest! {
    /// Whatever is done in whatever order: at most one run is live, versions only grow, deleting is final, and a change
    /// that is repeated right after it was made changes nothing.
    #[test]
    fn changes_keep_the_rules_of_a_task(acts in acts()) {
        let mut present = summary();
        for act in acts {
            if let Next::Write(next) = apply(&present, &act) {
                prop_assert!(next.version >= present.version);
                prop_assert!(next.state.may_follow(present.state));
                prop_assert!(next.cancelled.len() <= MAX_CANCELLED_RUNS + 1);
                prop_assert!(next.newer.len() <= MAX_CANCELLED_RUNS + 2);
                if present.run.is_some() && next.run.is_some() && present.run != next.run {
                    prop_assert!(next.cancelled.contains(&present.run.as_ref().unwrap().id), "a live run is replaced");
                }
                let is_new = next.run.is_some() && next.run != present.run;
                prop_assert!(!is_new || present.state == TaskState::Active);
                if !matches!(act, Act::Edit | Act::Due) {
                    prop_assert_eq!(apply(&next, &act), Next::Made, "{:?}", act);
                }
                present = *next;
            }
        }
    }
}
