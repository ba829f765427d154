//! One object of a copy job.

use shared::objects::job::JobObject;

use crate::objects::item::Item;
use crate::objects::reconcile::{Deletes, ReconcileOptions, conclude, reconcile};
use crate::objects::replace::{self, Judged};
use crate::objects::source::SourceState;
use crate::objects::verdict::Verdict;

/// Copies one object of a job, as the finder saw it or as it is by now.
pub(crate) async fn copy(item: &mut Item<'_>) -> Verdict {
    let (context, is_redone, blocked) = (item.context, item.is_redone(), item.object.blocked);
    let options = ReconcileOptions {
        look_before: is_redone,
        look_after: is_redone || context.objects.follow.look_again,
        // An earlier delivery may have written it.
        deletes: if is_redone { Deletes::Mirrored } else { Deletes::Own },
        leader: None,
    };
    // Only a copy that was judged now may replace something.
    let mut wanted = JobObject { blocked: 0, ..item.object.clone() };
    if blocked > 0 {
        match replace::judge(context, item.job, &item.object.key).await {
            Ok(Judged::Free) => {}
            Ok(Judged::Wait) => return Verdict::Blocked,
            Ok(Judged::Replace) => wanted.blocked = blocked,
            Err(error) => return item.failed(error),
        }
    }
    match reconcile(item, SourceState::Present(wanted, None), options).await {
        // The object that blocks it is looked at when this one comes again.
        Err(error) if blocked == 0 && error.is_blocked() && replace::waits(context, item.job) => Verdict::Blocked,
        end => conclude(item, end).await,
    }
}
