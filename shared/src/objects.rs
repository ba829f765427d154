//! The kind `objects`: the formats that its finder, its worker and the adapters share.

mod detail;
pub mod giant;
pub mod job;
mod part_record;
mod part_set;
pub mod reasons;
mod suspects;
pub mod upload_log;
mod upload_record;

pub use detail::ObjectDetail;
pub use part_record::{PartRecord, Proof};
pub use part_set::PartSet;
pub use suspects::{SharedSuspectKeys, Suspect, SuspectKeys};
pub use upload_log::{SharedUploadLog, UploadLog};
pub use upload_record::{Intents, OpenUploads, UploadRecord};
