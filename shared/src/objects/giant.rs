//! How the parts of a giant object are shared out among workers: in jobs that get shorter towards the end.
//!
//! Guided self-scheduling (Polychronopoulos and Kuck, 1987): each job takes a share of the parts that are left. So workers
//! of any speed end together, and there are few jobs.

/// A giant is cut into at least about this many jobs, if it has so many parts.
const LEAST_JOBS: u32 = 16;

/// A job takes this share of the parts that are left,
const SHARE: u32 = 8;

/// but no more than this, bytes: some seconds of work,
const MOST_BYTES: u64 = 256 << 20;

/// and no less than this, bytes, as far as [`LEAST_JOBS`] allows: each job costs requests to queue and ledger.
const LEAST_BYTES: u64 = 64 << 20;

/// The number of parts in the next job, when `left` parts of a giant's `parts` are not in a job yet. Parts have
/// `part_bytes`. At least 1, at most `left`; 0 if none is left.
pub fn job_parts(left: u32, parts: u32, part_bytes: u64) -> u32 {
    let within = |bytes: u64| u32::try_from(bytes / part_bytes.max(1)).unwrap_or(u32::MAX).max(1);
    let most = (parts / LEAST_JOBS).clamp(1, within(MOST_BYTES));
    let least = within(LEAST_BYTES).min(most);
    (left / SHARE).clamp(least, most).min(left)
}

/// The number of jobs that a giant of so many parts is shared out in.
pub fn job_count(parts: u32, part_bytes: u64) -> u64 {
    let (mut left, mut jobs) = (parts, 0);
    while left > 0 {
        left -= job_parts(left, parts, part_bytes);
        jobs += 1;
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn lengths(parts: u32, part_bytes: u64) -> Vec<u32> {
        let mut left = parts;
        let next = || {
            let length = job_parts(left, parts, part_bytes);
            left -= length;
            (length > 0).then_some(length)
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn jobs_get_shorter_towards_the_end() {
        let lengths = lengths(1_024, 16 * MIB);
        assert_eq!((lengths[0], lengths[50], lengths.last()), (16, 16, Some(&4)));
        assert!(lengths.is_sorted_by(|a, b| a >= b), "{lengths:?}");
        assert!(lengths.len() < 80, "{}", lengths.len());
        assert_eq!(job_count(1_024, 16 * MIB), lengths.len() as u64);
    }

    #[test]
    fn a_fleet_gets_several_jobs_even_of_a_small_giant() {
        assert_eq!(lengths(13, 5 * MIB), [1; 13]);
        assert_eq!(lengths(64, 16 * MIB), [4; 16]);
        assert_eq!(lengths(10_000, 5 << 30), [1; 10_000], "parts of 5 GiB go alone");
    }

    proptest! {
        #[test]
        fn every_part_is_in_one_job(parts in 1u32..=10_000, part_bytes in 1u64..=5 << 30) {
            let lengths = lengths(parts, part_bytes);
            prop_assert_eq!(lengths.iter().sum::<u32>(), parts);
            prop_assert!(lengths.iter().all(|&length| length == 1 || u64::from(length) * part_bytes <= MOST_BYTES));
        }
    }
}
