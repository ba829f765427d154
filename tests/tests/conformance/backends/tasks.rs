//! A use of the tasks port through every fault that passes.

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::tasks::dynamodb::DynamoDbTasks;
use futures::future::join_all;
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::{
    AuditLog, Author, BeginRun, Change, Control, Definition, Definitions, Due, EndedRun, Heartbeat, Heartbeats, Limits,
    NewTask, Operation, OperationClass, OperationEnd, OperationKind, OperationVerdict, Operations, Outline, RunEnd,
    Sample, Samples, TaskRef, TaskState, Watch, WorkerState, run_id,
};

use super::faults::{self, DYNAMODB};
use super::{Bench, to_each_call};

/// All that the adapter asks for.
const ACTIONS: [&str; 8] = [
    "GetItem",
    "PutItem",
    "DeleteItem",
    "Query",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactWriteItems",
    "DescribeTable",
];

fn operation(task: &TaskRef, id: &str, kind: OperationKind) -> Operation {
    Operation {
        id: id.to_owned(),
        task: task.id.clone(),
        kind,
        version: 1,
        who: "me".to_owned(),
        requested: Timestamp::now(),
        request: "{}".to_owned(),
        beat: 0,
        worker: None,
        progress: None,
        end: None,
    }
}

/// A task's life. Each answer must be `Made`: nobody else is there.
async fn life(tasks: &DynamoDbTasks, author: &Author) -> Result<()> {
    let task = TaskRef { name: "photos".to_owned(), id: "id".to_owned() };
    let definition =
        |text: &str| Definition { text: text.to_owned(), outline: Outline::default(), limits: Limits::default() };
    let due = Timestamp(1_700_000_000_000);
    let new = NewTask { task: task.clone(), definition: definition("one"), next_due: Some(due) };
    assert!(tasks.create(&new, author).await?.is_made());
    let limits = Limits { machines: Some(1), ..Limits::default() };
    assert!(tasks.set_limits(&task, &Limits::default(), &limits, author).await?.is_made());
    let run = run_id(&task.id, due);
    let find = operation(&task, &run, OperationKind::Find);
    let due = Some(Due { seen: due, next: None });
    assert!(
        tasks.begin_run(&BeginRun { task: &task, operation: &find, due, supersedes: None }, author).await?.is_made()
    );
    assert_eq!(tasks.open_operations(OperationClass::Run, 10).await?.len(), 1);
    assert!(tasks.step(&task.id, &run, 0, "w", "1 %").await?.is_made());
    assert!(tasks.watch(&task, 0, &Watch { minute: 1, ..Watch::default() }).await?.is_made());
    assert!(tasks.edit(&task, 1, &definition("two"), None, author).await?.is_made());
    assert!(tasks.cancel_run(&task, &run, author).await?.is_made());
    let end = EndedRun::new(run, RunEnd::Cancelled, Timestamp::now());
    assert!(tasks.end_run(&task, &end).await?.is_made());
    assert!(tasks.remove_version(&task, 1).await?.is_made());
    tasks.request(&operation(&task, "plan", OperationKind::Plan)).await?;
    let done = OperationEnd { verdict: OperationVerdict::Succeeded, at: Timestamp::now(), result: "{}".to_owned() };
    assert!(tasks.finish(&task.id, "plan", &done).await?.is_made());
    assert_eq!(tasks.operations(&task.id, None, 10).await?.0.len(), 2);
    others(tasks, &task).await?;
    assert!(tasks.set_state(&task, TaskState::Deleting, None, author).await?.is_made());
    assert!(tasks.forget(&task, author).await?.is_made());
    assert_eq!(tasks.summaries().await?, []);
    let audits = tasks.audits(Some(&task.id), None, 100).await?.0;
    let actions: Vec<&str> = audits.iter().rev().map(|audit| audit.action.as_str()).collect();
    assert_eq!(
        actions,
        ["create", "limit", "run", "edit", "cancel", "delete", "forget"],
        "each change is recorded once"
    );
    Ok(())
}

async fn others(tasks: &DynamoDbTasks, task: &TaskRef) -> Result<()> {
    let minute = Timestamp::now().as_secs().unsigned_abs() / 60;
    tasks.add_sample(&task.id, &Sample { minute, ..Sample::default() }).await?;
    assert_eq!(tasks.samples(&task.id, 0, u64::MAX, 10).await?.len(), 1);
    let heartbeat = Heartbeat {
        worker: "w".to_owned(),
        counter: 1,
        machine: None,
        version: String::new(),
        state: WorkerState::Working,
        jobs: Default::default(),
        errors: Default::default(),
        event_ages: Default::default(),
        oldest: Default::default(),
        at: Timestamp::now(),
    };
    tasks.beat(&heartbeat).await?;
    assert_eq!(tasks.heartbeats().await?, [heartbeat]);
    tasks.leave("w").await?;
    assert_eq!(tasks.heartbeats().await?, []);
    assert_eq!(tasks.set_fleet_record(0, "{}").await?, Change::Made);
    assert_eq!(tasks.fleet_record().await?.text, "{}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_tasks_call_survives_any_single_fault() {
    join_all(faults::passing(DYNAMODB).into_iter().map(async |(name, fault)| {
        let bench = Bench::new().await;
        to_each_call(&bench.proxy, &ACTIONS, name, &fault);
        let ledger = DynamoDbLedger::open(&bench.ledger_config).await.unwrap();
        let tasks = DynamoDbTasks::of(&ledger, "fleet");
        let used = life(&tasks, &Author::new("me", Timestamp::now(), "")).await;
        used.unwrap_or_else(|error| panic!("{name}: {error}"));
        for action in ACTIONS {
            assert!(bench.asked(action) > 0, "{name}: {action} is not used");
        }
    }))
    .await;
}
