//! The place of a job's keys among the keys of its run.

use std::collections::BTreeSet;

use super::{Outcome, State};

/// The jobs of a range are of two streams, each in the order of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Objects to be copied.
    Copies,
    /// Keys to be deleted.
    Deletes,
}

impl Stream {
    /// All of them.
    pub const ALL: [Stream; 2] = [Stream::Copies, Stream::Deletes];

    /// Its name in the names of jobs and in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Stream::Copies => "c",
            Stream::Deletes => "d",
        }
    }
}

/// Where the keys of an origin job lie. A ledger may record the outcomes of such a job together, and find a key's
/// outcome by the job's first key.
///
/// # Contract
///
/// - The keys of the jobs with a span of one run, range and stream are disjoint, and ascend with their first keys: no
///   key of a job lies behind the first key of a later one.
/// - `first` is the first key of the *origin* job: all settlements of a job that have a span have the same one.
/// - The keys lie in the range of the run's [checkpoint](super::Checkpoint) of this number. Its counters of jobs were
///   recorded before the job was sent.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// The number of the range that the finder listed.
    pub range: u32,
    /// Of which of its streams the job is.
    pub stream: Stream,
    /// The first key of the origin job.
    pub first: &'a str,
    /// The indexes of the outcomes that need a record of their own, besides failures.
    pub own_records: &'a BTreeSet<u32>,
}

impl Span<'_> {
    /// Whether the outcome may be recorded together with the others of its settlement.
    pub fn joins(&self, index: u32, outcome: &Outcome) -> bool {
        outcome.is_of_key() && outcome.state != State::Failed && !self.own_records.contains(&index)
    }
}
