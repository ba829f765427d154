//! A scan, as the finder does one: both sides are listed, one after the other, and jobs are made of the differences.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use shared::job::Origin;
use shared::ledger::{self, Found, RunOptions, RunStart, SharedLedger};
use shared::object::{Entry, Timestamp};
use shared::objects::job::{JobKey, JobObject, ObjectJob, ObjectWork};
use shared::sync::lock;

use tokio::time::Instant;

use crate::schedule::Schedule;
use crate::store::entry_of;
use crate::world::{DESTINATION, JOBS, SCANNED, SOURCE, TASK, World, queue_name};

/// How long a worker believes what it has read of a run.
const STATE_IS_VALID: Duration = Duration::from_secs(15);

/// Begins the line of the trace that says how far the first run was when the user changed their mind.
pub const MIND_CHANGED: &str = "user: wants something else when the run is";

/// How far a scan has come.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Its run.
    pub run: &'static str,
    steps: u32,
    source: BTreeMap<String, Entry>,
    copies: Vec<String>,
    deletes: Vec<String>,
    /// Objects in its jobs.
    pub enqueued: u64,
    /// Whether it was cancelled.
    pub is_cancelled: bool,
}

impl Scan {
    /// A scan that mirrors everything.
    pub fn first() -> Scan {
        Scan::of("scan")
    }

    /// A scan after the user has changed their mind: it deletes nothing, and leaves out what only scans see.
    fn second() -> Scan {
        Scan::of("scan-2")
    }

    fn of(run: &'static str) -> Scan {
        let (source, copies, deletes) = Default::default();
        Scan { run, steps: 0, source, copies, deletes, enqueued: 0, is_cancelled: false }
    }

    /// Whether its run is recorded.
    pub fn has_begun(&self) -> bool {
        self.steps > 0
    }

    fn is_first(&self) -> bool {
        self.run == Scan::first().run
    }
}

impl World {
    /// The scan's next step; `false` if there is none.
    pub fn scan(&mut self) -> bool {
        self.scan.steps += 1;
        match self.scan.steps {
            1 => self.list_source(),
            2 => self.list_destination(),
            3 => self.enqueue("copies", self.scan.copies.clone()),
            4 => self.enqueue("deletes", self.scan.deletes.clone()),
            5 => self.finish_listing(),
            // The queue delivers them twice, perhaps when the run is done.
            6 => self.enqueue("copies, once more,", self.scan.copies.clone()),
            _ => return false,
        }
        true
    }

    fn list_source(&mut self) {
        self.scan.source = self.listed(SOURCE);
        let start = RunStart {
            id: self.scan.run.to_owned(),
            task: TASK.to_owned(),
            source: format!("s3://{SOURCE}"),
            destination: format!("s3://{DESTINATION}"),
            options: RunOptions {
                delete: self.scan.is_first(),
                digest: self.scan.run.to_owned(),
                ..RunOptions::default()
            },
            started: Timestamp(0),
        };
        lock(&self.pages).start(&start);
        let names = self.bucket(SOURCE, |bucket| {
            bucket.items.keys().map(|key| format!("{key} {}", bucket.name(key))).collect::<Vec<_>>()
        });
        self.schedule.say(format!("scan: the source holds [{}]", names.join(", ")));
    }

    fn list_destination(&mut self) {
        let mut there = self.listed(DESTINATION);
        let keys: Vec<String> = there.keys().cloned().collect();
        self.schedule.say(format!("scan: the destination holds [{}]", keys.join(", ")));
        let differing: Vec<Entry> = std::mem::take(&mut self.scan.source)
            .into_values()
            .filter(|entry| there.remove(&entry.key).is_none_or(|theirs| theirs.etag != entry.etag))
            .collect();
        let gone: Vec<String> = there.into_keys().filter(|_| self.scan.is_first()).collect();
        let found = Found { enqueued: differing.len() as u64, deletes: gone.len() as u64, ..Found::default() };
        self.scan.enqueued = (differing.len() + gone.len()) as u64;
        if !differing.is_empty() {
            let count = differing.len();
            let objects = (0..).zip(differing).map(|(index, entry)| JobObject::new(index, entry)).collect();
            self.scan.copies.push(job(self.scan.run, "c0-0", count, ObjectWork::Copy { objects }));
        }
        if !gone.is_empty() {
            let count = gone.len();
            let objects = (0..).zip(gone).map(|(index, key)| JobKey { index, key, may_block: false }).collect();
            self.scan.deletes.push(job(self.scan.run, "d0-0", count, ObjectWork::Delete { objects }));
        }
        let Scan { run, copies, deletes, .. } = &self.scan;
        lock(&self.pages).record(run, found, copies.clone(), deletes.clone());
    }

    fn finish_listing(&mut self) {
        lock(&self.pages).listed(self.scan.run);
        self.schedule.say("scan: has sent all jobs".to_owned());
    }

    fn enqueue(&mut self, what: &str, bodies: Vec<String>) {
        for body in bodies {
            let id = lock(&self.queues[JOBS]).put(body, Duration::ZERO);
            self.schedule.say(format!("scan: sends its {what} as {}{id}", queue_name(JOBS)));
        }
    }

    fn listed(&self, bucket: &str) -> BTreeMap<String, Entry> {
        let is_first = self.scan.is_first();
        self.bucket(bucket, |bucket| {
            let entries = bucket.items.iter().map(entry_of).filter(|entry| is_first || !entry.key.starts_with(SCANNED));
            entries.map(|entry| (entry.key.clone(), entry)).collect()
        })
    }

    /// The user changes their mind: a run with other options begins, and jobs of the first one come again all the same.
    pub fn change_mind(&mut self) -> bool {
        if !self.profile.mind || !self.scan.is_first() || self.scan.steps == 0 {
            return false;
        }
        let ledger: SharedLedger = Arc::new(self.ledger(0, Schedule::default()));
        let options = RunOptions { digest: Scan::second().run.to_owned(), ..RunOptions::default() };
        let when = lock(&self.pages).run(Scan::first().run).map_or("begun", |run| match run.is_done() {
            true => "done",
            false => run.phase.as_str(),
        });
        let cancelled = ledger::supersede(&ledger, TASK, &options, "user").now_or_never();
        let cancelled = cancelled.expect("the ledger answers at once").expect("the run is cancelled");
        self.schedule.say(format!("{MIND_CHANGED} {when}, {} run is cancelled", cancelled.len()));
        self.schedule.forbid(Instant::now() + STATE_IS_VALID, SCANNED);
        let mut first = std::mem::replace(&mut self.scan, Scan::second());
        first.is_cancelled = cancelled.iter().any(|run| run.start.id == first.run);
        for body in first.copies.iter().chain(&first.deletes) {
            let id = lock(&self.queues[JOBS]).put(body.clone(), Duration::ZERO);
            self.schedule.say(format!("a job of the first scan comes again as {}{id}", queue_name(JOBS)));
        }
        self.previous = Some(first);
        true
    }

    /// Whether the scan is under way: what it has listed is to be sent.
    pub fn scan_is_under_way(&self) -> bool {
        (1..5).contains(&self.scan.steps)
    }
}

fn job(run: &str, origin: &str, count: usize, work: ObjectWork) -> String {
    let origin = Origin { id: origin.to_owned(), items: count as u32 };
    ObjectJob::new(TASK, run, origin, work).to_body()
}
