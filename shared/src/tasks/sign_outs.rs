//! Sessions of the console that somebody ended before their time.

use async_trait::async_trait;

use crate::Result;
use crate::object::Timestamp;

/// Sessions that were ended. All consoles of a fleet refuse them.
#[async_trait]
pub trait SignOuts {
    /// Records that a session is ended. The record is kept until `until`, when the session is over in any case. Repeated,
    /// it changes nothing.
    async fn end_session(&self, session: &str, until: Timestamp) -> Result<()>;

    /// Whether a session was ended.
    async fn is_session_ended(&self, session: &str) -> Result<bool>;
}
