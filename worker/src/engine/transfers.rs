//! How many transfers a message brings: by that a worker asks for no more messages than it can work on at once, so that
//! a fleet shares out what there is.

use serde::Deserialize;
use shared::config::{PART_BYTES, Work, multipart_threshold_bytes};
use shared::queue::Message;

#[derive(Deserialize)]
struct Job {
    /// An event has none.
    #[serde(default)]
    body: Body,
}

#[derive(Deserialize, Default)]
struct Body {
    objects: Option<Vec<Object>>,
    #[serde(default)]
    first: u32,
    #[serde(default)]
    last: u32,
}

#[derive(Deserialize)]
struct Object {
    /// Keys to delete and changed keys have none.
    #[serde(default)]
    size: u64,
}

/// The transfers of a message's job, at least one, without reading all of it: one for each object that goes whole, and
/// one for each part. `None` if it is no job.
pub(crate) fn count(message: &Message, options: &Work) -> Option<usize> {
    let Job { body: Body { objects, first, last } } = serde_json::from_str(&message.body).ok()?;
    let part_bytes = options.part_size.unwrap_or(PART_BYTES).max(1);
    let whole_bytes = options.multipart_threshold.unwrap_or(multipart_threshold_bytes(false));
    let parts = |object: &Object| match object.size {
        // A giant is only shared out.
        size if size <= whole_bytes || size >= options.giant_threshold => 1,
        size => usize::try_from(size.div_ceil(part_bytes)).unwrap_or(usize::MAX),
    };
    let count = match objects {
        Some(objects) => objects.iter().map(parts).fold(0, usize::saturating_add),
        None => (last.saturating_sub(first) as usize).saturating_add(1),
    };
    Some(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::job::Origin;
    use shared::object::Timestamp;
    use shared::objects::job::{Job, JobKey, JobObject, Parts, Work as JobWork};

    fn message(work: JobWork) -> Message {
        let origin = Origin { id: "0/1".to_owned(), items: 100 };
        let body = Job::new("t", "r", origin, work).to_body();
        Message { id: "1".into(), receipt: "1".into(), body, receive_count: 1, sent: Timestamp(0) }
    }

    fn objects(sizes: &[u64]) -> JobWork {
        let object = |(index, &size): (u32, &u64)| JobObject { index, key: "k".into(), size, ..JobObject::default() };
        JobWork::Copy { objects: (0..).zip(sizes).map(object).collect() }
    }

    #[test]
    fn regression_a_job_of_parts_counts_as_its_parts() {
        let options = Work { part_size: Some(10 << 20), ..Work::default() };
        let count = |work| count(&message(work), &options);
        let parts = |first, last| {
            JobWork::Parts(Parts { index: 0, key: "k".into(), upload_id: "u".into(), first, last, again: Vec::new() })
        };
        assert_eq!(count(parts(1, 1)), Some(1));
        assert_eq!(count(parts(33, 64)), Some(32));
        assert_eq!(count(objects(&[0, 1, 1_000])), Some(3));
        assert_eq!(count(objects(&[1_000, 200 << 20])), Some(21), "one whole, one in parts");
        assert_eq!(count(objects(&[options.giant_threshold])), Some(1), "a giant is only shared out");
        let keys = (0..7).map(|index| JobKey { index, key: "k".into(), may_block: false }).collect();
        assert_eq!(count(JobWork::Delete { objects: keys }), Some(7));
        let event = Message { body: r#"{"key":"a/b"}"#.into(), ..message(objects(&[1])) };
        assert_eq!(super::count(&event, &options), Some(1));
    }
}
