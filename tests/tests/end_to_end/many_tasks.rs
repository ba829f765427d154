//! Many tasks of one fleet: what happens to one touches no other.

mod faults;
pub mod stage;
mod stopped;
mod unopened;

use std::time::{Duration, Instant};

use flotilla_tests::binaries::Process;
use flotilla_tests::emulators::weed;
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use flotilla_tests::scale::seed;

use crate::support::{MIB, Random};
use stage::{Different, Fleet, stop};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_its_store_or_credentials_touches_no_other() {
    let fleet = Fleet::new().await;
    for n in 0..3 {
        fleet.create(&format!("good-{n}"), Different::default()).await;
        for object in 0..5 {
            fleet.put(&format!("good-{n}"), &format!("{object}"), 1_000 + object).await;
        }
    }
    fleet.create("away", Different { endpoint: Some("http://127.0.0.1:9"), ..Different::default() }).await;
    fleet.create("denied", Different { credentials: Some("file:/nowhere/credentials"), ..Different::default() }).await;
    let mut workers = vec![fleet.worker()];
    let ids = fleet.summaries().await;
    let errors = async || fleet.heartbeats().await.into_iter().next().map(|beat| beat.errors).unwrap_or_default();
    fleet.until("both are reported", &mut workers, async || errors().await.len() == 2).await;
    let errors = errors().await;
    for (name, part) in [("away", "127.0.0.1:9"), ("denied", "/nowhere/credentials")] {
        let why = errors.get(&ids[name].task.id).unwrap_or_else(|| panic!("{name} is reported: {errors:?}"));
        assert!(why.contains(part), "{name}: {why}");
    }
    stop(workers).await;
    assert_eq!(fleet.heartbeats().await, [], "a worker that ends leaves");
}

/// Tasks of the scenario that stay ordinary.
const ORDINARY: usize = 15;

/// Objects of each task.
const OBJECTS: usize = 12;

/// Runs the controller again and again, and kills it in some of its passes.
async fn control(fleet: &Fleet, random: &mut Random) {
    let mut controller = fleet.controller();
    if random.percent(30) {
        tokio::time::sleep(Duration::from_millis(random.below(800) as u64)).await;
        controller.kill();
        return;
    }
    let ended = controller.wait(stage::LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// Kills a worker, and starts another in its place.
fn replace(fleet: &Fleet, workers: &mut [Process], random: &mut Random) {
    let victim = random.below(workers.len());
    workers[victim].kill();
    workers[victim] = fleet.worker();
}

/// Twenty tasks, of which most are ordinary.
async fn create_all(fleet: &Fleet, giant: &Proxy) -> Vec<String> {
    let ordinary: Vec<String> = (0..ORDINARY).map(|n| format!("task-{n:02}")).collect();
    let names = ["paused", "edited", "deleted"].map(str::to_owned).into_iter().chain(ordinary.iter().cloned());
    let once = "schedule = \"once\"";
    for name in names {
        for object in 0..OBJECTS {
            fleet.put(&name, &format!("{object:02}"), 100 * object).await;
        }
        // Of the paused one a run is asked for.
        let top = if name == "paused" { "" } else { once };
        fleet.create(&name, Different { top, ..Different::default() }).await;
    }
    fleet.create("away", Different { endpoint: Some("http://127.0.0.1:9"), top: once, ..Different::default() }).await;
    fleet.put("cancelled", "giant", 60 * MIB).await;
    let sections = "[work]\npart-size = \"5MiB\"\nmultipart-threshold = \"5MiB\"\ngiant-threshold = \"30MiB\"\n";
    let slow = Different { endpoint: Some(&giant.endpoint), top: once, sections, ..Different::default() };
    fleet.create("cancelled", slow).await;
    ordinary
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_tasks_come_to_their_ends_whatever_is_killed() {
    let (fleet, mut random) = (Fleet::new().await, Random(seed()));
    let giant = Proxy::start(&weed().endpoint).await;
    giant.inject(Rule::on(Kind::Get, Fault::Delay(Duration::from_secs(3))));
    let ordinary = create_all(&fleet, &giant).await;
    fleet.command(&["task", "pause", "paused"]).await;
    let mut workers = vec![fleet.worker(), fleet.worker(), fleet.worker()];
    control(&fleet, &mut random).await;

    let began = Instant::now();
    while fleet.open_uploads().await == 0 {
        assert!(began.elapsed() < stage::LIMIT, "the giant does not begin: {}", workers[0].stderr());
        control(&fleet, &mut random).await;
    }
    fleet.command(&["task", "cancel", "cancelled"]).await;
    let has_begun = async || !fleet.runs("edited").await.is_empty();
    fleet.until("the run of the edited task has begun", &mut workers, has_begun).await;
    fleet.command(&["task", "edit", "edited", "--exclude", "00"]).await;
    fleet.command(&["task", "delete", "deleted", "--yes"]).await;
    fleet.command(&["task", "resume", "paused"]).await;
    fleet.command(&["task", "run", "paused"]).await;
    replace(&fleet, &mut workers, &mut random);

    let began = Instant::now();
    let mut kills = 0;
    loop {
        control(&fleet, &mut random).await;
        if kills < 4 && random.percent(40) {
            replace(&fleet, &mut workers, &mut random);
            kills += 1;
        }
        let tasks = fleet.summaries().await;
        let left: Vec<&String> = tasks
            .values()
            .filter(|task| task.run.is_some() || !task.cancelled.is_empty())
            .map(|task| &task.task.name)
            .collect();
        if left.iter().all(|name| *name == "away") && !tasks.contains_key("deleted") {
            break;
        }
        let said: Vec<String> = workers.iter().map(Process::stderr).collect();
        assert!(began.elapsed() < stage::LIMIT, "not done in time: {left:?}; {said:#?}");
    }
    let counted =
        ordinary.iter().map(|name| (name.as_str(), OBJECTS)).chain([("paused", OBJECTS), ("edited", OBJECTS)]);
    for (name, objects) in counted {
        fleet.assert_equal(name).await;
        let run = fleet.runs(name).await.pop().expect("a run");
        assert!(run.is_done(), "{name}: {run:?}");
        assert_eq!((run.settled.copied, run.settled.failed), (objects as u64, 0), "{name}: {:?}", run.settled);
    }
    let run = fleet.runs("cancelled").await.pop().expect("a run");
    assert_eq!((run.settled.objects(), run.settled.failed), (run.enqueued(), 0), "{run:?}");
    let away = fleet.summary("away").await;
    let is_reported = fleet.heartbeats().await.into_iter().any(|beat| beat.errors.contains_key(&away.task.id));
    assert!(is_reported, "the task without a store is reported");
    assert_eq!(fleet.open_uploads().await, 0, "no upload stays open");
    stop(workers).await;
}
