//! Written objects: sizes and ETags, no bytes.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use shared::sync::lock;

use super::uploads::Upload;

/// Everything that was written to the store.
#[derive(Debug, Default)]
pub(super) struct Sink {
    buckets: Mutex<HashMap<String, BTreeMap<String, Written>>>,
    /// Open uploads by their id.
    pub uploads: Mutex<HashMap<String, Upload>>,
}

/// An object that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub size: u64,
    /// Without quotes.
    pub etag: Arc<str>,
}

impl Sink {
    pub fn put(&self, bucket: &str, key: &str, written: Written) {
        let mut buckets = lock(&self.buckets);
        match buckets.get_mut(bucket) {
            Some(objects) => drop(objects.insert(key.to_owned(), written)),
            None => drop(buckets.entry(bucket.to_owned()).or_default().insert(key.to_owned(), written)),
        }
    }

    pub fn get(&self, bucket: &str, key: &str) -> Option<Written> {
        lock(&self.buckets).get(bucket)?.get(key).cloned()
    }

    pub fn delete(&self, bucket: &str, key: &str) {
        if let Some(objects) = lock(&self.buckets).get_mut(bucket) {
            objects.remove(key);
        }
    }

    /// Up to `most` objects whose keys are not before `bound`, or after it if `is_excluded`.
    pub fn from(&self, bucket: &str, bound: &str, is_excluded: bool, most: usize) -> Vec<(String, Written)> {
        let begin = if is_excluded { Bound::Excluded(bound) } else { Bound::Included(bound) };
        let buckets = lock(&self.buckets);
        let Some(objects) = buckets.get(bucket) else { return Vec::new() };
        let range = objects.range::<str, _>((begin, Bound::Unbounded));
        range.take(most).map(|(key, written)| (key.clone(), written.clone())).collect()
    }

    /// Number and bytes of a bucket's objects.
    pub fn total(&self, bucket: &str) -> (usize, u64) {
        let buckets = lock(&self.buckets);
        buckets.get(bucket).map_or((0, 0), |objects| (objects.len(), objects.values().map(|one| one.size).sum()))
    }
}
