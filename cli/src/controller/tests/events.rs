//! How a controller repairs the events of buckets.

use std::sync::{Arc, Mutex};

use adapters::open::TaskDepth;
use async_trait::async_trait;
use shared::config::{FollowedEvents, TaskDefinition};
use shared::queue::Depth;
use shared::sync::lock;
use shared::tasks::{OperationClass, OperationEnd, OperationVerdict, SharedTasks, Summary, TaskState};
use shared::{Error, ErrorKind, Result};

use super::stage::Stage;
use crate::controller::pass;
use crate::controller::queues::Queues;

/// What somebody does while a controller wires events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Nothing,
    Edit,
    Delete,
}

/// Records what is wired: the task, and its events; `None`: it was unwired.
#[derive(Debug)]
struct Wires {
    tasks: SharedTasks,
    meanwhile: Mutex<Meanwhile>,
    fails: bool,
    /// The error of the next call that unwires.
    unwire: Mutex<Option<ErrorKind>>,
    calls: Mutex<Vec<(String, Option<FollowedEvents>)>>,
}

#[async_trait]
impl Queues for Wires {
    async fn depth(&self, _task: &Summary) -> Result<TaskDepth> {
        Ok(TaskDepth::default())
    }

    async fn send(&self, _task: &Summary, _body: String) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, task: &Summary) -> Result<()> {
        lock(&self.calls).push((format!("queues of {}", task.task.name), None));
        Ok(())
    }

    async fn wire_events(&self, task: &Summary, definition: &TaskDefinition) -> Result<()> {
        lock(&self.calls).push((task.task.name.clone(), Some(definition.events)));
        let meanwhile = std::mem::replace(&mut *lock(&self.meanwhile), Meanwhile::Nothing);
        let author = shared::tasks::Author::new("ada", shared::object::Timestamp::now(), "");
        match meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::Edit => {
                let after = TaskDefinition { events: FollowedEvents::CreateDelete, ..definition.clone() };
                let kept = after.kept().unwrap();
                assert!(self.tasks.edit(&task.task, task.version, &kept, None, &author).await.unwrap().is_made());
            }
            Meanwhile::Delete => {
                self.tasks.set_state(&task.task, TaskState::Deleting, None, &author).await.unwrap();
            }
        }
        match self.fails {
            true => Err(Error::new(ErrorKind::Denied, "subscribe", "s3://b", "no; allow s3:PutBucketNotification")),
            false => Ok(()),
        }
    }

    async fn unwire_events(&self, task: &Summary, _definition: &TaskDefinition) -> Result<()> {
        lock(&self.calls).push((task.task.name.clone(), None));
        lock(&self.unwire).take().map_or(Ok(()), |kind| Err(Error::new(kind, "unsubscribe", "s3://b", "no")))
    }

    async fn operations_depth(&self) -> Result<Depth> {
        Ok(Depth::default())
    }

    async fn send_operation(&self, _body: String) -> Result<()> {
        Ok(())
    }
}

/// An hour of passes over tasks of which one follows events and one does not.
async fn hour(meanwhile: Meanwhile, fails: bool) -> (Vec<(String, Option<FollowedEvents>)>, Vec<String>) {
    let stage = Stage::new().await;
    stage.task("still", "", "", None).await;
    stage.task("t", "events = \"create\"", "", None).await;
    let tasks = stage.backend.tasks.clone();
    let wires = Arc::new(Wires {
        tasks,
        meanwhile: Mutex::new(meanwhile),
        fails,
        unwire: Mutex::default(),
        calls: Mutex::default(),
    });
    let mut controller = stage.controller(0).await;
    controller.queues = wires.clone();
    let mut errors = Vec::new();
    for _ in 0..60 {
        stage.minutes_pass(1);
        errors.extend(pass(&controller).await.unwrap().errors);
    }
    (lock(&wires.calls).clone(), errors)
}

#[tokio::test]
async fn a_controller_wires_events_once_an_hour() {
    let wired = ("t".to_owned(), Some(FollowedEvents::Create));
    assert_eq!(hour(Meanwhile::Nothing, false).await, (vec![wired.clone()], Vec::new()));
    let (calls, errors) = hour(Meanwhile::Nothing, true).await;
    assert_eq!((calls, errors.len()), (vec![wired], 1));
    assert!(errors[0].contains("events of task t") && errors[0].contains("s3:PutBucketNotification"), "{errors:?}");
}

#[tokio::test]
async fn a_controller_undoes_no_edit_and_no_delete_of_events() {
    let wired = |events| ("t".to_owned(), events);
    let first = wired(Some(FollowedEvents::Create));
    let (calls, errors) = hour(Meanwhile::Edit, false).await;
    assert_eq!((calls, errors), (vec![first.clone(), wired(Some(FollowedEvents::CreateDelete))], Vec::new()));
    let (calls, _) = hour(Meanwhile::Delete, false).await;
    assert_eq!(calls, [first, wired(None)]);
}

#[tokio::test]
async fn regression_a_removed_task_leaves_no_rule_to_its_queue() {
    for (error, is_tried_again) in
        [(None, false), (Some(ErrorKind::Unavailable), true), (Some(ErrorKind::Denied), false)]
    {
        let stage = Stage::new().await;
        let task = stage.task("t", "events = \"create\"", "", None).await;
        let tasks = stage.backend.tasks.clone();
        let (meanwhile, calls) = (Mutex::new(Meanwhile::Nothing), Mutex::default());
        let wires = Arc::new(Wires { tasks, meanwhile, fails: false, unwire: Mutex::new(error), calls });
        let mut controller = stage.controller(0).await;
        controller.queues = wires.clone();
        stage.backend.tasks.set_state(&task.task, TaskState::Deleting, None, &stage.author()).await.unwrap();
        pass(&controller).await.unwrap();
        let close = stage.backend.tasks.open_operations(OperationClass::Other, 10).await.unwrap().remove(0);
        let end = OperationEnd { verdict: OperationVerdict::Succeeded, at: stage.now(), result: "{}".into() };
        stage.backend.tasks.finish(&task.task.id, &close.id, &end).await.unwrap();
        pass(&controller).await.unwrap();
        assert_eq!(stage.summary("t").await.is_some(), is_tried_again, "{error:?}");
        pass(&controller).await.unwrap();
        assert_eq!(stage.summary("t").await, None, "{error:?}");
        let unwired = ("t".to_owned(), None);
        let mut calls = vec![unwired; if is_tried_again { 2 } else { 1 }];
        calls.push(("queues of t".to_owned(), None));
        assert_eq!(*lock(&wires.calls), calls, "{error:?}");
    }
}
