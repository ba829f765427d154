//! The messages that bring an object again.

use std::time::Duration;

use shared::Error;
use shared::objects::job::{JobChange, JobKey, JobObject, ObjectJob, ObjectWork};
use shared::queue::Outgoing;

use crate::objects::item::{Item, Request};

/// Longest delay of a message (Amazon SQS `DelaySeconds`).
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(900);

/// The delay before the attempt after `attempt`: fourfold each time.
pub(crate) fn retry_delay(first: Duration, attempt: u32) -> Duration {
    first.saturating_mul(4u32.saturating_pow(attempt - 1)).min(MAX_DELAY)
}

/// Brings an object again, alone, as its next attempt.
pub(crate) fn next_attempt(item: &Item, error: &Error) -> Outgoing {
    let (job, object) = (&*item.job, &item.object);
    let delay = retry_delay(item.context.objects.options.retry_delay, job.attempt);
    tracing::info!(key = ?object.key, attempt = job.attempt, %error, delay_s = delay.as_secs(), "an object failed: trying it again");
    let suspect = object.suspect || error.leaves_wrong_bytes();
    let work = work_on(item.request, JobObject { suspect, ..object.clone() });
    let body = ObjectJob { attempt: job.attempt + 1, restoring: None, work, ..job.clone() }.to_body();
    Outgoing { body, delay }
}

/// Brings an object again, alone, in the same attempt.
pub(crate) fn same_attempt(item: &Item, object: JobObject, delay: Duration) -> Outgoing {
    let body = ObjectJob { work: work_on(item.request, object), ..(*item.job).clone() }.to_body();
    Outgoing { body, delay }
}

/// The work on one object alone.
fn work_on(request: Request, object: JobObject) -> ObjectWork {
    match request {
        Request::Copy => ObjectWork::Copy { objects: vec![object] },
        Request::Delete { may_block } => {
            let JobObject { index, key, .. } = object;
            ObjectWork::Delete { objects: vec![JobKey { index, key, may_block }] }
        }
        Request::Follow { time, no_delete } => {
            let JobObject { index, key, .. } = object;
            ObjectWork::Changed { objects: vec![JobChange { index, key, time, no_delete }] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_fourfold_up_to_the_queues_limit() {
        let delay = |attempt| retry_delay(Duration::from_secs(5), attempt).as_secs();
        assert_eq!([delay(1), delay(2), delay(3), delay(30)], [5, 20, 80, 900]);
    }
}
