//! Bytes in flight: how many this process has transferred, and the objects that it transfers now.
//!
//! Each attempt counts its bytes as they pass. An attempt that fails takes its bytes off again, so the total counts no
//! byte twice. The Prometheus counter is the raw traffic: it keeps the bytes of failed attempts.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use shared::ledger::{MAX_REPORTED_UPLOADS, ReportedUpload, TransferReport};
use shared::metrics;
use shared::sync::lock;
use tokio::time::Instant;

/// Most objects that are listed one by one. Objects beyond it count in the total only.
const MAX_OBJECTS: usize = 1_000;

/// Smallest object that is reported to the ledger: a run's counters show soon enough what becomes of smaller ones.
const REPORTED_BYTES: u64 = 16 << 20;

/// Objects that have been in flight for less are not reported: most of them settle before anybody looks.
const REPORTED_AFTER: Duration = Duration::from_secs(5);

/// Bytes that a worker has transferred, and its objects in flight. Share it by [`Arc`] and read it at any time.
#[derive(Debug, Default)]
pub struct TransferProgress {
    bytes: AtomicU64,
    objects: Mutex<HashMap<String, Entry>>,
    /// Set when an object that was reported is no longer in flight.
    has_reported_ended: AtomicBool,
}

/// An object that is being transferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInFlight {
    /// Key relative to the task's locations.
    pub key: String,
    /// Bytes of the whole object.
    pub size: u64,
    /// Bytes of it that are transferred, by this process or, of an object in parts, by others, as far as this one
    /// knows.
    pub bytes: u64,
    /// How long this process has been at it.
    pub elapsed: Duration,
}

#[derive(Debug)]
struct Entry {
    /// The run that counts it.
    run: String,
    size: u64,
    /// Bytes of parts that are recorded, by any worker.
    recorded: u64,
    /// Bytes of this process besides.
    bytes: u64,
    /// All bytes of this process, also those of recorded parts.
    sent: u64,
    /// The upload, where other workers send parts too.
    shared_upload: Option<String>,
    since: Instant,
    /// What was sent by the last report, and when that was.
    reported: Option<(u64, Instant)>,
    /// Guards that name the object: several jobs of one process may send its parts.
    users: usize,
}

impl TransferProgress {
    /// All bytes transferred by this process, those of objects in flight included. An attempt that fails takes its
    /// bytes off again, so two readings may go down.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// How many objects are in flight.
    pub fn objects(&self) -> usize {
        self.lock().len()
    }

    /// Bytes transferred so far of the objects in flight.
    pub fn bytes_in_flight(&self) -> u64 {
        self.lock().values().map(Entry::transferred).sum()
    }

    /// The objects in flight, at most `most`, the largest first.
    pub fn in_flight(&self, most: usize) -> Vec<ObjectInFlight> {
        let mut objects: Vec<ObjectInFlight> = self.lock().iter().map(|(key, entry)| entry.show(key)).collect();
        objects.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.key.cmp(&b.key)));
        objects.truncate(most);
        objects
    }

    /// Lists an object as in flight until the guard is dropped.
    pub(crate) fn object(self: &Arc<Self>, run: &str, key: &str, size: u64) -> ObjectProgress {
        let mut objects = self.lock();
        let is_listed = objects.len() < MAX_OBJECTS || objects.contains_key(key);
        if is_listed {
            objects.entry(key.to_owned()).or_insert_with(|| Entry::new(run, size)).users += 1;
            metrics::objects_in_flight(objects.len());
        }
        let kept = AtomicU64::new(0);
        ObjectProgress(Arc::new(Object { progress: self.clone(), key: key.to_owned(), is_listed, kept }))
    }

    /// Takes each run's report, which then counts as reported. Runs without large objects are left out.
    pub(crate) fn reports(&self, worker: &str) -> BTreeMap<String, TransferReport> {
        let mut reports = BTreeMap::<String, TransferReport>::new();
        self.has_reported_ended.store(false, Relaxed);
        let mut objects = self.lock();
        let mut large: Vec<&mut Entry> = objects.values_mut().filter(|entry| entry.is_reported_now()).collect();
        large.sort_by_key(|entry| std::cmp::Reverse(entry.size));
        for entry in large {
            let new = || TransferReport { worker: worker.to_owned(), ..TransferReport::default() };
            entry.add_to(reports.entry(entry.run.clone()).or_insert_with(new));
        }
        reports
    }

    /// Whether there is anything to report.
    pub(crate) fn has_reports(&self) -> bool {
        self.lock().values().any(Entry::is_reported_now)
    }

    /// Whether an object that was reported is no longer in flight.
    pub(crate) fn has_reported_ended(&self) -> bool {
        self.has_reported_ended.load(Relaxed)
    }

    /// The lock is held for moments and never across an await.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        lock(&self.objects)
    }
}

impl Entry {
    fn new(run: &str, size: u64) -> Self {
        Entry {
            run: run.to_owned(),
            size,
            recorded: 0,
            bytes: 0,
            sent: 0,
            shared_upload: None,
            since: Instant::now(),
            reported: None,
            users: 0,
        }
    }

    fn transferred(&self) -> u64 {
        (self.recorded + self.bytes).min(self.size)
    }

    fn show(&self, key: &str) -> ObjectInFlight {
        ObjectInFlight {
            key: key.to_owned(),
            size: self.size,
            bytes: self.transferred(),
            elapsed: self.since.elapsed(),
        }
    }

    fn is_reported_now(&self) -> bool {
        self.size >= REPORTED_BYTES && self.since.elapsed() >= REPORTED_AFTER
    }

    fn add_to(&mut self, report: &mut TransferReport) {
        match &self.shared_upload {
            Some(id) if report.uploads.len() < MAX_REPORTED_UPLOADS => {
                report.uploads.push(ReportedUpload { id: id.clone(), recorded: self.recorded, pending: self.bytes });
            }
            // The smallest of very many: left out, for other workers may count it.
            Some(_) => {}
            None => {
                report.objects += 1;
                report.bytes += self.transferred();
            }
        }
        let (before, since) = self.reported.unwrap_or((0, self.since));
        let seconds = since.elapsed().as_secs_f64().max(1.0);
        report.bytes_per_second += (self.sent.saturating_sub(before) as f64 / seconds) as u64;
        self.reported = Some((self.sent, Instant::now()));
    }
}

/// An object that is listed as in flight for as long as this or one of its attempts lives.
#[derive(Debug, Clone)]
pub(crate) struct ObjectProgress(Arc<Object>);

#[derive(Debug)]
struct Object {
    progress: Arc<TransferProgress>,
    key: String,
    is_listed: bool,
    /// Bytes that were kept through this guard.
    kept: AtomicU64,
}

impl ObjectProgress {
    /// Other workers send parts of the object too. The name distinguishes its upload from all others.
    pub fn share(&self, upload: String) {
        self.0.change_entry(|entry| entry.shared_upload = Some(upload));
    }

    /// Parts of so many bytes, sent by this process, are recorded; with all others these are `recorded` bytes.
    pub fn recorded(&self, sent: u64, recorded: u64) {
        self.0.change_entry(|entry| {
            entry.bytes = entry.bytes.saturating_sub(sent);
            entry.recorded = recorded.max(entry.recorded);
        });
    }

    /// The bytes sent through this guard are of no use: they will be sent again.
    pub fn undo(&self) {
        let kept = self.0.kept.swap(0, Relaxed);
        let _ = self.0.progress.bytes.fetch_update(Relaxed, Relaxed, |bytes| Some(bytes.saturating_sub(kept)));
        self.0.change_entry(|entry| (entry.recorded, entry.bytes) = (0, 0));
    }

    /// Begins an attempt to transfer the object or a part of it.
    pub fn attempt(&self) -> Attempt {
        Attempt(Arc::new(Counted { object: self.0.clone(), bytes: AtomicU64::new(0), is_kept: AtomicBool::new(false) }))
    }
}

impl Object {
    fn change(&self, change: impl Fn(u64) -> u64) {
        let _ = self.progress.bytes.fetch_update(Relaxed, Relaxed, |bytes| Some(change(bytes)));
        self.change_entry(|entry| {
            entry.bytes = change(entry.bytes);
            entry.sent = change(entry.sent);
        });
    }

    fn change_entry(&self, change: impl FnOnce(&mut Entry)) {
        if self.is_listed
            && let Some(entry) = self.progress.lock().get_mut(&self.key)
        {
            change(entry);
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if !self.is_listed {
            return;
        }
        let mut objects = self.progress.lock();
        if let Some(entry) = objects.get_mut(&self.key) {
            entry.users -= 1;
            if entry.users == 0 {
                self.progress.has_reported_ended.fetch_or(entry.reported.is_some(), Relaxed);
                objects.remove(&self.key);
            }
        }
        metrics::objects_in_flight(objects.len());
    }
}

/// One attempt at some bytes. Clones share it; when the last one is dropped and nobody has kept the bytes, the attempt
/// has failed, and its bytes are taken off again.
#[derive(Debug, Clone)]
pub(crate) struct Attempt(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    object: Arc<Object>,
    bytes: AtomicU64,
    is_kept: AtomicBool,
}

impl Attempt {
    /// Bytes have passed through this process.
    pub fn passed(&self, bytes: u64) {
        metrics::transferred("stream", bytes);
        self.0.add(bytes);
    }

    /// The service itself has copied so many bytes.
    pub fn copied_by_service(&self, bytes: u64) {
        metrics::transferred("service", bytes);
        self.0.add(bytes);
        self.keep();
    }

    /// Reads the attempt's bytes, and does not keep it alive.
    pub fn watch(&self) -> AttemptWatch {
        AttemptWatch(Arc::downgrade(&self.0))
    }

    /// The destination has the bytes.
    pub fn keep(&self) {
        if !self.0.is_kept.swap(true, Relaxed) {
            self.0.object.kept.fetch_add(self.0.bytes.load(Relaxed), Relaxed);
        }
    }
}

/// Reads the bytes of an attempt.
#[derive(Debug)]
pub(crate) struct AttemptWatch(Weak<Counted>);

impl AttemptWatch {
    /// The bytes that have passed so far; `None` once the attempt is over.
    pub fn passed(&self) -> Option<u64> {
        self.0.upgrade().map(|counted| counted.bytes.load(Relaxed))
    }
}

impl Counted {
    fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
        self.object.change(|total| total.saturating_add(bytes));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let bytes = self.bytes.load(Relaxed);
        if !self.is_kept.load(Relaxed) && bytes > 0 {
            self.object.change(|total| total.saturating_sub(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(progress: &TransferProgress) -> Vec<(String, u64, u64)> {
        progress.in_flight(10).into_iter().map(|object| (object.key, object.size, object.bytes)).collect()
    }

    #[test]
    fn regression_bytes_of_a_failed_attempt_do_not_count_twice() {
        let progress = Arc::new(TransferProgress::default());
        let object = progress.object("r", "k", 100);
        let first = object.attempt();
        first.passed(60);
        assert_eq!((progress.bytes(), progress.bytes_in_flight()), (60, 60));
        drop(first);
        assert_eq!((progress.bytes(), shown(&progress)), (0, vec![("k".to_owned(), 100, 0)]));
        let second = object.attempt();
        // A body that the store still holds when the caller is done.
        let body = second.clone();
        second.passed(100);
        second.keep();
        drop((second, object));
        assert_eq!(progress.objects(), 1, "its attempt lives");
        drop(body);
        assert_eq!((progress.bytes(), progress.objects()), (100, 0));
    }

    #[test]
    fn parts_of_one_object_add_up_in_one_entry() {
        let progress = Arc::new(TransferProgress::default());
        let jobs = [progress.object("r", "giant", 1_000), progress.object("r", "giant", 1_000)];
        jobs[0].attempt().copied_by_service(10);
        let part = jobs[1].attempt();
        part.passed(5);
        assert_eq!(shown(&progress), [("giant".to_owned(), 1_000, 15)]);
        let [first, second] = jobs;
        drop(first);
        assert_eq!(progress.bytes_in_flight(), 15, "another job is at it");
        part.keep();
        drop((part, second));
        assert_eq!((progress.bytes(), progress.objects()), (15, 0));
    }

    #[test]
    fn parts_of_others_are_shown_and_what_is_sent_again_counts_once() {
        let progress = Arc::new(TransferProgress::default());
        let object = progress.object("r", "k", 100);
        object.recorded(0, 40);
        let part = object.attempt();
        part.passed(20);
        part.keep();
        assert_eq!((progress.bytes(), shown(&progress)), (20, vec![("k".to_owned(), 100, 60)]));
        object.recorded(20, 70);
        assert_eq!(shown(&progress), [("k".to_owned(), 100, 70)], "another one has sent 10");
        object.undo();
        assert_eq!((progress.bytes(), shown(&progress)), (0, vec![("k".to_owned(), 100, 0)]));
    }

    #[test]
    fn the_list_of_objects_is_bounded_and_the_total_is_not() {
        let progress = Arc::new(TransferProgress::default());
        let objects: Vec<_> = (0..MAX_OBJECTS + 10).map(|n| progress.object("r", &format!("{n}"), 1)).collect();
        objects.iter().for_each(|object| object.attempt().copied_by_service(1));
        assert_eq!((progress.objects(), progress.bytes()), (MAX_OBJECTS, MAX_OBJECTS as u64 + 10));
        drop(objects);
        assert_eq!(progress.objects(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn only_large_objects_that_take_a_while_are_reported() {
        let progress = Arc::new(TransferProgress::default());
        let sizes = [("small", 1), ("large", REPORTED_BYTES), ("giant", REPORTED_BYTES * 2)];
        let objects = sizes.map(|(key, size)| progress.object("r", key, size));
        objects[2].recorded(0, 1_000);
        objects[2].share("upload".to_owned());
        objects.iter().for_each(|object| object.attempt().copied_by_service(500));
        assert!(!progress.has_reports() && progress.reports("w").is_empty(), "they may settle at once");
        tokio::time::advance(REPORTED_AFTER).await;
        let late = progress.object("r", "late", REPORTED_BYTES);
        assert!(progress.has_reports());
        let upload = ReportedUpload { id: "upload".into(), recorded: 1_000, pending: 500 };
        let first =
            TransferReport { worker: "w".into(), objects: 1, bytes: 500, bytes_per_second: 200, uploads: vec![upload] };
        assert_eq!(progress.reports("w"), BTreeMap::from([("r".to_owned(), first.clone())]));
        // Nothing moved since.
        tokio::time::advance(Duration::from_secs(1)).await;
        let second = TransferReport { bytes_per_second: 0, ..first };
        assert_eq!(progress.reports("w"), BTreeMap::from([("r".to_owned(), second)]));
        drop(late);
        assert!(!progress.has_reported_ended(), "it was never reported");
        drop(objects);
        assert!(progress.has_reported_ended() && !progress.has_reports());
        assert!(progress.reports("w").is_empty() && !progress.has_reported_ended());
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_names_a_bounded_number_of_uploads() {
        let progress = Arc::new(TransferProgress::default());
        let object = |n: usize| {
            let object = progress.object("r", &n.to_string(), REPORTED_BYTES + n as u64);
            object.recorded(0, 1);
            object.share(n.to_string());
            object
        };
        let objects: Vec<_> = (0..3 * MAX_REPORTED_UPLOADS).map(object).collect();
        tokio::time::advance(REPORTED_AFTER).await;
        let uploads = &progress.reports("w")["r"].uploads;
        assert_eq!((uploads.len(), uploads[0].id.as_str()), (MAX_REPORTED_UPLOADS, "47"), "the largest");
        drop(objects);
    }
}
