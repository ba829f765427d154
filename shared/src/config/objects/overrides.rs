//! Options of one run that differ from those of its task.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Compare, Find, duration, size};

/// The options of a task that one run may override, as the request of the run's operation has them: those of `[find]`
/// that only the finder reads.
///
/// Workers execute the jobs of a run under the task's definition: an option that changes how an object is written
/// (`metadata`, and all of `[work]`) cannot differ in one run. Edit the task for that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct RunOverrides {
    /// As [`Find::compare`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compare>,
    /// As [`Find::delete`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<bool>,
    /// As [`Find::max_delete`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delete: Option<u64>,
    /// In place of [`Find::filters`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<String>>,
    /// As [`Find::min_size`].
    #[serde(with = "size::optional", skip_serializing_if = "Option::is_none")]
    pub min_size: Option<u64>,
    /// As [`Find::max_size`].
    #[serde(with = "size::optional", skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// As [`Find::min_age`].
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub min_age: Option<Duration>,
    /// As [`Find::max_age`].
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
}

impl RunOverrides {
    /// Reads the request of a run's operation. An empty one overrides nothing.
    pub fn parse(request: &str) -> Result<RunOverrides, String> {
        if request.trim().is_empty() {
            return Ok(RunOverrides::default());
        }
        serde_json::from_str(request).map_err(|why| format!("the overrides of the run are invalid: {why}"))
    }

    /// The request of a run's operation.
    pub fn to_request(&self) -> String {
        serde_json::to_string(self).expect("overrides are representable as JSON")
    }

    /// The options of the run, from those of its task. The caller checks them ([`Find::check`]).
    pub fn apply(&self, find: &Find) -> Find {
        let RunOverrides { compare, delete, max_delete, filters, min_size, max_size, min_age, max_age } = self.clone();
        Find {
            compare: compare.unwrap_or(find.compare),
            delete: delete.unwrap_or(find.delete),
            max_delete: max_delete.or(find.max_delete),
            filters: filters.unwrap_or_else(|| find.filters.clone()),
            min_size: min_size.or(find.min_size),
            max_size: max_size.or(find.max_size),
            min_age: min_age.or(find.min_age),
            max_age: max_age.or(find.max_age),
            ..find.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_overrides_changes_nothing() {
        let find = Find { delete: true, min_size: Some(3), ..Find::default() };
        for request in ["", "{}", " "] {
            assert_eq!(RunOverrides::parse(request).unwrap().apply(&find), find, "{request:?}");
        }
    }

    #[test]
    fn overrides_read_as_written_and_replace_the_tasks_options() {
        let overrides = RunOverrides {
            compare: Some(Compare::Always),
            delete: Some(false),
            max_delete: Some(7),
            filters: Some(vec!["- *.tmp".into()]),
            min_size: Some(1),
            max_size: Some(1 << 20),
            min_age: Some(Duration::from_secs(60)),
            max_age: None,
        };
        let read = RunOverrides::parse(&overrides.to_request()).unwrap();
        assert_eq!(read, overrides);
        let task = Find { delete: true, max_age: Some(Duration::from_secs(90)), job_objects: 9, ..Find::default() };
        let find = read.apply(&task);
        assert_eq!((find.delete, find.max_delete, find.compare), (false, Some(7), Compare::Always));
        assert_eq!((find.max_age, find.job_objects), (task.max_age, 9));
    }

    #[test]
    fn an_option_that_changes_writes_is_no_override() {
        for request in [r#"{"metadata":true}"#, r#"{"storage-class":"GLACIER"}"#] {
            assert!(RunOverrides::parse(request).unwrap_err().contains("unknown field"), "{request}");
        }
    }
}
