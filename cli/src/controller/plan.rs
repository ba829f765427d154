//! From the reads of a pass to its actions: no I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::controller::machines::MachineView;
use shared::controller::operations::OperationDecision;
use shared::controller::outage::{self, Reported};
use shared::controller::scale::{DEFAULT_TARGET_JOBS, GroupBounds, Load};
use shared::controller::{machines, operations, scale, target, task};
use shared::object::Timestamp;
use shared::queue::Depth;
use shared::tasks::{Heartbeat, Operation, OperationClass, Sample, TaskState, Watch};

use super::action::{Action, OutageReport};
use super::deletion::{self, DeletionStep};
use super::fleet_metrics;
use super::memory::ControllerMemory;
use super::seen::{Seen, TaskSeen, is_run};
use super::waiting;

/// How long an operation on a task that is not created waits for a worker, by the clocks of requester and controller.
const REQUEST_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The actions of a pass, in order.
#[derive(Debug, Default)]
pub struct PassPlan {
    /// The actions.
    pub actions: Vec<Action>,
    /// Machines that the tasks want; `None`: the group could not be read.
    pub wanted: Option<u32>,
    /// Whether machines do not come to work.
    pub is_alarm: bool,
    /// Machines in a row that were ended because their worker never reported; `None`: what is remembered could not be
    /// read.
    pub failed_launches: Option<u32>,
}

/// Decides.
pub fn plan(seen: &Seen) -> PassPlan {
    let mut plan = PassPlan::default();
    for task in &seen.tasks {
        plan.actions.extend(of_task(task, seen));
    }
    let Some((version, before)) = &seen.memory else {
        // Without a record nothing can be compared, and each pass would count anew.
        plan.actions.extend(samples(seen));
        return plan;
    };
    let is_new_minute = seen.minute() > before.minute;
    let mut next = ControllerMemory { minute: seen.minute().max(before.minute), ..before.clone() };
    let decided = of_operations(seen, before, is_new_minute, &mut next);
    if is_new_minute {
        next.targets = targets(seen, before);
    }
    next.dead = dead(seen, before);
    next.waiting_since = waiting::since(seen, before);
    next.is_active = fleet_metrics::is_active(seen) || !next.dead.is_empty() || !next.waiting_since.is_empty();
    let machines = of_machines(seen, before, &mut next);
    plan.failed_launches = Some(next.machines.failed_launches);
    if is_new_minute && !next.is_as(before) {
        plan.actions.push(Action::Remember(*version, next.text()));
    }
    plan.actions.extend(decided);
    plan.is_alarm = machines.is_alarm;
    let ended = machines.ended.iter().cloned();
    let is_smaller = machines.is_smaller;
    plan.actions.extend(ended.map(|machine| Action::Terminate { machine, is_smaller }));
    if let Some(group) = &seen.group {
        let (loads, bounds) = (loads(seen, &next), GroupBounds { desired: group.desired, max: group.max });
        plan.wanted = Some(scale::wanted(&loads, bounds));
        let most = machines.launches.map_or(u32::MAX, |launches| group.desired.saturating_add(launches));
        let capacity = scale::capacity(&loads, bounds).map(|capacity| capacity.min(most));
        plan.actions.extend(capacity.filter(|capacity| *capacity > group.desired).map(Action::Grow));
    }
    plan.actions.extend(samples(seen));
    plan
}

/// The dead letters of all tasks that have some: as they were read, or else as they are remembered.
pub fn dead(seen: &Seen, before: &ControllerMemory) -> BTreeMap<String, u64> {
    let of = |task: &TaskSeen| {
        let id = &task.summary.task.id;
        let dead = task.dead().or_else(|| before.dead.get(id).copied())?;
        (dead > 0).then(|| (id.clone(), dead))
    };
    seen.tasks.iter().filter_map(of).collect()
}

fn of_task(task: &TaskSeen, seen: &Seen) -> Vec<Action> {
    let summary = Box::new(task.summary.clone());
    let (decisions, mut watch) = task::decide(&task.view(), seen.minute(), seen.now);
    let notice = outage_report(task, seen, &mut watch);
    let mut actions = Vec::new();
    if is_worth_recording(task, &watch) {
        let seen = task.summary.watch.minute;
        actions.push(Action::Watch { task: task.summary.task.clone(), seen, watch, notice });
    }
    actions.extend(decisions.into_iter().map(|decision| Action::Decided(summary.clone(), decision)));
    actions.extend(deletion::step(task).map(|step| match step {
        DeletionStep::Ask(kind) => Action::Ask(summary, kind),
        DeletionStep::Remove(left) => Action::Remove(summary, left),
    }));
    actions
}

/// Counts a pass in which a task waits. Returns what somebody is to be notified of.
fn outage_report(task: &TaskSeen, seen: &Seen, watch: &mut Watch) -> Option<Box<OutageReport>> {
    let (summary, before) = (&task.summary, task.summary.watch);
    let speaking = seen.heartbeats.iter().flatten().filter(|worker| !worker.is_silent(seen.now));
    let reported = Reported::of(&summary.task.id, speaking);
    let is_new_minute = seen.minute() > before.minute;
    let (outage, event) = outage::next(summary, reported, is_new_minute, seen.minute());
    watch.outage = outage;
    if outage.is_some_and(|outage| before.outage.is_none_or(|before| before.passes != outage.passes)) {
        // Another controller does not count this minute.
        watch.minute = watch.minute.max(seen.minute());
    }
    let since = outage.or(before.outage)?.since;
    let since = Timestamp(i64::try_from(since).unwrap_or(0).saturating_mul(60_000));
    let error = match reported {
        Reported::Waits(error) => Some(error.to_owned()),
        Reported::Served | Reported::Nothing => None,
    };
    event.map(|event| Box::new(OutageReport { summary: summary.clone(), event, since, error }))
}

/// A task without a run is not written each minute only because a minute has passed.
fn is_worth_recording(task: &TaskSeen, watch: &Watch) -> bool {
    let before = &task.summary.watch;
    let is_time_alone = Watch { minute: 0, ..*watch } == Watch { minute: 0, ..*before };
    watch != before && (task.has_runs() || !is_time_alone)
}

fn of_operations(
    seen: &Seen,
    before: &ControllerMemory,
    is_new_minute: bool,
    next: &mut ControllerMemory,
) -> Vec<Action> {
    let Some(open) = &seen.operations else { return Vec::new() };
    // Those that nobody needs are ended; those of runs are decided with their tasks.
    let reason = |operation: &Operation| withdrawal(operation, seen);
    let withdraw = |operation: &Operation| Some(Action::Withdraw(Box::new(operation.clone()), reason(operation)?));
    let mut actions: Vec<Action> = open.iter().filter_map(withdraw).collect();
    let others: Vec<Operation> =
        open.iter().filter(|operation| reason(operation).is_none() && !is_run(operation)).cloned().collect();
    let is_empty = |id: &str| {
        let of_task = |task: &TaskSeen| task.depths.filter(|_| is_served(task)).map(|depths| depths.events);
        let depth = seen.task(id).map_or(seen.operations_depth, of_task);
        depth.map(|depth| depth.waiting() == 0)
    };
    let (decisions, memory) = operations::decide(&others, &before.operations, is_empty);
    if is_new_minute {
        next.operations = memory;
    }
    for decision in decisions {
        let (OperationDecision::Send { task, id } | OperationDecision::Notify { task, id, .. }) = &decision;
        let Some(operation) = others.iter().find(|one| one.task == *task && one.id == *id) else { continue };
        let summary = seen.task(task).map(|task| Box::new(task.summary.clone()));
        let operation = Box::new(operation.clone());
        match (&decision, summary) {
            // A notice that was never begun may be sent in each round.
            (OperationDecision::Notify { seen: 0, .. }, Some(summary)) => {
                actions.push(Action::Notify(summary, operation))
            }
            _ if !is_new_minute => {}
            (OperationDecision::Notify { .. }, Some(summary)) => actions.push(Action::Notify(summary, operation)),
            (OperationDecision::Notify { .. }, None) => {}
            (OperationDecision::Send { .. }, summary) => actions.push(Action::Send(summary, operation)),
        }
    }
    actions
}

/// Why nobody needs an operation; `None`: it is to be carried out.
fn withdrawal(operation: &Operation, seen: &Seen) -> Option<&'static str> {
    if seen.task(&operation.task).is_some() {
        return None;
    }
    if operation.version > 0 {
        return Some("the task was deleted");
    }
    // Of a task that is not created. Who waited for the result has gone.
    let age = u64::try_from(seen.now.0.saturating_sub(operation.requested.0)).unwrap_or(0);
    (Duration::from_millis(age) >= REQUEST_KEPT).then_some("no worker carried it out within a day")
}

fn of_machines(seen: &Seen, before: &ControllerMemory, next: &mut ControllerMemory) -> machines::Decisions {
    let known = seen.group.as_ref().zip(seen.heartbeats.as_ref()).map(|(group, heartbeats)| {
        let machine = |machine: &shared::fleet::group::GroupMachine| MachineView {
            id: machine.id.clone(),
            is_in_service: machine.is_in_service,
            counter: counter(&machine.id, heartbeats),
        };
        group.machines.iter().map(machine).collect::<Vec<_>>()
    });
    let is_ready = seen.tasks.iter().any(|task| is_served(task) && task.depth().is_none_or(|depth| depth.ready > 0));
    let (decisions, memory) = machines::decide(known.as_deref(), &before.machines, seen.minute(), is_ready);
    next.machines = memory;
    decisions
}

/// A number that changes with each heartbeat from a machine. A worker that was started again counts from 1 under
/// another name: the newest by the machine's own clock is the one that lives.
fn counter(machine: &str, heartbeats: &[Heartbeat]) -> Option<u64> {
    let of_machine = heartbeats.iter().filter(|heartbeat| heartbeat.machine.as_deref() == Some(machine));
    let newest = of_machine.max_by_key(|heartbeat| (heartbeat.at, heartbeat.counter))?;
    let name = newest.worker.bytes().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Some(name.wrapping_add(newest.counter))
}

/// Whether workers receive the task's messages. A task that is being deleted still has messages to be settled.
fn is_served(task: &TaskSeen) -> bool {
    task.summary.state != TaskState::Paused
}

fn loads(seen: &Seen, memory: &ControllerMemory) -> Vec<Load> {
    // Of runs, more may be open than were read: their tasks show them.
    let open = || seen.operations.iter().flatten();
    let is_queued = |operation: &&Operation| operation.kind.class() == OperationClass::Other && operation.beat == 0;
    let of_task = |task: &TaskSeen| {
        let (id, depth) = (&task.summary.task.id, task.depth().unwrap_or_default());
        let has_queued = task.has_queued_run() || open().filter(is_queued).any(|operation| operation.task == *id);
        Load {
            depth,
            is_queued: has_queued && task.depth().is_some() && depth.waiting() == 0,
            target: memory.targets.get(id).copied().unwrap_or(DEFAULT_TARGET_JOBS),
            machines: task.summary.limits.machines,
        }
    };
    let mut loads: Vec<Load> = seen.tasks.iter().filter(|task| is_served(task)).map(of_task).collect();
    let depth = seen.operations_depth.unwrap_or_default();
    let is_unknown = |operation: &&Operation| operation.version == 0 && seen.task(&operation.task).is_none();
    let is_queued = open().filter(is_queued).any(|operation| is_unknown(&operation)) && depth.waiting() == 0;
    loads.push(Load { depth, is_queued, target: DEFAULT_TARGET_JOBS, machines: None });
    loads
}

/// The measured rates of a machine, for the tasks that exist.
fn targets(seen: &Seen, before: &ControllerMemory) -> std::collections::BTreeMap<String, u64> {
    let of_task = |task: &TaskSeen| {
        let id = task.summary.task.id.clone();
        let known = before.targets.get(&id).copied();
        let learned = target::learned(known, &task.samples);
        (known.is_some() || learned != DEFAULT_TARGET_JOBS).then_some((id, learned))
    };
    seen.tasks.iter().filter_map(of_task).collect()
}

/// A sample for each task with work.
fn samples(seen: &Seen) -> Vec<Action> {
    let sample = |task: &TaskSeen| {
        let depth: Depth = task.depth()?;
        let id = &task.summary.task.id;
        // A worker that was killed says nothing new.
        let speaking = seen.heartbeats.iter().flatten().filter(|worker| !worker.is_silent(seen.now));
        let event_age = speaking.filter_map(|worker| worker.event_ages.get(id)).max().copied();
        if !task.has_runs() && depth.waiting() == 0 && event_age.is_none() {
            return None;
        }
        let workers = seen.heartbeats.iter().flatten();
        let machines = workers.filter(|worker| worker.jobs.get(id).is_some_and(|jobs| *jobs > 0)).count();
        let live = task.live();
        // Machines that nobody scales are no group: then it has no maximum.
        let group = seen.group.as_ref().filter(|group| group.max > 0);
        let sample = Sample {
            minute: seen.minute(),
            depth,
            run: task.summary.run.as_ref().map(|run| run.id.clone()),
            found: live.map(|run| run.found).unwrap_or_default(),
            settled: live.map(|run| run.settled.clone()).unwrap_or_default(),
            machines: u32::try_from(machines).unwrap_or(u32::MAX),
            wanted: group.map(|group| group.desired),
            in_service: group.map(|group| group.machines.iter().filter(|machine| machine.is_in_service).count() as u32),
            event_age,
        };
        Some(Action::Sample(task.summary.task.clone(), Box::new(sample)))
    };
    seen.tasks.iter().filter_map(sample).collect()
}
