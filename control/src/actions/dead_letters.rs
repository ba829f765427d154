//! Reads, redrives and purges the dead letters of a task.

use std::time::{Duration, Instant};

use adapters::open::{self, TaskQueues};
use futures::future::try_join_all;
use shared::ErrorKind;
use shared::job::Job;
use shared::queue::{DeadLetter, DeadLetters, Outgoing};
use shared::tasks::{Audit, OPERATION};

use super::actor::Actor;
use crate::refusal::Refusal;

/// A look hides letters from nobody. Dead letters go nowhere, however often they are received: their queue has no limit
/// of deliveries.
const HIDDEN_BY_LOOK: Duration = Duration::ZERO;

/// How long the letters of a batch are hidden that is moved: longer than it takes.
const HIDDEN_BY_MOVE: Duration = Duration::from_secs(60);

/// A call ends after this long, whatever is left: over a slow network its caller waits no longer.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// Dead letters of a task.
#[derive(Debug)]
pub struct ReadLetters {
    /// Some of them.
    pub letters: Vec<DeadLetter>,
    /// All of them, about.
    pub count: u64,
}

/// Some of the dead letters of a task. They stay.
pub async fn dead_letters(actor: &Actor, name: &str) -> Result<ReadLetters, Refusal> {
    let summary = actor.summary(name).await?;
    // A look makes no queue.
    let queues = match open::existing_task_queues(actor.fleet(), &summary).await {
        Err(error) if error.kind() == ErrorKind::NoSuchContainer => {
            return Ok(ReadLetters { letters: Vec::new(), count: 0 });
        }
        queues => queues.map_err(Refusal::service)?,
    };
    let count = queues.depth().await.map_err(Refusal::service)?.dead;
    let mut letters = Vec::new();
    if count > 0 {
        for queue in &queues.dead {
            letters.extend(queue.read(HIDDEN_BY_LOOK).await.map_err(Refusal::service)?);
        }
    }
    letters.truncate(shared::queue::MAX_RECEIVE);
    Ok(ReadLetters { letters, count })
}

/// Sends dead letters to the queue again, as many as 10 s are enough for. Returns how many: the caller repeats it until none is
/// left. A letter is removed after it was sent: if the program ends in between, it is there twice, and its job may be
/// done twice, which does no harm.
pub async fn redrive(actor: &Actor, name: &str) -> Result<u64, Refusal> {
    let queues = queues(actor, name).await?;
    record(actor, name, &queues, "redrive").await?;
    let (began, mut moved) = (Instant::now(), 0);
    for queue in &queues.dead {
        while began.elapsed() < CALL_LIMIT {
            let letters = queue.read(HIDDEN_BY_MOVE).await.map_err(Refusal::midway)?;
            if letters.is_empty() {
                break;
            }
            let (jobs, others): (Vec<_>, Vec<_>) = letters.iter().partition(|letter| is_job(&letter.body));
            for (target, letters) in [(&queues.jobs, jobs), (&queues.events, others)] {
                let messages: Vec<_> = letters.iter().map(|letter| Outgoing::now(letter.body.clone())).collect();
                if !messages.is_empty() {
                    target.send(&messages).await.map_err(Refusal::midway)?;
                }
            }
            moved += remove(queue, &letters).await?;
        }
    }
    Ok(moved)
}

/// Removes dead letters for good, as many as 10 s are enough for. Returns how many: the caller repeats it until none is left.
pub async fn purge(actor: &Actor, name: &str) -> Result<u64, Refusal> {
    let queues = queues(actor, name).await?;
    record(actor, name, &queues, "purge").await?;
    let (began, mut removed) = (Instant::now(), 0);
    for queue in &queues.dead {
        while began.elapsed() < CALL_LIMIT {
            let letters = queue.read(HIDDEN_BY_MOVE).await.map_err(Refusal::midway)?;
            if letters.is_empty() {
                break;
            }
            removed += remove(queue, &letters).await?;
        }
    }
    Ok(removed)
}

/// Removes letters, all at once: each request takes one way to the service and back.
async fn remove(queue: &DeadLetters, letters: &[DeadLetter]) -> Result<u64, Refusal> {
    try_join_all(letters.iter().map(|letter| queue.remove(letter))).await.map_err(Refusal::midway)?;
    Ok(letters.len() as u64)
}

/// Records who does it, before it is done. Nothing is recorded where there are no letters.
async fn record(actor: &Actor, name: &str, queues: &TaskQueues, action: &str) -> Result<(), Refusal> {
    let count = queues.depth().await.map_err(Refusal::service)?.dead;
    if count == 0 {
        return Ok(());
    }
    let task = actor.summary(name).await?.task;
    let author = actor.author(&format!("of about {count} dead letters"));
    let audit = Audit { task, author, action: action.to_owned(), subject: String::new() };
    actor.tasks().record(&audit).await.map_err(Refusal::service)
}

async fn queues(actor: &Actor, name: &str) -> Result<TaskQueues, Refusal> {
    let summary = actor.summary(name).await?;
    open::task_queues(actor.fleet(), &summary).await.map_err(Refusal::service)
}

/// Whether a letter is a job of a run. Operations and events go to the queue of events, before all jobs.
fn is_job(body: &str) -> bool {
    Job::parse(body).is_ok_and(|job| job.kind != OPERATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[tokio::test]
    async fn dead_letters_are_sent_again_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (actor, summary) = fixtures::fleet(folder.path()).await;
        let queues = open::task_queues(actor.fleet(), &summary).await.unwrap();
        let second = Duration::from_secs(1);
        let give_up = async || {
            let message = queues.events.receive(1, second, second).await.unwrap().remove(0);
            queues.events.dead_letter(&message, "it cannot be read").await.unwrap();
        };
        queues.events.send(&[Outgoing::now("an event".to_owned())]).await.unwrap();
        give_up().await;
        let read = dead_letters(&actor, "t").await.unwrap();
        assert_eq!((read.count, read.letters[0].body.as_str()), (1, "an event"));
        assert_eq!(redrive(&actor, "t").await.unwrap(), 1);
        assert_eq!(dead_letters(&actor, "t").await.unwrap().count, 0);
        give_up().await;
        assert_eq!(purge(&actor, "t").await.unwrap(), 1);
        let (audits, _) = actor.tasks().audits(Some(&summary.task.id), None, 2).await.unwrap();
        assert_eq!([&audits[0].action, &audits[1].action], ["purge", "redrive"]);
        assert_eq!((redrive(&actor, "t").await.unwrap(), queues.depth().await.unwrap().ready), (0, 0));
    }
}
