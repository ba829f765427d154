//! The world of the model: one task with its runs, queue, controllers, finders and editors.

use std::collections::{BTreeMap, BTreeSet};

use super::super::task::{TaskDecision, TaskView, decide};
use super::Step;
use super::ledger::{COPIES, DELETES, GIANT, Ledger, Write};
use crate::object::Timestamp;
use crate::queue::Depth;
use crate::tasks::{
    Author, BeginRun, Definition, Due, EndedRun, NewTask, Next, Operation, OperationKind, Outline, Summary, TaskRef,
    TaskState, run_id,
};

const MINUTE_MS: i64 = 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Message {
    Find(String, u32),
    Copy(String, u32, u64),
    /// The parts of the giant.
    Parts(String, u32),
    Delete(String, u32, u64),
}

/// A finder that has taken a run, at its next write.
#[derive(Debug, Clone)]
struct Finder {
    run: String,
    version: u32,
    fence: u64,
    next: Write,
}

/// Which rules are taken out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Without {
    /// The conditional writes of the tasks port: a run begins without regard to others.
    pub conditions: bool,
    /// The fence of finders.
    pub fence: bool,
    /// The operation that closes the uploads of a cancelled run.
    pub closes: bool,
}

#[derive(Debug)]
pub struct World {
    pub summary: Summary,
    pub ledger: Ledger,
    queue: Vec<Message>,
    finders: Vec<Finder>,
    pending: [Vec<TaskDecision>; 2],
    /// Uploads of runs that were cancelled or lost messages, and are to be closed: an operation, which is sent again until it has ended.
    closes: BTreeSet<String>,
    /// The version that an editor, and the run that a user who wants another, has seen.
    editor: Option<u32>,
    user: Option<(u32, Option<String>)>,
    pub begun: Vec<(String, Option<Timestamp>)>,
    pub ended: BTreeMap<String, EndedRun>,
    /// What was done although it must not be.
    pub violation: Option<String>,
    minute: u64,
    without: Without,
}

impl World {
    pub fn new(without: Without) -> World {
        let task = TaskRef { name: "t".into(), id: "id".into() };
        let new = NewTask { task, definition: definition("every 30m"), next_due: Some(Timestamp(MINUTE_MS)) };
        let summary = Summary::of_new(&new, &Author::new("me", Timestamp(1), ""));
        let ledger = Ledger { is_unfenced: without.fence, ..Ledger::default() };
        let (queue, finders, pending, closes, editor, user) = Default::default();
        let (begun, ended, violation) = Default::default();
        World {
            summary,
            ledger,
            queue,
            finders,
            pending,
            closes,
            editor,
            user,
            begun,
            ended,
            violation,
            minute: 1,
            without,
        }
    }

    pub fn now(&self) -> Timestamp {
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

    fn look(&mut self, controller: usize) {
        let live = self.summary.run.iter().map(|run| run.id.clone());
        let mut ids: Vec<String> = live.chain(self.summary.cancelled.iter().cloned()).collect();
        ids.dedup();
        let runs = ids.into_iter().map(|id| self.ledger.view(id)).collect();
        let depth = Depth { ready: self.queue.len() as u64, ..Depth::default() };
        let view = TaskView { summary: &self.summary, runs: Some(runs), claim: Some(None), depth: Some(depth) };
        let (decisions, watch) = decide(&view, self.minute, self.now());
        let seen = self.summary.watch.minute;
        let next = self.summary.watched(seen, &watch);
        self.write(next);
        self.pending[controller] = decisions.into_iter().rev().collect();
    }

    fn act(&mut self, controller: usize) {
        let Some(decision) = self.pending[controller].pop() else { return };
        match decision {
            TaskDecision::Begin { run, due } => self.begin(run, self.summary.version, due, None),
            TaskDecision::Skip(due) => {
                let next = self.summary.skipped(&due);
                self.write(next);
            }
            TaskDecision::Find(run) => self.find(&run),
            TaskDecision::Cancel(run) => self.ledger.cancel(&run),
            TaskDecision::Lose { run, .. } => self.ledger.lose(&run),
            TaskDecision::End(end) => {
                let is_over = self.ledger.runs.get(&end.id).is_some_and(|run| run.phase.is_cancelled());
                if is_over && !self.without.closes {
                    self.closes.insert(end.id.clone());
                }
                let next = self.summary.ended(&end);
                if matches!(next, Next::Write(_)) {
                    self.ended.insert(end.id.clone(), end);
                }
                self.write(next);
            }
            TaskDecision::Unreadable(why) => panic!("{why}"),
        }
    }

    fn find(&mut self, run: &str) {
        let live = self.summary.run.as_ref().filter(|live| live.id == run);
        let version = live.map_or(0, |live| live.version);
        self.queue.push(Message::Find(run.to_owned(), version));
    }

    fn begin(&mut self, run: String, version: u32, due: Option<Due>, supersedes: Option<&str>) {
        let task = self.summary.task.clone();
        let operation = Operation {
            id: run.clone(),
            task: task.id.clone(),
            kind: OperationKind::Find,
            version,
            who: "somebody".into(),
            requested: self.now(),
            request: String::new(),
            beat: 0,
            worker: None,
            progress: None,
            end: None,
        };
        // The operation is there: an adapter answers so.
        if !self.without.conditions && self.begun.iter().any(|(begun, _)| *begun == run) {
            return;
        }
        let next = self.summary.begun(&BeginRun { task: &task, operation: &operation, due, supersedes });
        if self.write(next) || self.without.conditions {
            self.begun.push((run.clone(), due.map(|due| due.seen)));
            self.queue.push(Message::Find(run, version));
        }
    }

    /// The user begins a run in the place of the one that they have seen, under the version that they have seen.
    fn supersede(&mut self) {
        match self.user.take() {
            None => self.user = Some((self.summary.version, self.summary.run.as_ref().map(|run| run.id.clone()))),
            Some((version, live)) => {
                let run = run_id(&format!("by hand {}", self.begun.len()), self.now());
                self.begin(run, version, None, live.as_deref());
            }
        }
    }

    /// An editor gives the task another schedule, unless somebody was faster.
    fn edit(&mut self) {
        match self.editor.take() {
            None => self.editor = Some(self.summary.version),
            Some(seen) => {
                let schedule = if seen.is_multiple_of(2) { "every 30m" } else { "every 45m" };
                let next = self.summary.edited(seen, &definition(schedule), Some(self.now()));
                self.write(next);
            }
        }
    }

    /// A worker's step, by the rules that jobs obey. One that dies does so before it acknowledges.
    fn work(&mut self, dies: bool) {
        if self.summary.state == TaskState::Paused || self.queue.is_empty() {
            return;
        }
        let message = self.queue.remove(0);
        match &message {
            Message::Find(id, version) => {
                let is_live = self.summary.run.as_ref().is_some_and(|run| run.id == *id);
                if is_live
                    && !self.summary.cancelled.contains(id)
                    && let Some(fence) = self.ledger.take(id, *version)
                {
                    let (run, next) = (id.clone(), Write::Found);
                    self.finders.push(Finder { run, version: *version, fence, next });
                }
            }
            Message::Copy(id, version, GIANT) => {
                if self.executes(id, *version) {
                    // The newer run takes the key over; the upload of the other one is discarded.
                    self.ledger.upload = Some(id.clone());
                    self.queue.push(Message::Parts(id.clone(), *version));
                } else {
                    self.end_giant(id);
                }
            }
            Message::Parts(id, version) => {
                self.executes(id, *version);
                self.end_giant(id);
            }
            Message::Copy(id, version, object) | Message::Delete(id, version, object) => {
                self.executes(id, *version);
                self.settle(id, *object);
            }
        }
        if dies {
            self.queue.push(message);
        }
    }

    /// Whether a job's work is done, and not only settled: its run is not cancelled.
    fn executes(&mut self, run: &str, version: u32) -> bool {
        let recorded = &self.ledger.runs[run];
        let executes = !recorded.phase.is_cancelled();
        if executes && recorded.version != version {
            self.violation = Some(format!("a job of run {run} has version {version}: {recorded:?}"));
        }
        executes
    }

    fn settle(&mut self, run: &str, object: u64) {
        let recorded = self.ledger.runs.get_mut(run).expect("a job's run is recorded before the job is sent");
        recorded.settle(object);
    }

    fn end_giant(&mut self, run: &str) {
        self.ledger.close(run);
        self.settle(run, GIANT);
    }

    /// A finder's next write, and what it sends after that. A refused one ends.
    fn write_found(&mut self, number: usize) {
        if self.finders.is_empty() {
            return;
        }
        let number = number % self.finders.len();
        let Finder { run, version, fence, next } = self.finders[number].clone();
        let is_made = self.ledger.write(&run, fence, next);
        let after = match next {
            Write::Found if is_made => {
                self.queue.extend((0..COPIES).map(|object| Message::Copy(run.clone(), version, object)));
                Some(Write::Releasing)
            }
            Write::Releasing if is_made => {
                let deletes = COPIES..COPIES + DELETES;
                self.queue.extend(deletes.map(|object| Message::Delete(run.clone(), version, object)));
                Some(Write::Listed)
            }
            _ => None,
        };
        match after {
            Some(next) => self.finders[number].next = next,
            None => drop(self.finders.remove(number)),
        }
    }

    /// A finder's message is delivered once more; `dies`: because its worker died.
    fn redeliver(&mut self, number: usize, dies: bool) {
        if self.finders.is_empty() {
            return;
        }
        let number = number % self.finders.len();
        let finder = if dies { self.finders.remove(number) } else { self.finders[number].clone() };
        self.queue.push(Message::Find(finder.run, finder.version));
    }

    pub fn step(&mut self, step: Step) {
        let due = self.summary.next_due;
        let next = match step {
            Step::Look(controller) => return self.look(controller),
            Step::Act(controller) => return self.act(controller),
            Step::Die(controller) => return self.pending[controller].clear(),
            Step::Work(dies) => return self.work(dies),
            Step::Find(number) => return self.write_found(number),
            Step::Redeliver(number, dies) => return self.redeliver(number, dies),
            Step::Edit => return self.edit(),
            Step::Supersede => return self.supersede(),
            Step::Close => return self.close(),
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

    /// The operation that closes the uploads of a cancelled run.
    fn close(&mut self) {
        if let Some(run) = self.closes.pop_first() {
            self.ledger.close(&run);
        }
    }

    /// One controller alone, for so many minutes, with a worker that does all there is.
    pub fn settle_down(&mut self, minutes: u64) {
        self.pending = Default::default();
        (self.editor, self.user) = Default::default();
        self.step(Step::Resume);
        for _ in 0..minutes {
            self.minute += 1;
            self.look(0);
            while !self.pending[0].is_empty() {
                self.act(0);
            }
            while !self.queue.is_empty() || !self.finders.is_empty() {
                self.work(false);
                self.write_found(0);
            }
            while !self.closes.is_empty() {
                self.close();
            }
        }
    }
}

fn definition(schedule: &str) -> Definition {
    let outline = Outline { schedule: schedule.into(), ..Outline::default() };
    Definition { text: String::new(), outline, limits: Default::default() }
}
