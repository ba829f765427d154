//! A model of one task: two controllers, finders, workers, editors and a user, whose steps come in any order.
//!
//! A controller reads, decides, and carries its decisions out one by one, between the steps of all others; it may die
//! between any two. A finder may be suspended for any time between two writes, while another one takes its run over.
//! Runs copy, delete, and upload a giant in parts. Messages come twice or are lost. Then all of that ends, and one
//! controller goes on alone: every run must come to its end, with counters that add up, and no upload of a run that was
//! cancelled, or lost messages, stays open.

mod ledger;
mod world;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use self::world::{Without, World};
use crate::ledger::Phase;

/// A step of somebody.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// A controller reads and decides.
    Look(usize),
    /// A controller carries out its next decision.
    Act(usize),
    /// A controller forgets its decisions.
    Die(usize),
    /// A worker receives a message; `true`: it dies before it acknowledges.
    Work(bool),
    /// A finder writes.
    Find(usize),
    /// A finder's message is delivered again; `true`: because its worker died.
    Redeliver(usize, bool),
    /// An editor reads the task, or writes what they made of it.
    Edit,
    /// A user reads the task, or begins a run in the place of the one that they saw.
    Supersede,
    /// A worker closes the uploads of a run that is over.
    Close,
    /// A message is lost.
    Lose,
    Cancel,
    Pause,
    Resume,
    /// A minute passes.
    Minute,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0usize..2).prop_map(Step::Look),
        6 => (0usize..2).prop_map(Step::Act),
        1 => (0usize..2).prop_map(Step::Die),
        8 => Just(Step::Work(false)),
        1 => Just(Step::Work(true)),
        6 => (0usize..3).prop_map(Step::Find),
        2 => (0usize..3, any::<bool>()).prop_map(|(number, dies)| Step::Redeliver(number, dies)),
        2 => Just(Step::Edit),
        2 => Just(Step::Supersede),
        1 => Just(Step::Close),
        1 => Just(Step::Lose),
        1 => Just(Step::Cancel),
        1 => Just(Step::Pause),
        1 => Just(Step::Resume),
        6 => Just(Step::Minute),
    ];
    proptest::collection::vec(step, 0..300)
}

/// The broken promise after these steps, if there is one.
fn broken(steps: &[Step], without: Without) -> Option<String> {
    let mut world = World::new(without);
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
    if let Some(live) = world.summary.run.as_ref().filter(|run| run.begun <= until) {
        return Some(format!("run {live:?} never ends: {:?}", world.ledger));
    }
    let cancelled = &world.summary.cancelled;
    if !cancelled.is_empty() {
        return Some(format!("runs {cancelled:?} are cancelled and never end"));
    }
    world.violation.clone().or_else(|| miscounted(&world)).or_else(|| open_upload(&world))
}

/// A run that has ended with counters that do not add up: what was found is settled, or was counted as lost.
fn miscounted(world: &World) -> Option<String> {
    let mut ended = world.ended.values().filter_map(|end| world.ledger.runs.get(&end.id).map(|run| (end, run)));
    let (end, run) = ended.find(|(end, run)| {
        let is_cancelled = run.phase == Phase::Cancelled;
        run.unsettled() > end.lost || !is_cancelled && run.cancelled > 0
    })?;
    Some(format!("the counters of a run do not add up: {end:?} {run:?}"))
}

/// An upload of a run that was cancelled, or lost messages, and is open.
fn open_upload(world: &World) -> Option<String> {
    let owner = world.ledger.upload.as_ref()?;
    let is_over = world.ledger.runs.get(owner)?.phase.is_cancelled();
    is_over.then(|| format!("the upload of run {owner}, which is over, stays open"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_happens_every_run_ends_and_each_due_time_begins_one(steps in steps()) {
        prop_assert_eq!(broken(&steps, Without::default()), None);
    }
}

/// Whether some steps break a promise in these words, without some rule.
fn is_found_without(without: Without, words: &str) -> bool {
    let mut runner = TestRunner::deterministic();
    let found = runner.run(&steps(), |steps| match broken(&steps, without) {
        Some(why) if why.contains(words) => Err(TestCaseError::fail(why)),
        _ => Ok(()),
    });
    found.is_err()
}

#[test]
fn without_conditions_a_due_time_begins_two_runs() {
    assert!(is_found_without(Without { conditions: true, ..Without::default() }, "two runs"));
}

#[test]
fn without_the_fence_the_counters_of_a_run_do_not_add_up() {
    assert!(is_found_without(Without { fence: true, ..Without::default() }, "do not add up"));
}

#[test]
fn without_the_close_operation_an_upload_stays_open() {
    assert!(is_found_without(Without { closes: true, ..Without::default() }, "stays open"));
}
