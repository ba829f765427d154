//! The jobs that carry out operations: each is one slice of an operation, which its record describes.

use serde::{Deserialize, Serialize};

use super::{Operation, OperationKind};
use crate::job::{self, Job, Origin, ParseError};
use crate::ledger::ClaimView;

/// The kind of a job that carries out an operation. Its verb is the operation's kind.
pub const OPERATION: &str = "operation";

/// The body of an operation's job. Task and operation stand in the job's head: the operation's id is the job's run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationJob {
    /// The steps of the operation that its sender has seen recorded. The job of a lower number than the record's is an
    /// older slice, or a repeated delivery.
    pub slice: u64,
    /// The claim of another finder that the sender has seen. The message was delayed by the claim's lease: if the claim is
    /// the same when it comes, the owner is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<ClaimView>,
}

impl OperationJob {
    /// Reads the body of a job of kind [`OPERATION`].
    pub fn of(job: &Job) -> Result<OperationJob, ParseError> {
        if !OperationKind::ALL.iter().any(|kind| kind.as_str() == job.verb) {
            return Err(job.invalid("the verb is no operation"));
        }
        job.read_body()
    }
}

impl Operation {
    /// The job that carries out the operation from step `slice` on. Sent twice, it does no harm.
    pub fn job(&self, slice: u64) -> Job {
        self.job_after(slice, None)
    }

    /// The same job, by a sender who has seen this claim of another finder, and delays the message by its lease.
    pub fn job_after(&self, slice: u64, seen: Option<ClaimView>) -> Job {
        Job {
            v: job::VERSION,
            task: self.task.clone(),
            run: self.id.clone(),
            definition: self.version,
            attempt: 1,
            origin: Origin { id: format!("operation-{slice}"), items: 1 },
            not_before: None,
            kind: OPERATION.to_owned(),
            verb: self.kind.as_str().to_owned(),
            items: 1,
            body: job::body(&OperationJob { slice, seen }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Timestamp;

    fn operation(kind: OperationKind) -> Operation {
        Operation {
            id: "run".into(),
            task: "task".into(),
            kind,
            version: 3,
            who: "me".into(),
            requested: Timestamp(1),
            request: String::new(),
            beat: 0,
            worker: None,
            progress: None,
            end: None,
        }
    }

    #[test]
    fn an_operation_job_is_read_as_it_was_made() {
        for kind in OperationKind::ALL {
            let job = Job::parse(&operation(kind).job(7).to_body()).unwrap();
            assert_eq!((job.kind.as_str(), job.verb.as_str(), job.run.as_str()), (OPERATION, kind.as_str(), "run"));
            assert_eq!((job.items, job.origin.id.as_str(), job.definition), (1, "operation-7", 3));
            assert_eq!(OperationJob::of(&job), Ok(OperationJob { slice: 7, seen: None }));
        }
    }

    #[test]
    fn an_operation_job_carries_the_claim_that_its_sender_saw() {
        let seen = Some(ClaimView { owner: "w".into(), fence: 3, beat: 9 });
        let job = Job::parse(&operation(OperationKind::Find).job_after(2, seen.clone()).to_body()).unwrap();
        assert_eq!(OperationJob::of(&job), Ok(OperationJob { slice: 2, seen }));
    }

    #[test]
    fn a_job_of_an_unknown_operation_is_refused() {
        let mut job = operation(OperationKind::Find).job(0);
        job.verb = "paint".into();
        assert!(OperationJob::of(&job).unwrap_err().to_string().contains("no operation"));
    }
}
