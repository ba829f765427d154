//! The source's description of an object, as it was when the object was read.

use shared::object::{Attributes, Tags};

/// Attributes and tags of a source's object. The second look compares only what was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceSnapshot {
    /// Headers and user metadata, as the destination spells them.
    pub attributes: Option<Attributes>,
    /// Tags; `None` also where the destination cannot have them.
    pub tags: Option<Tags>,
}
