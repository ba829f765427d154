//! Asks workers to probe, plan and verify, and the controller to test notices.

use axum::Json;
use axum::http::StatusCode;
use control::actions;
use control::{Actor, Code, Effort, Refusal};
use shared::config::TaskDefinition;
use shared::tasks::{Operation, check_task_name};

use crate::api::definition::Definition;
use crate::api::operations::{PlanRequest, ProbeRequest, RequestedOperation, VerifyEffort, VerifyRequest};
use crate::extract::{Caller, JsonBody, TaskName, definition};
use crate::problem::Problem;

/// An operation that was recorded.
type Answer = Result<(StatusCode, Json<RequestedOperation>), Problem>;

/// Probe the sides of a definition.
#[utoipa::path(post, path = "/probes", tag = "operations", params(("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = ProbeRequest, responses((status = 202, description = "Recorded", body = RequestedOperation)))]
pub async fn probe(Caller(actor): Caller, JsonBody(request): JsonBody<ProbeRequest>) -> Answer {
    let definition = match subject(request.definition, request.task)? {
        Subject::Definition(definition) => definition,
        Subject::Task(name) => Box::new(actor.found(&name).await?.definition),
    };
    // It belongs to no task: a task that no worker can open is probed too.
    answer(None, actions::probe(&actor, &on(&actor, definition)?, request.write_test).await)
}

/// Plan a run of a definition.
#[utoipa::path(post, path = "/plans", tag = "operations", params(("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = PlanRequest, responses((status = 202, description = "Recorded", body = RequestedOperation)))]
pub async fn plan(Caller(actor): Caller, JsonBody(request): JsonBody<PlanRequest>) -> Answer {
    match subject(request.definition, request.task)? {
        Subject::Definition(definition) => answer(None, actions::plan_new(&actor, &on(&actor, definition)?).await),
        Subject::Task(name) => {
            let operation = actions::plan(&actor, &name).await;
            answer(Some(name), operation)
        }
    }
}

/// Verify a task.
#[utoipa::path(post, path = "/tasks/{task}/verifications", tag = "operations", params(("task" = String, Path, description = "The name of the task", max_length = 40), ("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = VerifyRequest, responses((status = 202, description = "Recorded", body = RequestedOperation)))]
pub async fn verify_task(
    Caller(actor): Caller,
    TaskName(name): TaskName,
    JsonBody(request): JsonBody<VerifyRequest>,
) -> Answer {
    let effort = match request.effort {
        VerifyEffort::Quick => Effort::Quick,
        VerifyEffort::Needed => Effort::Needed,
        VerifyEffort::Deep => Effort::Deep,
    };
    let operation = actions::verify(&actor, &name, effort).await;
    answer(Some(name), operation)
}

/// Send a test notice to the receivers of a task.
///
/// The controller sends it within a minute. The result of the operation has each receiver, and why it did not take it.
#[utoipa::path(post, path = "/tasks/{task}/notify-test", tag = "operations", params(("task" = String, Path, description = "The name of the task", max_length = 40), ("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), responses((status = 202, description = "Recorded", body = RequestedOperation)))]
pub async fn notify_test(Caller(actor): Caller, TaskName(name): TaskName) -> Answer {
    let operation = actions::notify_test(&actor, &name).await;
    answer(Some(name), operation)
}

/// What a request is about.
enum Subject {
    /// A definition, whose task need not exist.
    Definition(Box<TaskDefinition>),
    /// A task.
    Task(String),
}

fn subject(given: Option<Definition>, task: Option<String>) -> Result<Subject, Problem> {
    match (given, task) {
        (Some(Definition(map)), None) => Ok(Subject::Definition(Box::new(definition(map)?))),
        (None, Some(name)) if check_task_name(&name).is_ok() => Ok(Subject::Task(name)),
        (None, Some(_)) => {
            Err(Problem::new(StatusCode::NOT_FOUND, "no-such-task", "the fleet has no task of this name"))
        }
        _ => Err(Refusal::new(Code::InvalidRequest, "give definition or task, one of them").into()),
    }
}

/// The definition, if the fleet can have it.
fn on(actor: &Actor, definition: Box<TaskDefinition>) -> Result<TaskDefinition, Problem> {
    definition.check_on(actor.fleet()).map_err(Refusal::from)?;
    Ok(*definition)
}

fn answer(task: Option<String>, operation: Result<Operation, Refusal>) -> Answer {
    Ok((StatusCode::ACCEPTED, Json(RequestedOperation { task, operation: operation?.id })))
}
