//! Keys whose object at the destination may hold wrong bytes: marked when those cannot be removed, cleared by a copy
//! that was verified, or a delete.

use std::collections::HashMap;

use shared::Result;
use shared::ledger::{State, Suspect};
use shared::object::Timestamp;
use shared::objects::job::JobObject;

use crate::context::Context;
use crate::objects::ending::Ending;

/// Marks read in one request.
const PAGE: usize = 1_000;

/// Marks a key. It must be durable before the copy is settled, or the next run would trust size and time.
pub(crate) async fn mark(context: &Context, key: &str) -> Result<()> {
    let suspect = Suspect { key: key.to_owned(), since: Timestamp::now() };
    context.ledger.suspect(&context.task, &suspect).await
}

/// The marks on some keys as they were before any work on these: only they are cleared by it.
#[derive(Debug, Default)]
pub(crate) struct Marks(HashMap<String, Suspect>);

impl Marks {
    /// Reads the marks on the objects of a copy job, if it may find any there.
    ///
    /// The finder merges the marks with its listing: an object that is marked by then comes with `refresh`. One that was
    /// marked by an earlier attempt comes with `suspect`. So nearly every job has nothing to read. A mark that comes after
    /// the finder has passed its key (of an event, of another run's job, of a delivery that was cut off) stays: nothing
    /// clears it that has not seen it, and the next run copies the key once more and clears it.
    pub(crate) async fn of_copies(context: &Context, objects: &[JobObject], redelivered: bool) -> Result<Marks> {
        match redelivered || objects.iter().any(|object| object.refresh || object.suspect) {
            true => Marks::read(context, objects.iter().map(|object| object.key.as_str())).await,
            false => Ok(Marks::default()),
        }
    }

    /// Reads the marks on these keys: one request for a job, whose keys lie side by side, as good as always.
    pub(crate) async fn read(context: &Context, keys: impl Iterator<Item = &str> + Clone) -> Result<Marks> {
        let (Some(first), Some(last)) = (keys.clone().min(), keys.clone().max()) else { return Ok(Marks::default()) };
        let mut marks = HashMap::new();
        let mut from = first.to_owned();
        loop {
            let page = context.ledger.suspects(&context.task, &from, PAGE).await?;
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
            Some(mark) => context.ledger.clear_suspect(&context.task, mark).await,
            None => Ok(()),
        }
    }

    /// Clears the mark of a key whose work ended so, if that makes it void.
    pub(crate) async fn after(&self, context: &Context, key: &str, ending: Ending) -> Ending {
        let is_void =
            matches!(&ending, Ending::Settled(outcome, _) if matches!(outcome.state, State::Copied | State::Deleted));
        match is_void {
            true => match self.clear(context, key).await {
                Ok(()) => ending,
                // The job comes again: nothing of it is lost.
                Err(error) => Ending::Unrecorded(error),
            },
            false => ending,
        }
    }
}
