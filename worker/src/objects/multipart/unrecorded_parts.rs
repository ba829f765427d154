//! Parts that the destination has, and whose work was dropped before they were recorded.

use std::sync::Mutex;

use shared::objects::PartRecord;
use shared::store::Upload;
use shared::sync::lock;

/// The parts of dropped groups, by their uploads.
#[derive(Debug, Default)]
pub(crate) struct UnrecordedParts(Mutex<Vec<(Upload, Vec<PartRecord>)>>);

impl UnrecordedParts {
    /// Takes in the parts of one group.
    pub fn add(&self, upload: Upload, parts: Vec<PartRecord>) {
        lock(&self.0).push((upload, parts));
    }

    /// Removes and returns all groups.
    pub fn take(&self) -> Vec<(Upload, Vec<PartRecord>)> {
        std::mem::take(&mut *lock(&self.0))
    }
}
