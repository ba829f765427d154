//! Deletes many keys of a job by one request, before the job's objects are worked on one by one.
//!
//! A page of the source's listing shows which keys are absent. Right after it, one request deletes them at the
//! destination. An object whose key is deleted so sends no request of its own; its verdict, second look and outcome are
//! those of a single delete. Every other key is left to its object: a key whose result is an error, each key if the
//! request fails, and each key if the store has no request for many.
//!
//! Slow, cut off, repeated or answered twice, the request deletes keys that the source did not have; its answer lost, the
//! adapter sends it again, and the destination looks after keys in doubt as after single deletes. A source that gets a
//! key again meanwhile is seen by the second look. A worker that dies here leaves the whole job to its next delivery,
//! which looks at each key.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use shared::sync::lock;
use tokio::time::Instant;

use crate::objects::item::Item;
use crate::objects::reconcile::ABSENT_FOR;
use crate::objects::source_pages::{self, PageState};

/// A page's absent keys are deleted so long after its request at the latest, although other pages follow: half of
/// [`ABSENT_FOR`], so that the request begins in time.
const DELETE_AFTER: Duration = Duration::from_secs(5);

/// The indexes of the objects whose deletes were sent: each may have taken effect, also if the work is dropped.
#[derive(Debug, Default)]
pub(crate) struct Sent(Mutex<BTreeSet<u32>>);

impl Sent {
    /// These indexes.
    pub fn indexes(&self) -> BTreeSet<u32> {
        lock(&self.0).clone()
    }
}

/// Reads which keys of the items, objects to delete that nobody has begun, the source does not have, and deletes them as
/// far as one request deletes many.
pub(crate) async fn delete_absent(items: &mut [Item], sent: &Sent) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_unstable_by(|a, b| items[*a].object.key.cmp(&items[*b].object.key));
    let keys: Vec<String> = order.iter().map(|at| items[*at].object.key.clone()).collect();
    let Some(context) = items.first().map(|item| item.context.clone()) else { return };
    if !context.objects.source.capabilities().lists_consistently {
        return;
    }
    let (mut looked, mut absent, mut oldest) = (0, Vec::new(), None);
    while looked < keys.len() {
        let since = Instant::now();
        // An error is no answer: each key is asked for then, and reports its own error.
        let Ok(states) = source_pages::page(&context, &keys[looked..]).await else { break };
        // A page that ends before its first key says nothing of it.
        let spanned = states.len().max(1);
        for (at, _) in order[looked..].iter().zip(states).filter(|(_, state)| *state == PageState::Absent) {
            items[*at].absent_since = Some(since);
            absent.push(*at);
            oldest.get_or_insert(since);
        }
        looked += spanned;
        if oldest.is_some_and(|oldest| oldest.elapsed() >= DELETE_AFTER) {
            delete(items, std::mem::take(&mut absent), sent).await;
            oldest = None;
        }
    }
    delete(items, absent, sent).await;
}

/// Deletes the keys of the items at these positions.
async fn delete(items: &mut [Item], mut absent: Vec<usize>, sent: &Sent) {
    let Some(context) = items.first().map(|item| item.context.clone()) else { return };
    let capabilities = context.objects.destination.capabilities();
    absent.retain(|at| may_be_deleted(&items[*at], capabilities.has_folders));
    // One key is as cheap by its own request.
    if capabilities.max_delete_keys < 2 || absent.len() < 2 {
        return;
    }
    for positions in absent.chunks(capabilities.max_delete_keys) {
        let _admission = context.objects.admit().await;
        let _permit = context.transfer_permit().await;
        // The store may have been away.
        let is_fresh = |at: &&usize| items[**at].absent_since.is_some_and(|since| since.elapsed() < ABSENT_FOR);
        let positions: Vec<usize> = positions.iter().filter(is_fresh).copied().collect();
        let keys: Vec<String> = positions.iter().map(|at| items[*at].object.key.clone()).collect();
        if keys.is_empty() {
            return;
        }
        lock(&sent.0).extend(positions.iter().map(|at| items[*at].object.index));
        match context.objects.destination.delete_many(&keys).await {
            Ok(results) => {
                for (at, result) in positions.into_iter().zip(results) {
                    items[at].is_removed = result.is_ok();
                    if items[at].is_removed && context.objects.follow.look_again {
                        context.unchecked.add(&items[at].object.key);
                    }
                }
            }
            Err(error) => {
                tracing::debug!(%error, keys = keys.len(), "no request deletes many keys: deleting them one by one");
                return;
            }
        }
    }
}

/// Not a key that may take the place of a copy in a folder, which is judged by itself.
fn may_be_deleted(item: &Item, has_folders: bool) -> bool {
    let is_left = item.is_redone() || item.is_left_out() || has_folders && item.may_block();
    !is_left
}
