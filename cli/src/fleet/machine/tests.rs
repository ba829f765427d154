use std::sync::Mutex;

use adapters::open::FleetBackend;
use async_trait::async_trait;
use shared::Result;
use shared::config::{FleetConfig, FleetFile};
use shared::limits::Shares;
use shared::sync::lock;
use tokio::sync::{Notify, watch};
use worker::{FairShares, Stop};

use super::*;

/// A group of machines with a minimum of one.
#[derive(Debug, Default)]
struct Group {
    desired: Mutex<u32>,
    refusals: Mutex<u32>,
}

/// A machine of the group.
#[derive(Debug)]
struct Member {
    group: Arc<Group>,
    rebalance: Notify,
    going: Notify,
}

#[async_trait]
impl Fleet for Member {
    fn machine(&self) -> Option<&str> {
        Some("machine")
    }

    async fn protect(&self, _: bool) -> Result<()> {
        Ok(())
    }

    async fn interrupted(&self) -> Interruption {
        tokio::select! {
            () = self.rebalance.notified() => Interruption::Rebalance,
            () = self.going.notified() => Interruption::ScaleIn,
        }
    }

    async fn prolong(&self) -> Result<()> {
        Ok(())
    }

    async fn leave(&self) -> Result<()> {
        Ok(())
    }

    async fn end(&self) -> Result<Ended> {
        let mut desired = lock(&self.group.desired);
        if *desired <= 1 {
            *lock(&self.group.refusals) += 1;
            return Ok(Ended::Refused);
        }
        *desired -= 1;
        self.going.notify_one();
        Ok(Ended::Going)
    }
}

struct Stage {
    context: Arc<FleetContext>,
    member: Arc<Member>,
    _state: tempfile::TempDir,
}

impl Stage {
    async fn new(group: &Arc<Group>) -> Stage {
        let state = tempfile::tempdir().expect("a folder");
        let group_of =
            FleetConfig { group: "g".into(), lifecycle_hook: None, metadata_url: None, connection: Default::default() };
        let fleet = FleetFile { group: Some(group_of), ..FleetFile::of_folder("local", state.path()) };
        let context = FleetContext {
            backend: FleetBackend::open(&fleet).await.expect("a state folder"),
            worker: "w".into(),
            activity: Arc::default(),
            transfers: FairShares::new(1),
            polls: None,
            report: None,
            health: Default::default(),
            stop: Stop::default(),
            gate: watch::Sender::new(Gate::Open),
            shares: Mutex::new(Shares::new("w")),
            statuses: Mutex::default(),
        };
        let member = Arc::new(Member { group: group.clone(), rebalance: Notify::new(), going: Notify::new() });
        Stage { context: Arc::new(context), member, _state: state }
    }

    fn begin(&self) -> tokio::task::JoinHandle<()> {
        let (context, group): (_, Arc<dyn Fleet>) = (self.context.clone(), self.member.clone());
        tokio::spawn(async move { until_end(&context, &group).await })
    }
}

fn group(desired: u32) -> Arc<Group> {
    Arc::new(Group { desired: Mutex::new(desired), ..Group::default() })
}

#[tokio::test]
async fn of_two_idle_machines_that_decide_at_once_one_stays() {
    let group = group(2);
    let stages = [Stage::new(&group).await, Stage::new(&group).await];
    tokio::time::pause();
    let mut running = stages.each_ref().map(Stage::begin);
    sleep(Duration::from_secs(299)).await;
    assert!(running.iter().all(|running| !running.is_finished()), "nobody waited long enough");
    sleep(Duration::from_secs(10)).await;
    let ended = running.iter().filter(|running| running.is_finished()).count();
    assert_eq!((ended, *lock(&group.desired)), (1, 1));
    let stays = usize::from(running[0].is_finished());
    assert_eq!(*stages[stays].context.gate.borrow(), Gate::Open, "it receives again");
    sleep(Duration::from_secs(600)).await;
    assert!(!running[stays].is_finished() && *lock(&group.refusals) >= 2, "it asks again, and is refused again");
    stages[stays].context.stop.drain.cancel();
    (&mut running[stays]).await.expect("it ends when asked to");
}

#[tokio::test]
async fn a_machine_to_be_replaced_ends_at_once_except_at_the_minimum() {
    for (desired, ends) in [(2, true), (1, false)] {
        let group = group(desired);
        let stage = Stage::new(&group).await;
        tokio::time::pause();
        let running = stage.begin();
        sleep(Duration::from_secs(1)).await;
        stage.member.rebalance.notify_one();
        sleep(Duration::from_secs(1)).await;
        assert_eq!((running.is_finished(), *lock(&group.desired)), (ends, 1));
        assert_eq!(*stage.context.gate.borrow() == Gate::Open, !ends);
        running.abort();
        tokio::time::resume();
    }
}
