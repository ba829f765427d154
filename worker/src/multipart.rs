//! An object in parts: here, or, if it is giant, by the whole fleet.

use shared::job::{Job, JobObject};
use shared::ledger::UploadRecord;
use shared::object::Access;
use shared::{Error, ErrorKind, Result};

use crate::complete::complete;
use crate::context::Context;
use crate::ending::{Copied, Try};
use crate::giant;
use crate::upload::{discard, is_void, open_or_resume, upload_parts};

/// An upload may turn out to be gone (expired, or aborted from outside), or to lack a part that another
/// delivery of the job is sending again: it is gone about anew so often.
const MAX_ROUNDS: u32 = 3;

/// Copies the pinned version in parts, here or, if it is giant, by the whole fleet.
pub(crate) async fn copy(context: &Context, job: &Job, wanted: &JobObject) -> Result<Try> {
    for _ in 0..MAX_ROUNDS {
        // Each time: an upload that is gone may have been taken away for a newer version.
        let info = context.source.head(&wanted.key, &wanted.pin()).await?;
        if info.access != Access::Readable {
            return Ok(Try::Archived(info));
        }
        let Some(record) = open_or_resume(context, job, wanted, &info).await? else { return Ok(Try::Superseded) };
        if record.size >= context.options.giant_threshold && record.part_count() > 1 {
            giant::share(context, job, &record).await?;
            return Ok(Try::HandedOver);
        }
        match upload_and_complete(context, &record).await {
            Ok(copied) => return Ok(Try::Copied(copied)),
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => discard(context, &record).await?,
            // Sent again: those that are listed stay.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) if is_void(&error) => {
                discard(context, &record).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
    }
    let subject = context.destination.location().display_key(&wanted.key);
    Err(Error::new(
        ErrorKind::NoSuchUpload,
        "part",
        subject,
        "NoSuchUpload: the destination loses the upload again and again; look for a lifecycle rule that aborts uploads",
    ))
}

async fn upload_and_complete(context: &Context, record: &UploadRecord) -> Result<Copied> {
    match upload_parts(context, record, 1, record.part_count()).await {
        Ok(()) => complete(context, record).await,
        // An earlier delivery may have completed it and died before it was recorded.
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => complete(context, record).await,
        Err(error) => Err(error),
    }
}
