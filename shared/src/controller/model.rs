//! A model of one task: two controllers, finders, workers and a user, whose steps come in any order.
//!
//! A controller reads, decides, and carries its decisions out one by one, between the steps of all others; it may die
//! between any two. Messages come twice or are lost. Then all of that ends, and one controller goes on alone: every run
//! must come to its end, with counters that add up.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::task::{Decision, RunView, TaskView, decide};
use crate::ledger::Phase;
use crate::object::Timestamp;
use crate::queue::Depth;
use crate::tasks::{
    Author, BeginRun, Definition, NewTask, Next, Operation, OperationKind, Outline, Summary, TaskRef, TaskState, Watch,
};

const MINUTE_MS: i64 = 60_000;
/// Objects that a run finds.
const OBJECTS: u64 = 3;

/// A step of somebody.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A controller reads and decides.
    Look(usize),
    /// A controller carries out its next decision.
    Act(usize),
    /// A controller forgets its decisions.
    Die(usize),
    /// A worker receives a message; `true`: it dies before it acknowledges.
    Work(bool),
    /// A message is lost.
    Lose,
    Cancel,
    Pause,
    Resume,
    /// A minute passes.
    Minute,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Message {
    Find(String),
    Copy(String, u64),
}

/// A run as the ledger has it. Settled objects are a set: each is counted once.
#[derive(Debug, Clone)]
struct Recorded {
    phase: Phase,
    settled: std::collections::BTreeSet<u64>,
    cancelled: u64,
}

#[derive(Debug)]
struct World {
    summary: Summary,
    ledger: BTreeMap<String, Recorded>,
    queue: Vec<Message>,
    pending: [Vec<(Decision, Watch)>; 2],
    begun: Vec<(String, Option<Timestamp>)>,
    minute: u64,
    /// Whether a run begins under the rules of the tasks port.
    is_fenced: bool,
}

impl World {
    fn new(is_fenced: bool) -> World {
        let outline = Outline { schedule: "every 30m".into(), ..Outline::default() };
        let definition = Definition { text: String::new(), outline, limits: Default::default() };
        let task = TaskRef { name: "t".into(), id: "id".into() };
        let new = NewTask { task, definition, next_due: Some(Timestamp(MINUTE_MS)) };
        let summary = Summary::of_new(&new, &Author::new("me", Timestamp(1), ""));
        let (ledger, queue, pending, begun) = Default::default();
        World { summary, ledger, queue, pending, begun, minute: 1, is_fenced }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.minute as i64 * MINUTE_MS)
    }

    fn write(&mut self, next: Next<Summary>) -> bool {
        match next {
            Next::Write(next) => self.summary = *next,
            Next::Made => {}
            Next::Conflict => return false,
        }
        true
    }

    fn view(&self) -> Vec<RunView> {
        let live = self.summary.run.iter().map(|run| run.id.clone());
        let mut ids: Vec<String> = live.chain(self.summary.cancelled.iter().cloned()).collect();
        ids.dedup();
        let view = |id: String| {
            let Some(run) = self.ledger.get(&id) else { return RunView::queued(&id) };
            let waiting = OBJECTS - run.settled.len() as u64;
            let progress = run.settled.len() as u64 * 10 + run.phase as u64;
            RunView { id, phase: Some(run.phase), unsettled: waiting, waiting, failed: 0, progress }
        };
        ids.into_iter().map(view).collect()
    }

    fn look(&mut self, controller: usize) {
        let depth = Depth { ready: self.queue.len() as u64, ..Depth::default() };
        let view = TaskView { summary: &self.summary, runs: Some(self.view()), claim: Some(None), depth: Some(depth) };
        let (decisions, watch) = decide(&view, self.minute, self.now());
        let seen = self.summary.watch.minute;
        let next = self.summary.watched(seen, &watch);
        self.write(next);
        self.pending[controller] = decisions.into_iter().rev().map(|decision| (decision, watch)).collect();
    }

    fn act(&mut self, controller: usize) {
        let Some((decision, _)) = self.pending[controller].pop() else { return };
        match decision {
            Decision::Begin { run, due } => self.begin(run, due),
            Decision::Skip(due) => {
                let next = self.summary.skipped(&due);
                self.write(next);
            }
            Decision::Find(run) => self.queue.push(Message::Find(run)),
            Decision::Cancel(run) => {
                if let Some(recorded) = self.ledger.get_mut(&run)
                    && Phase::Cancelling.may_follow(recorded.phase)
                {
                    recorded.phase = Phase::Cancelled;
                }
            }
            Decision::Lose { run, .. } => {
                let recorded = self.ledger.get_mut(&run).expect("only a run that was seen is lost");
                assert!(Phase::Lost.may_follow(recorded.phase) || recorded.phase.is_cancelled(), "{recorded:?}");
                if Phase::Lost.may_follow(recorded.phase) {
                    recorded.phase = Phase::Lost;
                }
            }
            Decision::End(end) => {
                let next = self.summary.ended(&end);
                self.write(next);
            }
            Decision::Unreadable(why) => panic!("{why}"),
        }
    }

    fn begin(&mut self, run: String, due: Option<crate::tasks::Due>) {
        let task = self.summary.task.clone();
        let operation = Operation {
            id: run.clone(),
            task: task.id.clone(),
            kind: OperationKind::Find,
            version: self.summary.version,
            who: "controller".into(),
            requested: self.now(),
            request: String::new(),
            beat: 0,
            worker: None,
            progress: None,
            end: None,
        };
        // The operation is there: an adapter answers so.
        if self.is_fenced && self.begun.iter().any(|(begun, _)| *begun == run) {
            return;
        }
        let next = self.summary.begun(&BeginRun { task: &task, operation: &operation, due, supersedes: None });
        if self.write(next) || !self.is_fenced {
            self.begun.push((run.clone(), due.map(|due| due.seen)));
            self.queue.push(Message::Find(run));
        }
    }

    /// A worker's step, by the rules that jobs obey.
    fn work(&mut self, dies: bool) {
        if self.summary.state == TaskState::Paused || self.queue.is_empty() {
            return;
        }
        let message = self.queue.remove(0);
        let is_live = |id: &str| self.summary.run.as_ref().is_some_and(|run| run.id == id);
        match &message {
            Message::Find(id) => {
                let is_wanted = is_live(id) && !self.summary.cancelled.contains(id);
                let phase = self.ledger.get(id).map(|run| run.phase);
                if is_wanted && matches!(phase, None | Some(Phase::Listing)) {
                    let fresh = Recorded { phase: Phase::Listing, settled: Default::default(), cancelled: 0 };
                    let run = self.ledger.entry(id.clone()).or_insert(fresh);
                    self.queue.extend((0..OBJECTS).map(|object| Message::Copy(id.clone(), object)));
                    // One that dies before its last write leaves a run that is listing.
                    if !dies {
                        run.phase = Phase::Listed;
                    }
                }
            }
            Message::Copy(id, object) => {
                let run = self.ledger.get_mut(id).expect("a job's run is recorded before the job is sent");
                if run.settled.insert(*object) && run.phase.is_cancelled() {
                    run.cancelled += 1;
                }
            }
        }
        if dies {
            self.queue.push(message);
        }
    }

    fn step(&mut self, step: Step) {
        let due = self.summary.next_due;
        let next = match step {
            Step::Look(controller) => return self.look(controller),
            Step::Act(controller) => return self.act(controller),
            Step::Die(controller) => return self.pending[controller].clear(),
            Step::Work(dies) => return self.work(dies),
            Step::Minute => return self.minute += 1,
            Step::Lose => return drop((!self.queue.is_empty()).then(|| self.queue.remove(0))),
            Step::Cancel => match self.summary.run.clone() {
                Some(run) => self.summary.cancelled(&run.id),
                None => return,
            },
            Step::Pause => self.summary.moved(TaskState::Paused, due),
            Step::Resume => self.summary.moved(TaskState::Active, due),
        };
        self.write(next);
    }

    /// One controller alone, for so many minutes, with a worker that does all there is.
    fn settle_down(&mut self, minutes: u64) {
        self.pending = Default::default();
        self.step(Step::Resume);
        for _ in 0..minutes {
            self.minute += 1;
            self.look(0);
            while !self.pending[0].is_empty() {
                self.act(0);
            }
            while !self.queue.is_empty() {
                self.work(false);
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0usize..2).prop_map(Step::Look),
        6 => (0usize..2).prop_map(Step::Act),
        1 => (0usize..2).prop_map(Step::Die),
        6 => Just(Step::Work(false)),
        1 => Just(Step::Work(true)),
        1 => Just(Step::Lose),
        1 => Just(Step::Cancel),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
        6 => Just(Step::Minute),
    ];
    proptest::collection::vec(step, 0..300)
}

/// The broken promise after these steps, if there is one.
fn broken(steps: &[Step], is_fenced: bool) -> Option<String> {
    let mut world = World::new(is_fenced);
    for step in steps {
        world.step(*step);
    }
    let until = world.now();
    // Longer than it takes to find out that messages are lost, and short enough that the schedule is due once.
    world.settle_down(29);
    let mut dues: Vec<_> = world.begun.iter().filter_map(|(_, due)| *due).collect();
    let count = dues.len();
    dues.sort_unstable();
    dues.dedup();
    if dues.len() != count {
        return Some(format!("a due time began two runs: {:?}", world.begun));
    }
    for (id, run) in &world.ledger {
        let is_live = world.summary.run.as_ref().is_some_and(|live| live.id == *id);
        if !is_live && run.phase == Phase::Listed && run.settled.len() as u64 != OBJECTS {
            return Some(format!("run {id} ended before its objects were settled or lost: {run:?}"));
        }
    }
    if let Some(live) = world.summary.run.as_ref().filter(|run| run.begun <= until) {
        return Some(format!("run {live:?} never ends: {:?}", world.ledger));
    }
    let cancelled = &world.summary.cancelled;
    (!cancelled.is_empty()).then(|| format!("runs {cancelled:?} are cancelled and never end"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_happens_every_run_ends_and_each_due_time_begins_one(steps in steps()) {
        prop_assert_eq!(broken(&steps, true), None);
    }
}

#[test]
fn without_the_fence_a_due_time_begins_two_runs() {
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let found = runner.run(&steps(), |steps| match broken(&steps, false) {
        Some(why) if why.contains("two runs") => Err(TestCaseError::fail(why)),
        _ => Ok(()),
    });
    assert!(found.is_err(), "no due time began two runs");
}
