//! `flotilla task show`

use adapters::open;
use control::Actor;
use control::actions::limit_words;
use control::views::{self, ReceiverState, live, messages_die};
use serde::Serialize;
use shared::object::Timestamp;
use shared::queue::Depth;
use shared::tasks::{Audit, Heartbeat, Operation, OperationKind, Summary, TaskState};
use shared::terminal;

use super::history::{audits, change};
use super::list::{Listed, last_run, next_run};
use super::live::{errors, words};
use super::{actor, lifetime};
use crate::args::ShowArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout::Stdout;

/// Operations, workers and changes that are shown.
const SHOWN: usize = 10;

/// Everything about a task.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    listed: Listed,
    /// Its present definition.
    definition: String,
    /// Messages on its queues, or why they cannot be read.
    queues: Result<Depth, String>,
    /// When its oldest message is lost if none is received before: of a paused task, or of one whose finder waits.
    messages_die: Option<Timestamp>,
    /// The workers of the fleet.
    workers: Vec<Heartbeat>,
    /// Its newest operations.
    operations: Vec<Operation>,
    /// How notices reach its receivers.
    receivers: Vec<ReceiverState>,
    /// Its newest changes.
    changes: Vec<Audit>,
}

/// Prints a task.
pub async fn run(args: &ShowArgs) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let summary = actor.summary(&args.name).await?;
    let mut out = Stdout::new();
    if args.toml {
        out.line(definition(&actor, &summary).await?.trim_end())?;
        out.flush()?;
        return Ok(Exit::InSync);
    }
    let shown = shown(&actor, summary).await?;
    if args.json {
        out.line(serde_json::to_string(&shown).expect("a task is representable as JSON"))?;
    } else {
        shown.lines().into_iter().try_for_each(|line| out.line(line))?;
        out.line("")?;
        out.line(shown.definition.trim_end())?;
    }
    out.flush()?;
    Ok(Exit::InSync)
}

/// The text of the present definition, with the limits that hold now. One of a newer program is shown as it is.
async fn definition(actor: &Actor, summary: &Summary) -> Result<String, Failure> {
    match actor.definition(summary).await {
        Ok(definition) => Ok(definition.to_toml()?),
        Err(_) => Ok(actor.text(summary).await?),
    }
}

async fn shown(actor: &Actor, summary: Summary) -> Result<Shown, Failure> {
    let backend = &actor.backend;
    let id = summary.task.id.clone();
    let workers = backend.tasks.heartbeats().await.map_err(Failure::midway)?;
    let depth = async {
        let queues = open::existing_task_queues(backend.fleet(), &summary).await?;
        queues.depth().await
    };
    let queues = depth.await.map_err(|error| error.to_string());
    let (operations, _) = backend.tasks.operations(&id, None, SHOWN).await.map_err(Failure::midway)?;
    let changes = audits(backend, &id, SHOWN).await?;
    let receivers = receivers(actor, &summary).await?;
    Ok(Shown {
        receivers,
        definition: definition(actor, &summary).await?,
        messages_die: queues.as_ref().ok().and_then(|depth| messages_die(&summary, depth, &changes)),
        queues,
        operations,
        changes,
        listed: Listed {
            live: live(backend, &summary).await.map_err(Failure::midway)?,
            errors: errors(&workers, &id),
            summary,
        },
        workers,
    })
}

/// How notices reach the receivers of the present definition. One of a newer program is not read.
async fn receivers(actor: &Actor, summary: &Summary) -> Result<Vec<ReceiverState>, Failure> {
    let definition = actor.definition(summary).await.ok().filter(|_| summary.outline.notify);
    let Some(definition) = definition else { return Ok(Vec::new()) };
    let notices = views::notices(actor.tasks(), &summary.task.id).await.map_err(Failure::midway)?;
    Ok(views::receivers(&notices, definition.notify.channels()))
}

impl Shown {
    fn lines(&self) -> Vec<String> {
        let Listed { summary, live, errors } = &self.listed;
        let name = &summary.task.name;
        let mut lines = vec![format!("{name}: {}, version {}", state_words(summary), summary.version)];
        if !summary.outline.description.is_empty() {
            lines.push(terminal::escaped(&summary.outline.description).to_string());
        }
        lines.push(format!("created {}", summary.created.to_seconds()));
        lines.push(next_run(summary.next_due));
        lines.push(last_run(summary));
        lines.push(limit_words(&summary.limits));
        if let (Some(run), Some(live)) = (&summary.run, live) {
            let id = terminal::run_id(&run.id);
            lines.push(format!("run {id} since {}: {}", run.begun.to_seconds(), words(live)));
            lines
                .extend(live.run.iter().filter_map(|run| run.error.as_ref()).map(|e| terminal::escaped(e).to_string()));
        }
        let cancelled = summary.cancelled.iter().filter(|id| summary.run.as_ref().is_none_or(|run| run.id != **id));
        lines.extend(cancelled.map(|id| format!("run {} is being cancelled", terminal::run_id(id))));
        if let Some(skipped) = summary.skipped_due {
            lines.push(format!("no run at {}: the run before had not ended", skipped.to_seconds()));
        }
        if summary.last_run.as_ref().is_some_and(|last| last.failed > 0) {
            lines.push(format!("its failed objects: flotilla failures {name}"));
        }
        lines.push(self.queue_words());
        if let Some(at) = self.messages_die {
            lines.push(lifetime::words(summary, at));
        }
        lines.extend(self.worker_words());
        lines.extend(errors.iter().take(SHOWN).map(|error| {
            let (worker, error) = (terminal::escaped(&error.worker), terminal::escaped(&error.error));
            format!("worker {worker} cannot open it: {error}")
        }));
        lines.extend(self.receivers.iter().map(receiver_words));
        lines.extend(self.operations.iter().filter_map(operation_words));
        lines.extend(self.changes.iter().map(|audit| change(audit).replace('\t', "  ")));
        lines
    }

    fn queue_words(&self) -> String {
        match &self.queues {
            Ok(Depth { ready, leased, delayed, dead }) => {
                let count = |number: u64| terminal::count(number);
                let dead = match dead {
                    0 => String::new(),
                    dead => format!(", {} in the dead letters", terminal::counted(*dead, "message")),
                };
                format!("queues: {} ready, {} leased, {} delayed{dead}", count(*ready), count(*leased), count(*delayed))
            }
            Err(why) => format!("queues cannot be read: {}", terminal::escaped(why)),
        }
    }

    /// Which workers have its jobs, the busiest first.
    fn worker_words(&self) -> Vec<String> {
        let summary = &self.listed.summary;
        let jobs = |worker: &Heartbeat| worker.jobs.get(&summary.task.id).copied().unwrap_or(0);
        let mut busy: Vec<&Heartbeat> = self.workers.iter().filter(|worker| jobs(worker) > 0).collect();
        busy.sort_by_key(|worker| std::cmp::Reverse(jobs(worker)));
        let now = Timestamp::now();
        let silent = self.workers.iter().filter(|worker| worker.is_silent(now)).count();
        let mut all = match self.workers.len() {
            0 => "no worker serves the fleet: start one".to_owned(),
            workers => {
                let (all, busy) = (terminal::counted(workers as u64, "worker"), terminal::count(busy.len() as u64));
                format!("{all}, of which {busy} with its jobs")
            }
        };
        if silent > 0 {
            let silent = terminal::count(silent as u64);
            all += &format!(", and {silent} not seen for 5 minutes (killed, or a clock is wrong)");
        }
        let one = |worker: &&Heartbeat| {
            let seen = worker.age(now);
            let (name, jobs) = (terminal::escaped(&worker.worker), terminal::counted(jobs(worker).into(), "job"));
            format!("worker {name}: {jobs}, seen {} ago", terminal::time(seen))
        };
        [all].into_iter().chain(busy.iter().take(SHOWN).map(one)).collect()
    }
}

/// How notices reach a receiver.
fn receiver_words(receiver: &ReceiverState) -> String {
    let ReceiverState { channel, delivered, error, tries } = receiver;
    let last = match delivered {
        Some(at) => format!("the last one was taken at {}", at.to_seconds()),
        None => "none was taken yet".to_owned(),
    };
    let failed = error.as_ref().map(|error| {
        let times = terminal::counted(*tries, "attempt");
        format!("; not taken after {times}: {}", terminal::escaped(error))
    });
    format!("notices by {}: {last}{}", channel.as_str(), failed.unwrap_or_default())
}

/// A state with its meaning.
fn state_words(summary: &Summary) -> &'static str {
    match summary.state {
        TaskState::Active => "active",
        TaskState::Paused => "paused (no run begins, no job is received; messages live 14 days)",
        TaskState::Deleting => "deleting (its runs are cancelled, then its queues are removed)",
    }
}

/// An operation that is not done, but for runs.
fn operation_words(operation: &Operation) -> Option<String> {
    if operation.end.is_some() || operation.kind == OperationKind::Find {
        return None;
    }
    let kind = operation.kind.as_str();
    let since = operation.requested.to_seconds();
    let progress = operation.progress.as_ref().map(|text| format!(": {}", terminal::escaped(text)));
    let worker = operation.worker.as_ref().map(|worker| format!(" by worker {}", terminal::escaped(worker)));
    Some(format!("{kind} since {since}{}{}", worker.unwrap_or_default(), progress.unwrap_or_default()))
}
