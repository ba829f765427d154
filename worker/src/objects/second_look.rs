//! Second looks at many objects of a job, by pages of the source's listing.
//!
//! An object that was written waits here until the other objects of its job are written too. The listing begins after
//! the last of these writes was answered, so it is as late as a HEAD would be for each of them. An object that the
//! page shows as it was written needs nothing more. Any other answer is a hint: the worker asks for the object itself,
//! and writes again if the source has changed.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use shared::config::{JOB_KEYS, LIST_IN_HEADS};
use shared::metrics;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::objects::item::{Item, Request};
use crate::objects::recheck;
use crate::objects::reconcile;
use crate::objects::source_pages::{self, PageState};
use crate::objects::suspects::Marks;
use crate::objects::tasks::Tasks;
use crate::objects::verdict::Verdict;

/// An object whose work has ended, with its verdict and its room.
pub(crate) type Ended = (Item, Verdict, OwnedSemaphorePermit);

/// Most objects that wait for one look: all of a job, so that a delete job is looked at once. A job has no more
/// unrecorded, so it never waits for room that only a look frees.
pub(crate) const MOST: usize = JOB_KEYS;

/// The longest time that an object waits: a job that is slow is looked at in pieces, so that progress is recorded.
const WAITS_FOR: Duration = Duration::from_secs(10);

/// How many objects of one look are asked for at once, each by itself.
const AT_ONCE: usize = 16;

/// Works on an object from the beginning, while its store fails again and again.
pub(crate) type Perform = for<'a> fn(&'a mut Item, &'a Marks) -> BoxFuture<'a, Verdict>;

/// Objects that wait for their second look.
#[derive(Default)]
pub(crate) struct Waiting {
    ended: Vec<Ended>,
    since: Option<Instant>,
    /// Whether no other object will come.
    pub is_complete: bool,
}

impl Waiting {
    pub fn push(&mut self, ended: Ended) {
        self.since.get_or_insert_with(Instant::now);
        self.ended.push(ended);
    }

    pub fn len(&self) -> usize {
        self.ended.len()
    }

    /// Whether the look begins now.
    pub fn is_due(&self) -> bool {
        let is_old = || self.since.is_some_and(|since| since.elapsed() >= WAITS_FOR);
        !self.ended.is_empty() && (self.is_complete || self.ended.len() >= MOST || is_old())
    }

    /// The time at which the look begins at the latest.
    pub async fn due(&self) {
        match self.since {
            Some(since) => tokio::time::sleep_until(since + WAITS_FOR).await,
            None => std::future::pending().await,
        }
    }

    pub fn take(&mut self) -> Vec<Ended> {
        self.since = None;
        std::mem::take(&mut self.ended)
    }
}

/// Looks at the source, and brings the objects in step that have changed since they were written. Each object that the
/// page does not show as it was written is looked at by a task of its own.
pub(crate) async fn look(marks: &Arc<Marks>, mut ended: Vec<Ended>, perform: Perform) -> Vec<Ended> {
    ended.sort_by(|(a, ..), (b, ..)| a.object.key.cmp(&b.object.key));
    let Some((first, ..)) = ended.first() else { return ended };
    let context = first.context.clone();
    let is_delete = matches!(first.request, Request::Delete { .. });
    let keys: Vec<String> = ended.iter().map(|(item, ..)| item.object.key.clone()).collect();
    // A key that is to be absent costs a HEAD and a LIST of its own.
    let least = if is_delete { 1 } else { LIST_IN_HEADS };
    // An error is no answer: each object is asked for, and reports its own error.
    let states = source_pages::look(&context, &keys, least).await.unwrap_or_default();
    let mut states = states.into_iter();
    let (mut looked, mut works): (Vec<Ended>, Vec<BoxFuture<'static, Ended>>) = Default::default();
    for ended in ended {
        let state = states.next().unwrap_or(PageState::Unknown);
        if recheck::is_as_listed(&ended.1, &state) {
            metrics::looked_again("same");
            context.unchecked.remove(&ended.0.object.key);
            looked.push(ended);
        } else {
            works.push(look_at(marks.clone(), ended, perform));
        }
    }
    let mut tasks = Tasks::new(works.into_iter(), AT_ONCE, &context.running);
    while let Some(ended) = tasks.next().await {
        looked.push(ended);
    }
    looked
}

/// If the store fails for every object meanwhile, the object is done again as if redelivered, once it works.
fn look_at(marks: Arc<Marks>, (mut item, verdict, room): Ended, perform: Perform) -> BoxFuture<'static, Ended> {
    let look = async move {
        let verdict = match reconcile::look_again(&mut item, verdict).await {
            Verdict::Suspended => {
                item.redelivered = true;
                perform(&mut item, &marks).await
            }
            verdict => marks.after(&item, verdict).await,
        };
        (item, verdict, room)
    };
    look.boxed()
}
