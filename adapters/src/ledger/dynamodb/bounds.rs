//! The ranges of a run, as far as a key's outcome is searched by them.

use super::DynamoDbLedger;
use super::item::{Record, pk};
use super::ranges::RANGE;
use shared::Result;

/// A range that a finder listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    /// Its number within the run.
    pub(super) id: u32,
    /// The range has keys with this prefix alone.
    pub(super) prefix: String,
    /// It begins behind this key.
    pub(super) after: Option<String>,
    /// Copy jobs made.
    pub(super) jobs: u32,
    /// Delete jobs deferred.
    pub(super) deferred: u32,
}

impl Range {
    /// The range that a key lies in. A range ends where the next one of its prefix begins, and no prefix is inside
    /// another. A finder lists no key of a range again, so its jobs have keys of the range as it is at last.
    pub(super) fn of_key<'a>(ranges: &'a [Range], key: &str) -> Option<&'a Range> {
        let is_before =
            |range: &&Range| key.starts_with(&range.prefix) && range.after.as_deref().is_none_or(|after| after < key);
        ranges.iter().filter(is_before).max_by(|a, b| a.after.cmp(&b.after))
    }

    fn decode(record: &Record) -> Result<Range> {
        Ok(Range {
            id: record.number("id")?,
            prefix: record.text("prefix")?.to_owned(),
            after: record.optional("after").map(str::to_owned),
            jobs: record.number("jobs")?,
            deferred: record.number("deferred")?,
        })
    }
}

/// The ranges of a run, without their outboxes.
pub(super) async fn of_run(ledger: &DynamoDbLedger, run: &str) -> Result<Vec<Range>> {
    let names = ["id", "prefix", "after", "jobs", "deferred"];
    let mut query =
        ledger.query(&pk("run", &[run]), RANGE).projection_expression(names.map(|n| format!("#{n}")).join(","));
    for name in names {
        query = query.expression_attribute_names(format!("#{name}"), name);
    }
    ledger.all(query, usize::MAX).await?.iter().map(Range::decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(id: u32, prefix: &str, after: Option<&str>) -> Range {
        Range { id, prefix: prefix.to_owned(), after: after.map(str::to_owned), jobs: 1, deferred: 0 }
    }

    #[test]
    fn a_key_lies_in_the_last_range_that_begins_before_it() {
        let ranges = [range(0, "", None), range(3, "", Some("m")), range(1, "", Some("f"))];
        let found = ["", "a", "f", "f\0", "m", "m0", "z"].map(|key| Range::of_key(&ranges, key).unwrap().id);
        assert_eq!(found, [0, 0, 0, 1, 1, 3, 3]);
        let listed = [range(0, "a/", None), range(1, "b/", None), range(2, "a/", Some("a/k"))];
        let found = ["a/b", "a/x", "b/", "c"].map(|key| Range::of_key(&listed, key).map(|range| range.id));
        assert_eq!(found, [Some(0), Some(2), Some(1), None]);
    }
}
