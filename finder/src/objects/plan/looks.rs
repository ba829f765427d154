//! Looks at the source by pages of its listing, as the worker makes them (`worker/src/objects/second_look.rs`).

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use shared::config::LIST_IN_HEADS;
use shared::objects::job::JobObject;
use shared::store::EtagMeaning;

use super::estimate::Terms;
use super::requests::SideRequests;

/// Keys of a page.
const PAGE_KEYS: f64 = 1_000.0;

/// A page must show so many copied objects of a job.
pub(super) const LEAST_KEYS: u64 = LIST_IN_HEADS as u64;

/// The looks at the objects of some jobs, all of a job at once.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct PageLooks {
    looks: u64,
    keys: u64,
}

impl AddAssign for PageLooks {
    fn add_assign(&mut self, other: PageLooks) {
        self.looks += other.looks;
        self.keys += other.keys;
    }
}

impl PageLooks {
    /// So many looks at all keys of a job.
    pub(super) fn of(looks: u64, keys: u64) -> PageLooks {
        PageLooks { looks, keys: looks * keys }
    }

    /// Their requests, if `found` of these keys lie among the `listed` keys of the source, evenly. Where a page would show
    /// fewer than `least` of them, each look tries one page.
    pub(super) fn requests(self, found: u64, listed: u64, least: u64) -> SideRequests {
        if self.looks == 0 {
            return SideRequests::default();
        }
        let shown = PAGE_KEYS * (found as f64 / listed.max(1) as f64).min(1.0);
        let keys = self.keys as f64 / self.looks as f64;
        let (pages, left) = match shown >= least as f64 {
            true => ((keys / shown).ceil().min(keys), 0.0),
            false => (1.0, (keys - shown).max(0.0)),
        };
        let all = |each: f64| (each * self.looks as f64).round() as u64;
        SideRequests { list: all(pages), head: all(left), ..SideRequests::default() }
    }
}

/// Whether a page can show that a copied object is as it was written.
pub(super) fn shows(object: &JobObject, terms: &Terms) -> bool {
    terms.source.lists_consistently
        && terms.source.etags != EtagMeaning::Opaque
        && !terms.metadata
        && object.etag.is_some()
        && terms.parts(object).is_none()
}
