//! Metrics and their events: each event is recorded in one function, so that log line and metric agree.
//!
//! [`TABLE`] is the list of all metrics; `docs/operations.md` is checked against it by a test. Labels are
//! bounded: verbs, kinds, states, endpoints; never a key.

pub mod event_age;
pub mod fleet;
pub mod tasks;

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::Error;
use crate::ledger::Outcome;
use crate::queue::Depth;
use crate::terminal;

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Prometheus name.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// Unit of its values.
    pub unit: Unit,
    /// Label names.
    pub labels: &'static [&'static str],
    /// Its meaning, in one sentence.
    pub help: &'static str,
}

macro_rules! metrics_table {
    ($($const:ident $kind:ident $unit:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(const $const: &str = $name;)*
        /// All metrics.
        pub const TABLE: &[Metric] = &[$(Metric {
            name: $name, kind: MetricKind::$kind, unit: Unit::$unit, labels: &[$($label),*], help: $help,
        },)*];
    };
}

metrics_table! {
    OBJECTS Counter Count "flotilla_objects_total" ["outcome"] "Objects settled, by outcome (copied, deleted, skipped, failed, cancelled).";
    BYTES Counter Bytes "flotilla_bytes_total" ["outcome"] "Bytes of settled objects, by outcome.";
    JOBS Counter Count "flotilla_jobs_total" ["kind", "verb", "outcome"] "Jobs executed, by kind (objects, operation), verb (of objects: copy, parts, delete, changed; of operations: find, plan, verify, probe, retry, close, erase) and outcome (done, abandoned, returned, dead).";
    OUTDATED Gauge Count "flotilla_worker_outdated" [] "1 once this worker has received a job of a later release: it receives no more.";
    LEASES Gauge Count "flotilla_leases" [] "Jobs leased by this worker.";
    TRANSFERRED Counter Bytes "flotilla_transferred_bytes_total" ["by"] "Bytes transferred so far, including failed attempts, by mover (stream: this worker; service: the store's own copy).";
    IN_FLIGHT Gauge Count "flotilla_objects_in_flight" [] "Objects being transferred by this worker; at most 1,000 are counted.";
    BYTES_IN_FLIGHT Gauge Bytes "flotilla_in_flight_bytes" [] "Bytes of the objects in flight that the destination has or is getting, earlier recorded parts included.";
    QUEUE Gauge Count "flotilla_queue_jobs" ["state"] "Jobs on the queue, by state (ready, leased, delayed, dead); approximate on SQS.";
    QUEUE_AGE Histogram Seconds "flotilla_queue_age_seconds" [] "Age of a job when a worker receives it.";
    TRANSFER Histogram Seconds "flotilla_transfer_seconds" [] "Time from the start of an object's copy to its end.";
    EVENTS Counter Count "flotilla_events_total" ["format", "verdict"] "Events received, by format and verdict (followed, filtered, out-of-scope, test, subscription-confirmation, unsubscribe-confirmation, unreadable).";
    EVENT_AGE Histogram Seconds "flotilla_event_age_seconds" [] "Time from a change, as its event reports it, to the record of its outcome.";
    LOOKS Counter Count "flotilla_second_looks_total" ["found"] "Checks of the source after a write, by result (same, changed, gone).";
    RETRIES Counter Count "flotilla_retries_total" ["operation"] "Requests sent again after a transient error, by operation.";
    THROTTLES Counter Count "flotilla_throttles_total" ["operation"] "Requests that were throttled, by operation.";
    CONCURRENCY Gauge Count "flotilla_transfers" [] "Transfers in progress, without parts of which at most 1 MiB is left.";
    CONCURRENCY_LIMIT Gauge Count "flotilla_transfers_limit" [] "Transfers that the throttling limit allows at present.";
    STORE_FAILING Gauge Count "flotilla_store_failing" ["side"] "Stores of which all requests fail, and whose transfers wait, by side (source, destination).";
    PAGES Counter Count "flotilla_listing_pages_total" ["side"] "Listing pages read, by side (source, destination).";
    RUN_LISTED Gauge Count "flotilla_run_listed_objects" [] "Source objects that the current run has listed.";
    RUN_ENQUEUED Gauge Count "flotilla_run_enqueued_objects" [] "Objects that the current run has enqueued.";
    TASK_OBJECTS Counter Count "flotilla_task_objects_total" ["task", "outcome"] "Objects of a task settled by this worker, by outcome (copied, deleted, skipped, failed, cancelled).";
    TASK_BYTES Counter Bytes "flotilla_task_bytes_total" ["task", "outcome"] "Bytes of settled objects of a task, by outcome.";
    TASK_TRANSFERRED Counter Bytes "flotilla_task_transferred_bytes_total" ["task"] "Bytes transferred so far for a task, including failed attempts.";
    TASK_FAILING Gauge Count "flotilla_task_failing" ["task"] "1 while this worker cannot serve a task.";
    WANTED Gauge Count "flotilla_wanted_machines" [] "Workers that the fleet needs, by the controller: those that the jobs on the queues want, and no fewer than hold jobs.";
}

/// Gives the recorder every metric's help and unit.
pub fn describe() {
    for metric in TABLE {
        match metric.kind {
            MetricKind::Counter => describe_counter!(metric.name, metric.unit, metric.help),
            MetricKind::Gauge => describe_gauge!(metric.name, metric.unit, metric.help),
            MetricKind::Histogram => describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
}

/// A request is sent again after a transient error.
pub fn retried(verb: &'static str, error: &Error, attempt: u32, delay: Duration) {
    counter!(RETRIES, "operation" => verb).increment(1);
    tracing::debug!(%error, attempt, delay_ms = delay.as_millis() as u64, "trying a request again");
}

/// A request was throttled.
pub fn throttled(verb: &'static str) {
    counter!(THROTTLES, "operation" => verb).increment(1);
}

/// An object was settled and its outcome recorded.
pub fn settled(outcome: &Outcome) {
    let state = outcome.state.as_str();
    counter!(OBJECTS, "outcome" => state).increment(1);
    counter!(BYTES, "outcome" => state).increment(outcome.size);
    let seconds = (outcome.finished.0 - outcome.started.0).max(0) as f64 / 1e3;
    if outcome.state == crate::ledger::State::Copied {
        histogram!(TRANSFER).record(seconds);
    }
    match &outcome.error {
        Some(error) => {
            let attempts = terminal::counted(outcome.attempts.into(), "attempt");
            tracing::warn!(attempts = outcome.attempts, %error, "object {:?} failed after {attempts}", outcome.key);
        }
        None => tracing::debug!(key = ?outcome.key, state, bytes = outcome.size, seconds, "object settled"),
    }
}

/// A job was received.
pub fn received(kind: &'static str, verb: &'static str, age: Duration, redelivered: bool) {
    gauge!(LEASES).increment(1);
    histogram!(QUEUE_AGE).record(age.as_secs_f64());
    tracing::debug!(kind, verb, age_ms = age.as_millis() as u64, redelivered, "job received");
}

/// An event was received for the first time.
pub fn event(format: &'static str, verdict: &'static str) {
    counter!(EVENTS, "format" => format, "verdict" => verdict).increment(1);
}

/// An event was settled, this long after the change that it reports.
pub fn event_settled(age: Duration) {
    histogram!(EVENT_AGE).record(age.as_secs_f64());
}

/// The source was checked after a write.
pub fn looked_again(found: &'static str) {
    counter!(LOOKS, "found" => found).increment(1);
}

/// A received job was finished: `done`, `abandoned` (lease lost), `returned`, or `dead`.
pub fn job_finished(kind: &'static str, verb: &'static str, outcome: &'static str) {
    gauge!(LEASES).decrement(1);
    counter!(JOBS, "kind" => kind, "verb" => verb, "outcome" => outcome).increment(1);
    tracing::debug!(kind, verb, outcome, "job ended");
}

/// This worker has received a job of a later release.
pub fn outdated() {
    gauge!(OUTDATED).set(1.0);
}

/// Bytes were transferred: by a `stream` through this process, or by the `service` itself.
pub fn transferred(by: &'static str, bytes: u64) {
    counter!(TRANSFERRED, "by" => by).increment(bytes);
}

/// Sets the number of objects in flight.
pub fn objects_in_flight(now: usize) {
    gauge!(IN_FLIGHT).set(now as f64);
}

/// Sets the transferred bytes of the objects in flight.
pub fn bytes_in_flight(bytes: u64) {
    gauge!(BYTES_IN_FLIGHT).set(bytes as f64);
}

/// Sets the number of transfers.
pub fn transfers(now: usize) {
    gauge!(CONCURRENCY).set(now as f64);
}

/// Sets the limiter's number of transfers.
pub fn transfers_limit(limit: usize) {
    gauge!(CONCURRENCY_LIMIT).set(limit as f64);
}

/// A store of this side is used: none more fails by that. The worker of a fleet has stores of many tasks.
pub fn store_used(side: &'static str) {
    gauge!(STORE_FAILING, "side" => side).increment(0.0);
}

/// All requests to a store fail.
pub fn store_fails(side: &'static str) {
    gauge!(STORE_FAILING, "side" => side).increment(1.0);
}

/// A store that failed works again, or is used no more.
pub fn store_fails_no_more(side: &'static str) {
    gauge!(STORE_FAILING, "side" => side).decrement(1.0);
}

/// The queue's depth was read.
pub fn queue_depth(depth: &Depth) {
    for (state, jobs) in
        [("ready", depth.ready), ("leased", depth.leased), ("delayed", depth.delayed), ("dead", depth.dead)]
    {
        gauge!(QUEUE, "state" => state).set(jobs as f64);
    }
}

/// A page of a listing was read.
pub fn page_listed(side: &'static str) {
    counter!(PAGES, "side" => side).increment(1);
}

/// Sets the number of workers that the fleet needs.
pub fn wanted_machines(machines: u32) {
    gauge!(WANTED).set(f64::from(machines));
}

/// Sets the finder's progress.
pub fn run_progress(listed: u64, enqueued: u64) {
    gauge!(RUN_LISTED).set(listed as f64);
    gauge!(RUN_ENQUEUED).set(enqueued as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_store_that_works_hides_no_other_that_fails() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let is = |value: &str| handle.render().contains(&format!("{STORE_FAILING}{{side=\"source\"}} {value}\n"));
        ::metrics::with_local_recorder(&recorder, || {
            store_used("source");
            assert!(is("0"), "{}", handle.render());
            store_fails("source");
            store_fails("source");
            // That of a task that is opened now.
            store_used("source");
            store_fails_no_more("source");
            assert!(is("1"), "{}", handle.render());
        });
    }

    #[test]
    fn every_metric_is_named_by_the_rule() {
        for metric in TABLE {
            assert!(metric.name.starts_with("flotilla_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
