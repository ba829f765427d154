//! Whether a key that is gone at the source is deleted at the destination without the finder.

use shared::Result;
use shared::ledger::events_run;
use shared::objects::job::ObjectJob;

use crate::objects::context::Context;

/// Whether a missing key is deleted as soon as that is seen: where events are followed, as the event of its deletion
/// would. Without events the finder alone decides on deletes: the next scan finds the key at the destination alone and
/// counts it under `max-delete`.
pub(crate) async fn deletes_missing(context: &Context) -> Result<bool> {
    Ok(context.objects.follow.delete && context.objects.follow.look_again && context.engine.follows_events().await?)
}

/// Whether a missing key is deleted in the name of this job. The worker that receives an event follows it, and so does
/// the worker that receives its retry in a run of its own: nobody else would delete.
pub(crate) async fn deletes_for(context: &Context, job: &ObjectJob, is_change: bool) -> Result<bool> {
    if context.objects.follow.delete && is_change {
        return Ok(job.run == events_run(&job.task) || context.engine.follows_events().await?);
    }
    deletes_missing(context).await
}
