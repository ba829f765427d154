//! Twenty tasks over a slow source, the real controller, and the real workers on the machines of a group.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::weed;
use flotilla_tests::group::{Group, GroupSettings};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use flotilla_tests::scale::scale;
use futures::StreamExt as _;
use futures::stream;
use shared::tasks::Heartbeat;

use crate::many_tasks::stage::{Different, Fleet, LIMIT, start_with};

/// Most machines of the group.
pub const MACHINES: u32 = 5;

/// Transfers of a machine by its settings. One with jobs of many tasks has up to three times as many, one a task.
pub const TRANSFERS: usize = 4;

/// How long the source delays each object: longer than anything that the machine's processors do.
pub const COPY: Duration = Duration::from_secs(2);

/// From the launch of a machine to the start of its worker.
pub const BOOT: Duration = Duration::from_secs(2);

/// From the start of its worker until a machine is in service: the worker's first call for its protection is refused.
pub const PENDING: Duration = Duration::from_secs(3);

/// How long a machine waits for work before it ends itself. The least that a fleet file may say.
pub const IDLE_EXIT: Duration = Duration::from_secs(60);

/// From a spot notice to the machine's end.
pub const NOTICE: Duration = Duration::from_secs(20);

/// How long a machine that goes may wait for its hook, from the hook's last heartbeat. A worker sends one each 30 s.
pub const HOOK_LIMIT: Duration = Duration::from_secs(33);

/// The task with one object that takes longer than [`HOOK_LIMIT`].
pub const SLOW: usize = 20;

/// How long the source delays that object, and then the destination: shorter than any answer may take.
pub const SLOW_SIDE: Duration = Duration::from_secs(27);

/// Objects of a job.
pub const JOB_OBJECTS: u64 = 4;

/// Between two passes of the controller, in the place of a minute.
const PASS_EVERY: Duration = Duration::from_secs(1);

/// Objects of a task.
fn objects(task: usize) -> usize {
    if task == SLOW { 1 } else { scale(20, 60) }
}

/// A fleet with a group.
pub struct Scene {
    fleet: Fleet,
    destination: Proxy,
    source: Proxy,
    pub group: Group,
    /// When the first run was asked for.
    pub began: Instant,
    tasks: usize,
    controller: Option<(Process, Instant)>,
    group_file: PathBuf,
}

fn name(task: usize) -> String {
    format!("task-{task:02}")
}

impl Scene {
    pub async fn new(tasks: usize) -> Scene {
        let idle_exit = IDLE_EXIT.as_secs();
        let work =
            format!("concurrency = {TRANSFERS}\nlease = \"20s\"\ndrain = \"50s\"\nidle-exit = \"{idle_exit}s\"\n");
        let fleet = Fleet::of(&work).await;
        let (source, destination) = (Proxy::start(&weed().endpoint).await, Proxy::start(&weed().second_endpoint).await);
        source.inject(Rule::on(Kind::Get, Fault::Delay(SLOW_SIDE)).containing(&name(SLOW)));
        destination.inject(Rule::on(Kind::Put, Fault::Delay(SLOW_SIDE)).containing(&name(SLOW)));
        source.inject(Rule::on(Kind::Get, Fault::Delay(COPY)));
        let create = |task: usize| {
            let (fleet, source, destination) = (&fleet, &source, &destination);
            async move {
                for object in 0..objects(task) {
                    fleet.put(&name(task), &format!("{object:03}"), 100 + object).await;
                }
                let sections = format!("[find]\njob-objects = {JOB_OBJECTS}\n");
                let (endpoint, destination) = (Some(&*source.endpoint), Some(&*destination.endpoint));
                let different = Different { endpoint, destination, sections: &sections, ..Different::default() };
                fleet.create(&name(task), different).await;
            }
        };
        stream::iter(0..tasks).for_each_concurrent(4, create).await;
        let group = group(&fleet).await;
        let group_file = fleet.file_with_group("controller", &section(&group.endpoint, ""));
        let began = Instant::now();
        Scene { fleet, destination, source, group, began, tasks, controller: None, group_file }
    }

    /// Asks for runs of these tasks.
    pub async fn begin(&mut self, tasks: Range<usize>) {
        if tasks.start == 0 {
            self.began = Instant::now();
        }
        let fleet = &self.fleet;
        let run = async |task: usize| drop(fleet.command(&["task", "run", &name(task)]).await);
        stream::iter(tasks).for_each_concurrent(4, run).await;
    }

    /// Waits until something is reached, while the controller looks again and again.
    pub async fn until(&mut self, what: &str, reached: impl AsyncFn(&Scene) -> bool) {
        let began = Instant::now();
        while !reached(self).await {
            if began.elapsed() > LIMIT {
                panic!("{what}: not in time; {:#?}", self.group.logs().await);
            }
            self.control();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until no pass of the controller goes on. The next one begins in the next [`Scene::until`].
    pub async fn pause_controller(&mut self) {
        if let Some((pass, _)) = &mut self.controller {
            pass.wait(LIMIT).await;
        }
    }

    /// Begins the controller's next pass, if it is time.
    fn control(&mut self) {
        if let Some((pass, began)) = &mut self.controller
            && (pass.is_running() || began.elapsed() < PASS_EVERY)
        {
            return;
        }
        let pass = start_with(&self.group_file, &binaries::flotilla(), &["controller", "--once"]);
        self.controller = Some((pass, Instant::now()));
    }

    /// Objects written at the destination so far, each time.
    pub fn copied(&self) -> u64 {
        self.destination.count(Kind::Put)
    }

    /// Objects written at the destination more than once so far.
    pub fn copied_twice(&self) -> Vec<String> {
        let mut writes = BTreeMap::<String, usize>::new();
        for seen in self.destination.seen().into_iter().filter(|seen| seen.kind == Kind::Put) {
            *writes.entry(seen.target).or_default() += 1;
        }
        writes.into_iter().filter(|(_, times)| *times > 1).map(|(target, _)| target).collect()
    }

    /// The machines in service that have jobs, with the number of their jobs.
    pub async fn working(&self) -> Vec<(String, u32)> {
        let in_service = self.group.in_service().await;
        let beats = self.fleet.heartbeats().await;
        let jobs = beats.into_iter().filter_map(|beat| Some((beat.machine?, beat.jobs.values().sum())));
        jobs.filter(|(machine, jobs): &(String, u32)| *jobs > 0 && in_service.contains(machine)).collect()
    }

    /// Whether a machine has begun to copy the slow object.
    pub fn reads_slow(&self) -> bool {
        self.source.seen().iter().any(|seen| seen.kind == Kind::Get && seen.target.contains(&name(SLOW)))
    }

    /// The last heartbeat of each worker.
    pub async fn beats(&self) -> BTreeMap<String, u64> {
        let beats = self.fleet.heartbeats().await;
        beats.into_iter().map(|beat| (beat.worker, beat.counter)).collect()
    }

    /// The machine that has the job of the slow object, by a heartbeat after those `earlier` ones: one from before the
    /// copy may name the machine that listed the task.
    pub async fn slow(&self, earlier: &BTreeMap<String, u64>) -> Option<String> {
        let slow = self.fleet.summary(&name(SLOW)).await.task.id;
        let beats = self.fleet.heartbeats().await;
        let is_new = |beat: &Heartbeat| earlier.get(&beat.worker).is_none_or(|counter| *counter < beat.counter);
        let has_it = |beat: &Heartbeat| is_new(beat) && beat.jobs.iter().any(|(task, jobs)| *task == slow && *jobs > 0);
        beats.into_iter().find(has_it).and_then(|beat| beat.machine)
    }

    pub async fn are_all_done(&self) -> bool {
        let summaries = self.fleet.summaries().await;
        summaries.values().all(|summary| summary.run.is_none())
    }

    /// All tasks have copied each object once, and count them so. Returns the number of objects.
    pub async fn assert_all_copied(&self) -> usize {
        for task in 0..self.tasks {
            self.fleet.assert_equal(&name(task)).await;
            let run = self.fleet.runs(&name(task)).await.pop().expect("a run");
            assert_eq!((run.settled.copied, run.settled.failed), (objects(task) as u64, 0), "{task}: {run:?}");
        }
        (0..self.tasks).map(objects).sum()
    }
}

/// The lines of a fleet file that name the group.
fn section(endpoint: &str, more: &str) -> String {
    format!("group = \"machines\"\nlifecycle-hook = \"drain\"\nendpoint-url = \"{endpoint}\"\n{more}")
}

/// The group, whose machines are workers of the fleet.
async fn group(fleet: &Fleet) -> Group {
    let settings = GroupSettings {
        name: "machines".to_owned(),
        max: MACHINES,
        boot: BOOT,
        pending: PENDING,
        first_capacity: 2,
        scarce: Duration::from_secs(4),
        hook_limit: HOOK_LIMIT,
        notice: NOTICE,
    };
    // The group's address is not known before it has started.
    let address = Arc::new(OnceLock::<String>::new());
    let known = address.clone();
    let base = fleet.file_with_group("machine", "");
    let start = Box::new(move |id: &str, metadata: &str| {
        let endpoint = known.get().expect("the group has an address");
        let text = std::fs::read_to_string(&base).expect("a file");
        let group = section(endpoint, &format!("metadata-url = \"{metadata}\"\n"));
        let file = base.with_file_name(format!("{id}.toml"));
        std::fs::write(&file, format!("{text}{group}")).expect("a file");
        start_with(&file, &binaries::worker(), &[])
    });
    let group = Group::start(settings, start).await;
    address.set(group.endpoint.clone()).expect("set once");
    group
}
