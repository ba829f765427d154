//! The fleet's metrics.

use std::sync::Arc;

use adapters::open::TaskDepth;
use async_trait::async_trait;
use serde_json::Value;
use shared::config::TaskDefinition;
use shared::ledger::{Phase, State};
use shared::metrics::fleet::FLEET_TABLE;
use shared::queue::Depth;
use shared::tasks::Summary;
use shared::{Error, ErrorKind, Result};

use super::stage::Stage;
use crate::controller::fleet_metrics::line;
use crate::controller::queues::Queues;
use crate::controller::{PassReport, pass};

/// The metrics of a pass, by name.
fn written(stage: &Stage, report: Option<&PassReport>) -> Vec<(String, u64)> {
    let line: Value = serde_json::from_str(&line("f", stage.now(), report)).unwrap();
    assert_eq!((&line["fleet"], &line["_aws"]["Timestamp"]), (&Value::from("f"), &Value::from(stage.now().0)));
    let described = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
    let names = described.iter().map(|metric| metric["Name"].as_str().unwrap().to_owned());
    names.map(|name| (name.clone(), line[&name].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn an_idle_fleet_writes_that_its_controller_works() {
    let stage = Stage::new().await;
    stage.task("t", "", "", None).await;
    for _ in 0..2 {
        let report = stage.pass().await;
        assert_eq!(written(&stage, Some(&report)), [("ControllerPasses".into(), 1), ("ControllerErrors".into(), 0)]);
    }
    assert_eq!(written(&stage, None), [("ControllerErrors".into(), 1)], "the tasks could not be read");
}

#[tokio::test]
async fn metrics_are_written_with_work_and_once_when_it_ends() {
    let stage = Stage::new().await;
    let task = stage.task("t", "schedule = \"once\"", "", Some(stage.now())).await;
    let value = |written: &[(String, u64)], name: &str| written.iter().find(|(known, _)| known == name).unwrap().1;
    stage.pass().await;
    stage.take(&task).await;
    let run = stage.find("t", 1, Phase::Listed).await;
    let active = written(&stage, Some(&stage.pass().await));
    assert_eq!(active.len(), FLEET_TABLE.len(), "{active:?}");
    assert_eq!((value(&active, "FailedLaunches"), value(&active, "FailedRuns")), (0, 0));
    stage.settle("t", &run, 1, State::Failed).await;
    let ended = written(&stage, Some(&stage.pass().await));
    assert_eq!(value(&ended, "FailedRuns"), 1, "{ended:?}");
    let idle: Vec<usize> = {
        let (first, second) = (stage.pass().await, stage.pass().await);
        [&first, &second].map(|report| written(&stage, Some(report)).len()).into()
    };
    assert_eq!(*idle.last().unwrap(), 2, "then the controller alone: {idle:?}");
}

#[tokio::test]
async fn machines_that_never_report_are_counted_until_one_does() {
    let stage = Stage::new().await;
    let counted = async |machine: &str, passes: usize| {
        stage.machine(machine);
        let mut last = PassReport::default();
        for _ in 0..passes {
            last = stage.pass().await;
        }
        written(&stage, Some(&last)).into_iter().find(|(name, _)| name == "FailedLaunches").map(|(_, count)| count)
    };
    assert_eq!(counted("i-1", 6).await, Some(1));
    assert_eq!(counted("i-2", 6).await, Some(2));
    stage.beat("i-3", 1).await;
    assert_eq!(counted("i-3", 1).await, Some(0));
}

#[tokio::test]
async fn of_two_controllers_one_counts_a_run_that_failed() {
    let stage = Stage::new().await;
    let task = stage.task("t", "schedule = \"once\"", "", Some(stage.now())).await;
    stage.pass().await;
    stage.take(&task).await;
    let run = stage.find("t", 1, Phase::Listed).await;
    stage.settle("t", &run, 1, State::Failed).await;
    let controllers = [stage.controller(0).await, stage.controller(1_000).await];
    let (first, second) = tokio::join!(pass(&controllers[0]), pass(&controllers[1]));
    let failed = |report: &PassReport| {
        let written = written(&stage, Some(report));
        written.into_iter().find(|(name, _)| name == "FailedRuns").map_or(0, |(_, value)| value)
    };
    assert_eq!(failed(&first.unwrap()) + failed(&second.unwrap()), 1);
    assert!(stage.summary("t").await.unwrap().last_run.is_some());
}

/// Queues of which those of the task `broken` cannot be read; those of others have three dead letters.
#[derive(Debug)]
struct OneBroken;

#[async_trait]
impl Queues for OneBroken {
    async fn depth(&self, task: &Summary) -> Result<TaskDepth> {
        match task.task.name.as_str() {
            "broken" => Err(Error::new(ErrorKind::Denied, "describe", "f--broken", "no")),
            _ => Ok(TaskDepth { all: Depth { dead: 3, ..Depth::default() }, ..TaskDepth::default() }),
        }
    }

    async fn send(&self, _task: &Summary, _body: String) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _task: &Summary) -> Result<()> {
        Ok(())
    }

    async fn wire_events(&self, _task: &Summary, _definition: &TaskDefinition) -> Result<()> {
        Ok(())
    }

    async fn unwire_events(&self, _task: &Summary, _definition: &TaskDefinition) -> Result<()> {
        Ok(())
    }

    async fn operations_depth(&self) -> Result<Depth> {
        Ok(Depth::default())
    }

    async fn send_operation(&self, _body: String) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn regression_one_unreadable_queue_hides_no_others() {
    let stage = Stage::new().await;
    for name in ["broken", "whole"] {
        stage.task(name, "events = \"create\"", "", None).await;
    }
    let mut controller = stage.controller(0).await;
    controller.queues = Arc::new(OneBroken);
    let report = pass(&controller).await.unwrap();
    let dead = written(&stage, Some(&report)).into_iter().find(|(name, _)| name == "DeadMessages");
    assert_eq!(dead, Some(("DeadMessages".to_owned(), 3)), "{:?}", report.errors);
    let depth = report.metrics.and_then(|metrics| metrics.depth());
    assert_eq!(depth, Some(Depth { dead: 3, ..Depth::default() }), "by this flotilla_queue_jobs is set");
}

#[tokio::test]
async fn dead_letters_of_an_idle_task_count_in_each_pass() {
    let stage = Stage::new().await;
    stage.task("idle", "", "", None).await;
    let mut controller = stage.controller(0).await;
    controller.queues = Arc::new(OneBroken);
    let mut counts = Vec::new();
    for _ in 0..60 {
        stage.minutes_pass(1);
        let report = pass(&controller).await.unwrap();
        let dead = written(&stage, Some(&report)).into_iter().find(|(name, _)| name == "DeadMessages");
        counts.push(dead.map_or(0, |(_, dead)| dead));
    }
    let first = counts.iter().position(|dead| *dead > 0).expect("its queues are read once an hour");
    assert!(counts[first..].iter().all(|dead| *dead == 3), "{counts:?}");
}
