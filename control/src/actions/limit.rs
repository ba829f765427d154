//! Changes limits.

use shared::config::TaskLimits;
use shared::tasks::{Change, Limits};
use shared::terminal;

use super::actor::{Actor, gone};
use crate::refusal::{Code, Refusal};

/// How often others may change the limits between our reading and writing.
const MAX_ROUNDS: usize = 10;

/// Limits to set: `None` leaves one as it is, `Some(None)` removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewLimits {
    /// Most machines that are started for the task.
    pub machines: Option<Option<u32>>,
    /// Bytes a second over all workers.
    pub bandwidth: Option<Option<u64>>,
    /// Requests a second to each store over all workers.
    pub requests: Option<Option<u32>>,
}

/// Replaces the limits that are given; the others stay. Workers obey within 15 s. Repeating it changes nothing.
pub async fn limit(actor: &Actor, name: &str, new: &NewLimits) -> Result<Limits, Refusal> {
    for _ in 0..MAX_ROUNDS {
        let summary = actor.summary(name).await?;
        let limits = new.over(&summary.limits);
        let Limits { machines, bandwidth, requests } = limits;
        TaskLimits { machines, bandwidth, requests }.check()?;
        let author = actor.author(&words(&limits));
        // Repeated, it is made already. Another person's change of another limit is read again, and kept.
        let set = actor.tasks().set_limits(&summary.task, &summary.limits, &limits, &author).await;
        match set.map_err(Refusal::service)? {
            Change::Made => return Ok(limits),
            Change::Conflict(None) => return Err(gone(name)),
            Change::Conflict(Some(_)) => {}
        }
    }
    let what = format!("others change the limits of task {name:?} at the same time");
    Err(Refusal::new(Code::Changed, what).remedy("try again").on_the_way())
}

impl NewLimits {
    fn over(&self, present: &Limits) -> Limits {
        Limits {
            machines: self.machines.unwrap_or(present.machines),
            bandwidth: self.bandwidth.unwrap_or(present.bandwidth),
            requests: self.requests.unwrap_or(present.requests),
        }
    }
}

/// Limits for people.
pub fn words(limits: &Limits) -> String {
    let bandwidth = limits.bandwidth.map(|bytes| format!("bandwidth {}/s", terminal::bytes(bytes)));
    let requests = limits.requests.map(|requests| format!("{} requests/s", terminal::count(requests.into())));
    let machines = limits.machines.map(|machines| terminal::counted(machines.into(), "machine"));
    let all: Vec<String> = [bandwidth, requests, machines].into_iter().flatten().collect();
    if all.is_empty() { "no limits".to_owned() } else { format!("at most {}", all.join(", ")) }
}
