//! How an object is cut into parts: pure arithmetic within the store's limits.

use shared::config::part_bytes;
use shared::objects::giant::job_parts;
use shared::store::{Capabilities, PartLayout};

/// Chosen sizes are multiples of this, bytes.
const PART_GRAIN_BYTES: u64 = 1 << 20;

/// Parts of one size, but for the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    /// Size of each part but the last, bytes.
    pub part_bytes: u64,
    /// Whether these are the source's own boundaries.
    pub same_parts: bool,
}

/// Cuts an object of `size` bytes: as the source was cut, if that is known, regular and allowed
/// here; else into parts of the wished size, made larger where there would be too many of them.
/// `Err` says why the destination cannot have the object.
pub fn cut(
    size: u64,
    wish: Option<u64>,
    layout: Option<PartLayout>,
    limits: &Capabilities,
) -> Result<PartPlan, String> {
    if size > limits.max_object_bytes {
        return Err(format!(
            "the object has {size} bytes, but the destination accepts at most {}",
            limits.max_object_bytes
        ));
    }
    if let Some(PartLayout { part_bytes, count }) = layout
        && is_regular(size, part_bytes, count)
        && count <= limits.max_parts
        && part_bytes <= limits.max_part_bytes
        && (part_bytes >= limits.min_part_bytes || count == 1)
    {
        return Ok(PartPlan { part_bytes, same_parts: true });
    }
    let smallest = size.div_ceil(u64::from(limits.max_parts));
    let wished = wish.unwrap_or(part_bytes(size)).clamp(limits.min_part_bytes, limits.max_part_bytes).max(1);
    let part_bytes = if wished >= smallest { wished } else { smallest.next_multiple_of(PART_GRAIN_BYTES) };
    if part_bytes > limits.max_part_bytes {
        return Err(format!("the object's {size} bytes do not fit into {} parts", limits.max_parts));
    }
    Ok(PartPlan { part_bytes, same_parts: false })
}

/// The plan with another number of parts than the source has, where the source's own boundaries could not
/// be kept: tags that count equally many parts are compared, and these could never come out equal, so that
/// each run would copy the object again. The same plan where no other is within the limits.
pub fn with_other_count(plan: PartPlan, size: u64, source_count: Option<u32>, limits: &Capabilities) -> PartPlan {
    let count = |part_bytes: u64| size.div_ceil(part_bytes);
    if plan.same_parts || Some(count(plan.part_bytes)) != source_count.map(u64::from) {
        return plan;
    }
    let smaller = (plan.part_bytes.min(size) / 2).next_multiple_of(PART_GRAIN_BYTES);
    let other = [plan.part_bytes * 2, smaller].into_iter().find(|&part_bytes| {
        (limits.min_part_bytes..=limits.max_part_bytes).contains(&part_bytes)
            && count(part_bytes) != count(plan.part_bytes)
            && count(part_bytes) <= u64::from(limits.max_parts)
    });
    other.map_or(plan, |part_bytes| PartPlan { part_bytes, ..plan })
}

/// Whether `count` parts of the first one's size, the last one shorter or equal, make up the object.
pub fn is_regular(size: u64, part_bytes: u64, count: u32) -> bool {
    part_bytes > 0 && size.div_ceil(part_bytes).max(1) == u64::from(count)
}

/// Offset and length of part `number` (from 1), bytes.
pub fn part_range(size: u64, part_bytes: u64, number: u32) -> std::ops::Range<u64> {
    let start = (u64::from(number) - 1) * part_bytes;
    start..(start + part_bytes).min(size)
}

/// Length of part `number` (from 1), bytes; 0 for one that the object does not have.
pub fn part_size(size: u64, part_bytes: u64, number: u32) -> u64 {
    let range = part_range(size, part_bytes, number);
    range.end.saturating_sub(range.start)
}

/// The parts `missing` (ascending) in runs of neighbours, each no longer than one job should be.
pub fn jobs(mut missing: &[u32], part_count: u32, part_bytes: u64) -> Vec<(u32, u32)> {
    let mut runs = Vec::new();
    while let Some(&first) = missing.first() {
        let most = job_parts(missing.len() as u32, part_count, part_bytes) as usize;
        let neighbours = missing.iter().zip(first..).take(most).take_while(|(number, next)| *number == next).count();
        runs.push((first, missing[neighbours - 1]));
        missing = &missing[neighbours..];
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::store;
    use proptest::prelude::*;
    use shared::store::EtagMeaning;

    fn amazon() -> Capabilities {
        store(EtagMeaning::Md5AndParts, &[])
    }

    proptest! {
        #[test]
        fn any_object_up_to_50_tb_is_cut_within_limits_without_gaps(
            size in 1u64..=50_000_000_000_000,
            wish in proptest::option::of(1u64..=6 << 30),
        ) {
            let plan = cut(size, wish, None, &amazon()).unwrap();
            let count = size.div_ceil(plan.part_bytes);
            prop_assert!((1..=10_000).contains(&count));
            prop_assert!((5 << 20..=5u64 << 30).contains(&plan.part_bytes));
            let last = part_range(size, plan.part_bytes, count as u32);
            prop_assert!(last.start < last.end && last.end == size);
            prop_assert_eq!(part_range(size, plan.part_bytes, 1).start, 0);
        }

        #[test]
        fn jobs_cover_exactly_the_missing_parts(
            missing in proptest::collection::btree_set(1u32..=10_000, 0..300),
            part_bytes in 5u64 << 20..=5 << 30,
        ) {
            let missing: Vec<u32> = missing.into_iter().collect();
            let covered: Vec<u32> = jobs(&missing, 10_000, part_bytes).into_iter().flat_map(|(a, b)| a..=b).collect();
            prop_assert_eq!(covered, missing);
        }
    }

    #[test]
    fn giants_have_at_least_640_parts_of_up_to_64_mib() {
        const GIB: u64 = 1 << 30;
        let mib = |size: u64| cut(size, None, None, &amazon()).unwrap().part_bytes >> 20;
        for (size, expected) in [
            (1, 16),
            (5 * GIB - 1, 16),
            (5 * GIB, 8),
            (16 * GIB - 1, 8),
            (16 * GIB, 16),
            (32 * GIB, 32),
            (64 * GIB, 64),
            (512 * GIB, 64),
        ] {
            assert_eq!(mib(size), expected, "{size}");
        }
        assert_eq!(mib(1_000 * GIB), 103, "10,000 parts at most");
        assert_eq!(cut(64 * GIB, Some(16 << 20), None, &amazon()).unwrap().part_bytes, 16 << 20);
    }

    #[test]
    fn the_sources_own_boundaries_are_kept_where_they_are_regular() {
        let kept = |size, part_bytes, count| {
            cut(size, None, Some(PartLayout { part_bytes, count }), &amazon()).unwrap().same_parts
        };
        assert!(kept(20 << 20, 8 << 20, 3));
        assert!(kept(1 << 20, 1 << 20, 1));
        assert!(!kept(20 << 20, 8 << 20, 4), "irregular");
        assert!(!kept(8 << 20, 1 << 20, 8), "smaller than the destination allows");
    }

    #[test]
    fn a_copy_that_cannot_be_cut_alike_has_another_number_of_parts() {
        const MIB: u64 = 1 << 20;
        let count = |size: u64, source_count: Option<u32>| {
            let plan = with_other_count(cut(size, None, None, &amazon()).unwrap(), size, source_count, &amazon());
            size.div_ceil(plan.part_bytes)
        };
        assert_eq!(count(100 * MIB, None), 7);
        assert_eq!(count(100 * MIB, Some(13)), 7);
        assert_eq!(count(100 * MIB, Some(7)), 4);
        assert_eq!(count(16 * MIB, Some(1)), 2);
        assert_eq!(count(6 * MIB, Some(1)), 1, "there is no other way");
        let alike = PartPlan { part_bytes: 16 * MIB, same_parts: true };
        assert_eq!(with_other_count(alike, 100 * MIB, Some(7), &amazon()), alike);
    }

    #[test]
    fn what_is_too_large_is_said_so() {
        assert!(cut(50_000_000_000_001, None, None, &amazon()).unwrap_err().contains("at most"));
    }

    #[test]
    fn a_job_has_neighbours_alone() {
        assert_eq!(jobs(&[1, 2, 4, 5, 6, 9], 160, 1 << 20), [(1, 2), (4, 6), (9, 9)]);
    }
}
