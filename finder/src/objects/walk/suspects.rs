//! The suspect keys of one range, merged with its pairs: both come in byte order of their keys.

use std::collections::VecDeque;

use shared::objects::Suspect;
use shared::store::KeyRange;

use super::Walk;
use crate::error::FindError;

/// Most suspect keys of one range in memory. Nearly always there are none.
const PAGE: usize = 200;

/// The suspect keys that are ahead in one range.
#[derive(Debug)]
pub(super) struct Suspects {
    page: VecDeque<Suspect>,
    /// Where the next page begins; `None` after the last one.
    next: Option<String>,
}

impl Suspects {
    /// Those of a range. Nothing is read yet.
    pub(super) fn of(range: &KeyRange) -> Suspects {
        let from = range.after.as_ref().filter(|after| **after > range.prefix).unwrap_or(&range.prefix);
        Suspects { page: VecDeque::new(), next: Some(from.clone()) }
    }

    /// Whether the key of the next pair is suspect. Suspect keys before it are on neither side, and stay marked: a later
    /// copy of such a key does not trust the bytes at the destination.
    pub(super) async fn contain(&mut self, walk: &Walk, key: &str) -> Result<bool, FindError> {
        loop {
            match self.page.front() {
                Some(first) if first.key.as_str() >= key => return Ok(first.key == key),
                Some(_) => drop(self.page.pop_front()),
                None => {
                    let Some(from) = self.next.take() else { return Ok(false) };
                    let Some(suspects) = &walk.suspects else { return Ok(false) };
                    let page = suspects.suspects(&walk.run.names.task, &from, PAGE).await.map_err(FindError::Ledger)?;
                    self.next = page.last().filter(|_| page.len() == PAGE).map(|last| format!("{}\0", last.key));
                    self.page = page.into();
                }
            }
        }
    }
}
