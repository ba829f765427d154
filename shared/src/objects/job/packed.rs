//! The names of jobs that a finder packs: written by its pack, read by workers.

use crate::ledger::Stream;

/// The name of a packed job within its run.
///
/// A finder gives each number of a range's stream to one job, whose keys lie behind those of the number before. Only
/// objects that are too large to be packed together stand between: their jobs have one object each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedName {
    /// The range of keys that was listed.
    pub range: u32,
    /// Its copies, or its deletes.
    pub stream: Stream,
    /// The job's number in the stream.
    pub number: u32,
}

impl PackedName {
    /// The id of the job's origin.
    pub fn id(&self) -> String {
        format!("{}{}-{}", self.stream.as_str(), self.range, self.number)
    }

    /// Reads the id of an origin; `None` if no pack has given it.
    pub fn parse(id: &str) -> Option<PackedName> {
        let (stream, numbers) = Stream::ALL.into_iter().find_map(|s| Some((s, id.strip_prefix(s.as_str())?)))?;
        let (range, number) = numbers.split_once('-')?;
        let name = PackedName { range: range.parse().ok()?, stream, number: number.parse().ok()? };
        // One spelling alone: no sign, no zero in front.
        (name.id() == id).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_packed_jobs_name_comes_back(range in any::<u32>(), number in any::<u32>(), is_delete in any::<bool>()) {
            let stream = if is_delete { Stream::Deletes } else { Stream::Copies };
            let name = PackedName { range, stream, number };
            prop_assert_eq!(PackedName::parse(&name.id()), Some(name));
        }
    }

    #[test]
    fn other_origins_are_no_packed_jobs() {
        for id in
            ["", "c", "c1", "c1-", "c-1", "retry-1", "m-1", "n5", "c01-1", "c+1-1", "c1-1/2", "x1-1", "c1-99999999999"]
        {
            assert_eq!(PackedName::parse(id), None, "{id}");
        }
    }
}
