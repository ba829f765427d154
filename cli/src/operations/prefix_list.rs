//! The list of prefixes that an operation works on.

use std::sync::Arc;

use adapters::open;
use shared::Result;
use shared::filter::Filter;

use super::OpenedTask;
use super::slice::SliceEnd;

/// A task with the list of prefixes that its definition names by an object, read now, and the list's digest. A task
/// without a list has no digest; a file that cannot be read has none either: the operation itself reports it.
pub async fn read(opened: Arc<OpenedTask>) -> Result<(Arc<OpenedTask>, Option<String>)> {
    let find = &opened.config.objects.find;
    if find.prefix_list.is_none() && find.prefixes.is_empty() {
        return Ok((opened, None));
    }
    let config = open::with_prefixes(&opened.config).await?;
    let digest = Filter::load(&config.objects.find, None).ok().map(|filter| filter.prefixes_digest());
    let (backend, kind) = (opened.backend.clone(), opened.kind.clone());
    Ok((Arc::new(OpenedTask { config, backend, kind }), digest))
}

/// The end of an operation whose list is not the one that it began with: its sums would be those of neither.
pub fn changed(began_with: Option<&String>, list: Option<&String>) -> Option<SliceEnd> {
    let has_changed = began_with.is_some() && began_with != list;
    has_changed.then(|| SliceEnd::failed("the prefix list has changed since the operation began: start it again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_ends_when_its_list_has_changed() {
        let [one, other] = ["1", "2"].map(str::to_owned);
        assert_eq!(changed(None, Some(&one)), None, "its first slice");
        assert_eq!(changed(Some(&one), Some(&one)), None);
        for list in [Some(&other), None] {
            assert!(matches!(changed(Some(&one), list), Some(SliceEnd::Done(..))));
        }
    }
}
