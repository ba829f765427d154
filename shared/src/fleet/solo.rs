//! A worker on a machine that nobody scales.

use async_trait::async_trait;

use super::{Fleet, Interruption};
use crate::Result;

/// A machine that stays: it needs no protection and gets no notice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Solo;

#[async_trait]
impl Fleet for Solo {
    async fn protect(&self, _busy: bool) -> Result<()> {
        Ok(())
    }

    async fn interrupted(&self) -> Interruption {
        std::future::pending().await
    }

    async fn leave(&self) -> Result<()> {
        Ok(())
    }
}
