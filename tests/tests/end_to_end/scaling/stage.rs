//! Twenty tasks over a slow source, the real controller, and the real workers on the machines of a group.

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

use crate::many_tasks::stage::{Different, Fleet, LIMIT, start_with};

/// Most machines of the group.
pub const MACHINES: u32 = 5;

/// Transfers of a machine.
pub const TRANSFERS: usize = 4;

/// How long the source delays each object: longer than anything that the machine's processors do.
pub const COPY: Duration = Duration::from_secs(2);

/// From the launch of a machine to the start of its worker.
pub const BOOT: Duration = Duration::from_secs(2);

/// How long a machine waits for work before it ends itself. The least that a fleet file may say.
pub const IDLE_EXIT: Duration = Duration::from_secs(60);

/// From a spot notice to the machine's end.
pub const NOTICE: Duration = Duration::from_secs(20);

/// Objects of a job.
pub const JOB_OBJECTS: u64 = 4;

/// Between two passes of the controller, in the place of a minute.
const PASS_EVERY: Duration = Duration::from_secs(1);

/// Objects of a task.
fn objects() -> usize {
    scale(12, 60)
}

/// A fleet with a group.
pub struct Scene {
    fleet: Fleet,
    destination: Proxy,
    _source: Proxy,
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
            format!("concurrency = {TRANSFERS}\nlease = \"20s\"\ndrain = \"15s\"\nidle-exit = \"{idle_exit}s\"\n");
        let fleet = Fleet::of(&work).await;
        let (source, destination) = (Proxy::start(&weed().endpoint).await, Proxy::start(&weed().second_endpoint).await);
        source.inject(Rule::on(Kind::Get, Fault::Delay(COPY)));
        let create = |task: usize| {
            let (fleet, source, destination) = (&fleet, &source, &destination);
            async move {
                for object in 0..objects() {
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
        Scene { fleet, destination, _source: source, group, began, tasks, controller: None, group_file }
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

    /// The machines in service that have jobs, with their number.
    pub async fn working(&self) -> Vec<(String, u32)> {
        let in_service = self.group.in_service().await;
        let beats = self.fleet.heartbeats().await;
        let jobs = beats.into_iter().filter_map(|beat| Some((beat.machine?, beat.jobs.values().sum())));
        jobs.filter(|(machine, jobs): &(String, u32)| *jobs > 0 && in_service.contains(machine)).collect()
    }

    pub async fn are_all_done(&self) -> bool {
        let summaries = self.fleet.summaries().await;
        summaries.values().all(|summary| summary.run.is_none())
    }

    /// All tasks have copied each object once, and count them so. Returns the number of objects.
    pub async fn assert_all_copied(&self) -> usize {
        for task in (0..self.tasks).map(name) {
            self.fleet.assert_equal(&task).await;
            let run = self.fleet.runs(&task).await.pop().expect("a run");
            assert_eq!((run.settled.copied, run.settled.failed), (objects() as u64, 0), "{task}: {run:?}");
        }
        self.tasks * objects()
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
        first_capacity: 2,
        scarce: Duration::from_secs(4),
        hook_limit: Duration::from_secs(60),
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
