//! A worker on a machine that nobody scales.

use async_trait::async_trait;

use super::{Ended, Fleet, Interruption};
use crate::Result;

/// A machine that stays: it needs no protection and gets no notice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Solo;

#[async_trait]
impl Fleet for Solo {
    fn machine(&self) -> Option<&str> {
        None
    }

    async fn protect(&self, _busy: bool) -> Result<()> {
        Ok(())
    }

    async fn interrupted(&self) -> Interruption {
        std::future::pending().await
    }

    async fn prolong(&self) -> Result<()> {
        Ok(())
    }

    async fn leave(&self) -> Result<()> {
        Ok(())
    }

    async fn end(&self) -> Result<Ended> {
        Ok(Ended::Refused)
    }
}
