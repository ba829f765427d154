//! How many transfers a job brings: by that a worker asks for no more messages than it can work on at once, so that
//! a fleet shares out what there is.

use shared::config::{PART_BYTES, Work as Options, multipart_threshold_bytes};
use shared::objects::job::{JobObject, ObjectWork};

/// The transfers of a job, at least one: one for each object that goes whole, and one for each part.
pub(crate) fn count(work: &ObjectWork, options: &Options) -> usize {
    let part_bytes = options.part_size.unwrap_or(PART_BYTES).max(1);
    let whole_bytes = options.multipart_threshold.unwrap_or(multipart_threshold_bytes(false));
    let parts = |object: &JobObject| match object.size {
        // A giant is only shared out.
        size if size <= whole_bytes || size >= options.giant_threshold => 1,
        size => usize::try_from(size.div_ceil(part_bytes)).unwrap_or(usize::MAX),
    };
    let count = match work {
        ObjectWork::Copy { objects } => objects.iter().map(parts).fold(0, usize::saturating_add),
        ObjectWork::Delete { objects } => objects.len(),
        ObjectWork::Changed { objects } => objects.len(),
        ObjectWork::Parts(parts) => (parts.last.saturating_sub(parts.first) as usize).saturating_add(1),
    };
    count.max(1)
}

#[cfg(test)]
mod tests {
    use shared::objects::job::{JobKey, Parts};

    use super::*;

    fn objects(sizes: &[u64]) -> ObjectWork {
        let object = |(index, &size): (u32, &u64)| JobObject { index, key: "k".into(), size, ..JobObject::default() };
        ObjectWork::Copy { objects: (0..).zip(sizes).map(object).collect() }
    }

    #[test]
    fn regression_a_job_of_parts_counts_as_its_parts() {
        let options = Options { part_size: Some(10 << 20), ..Options::default() };
        let count = |work| count(&work, &options);
        let parts = |first, last| {
            ObjectWork::Parts(Parts {
                index: 0,
                key: "k".into(),
                upload_id: "u".into(),
                first,
                last,
                again: Vec::new(),
            })
        };
        assert_eq!(count(parts(1, 1)), 1);
        assert_eq!(count(parts(33, 64)), 32);
        assert_eq!(count(objects(&[0, 1, 1_000])), 3);
        assert_eq!(count(objects(&[1_000, 200 << 20])), 21, "one whole, one in parts");
        assert_eq!(count(objects(&[options.giant_threshold])), 1, "a giant is only shared out");
        let keys = (0..7).map(|index| JobKey { index, key: "k".into(), may_block: false }).collect();
        assert_eq!(count(ObjectWork::Delete { objects: keys }), 7);
        assert_eq!(count(ObjectWork::Changed { objects: Vec::new() }), 1, "an event that is not the task's");
    }
}
