//! What adapters can check of themselves without a service.

use crate::{store, tasks};

/// Whether requests to object stores are signed as Amazon's published example is.
pub fn signs_as_published() -> bool {
    store::s3::signs_as_published()
}

/// Whether a compressed text is read as it was kept.
pub fn keeps_texts() -> bool {
    tasks::keeps_texts()
}
