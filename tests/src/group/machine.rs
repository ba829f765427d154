//! A machine of a group: a process with a metadata service of its own.

use tokio::time::{Duration, Instant};

use super::{GroupSettings, Start};
use crate::binaries::Process;
use crate::metadata::Metadata;

/// Where a machine is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It boots; or its process runs, and the group has not put it in service yet.
    Pending,
    /// Its process runs, and the group counts on it.
    InService,
    /// It waits for its hook.
    Terminating,
    /// It is gone.
    Gone,
}

/// A machine.
#[derive(Debug)]
pub(super) struct Machine {
    pub id: String,
    pub phase: Phase,
    pub is_protected: bool,
    metadata: Metadata,
    process: Option<Process>,
    launched: Instant,
    /// When its process was started.
    started: Option<Instant>,
    /// When it began to go, for any reason.
    went: Option<Instant>,
    ended: Option<Instant>,
    /// When it goes without its hook.
    hook_ends: Option<Instant>,
    /// The end that a spot notice announced.
    notice_ends: Option<Instant>,
    log: String,
}

impl Machine {
    pub async fn launch(id: String, now: Instant) -> Machine {
        let metadata = Metadata::start(&id).await;
        metadata.set("autoscaling/target-lifecycle-state", "InService");
        let (phase, log) = (Phase::Pending, String::new());
        let (hook_ends, notice_ends) = (None, None);
        Machine {
            id,
            phase,
            is_protected: false,
            metadata,
            process: None,
            launched: now,
            started: None,
            went: None,
            ended: None,
            hook_ends,
            notice_ends,
            log,
        }
    }

    /// Goes on in its life. Returns whether it goes because its hook was not completed in time.
    pub fn step(&mut self, now: Instant, settings: &GroupSettings, start: &Start) -> bool {
        if self.phase == Phase::Pending && self.started.is_none() && now >= self.launched + settings.boot {
            self.process = Some(start(&self.id, &self.metadata.endpoint));
            self.started = Some(now);
        }
        if self.phase == Phase::Pending && self.started.is_some_and(|started| now >= started + settings.pending) {
            self.phase = Phase::InService;
        }
        let is_over = |ends: Option<Instant>| ends.is_some_and(|ends| now >= ends);
        let (is_over, has_expired) = (is_over(self.notice_ends), is_over(self.hook_ends));
        let is_there = self.phase != Phase::Gone;
        if is_there && (is_over || has_expired) {
            self.end(now);
        }
        is_there && has_expired && !is_over
    }

    /// Begins to end it in good order.
    pub fn go(&mut self, now: Instant, settings: &GroupSettings) {
        if self.process.is_none() {
            // Nothing runs that could complete the hook.
            return self.end(now);
        }
        self.went.get_or_insert(now);
        self.phase = Phase::Terminating;
        self.metadata.set("autoscaling/target-lifecycle-state", "Terminated");
        self.hook_ends = Some(now + settings.hook_limit);
    }

    /// Begins the hook's time anew.
    pub fn prolong(&mut self, now: Instant, settings: &GroupSettings) {
        self.hook_ends = Some(now + settings.hook_limit);
    }

    /// Ends it because its hook is completed. Returns whether that is later than the hook's first limit.
    pub fn complete(&mut self, now: Instant, settings: &GroupSettings) -> bool {
        let is_late = self.went.is_some_and(|went| now > went + settings.hook_limit);
        self.end(now);
        is_late
    }

    /// Sends the notice of a spot interruption.
    pub fn interrupt(&mut self, now: Instant, ends: Instant) {
        self.went.get_or_insert(now);
        self.metadata.set("spot/instance-action", r#"{"action": "terminate", "time": "2026-01-01T00:00:00Z"}"#);
        self.notice_ends = Some(ends);
    }

    /// Ends it, whatever it does.
    pub fn end(&mut self, now: Instant) {
        self.log = self.log();
        self.process = None;
        self.phase = Phase::Gone;
        self.went.get_or_insert(now);
        self.ended.get_or_insert(now);
    }

    /// From its launch until it was gone, or until now.
    pub fn lived(&self, now: Instant) -> Duration {
        self.ended.unwrap_or(now) - self.launched
    }

    /// From the start of its process until it began to go, or until now.
    pub fn served(&self, now: Instant) -> Duration {
        self.started.map_or(Duration::ZERO, |started| self.went.unwrap_or(now).saturating_duration_since(started))
    }

    pub fn log(&self) -> String {
        self.process.as_ref().map_or_else(|| self.log.clone(), Process::stderr)
    }
}
