//! Uploads that no record names, and their end.
//!
//! Each create of an upload is announced in the ledger before it is sent ([`create`]), and the upload is
//! recorded after it. A worker that is killed in between, or never gets the answer, leaves the announcement: an
//! intent. The worker that ends the work on that key finds it, looks which uploads of exactly this key the
//! destination has that were opened since, and aborts all but the recorded one ([`abort`]).
//!
//! An upload is opened only while its run, and its task, are known not to be closed, and after it is announced. So the
//! one who closes their uploads (`objects/close.rs`) finds the announcements of all that may still come.
//!
//! # Races
//!
//! - Another delivery of the job may have created one just now, and not recorded it yet: it is aborted
//!   too. Its owner records it all the same, finds it gone with the first part, and begins anew; or finds
//!   that another one is recorded and uses that.
//! - The record is read after the listing: an upload that is recorded meanwhile is spared.
//! - A create that is announced before we look, and takes effect after it, loses its intent. Its owner announces it
//!   once more unless it gets the answer. If the owner is killed at that moment, the upload stays open.
//! - An intent that is announced while we look is not ours to clear: the ledger keeps them all then, and
//!   the next one looks again.
//! - Uploads of other keys, and those that were open before the intent, are others': never touched. Times
//!   are the destination's own. One without a time is left alone.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;

use shared::objects::{Intents, UploadRecord};
use shared::retry::{self, CREATE};
use shared::store::{Upload, Write};
use shared::{Error, ErrorKind, Result};
use tokio::time::{Instant, sleep_until};

use crate::objects::context::Context;
use crate::objects::multipart::pending_creates::Announced;

/// Opens an upload at the destination.
///
/// Done and its answer lost: tried again, and announced again. The lost one is announced once more, by the time before
/// it was sent: a worker that ended other work on the key may have looked before it took effect, and cleared its
/// intent.
pub(crate) async fn create(context: &Context, record: &UploadRecord, write: &Write) -> Result<Upload> {
    let key = &record.upload.key;
    let subject = context.objects.destination.location().display_key(key);
    let once = || async {
        // A run that is closed leaves no announcement.
        context.engine.runs.may_open_upload(&record.run).await?;
        let before = context.objects.destination.now();
        context.objects.upload_log.intend_upload(&record.task, &record.run, key, before).await?;
        let until = context.engine.runs.may_open_upload(&record.run).await?;
        let in_doubt = context.objects.creates.begin(&record.run, key, before);
        let create = context.objects.destination.create_upload(key, write);
        let overdue = || Error::new(ErrorKind::Timeout, CREATE.verb, &subject, "no answer in time");
        let created = before_time(create, until + CREATE.attempt).await.unwrap_or_else(|| Err(overdue()));
        in_doubt.ended();
        if created.as_ref().is_err_and(Error::is_unclear) {
            context.objects.upload_log.intend_upload(&record.task, &record.run, key, before).await?;
        }
        created
    };
    retry::run(&CREATE, &subject, once).await
}

/// The result of a call that ends before `until`, else `None`. A process that was stopped meanwhile does not go on with
/// the call.
async fn before_time<T>(call: impl Future<Output = T>, until: Instant) -> Option<T> {
    let (mut call, mut late) = (pin!(call), pin!(sleep_until(until)));
    poll_fn(|cx| match Instant::now() >= until || late.as_mut().poll(cx).is_ready() {
        true => Poll::Ready(None),
        false => call.as_mut().poll(cx).map(Some),
    })
    .await
}

/// Announces creates in doubt once more, and has their keys looked at again: their job may be acknowledged by another
/// worker by now. If this fails too, the next one who ends work on the key finds what is still announced.
pub(crate) async fn announce_in_doubt(context: &Context) {
    let upload_log = &context.objects.upload_log;
    let announced = context.objects.creates.take();
    // Before the first request: the jobs of these keys, which may end now, look later too.
    announced.iter().for_each(|announced| drop(context.objects.in_doubt.begin(&announced.key)));
    for Announced { run, key, before } in announced {
        if let Err(error) = upload_log.intend_upload(&context.engine.task, &run, &key, before).await {
            tracing::warn!(%error, "could not record that an upload of {key:?} may be open: if it stays, abort it at the destination");
        }
    }
}

/// Aborts the uploads of a key that were intended and not recorded.
pub(crate) async fn abort(context: &Context, key: &str) -> Result<()> {
    match context.objects.upload_log.intents(&context.engine.task, key).await? {
        Some(intents) => abort_intended(context, key, &intents).await,
        None => Ok(()),
    }
}

/// As [`abort`], of intents that were read before.
pub(crate) async fn abort_intended(context: &Context, key: &str, intents: &Intents) -> Result<()> {
    let uploads = match context.objects.destination.list_uploads(key).await {
        Ok(uploads) => uploads,
        Err(error) if cannot(error.kind()) => {
            if !context.objects.warned_uploads_not_listable.swap(true, Ordering::Relaxed) {
                let note = "cannot look for uploads that a crash left open: set a lifecycle rule at the destination that aborts incomplete uploads";
                tracing::warn!(%error, "{note}");
            }
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let recorded = context.objects.upload_log.upload(&context.engine.task, key).await?.map(|record| record.upload.id);
    // Some stores have whole seconds.
    let since = intents.since.as_secs();
    for (upload, opened) in uploads {
        let is_ours = opened.is_some_and(|opened| opened.as_secs() >= since) && Some(&upload.id) != recorded.as_ref();
        if is_ours {
            tracing::info!(key = ?key, id = upload.id, "aborting an upload that the ledger does not know");
            abort_upload(context, &upload).await?;
        }
    }
    context.objects.upload_log.clear_intents(&context.engine.task, key, intents).await
}

/// Aborts an upload, as far as we may: what is denied now is denied the next time, and says so here.
pub(crate) async fn abort_upload(context: &Context, upload: &Upload) -> Result<()> {
    match context.objects.destination.abort_upload(upload).await {
        Err(error) if cannot(error.kind()) => {
            tracing::warn!(%error, "an upload of {:?} stays open: abort it at the destination", upload.key);
            Ok(())
        }
        aborted => aborted,
    }
}

/// For an object that is given up: its outcome must not be lost because an upload cannot be ended. What queue or
/// ledger fail in stays an error.
pub(crate) fn or_stays_open(key: &str, ended: Result<()>) -> Result<()> {
    match ended {
        Err(error) if !error.is_backend() => {
            tracing::warn!(%error, "an upload of {key:?} stays open: abort it at the destination");
            Ok(())
        }
        ended => ended,
    }
}

/// Whether trying again is of no use: a job must not come again and again for that.
pub(crate) fn cannot(kind: ErrorKind) -> bool {
    use ErrorKind::*;
    !matches!(
        kind,
        Throttled | Timeout | Connection | Unavailable | ClockSkew | ExpiredCredentials | Corrupt | Suspended
    )
}
