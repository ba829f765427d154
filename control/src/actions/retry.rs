//! Retries the failures of a run.

use serde_json::json;
use shared::config::{RunOverrides, TaskDefinition};
use shared::ledger::{Run, RunOptions};
use shared::tasks::{OperationKind, Summary};
use shared::terminal;

use super::actor::Actor;
use super::begin::{Begun, begin, begun_before};
use crate::refusal::{Code, Refusal};
use crate::request::RetryRequest;

/// Begins a run that a worker of the fleet carries out: the request names the run whose failures it retries, and the
/// keys if not all are.
pub async fn retry(actor: &Actor, task: &Summary, failed: &Run, keys: Option<&[String]>) -> Result<Begun, Refusal> {
    let run = failed.start.id.clone();
    let request = json!(RetryRequest { run, keys: keys.map(<[String]>::to_vec) }).to_string();
    if let Some(begun) = begun_before(actor, task, &request).await? {
        return Ok(begun);
    }
    check_retry(actor, task, failed).await?;
    begin(actor, task, OperationKind::Retry, request, false).await
}

/// Refuses what a worker would refuse. The endpoints, and the prefixes of a list, are known to the worker alone.
async fn check_retry(actor: &Actor, task: &Summary, failed: &Run) -> Result<(), Refusal> {
    if failed.is_events() {
        return Ok(());
    }
    let id = &task.task.id;
    let begun = actor.tasks().operation(id, &failed.start.id).await.map_err(Refusal::midway)?;
    let Some(begun) = begun.filter(|begun| begun.kind == OperationKind::Find) else { return Ok(()) };
    // A version that no run needs any more is removed: then the worker decides.
    let Some(then) = actor.tasks().definition(id, begun.version).await.map_err(Refusal::midway)? else { return Ok(()) };
    let (Ok(then), Ok(overrides)) = (TaskDefinition::parse(&then), RunOverrides::parse(&begun.request)) else {
        return Ok(());
    };
    let now = actor.definition(task).await?;
    let options = |definition: TaskDefinition, overrides: &RunOverrides| {
        let config = definition.on(actor.fleet(), id);
        RunOptions::of_definition(&overrides.apply(&config.objects.find), &config.objects.work)
    };
    match options(then, &overrides) == options(now, &RunOverrides::default()) {
        true => Ok(()),
        false => Err(other_options(failed)),
    }
}

/// Refuses a retry in the name of options that the run did not have.
pub fn other_options(failed: &Run) -> Refusal {
    let id = terminal::run_id(&failed.start.id);
    let what = format!("run {id} had other options than its task has now, so its failed objects cannot be retried");
    Refusal::new(Code::OtherOptions, what).hint("start a new run, which finds these objects again")
}

#[cfg(test)]
mod tests {
    use shared::ledger::{Found, Phase, RunStart, Settled};
    use shared::object::Timestamp;
    use shared::tasks::{BeginRun, Operation};

    use super::*;
    use crate::fixtures;

    fn failed(id: &str) -> Run {
        let start = RunStart {
            id: id.into(),
            task: "t".into(),
            source: "/a".into(),
            destination: "/b".into(),
            options: Default::default(),
            started: Timestamp(0),
        };
        Run {
            start,
            phase: Phase::Listed,
            entered: Default::default(),
            error: None,
            found: Found::default(),
            settled: Settled::default(),
        }
    }

    #[tokio::test]
    async fn a_retry_under_other_options_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (actor, task) = fixtures::fleet(folder.path()).await;
        let who = actor.author("");
        let operation =
            Operation::queued("run-1".to_owned(), (&task.task.id, 1), OperationKind::Find, String::new(), &who);
        let begin = BeginRun { task: &task.task, operation: &operation, due: None, supersedes: None };
        assert!(actor.tasks().begin_run(&begin, &who).await.unwrap().is_made());
        let failed = failed("run-1");
        assert!(check_retry(&actor, &task, &failed).await.is_ok());
        let other = fixtures::definition("[find]\ndelete = true\n").kept().unwrap();
        assert!(actor.tasks().edit(&task.task, 1, &other, None, &who).await.unwrap().is_made());
        let task = actor.summary("t").await.unwrap();
        let refused = check_retry(&actor, &task, &failed).await.unwrap_err();
        assert_eq!((refused.code, refused.is_midway), (Code::OtherOptions, false));
        assert!(refused.what.contains("had other options than its task has now"), "{refused}");
    }
}
