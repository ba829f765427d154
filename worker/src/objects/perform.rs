//! The work on one object of a job, from the permission to begin to its verdict.

use crate::objects::changed;
use crate::objects::copy;
use crate::objects::delete;
use crate::objects::item::{Item, Request};
use crate::objects::suspects::Marks;
use crate::objects::verdict::{Skip, Verdict};

/// Works on one object, and again for as long as a store fails for every object: each time only once the store's
/// circuit permits it. Work that was begun before may have had an effect, so it is done as if redelivered.
pub(crate) async fn perform(item: &mut Item<'_>, marks: &Marks) -> Verdict {
    loop {
        let _admission = item.context.objects.admit().await;
        item.begin();
        let verdict = match item.request {
            _ if item.is_left_out() => Verdict::Skipped(Skip::Filtered),
            Request::Copy => copy::copy(item).await,
            Request::Delete(key) => delete::delete(item, key.may_block).await,
            Request::Follow(change) => changed::follow(item, change.no_delete).await,
        };
        match verdict {
            Verdict::Suspended => item.redelivered = true,
            verdict => return marks.after(item, verdict).await,
        }
    }
}
