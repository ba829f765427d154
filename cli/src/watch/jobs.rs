//! Keys that may have changed as jobs, within the bounds of a message.

use std::time::Duration;

use shared::job::Origin;
use shared::ledger::events_run;
use shared::object::Timestamp;
use shared::objects::job::{JobChange, ObjectJob, ObjectWork, body_bytes_at_most};
use shared::queue::{MAX_BODY_BYTES, Outgoing};

/// What a job's body holds besides its keys, at most, bytes: a task's name of up to 100 characters (six bytes each when
/// escaped), twice, an origin, and the format's own words.
const ENVELOPE_BYTES: usize = 2_048;

/// Most keys of one job.
const MAX_KEYS: usize = 500;

/// Packs keys, each with the time of its change, into jobs for the events' queue.
pub fn pack(task: &str, keys: impl IntoIterator<Item = (String, Timestamp)>, delay: Duration) -> Vec<Outgoing> {
    let mut messages = Vec::new();
    let (mut objects, mut bytes) = (Vec::new(), ENVELOPE_BYTES);
    for (key, time) in keys {
        let more = body_bytes_at_most(&key, None, None);
        if objects.len() == MAX_KEYS || bytes + more > MAX_BODY_BYTES {
            messages.push(message(task, std::mem::take(&mut objects), delay));
            bytes = ENVELOPE_BYTES;
        }
        bytes += more;
        objects.push(JobChange { index: objects.len() as u32, key, time: Some(time), no_delete: false });
    }
    if !objects.is_empty() {
        messages.push(message(task, objects, delay));
    }
    messages
}

fn message(task: &str, objects: Vec<JobChange>, delay: Duration) -> Outgoing {
    // Sent twice, as after an answer that was lost, it is counted once.
    let origin = Origin { id: uuid::Uuid::now_v7().to_string(), items: objects.len() as u32 };
    let work = ObjectWork::Changed { objects };
    let job = ObjectJob::new(task, &events_run(task), origin, work);
    Outgoing { body: job.to_body(), delay }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Each makes and reads some hundred KiB.
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn each_key_is_in_one_job_in_order_within_the_bounds(
            keys in proptest::collection::vec("[a-z\u{0}-\u{1f}\u{fffe}/]{1,2000}", 0..120),
        ) {
            let changes = keys.iter().map(|key| (key.clone(), Timestamp(7)));
            let mut found = Vec::new();
            for message in pack(&"t".repeat(100), changes, Duration::ZERO) {
                prop_assert!(message.body.len() <= MAX_BODY_BYTES);
                let job = ObjectJob::parse(&message.body).unwrap();
                let ObjectWork::Changed { objects } = job.work else { panic!("another kind") };
                prop_assert_eq!(job.origin.items as usize, objects.len());
                found.extend(objects.into_iter().map(|object| object.key));
            }
            prop_assert_eq!(found, keys);
        }
    }

    #[test]
    fn many_keys_make_jobs_of_a_bounded_number() {
        let jobs = pack("t", (0..1_001).map(|i| (i.to_string(), Timestamp(0))), Duration::ZERO);
        assert_eq!(jobs.len(), 3);
    }
}
