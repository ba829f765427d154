//! Tasks that wait for a store, or that no worker can open.

use super::OUTAGE_PASSES;
use crate::notify::NoticeEvent;
use crate::tasks::{Heartbeat, Outage, Summary, TaskState};

/// What the workers report of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported<'a> {
    /// Nothing was read, or no worker lives: whether the task waits is unknown.
    Nothing,
    /// It is served.
    Served,
    /// It waits, for this reason.
    Waits(&'a str),
}

impl<'a> Reported<'a> {
    /// What these workers report. A worker that has jobs and no error serves the task: then only another machine is at
    /// fault.
    pub fn of(task: &str, workers: impl Iterator<Item = &'a Heartbeat>) -> Reported<'a> {
        let mut found = Reported::Nothing;
        for worker in workers {
            found = match (worker.errors.get(task), found) {
                (None, _) if worker.jobs.contains_key(task) => return Reported::Served,
                (None, Reported::Nothing) => Reported::Served,
                (Some(error), Reported::Nothing | Reported::Served) => Reported::Waits(error),
                (_, found) => found,
            };
        }
        found
    }
}

/// The outage of a task after a pass, and what somebody is to be notified of. In a minute that was counted before, no pass
/// is counted.
pub fn next(
    summary: &Summary,
    reported: Reported<'_>,
    is_new_minute: bool,
    minute: u64,
) -> (Option<Outage>, Option<NoticeEvent>) {
    let before = summary.watch.outage;
    let has_work = summary.run.is_some() || !summary.cancelled.is_empty() || summary.outline.events;
    if summary.state != TaskState::Active || !has_work {
        // Nobody waits for it any more, and whether it would go on is unknown.
        return (None, None);
    }
    match reported {
        Reported::Nothing => (before, None),
        Reported::Served => (None, before.filter(|outage| outage.is_noticed).map(|_| NoticeEvent::GoesOn)),
        Reported::Waits(_) if !is_new_minute => (before, None),
        Reported::Waits(_) => {
            let Outage { since, passes, is_noticed } = before.unwrap_or(Outage { since: minute, ..Outage::default() });
            // It stays at the bound: a task that waits is not written each minute.
            let passes = passes.saturating_add(1).min(OUTAGE_PASSES);
            let is_due = passes == OUTAGE_PASSES && !is_noticed;
            let outage = Outage { since, passes, is_noticed: is_noticed || is_due };
            (Some(outage), is_due.then_some(NoticeEvent::Waits))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Timestamp;
    use crate::tasks::{Author, Definition, NewTask, Outline, TaskRef, WorkerState};

    fn task(events: bool) -> Summary {
        let outline = Outline { events, ..Outline::default() };
        let definition = Definition { text: String::new(), outline, limits: Default::default() };
        let new = NewTask { task: TaskRef { name: "t".into(), id: "id".into() }, definition, next_due: None };
        Summary::of_new(&new, &Author::new("me", Timestamp(1), ""))
    }

    fn worker(jobs: u32, error: Option<&str>) -> Heartbeat {
        Heartbeat {
            worker: "w".into(),
            counter: 1,
            machine: None,
            version: String::new(),
            state: WorkerState::Working,
            jobs: (jobs > 0).then(|| ("id".to_owned(), jobs)).into_iter().collect(),
            errors: error.map(|error| ("id".to_owned(), error.to_owned())).into_iter().collect(),
            event_ages: Default::default(),
            oldest: Default::default(),
            at: Timestamp(0),
        }
    }

    #[test]
    fn a_task_waits_if_no_worker_serves_it() {
        let away = || worker(3, Some("no answer"));
        for (workers, expected) in [
            (vec![], Reported::Nothing),
            (vec![worker(0, None)], Reported::Served),
            (vec![away()], Reported::Waits("no answer")),
            (vec![worker(0, None), away()], Reported::Waits("no answer")),
            (vec![away(), worker(0, None)], Reported::Waits("no answer")),
            (vec![away(), worker(2, None)], Reported::Served),
            (vec![worker(2, None), away()], Reported::Served),
        ] {
            assert_eq!(Reported::of("id", workers.iter()), expected, "{workers:?}");
        }
    }

    /// The minutes with a notice, from what each pass saw: `x` waits, `.` is served, `?` is unknown.
    fn notices(passes: &str) -> Vec<(u64, NoticeEvent)> {
        let mut summary = task(true);
        let mut found = Vec::new();
        for (minute, pass) in (1..).zip(passes.chars()) {
            let reported = match pass {
                'x' => Reported::Waits("no answer"),
                '?' => Reported::Nothing,
                _ => Reported::Served,
            };
            let (outage, event) = next(&summary, reported, true, minute);
            summary.watch.outage = outage;
            found.extend(event.map(|event| (minute, event)));
        }
        found
    }

    #[test]
    fn an_outage_of_five_passes_has_one_notice_and_its_end_another() {
        use NoticeEvent::{GoesOn, Waits};
        assert_eq!(notices("xxxx.xxxx."), [], "a store that restarts");
        assert_eq!(notices("xxxxxxxxxx.."), [(5, Waits), (11, GoesOn)]);
        assert_eq!(notices("xx??xxx??x?."), [(7, Waits), (12, GoesOn)], "what was not read counts for nothing");
        assert_eq!(notices("xxxxx.xxxxx."), [(5, Waits), (6, GoesOn), (11, Waits), (12, GoesOn)]);
    }

    #[test]
    fn a_minute_is_counted_once_and_a_paused_task_does_not_wait() {
        let mut summary = task(true);
        let outage = Outage { since: 3, passes: 4, is_noticed: false };
        summary.watch.outage = Some(outage);
        assert_eq!(next(&summary, Reported::Waits("x"), false, 7), (Some(outage), None));
        summary.state = TaskState::Paused;
        assert_eq!(next(&summary, Reported::Waits("x"), true, 8), (None, None));
        let mut idle = task(false);
        idle.watch.outage = Some(Outage { is_noticed: true, ..outage });
        assert_eq!(next(&idle, Reported::Served, true, 8), (None, None), "its run was cancelled meanwhile");
    }
}
