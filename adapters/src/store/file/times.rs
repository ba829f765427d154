//! The modification times that the destination's file system can store, found by setting some.
//!
//! ext4 ends in 2446 (small inodes in 2038), FAT counts two seconds, others whole ones. A time that is
//! clamped or cut must not look like another version in each run.

use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, File};
use uuid::Uuid;

use super::folder::{Folder, modified_of};
use super::write::Partial;
use shared::object::Timestamp;

/// Far beyond the limits of any known file system, and within those of `SystemTime`: 34,000 years.
const FAR: Duration = Duration::from_secs(1 << 40);

/// An odd second and some milliseconds: shows whether these are kept.
const FINE: Timestamp = Timestamp(1_000_000_001_123);

/// The times that a file system can store, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    first: i64,
    last: i64,
    step: i64,
}

impl Times {
    /// Sets the times of a file that is removed again. A time that cannot be set at all says nothing of
    /// the limits: then none are assumed.
    pub(super) fn probe(folder: &Folder, root: &Dir) -> std::io::Result<Times> {
        let partial = Partial::create(folder, root, &Uuid::now_v7().simple().to_string())?;
        let after = |time: SystemTime| made_of(partial.file(), time);
        let limit = |time: SystemTime, unlimited: i64| match after(time) {
            Some(made) if made != Timestamp::from(time) => made.0,
            _ => unlimited,
        };
        let first = limit(SystemTime::UNIX_EPOCH - FAR, i64::MIN);
        let last = limit(SystemTime::UNIX_EPOCH + FAR, i64::MAX);
        let lost = after(FINE.into()).map_or(0, |made| FINE.0 - made.0);
        let step = match lost {
            123 => 1_000,
            1_123 => 2_000,
            _ => 1,
        };
        Ok(Times { first, last, step })
    }

    /// The time that the file system stores.
    pub(super) fn stored(&self, time: Timestamp) -> Timestamp {
        let stored = time.0.clamp(self.first, self.last);
        Timestamp(stored.div_euclid(self.step).saturating_mul(self.step).max(self.first))
    }
}

/// A file's time after it was set; `None` if it could not be set.
fn made_of(file: &File, time: SystemTime) -> Option<Timestamp> {
    file.try_clone().ok()?.into_std().set_modified(time).ok()?;
    file.metadata().ok().map(|metadata| modified_of(&metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_clamped_and_cut_as_the_file_system_does() {
        let times = Times { first: -2_000, last: 15_500, step: 1_000 };
        let stored = |time| times.stored(Timestamp(time)).0;
        assert_eq!(
            [stored(-9_000), stored(-1), stored(999), stored(1_000), stored(99_999)],
            [-2_000, -1_000, 0, 1_000, 15_000]
        );
        let all = Times { first: i64::MIN, last: i64::MAX, step: 1 };
        assert_eq!(all.stored(Timestamp(i64::MAX)).0, i64::MAX);
    }
}
