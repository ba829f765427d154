//! Deleting at the destination what the source no longer has.

use crate::objects::item::Item;
use crate::objects::reconcile::{Deletes, ReconcileOptions, conclude, reconcile};
use crate::objects::replace;
use crate::objects::source::{self, SourceState};
use crate::objects::verdict::{Skip, Verdict};

/// Deletes one key, unless the source has it again: the finder's listing is some time old. `may_block`: the key may
/// take the place of a copy.
pub(crate) async fn delete(item: &mut Item<'_>, may_block: bool) -> Verdict {
    let context = item.context;
    // An earlier delivery may have deleted the key already, before the source had it again; and may have begun to
    // copy it back.
    let is_redone = item.is_redone();
    let look_after = is_redone || context.objects.follow.look_again;
    let options = ReconcileOptions { look_before: true, look_after, deletes: Deletes::Requested, leader: None };
    // An earlier delivery has asked too: what is left to a copy is so each time.
    if may_block && context.objects.destination.capabilities().has_folders {
        match replace::is_needed(context, &item.object.key).await {
            Ok(false) => {}
            Ok(true) => return Verdict::Skipped(Skip::LeftToCopy),
            Err(error) => return item.failed(error),
        }
    }
    let seen = match source::look(context, &item.object).await {
        Ok(SourceState::Present(..)) if !is_redone => return Verdict::Skipped(Skip::BackAtSource),
        Ok(seen) => seen,
        Err(error) => return item.failed(error),
    };
    let end = reconcile(item, seen, options).await;
    conclude(item, end).await
}
