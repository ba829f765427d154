//! Keys whose object at the destination may have wrong bytes: marked when those cannot be removed, cleared by a copy
//! that was verified, or a delete.

use std::collections::{BTreeSet, HashMap};

use shared::Result;
use shared::object::Timestamp;
use shared::objects::Suspect;
use shared::objects::job::{ObjectJob, ObjectWork};

use crate::objects::context::Context;
use crate::objects::item::Item;
use crate::objects::verdict::Verdict;

/// Marks read in one request.
const PAGE: usize = 1_000;

/// Marks a key. It must be durable before the copy is settled, or the next run would trust size and time.
pub(crate) async fn mark(context: &Context, key: &str) -> Result<()> {
    let suspect = Suspect { key: key.to_owned(), since: Timestamp::now() };
    context.objects.upload_log.suspect(&context.engine.task, &suspect).await
}

/// The marks on some keys as they were before any work on these: only they are cleared by it.
#[derive(Debug, Default)]
pub(crate) struct Marks(HashMap<String, Suspect>);

impl Marks {
    /// Reads the marks on a job's objects at the indexes that are not `settled`, if there may be any.
    ///
    /// The finder merges the marks with its listing: an object that is marked by then comes with `refresh`. An object
    /// that an earlier attempt marked comes with `suspect`. So nearly every copy job has nothing to read. A mark that
    /// comes after the finder has passed its key (of an event, of another run's job, of a delivery that was cut off)
    /// stays: only work that has seen it clears it, and the next run copies the key once more and clears it. Work for
    /// events clears no marks.
    pub(crate) async fn of_job(
        context: &Context,
        job: &ObjectJob,
        settled: &BTreeSet<u32>,
        redelivered: bool,
    ) -> Result<Marks> {
        let is_marked = match &job.work {
            ObjectWork::Copy { objects } => {
                let mut left = objects.iter().filter(|object| !settled.contains(&object.index));
                redelivered || left.any(|object| object.refresh || object.suspect)
            }
            ObjectWork::Delete { .. } => true,
            ObjectWork::Changed { .. } | ObjectWork::Parts(_) => false,
        };
        match is_marked {
            true => {
                let left: Vec<&str> =
                    job.work.keys().filter(|(index, _)| !settled.contains(index)).map(|(_, key)| key).collect();
                Marks::read(context, left.into_iter()).await
            }
            false => Ok(Marks::default()),
        }
    }

    /// Reads the marks on these keys: one request for a job, whose keys lie side by side, as good as always.
    pub(crate) async fn read(context: &Context, keys: impl Iterator<Item = &str> + Clone) -> Result<Marks> {
        let (Some(first), Some(last)) = (keys.clone().min(), keys.clone().max()) else { return Ok(Marks::default()) };
        let mut marks = HashMap::new();
        let mut from = first.to_owned();
        loop {
            let page = context.objects.upload_log.suspects(&context.engine.task, &from, PAGE).await?;
            let next = page.last().filter(|_| page.len() == PAGE).map(|end| format!("{}\0", end.key));
            for suspect in page.into_iter().filter(|suspect| keys.clone().any(|key| key == suspect.key)) {
                marks.insert(suspect.key.clone(), suspect);
            }
            match next {
                Some(next) if next.as_str() <= last => from = next,
                _ => return Ok(Marks(marks)),
            }
        }
    }

    /// Clears a key's mark. Done and its answer lost, or not done: the mark costs one more copy at most.
    pub(crate) async fn clear(&self, context: &Context, key: &str) -> Result<()> {
        match self.0.get(key) {
            Some(mark) => context.objects.upload_log.clear_suspect(&context.engine.task, mark).await,
            None => Ok(()),
        }
    }

    /// Clears the mark of an object that was copied or deleted.
    pub(crate) async fn after(&self, item: &Item, verdict: Verdict) -> Verdict {
        if !verdict.has_written() {
            return verdict;
        }
        match self.clear(&item.context, &item.object.key).await {
            Ok(()) => verdict,
            // The job comes again: nothing is lost.
            Err(error) => Verdict::Unrecorded(error),
        }
    }
}
