//! A scan, as the finder does one: both sides are listed, one after the other, and jobs are made of the differences.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::job::{Job, JobKey, JobObject, Origin, VERSION, Work};
use shared::ledger::{RunOptions, RunStart};
use shared::object::{Entry, Timestamp};

use crate::schedule::locked;
use crate::store::entry_of;
use crate::world::{DESTINATION, JOBS, SOURCE, TASK, World, queue_name};

/// How far the one scan has come.
#[derive(Debug, Default)]
pub struct Scan {
    steps: u32,
    source: BTreeMap<String, Entry>,
    copies: Vec<String>,
    deletes: Vec<String>,
    /// Objects in its jobs.
    pub enqueued: u64,
}

impl Scan {
    /// Its run.
    pub const RUN: &'static str = "scan";
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
            // The finder died before it wrote down that they were sent.
            5 => self.enqueue("copies, once more,", self.scan.copies.clone()),
            _ => return false,
        }
        true
    }

    fn list_source(&mut self) {
        self.scan.source = self.listed(SOURCE);
        let start = RunStart {
            id: Scan::RUN.to_owned(),
            task: TASK.to_owned(),
            source: format!("s3://{SOURCE}"),
            destination: format!("s3://{DESTINATION}"),
            options: RunOptions { delete: true, ..RunOptions::default() },
            started: Timestamp(0),
        };
        locked(&self.pages).start(&start);
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
        let gone: Vec<String> = there.into_keys().collect();
        self.scan.enqueued = (differing.len() + gone.len()) as u64;
        if !differing.is_empty() {
            let count = differing.len();
            let objects = (0..).zip(differing).map(|(index, entry)| JobObject::new(index, entry)).collect();
            self.scan.copies.push(job("c0-0", count, Work::Copy { objects }));
        }
        if !gone.is_empty() {
            let count = gone.len();
            let objects = (0..).zip(gone).map(|(index, key)| JobKey { index, key }).collect();
            self.scan.deletes.push(job("d0-0", count, Work::Delete { objects }));
        }
    }

    fn enqueue(&mut self, what: &str, bodies: Vec<String>) {
        for body in bodies {
            let id = locked(&self.queues[JOBS]).put(body, Duration::ZERO);
            self.schedule.say(format!("scan: sends its {what} as {}{id}", queue_name(JOBS)));
        }
    }

    fn listed(&self, bucket: &str) -> BTreeMap<String, Entry> {
        self.bucket(bucket, |bucket| {
            bucket.items.iter().map(entry_of).map(|entry| (entry.key.clone(), entry)).collect()
        })
    }

    /// Whether the scan is under way: what it has listed is to be sent.
    pub fn scan_is_under_way(&self) -> bool {
        (1..4).contains(&self.scan.steps)
    }
}

fn job(origin: &str, count: usize, work: Work) -> String {
    let origin = Origin { id: origin.to_owned(), objects: count as u32 };
    let (task, run) = (TASK.to_owned(), Scan::RUN.to_owned());
    Job { v: VERSION, task, run, attempt: 1, origin, restoring: None, work }.to_body()
}
