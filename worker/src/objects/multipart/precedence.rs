//! Which of two jobs gets an object whose upload the ledger has already.
//!
//! Two runs at one object would take it from each other for ever. So the newer run has it; ids of runs sort by time. An
//! event has seen the newest version: only an upload of that very version takes precedence over it, for its owner looks
//! at the source once more when it is done.

/// A recorded upload, and a job that wants to send a version of the same key.
#[derive(Debug, Clone)]
pub(crate) struct Contest<'a> {
    /// The run that the recorded upload counts for.
    pub found_run: &'a str,
    /// The run of the job.
    pub run: &'a str,
    /// The run of the task's events.
    pub events_run: String,
    /// Whether both are for one object of one origin job. A message may name a key twice: these are two objects.
    pub is_same_object: bool,
    /// Whether the upload was created for the version, and with the metadata, that the job wants to send.
    pub is_same_version: bool,
    /// Whether the upload is of an earlier attempt that was given up.
    pub is_outlived: bool,
}

/// What the job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precedence {
    /// It sends the parts that the recorded upload lacks.
    Resume,
    /// It leaves the object to the other job.
    GiveWay,
    /// It discards its own earlier upload, and creates one.
    Replace,
    /// It settles the other job's object, so that the other run can end; then it discards the upload and creates one.
    TakeOver,
}

impl Contest<'_> {
    /// What the job does.
    pub fn precedence(&self) -> Precedence {
        let is_own = self.found_run == self.run && self.is_same_object;
        if is_own && self.is_same_version && !self.is_outlived {
            return Precedence::Resume;
        }
        let gives_way = match self.run == self.events_run {
            // An outlived upload of its own is about to be discarded: nobody goes on with it.
            true => self.is_same_version && !is_own,
            false => self.found_run == self.events_run || self.found_run > self.run,
        };
        match (gives_way, is_own) {
            (true, _) => Precedence::GiveWay,
            (false, true) => Precedence::Replace,
            (false, false) => Precedence::TakeOver,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_follows_its_table() {
        use Precedence::{GiveWay, Replace, Resume, TakeOver};
        let (older, run, newer, events) = ("01", "02", "03", "0-events");
        // The recorded upload's run, the job's run, one object; then the result for one version and for another one, of
        // an upload that goes on and of an outlived one.
        for (found_run, run, is_same_object, results) in [
            (run, run, true, [Resume, Replace, Replace, Replace]),
            (run, run, false, [TakeOver; 4]),
            (older, run, true, [TakeOver; 4]),
            (older, run, false, [TakeOver; 4]),
            (newer, run, true, [GiveWay; 4]),
            (newer, run, false, [GiveWay; 4]),
            (events, run, true, [GiveWay; 4]),
            (events, run, false, [GiveWay; 4]),
            (events, events, true, [Resume, Replace, Replace, Replace]),
            (events, events, false, [GiveWay, GiveWay, TakeOver, TakeOver]),
            (run, events, true, [GiveWay, GiveWay, TakeOver, TakeOver]),
            (run, events, false, [GiveWay, GiveWay, TakeOver, TakeOver]),
        ] {
            for (nth, (is_same_version, is_outlived)) in
                [(true, false), (true, true), (false, false), (false, true)].into_iter().enumerate()
            {
                let events_run = events.to_owned();
                let contest = Contest { found_run, run, events_run, is_same_object, is_same_version, is_outlived };
                assert_eq!(contest.precedence(), results[nth], "{contest:?}");
            }
        }
    }
}
