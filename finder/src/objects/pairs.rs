//! The joined listing alone, in key order, for verifications.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::{Stream, TryStreamExt, stream};
use shared::Result;
use shared::filter::{Filter, FilterVerdict};
use shared::store::{KeyRange, Store};

use crate::objects::diff::{Pair, judge};
use crate::objects::listing::{Join, Sides};

/// All pairs that the filter takes, in byte order of their keys, over all of its prefixes: those after the key `after`,
/// if there is one. Memory is bounded by three pages a side. After an error the stream ends: it never ends well on
/// listings that did not. A destination that does not exist is an error, `NoSuchContainer`.
pub fn pairs(
    source: Store,
    destination: Store,
    filter: &Filter,
    after: Option<String>,
) -> impl Stream<Item = Result<Pair>> + Send + 'static + use<> {
    let sides = Sides { source, destination, destination_may_be_missing: false };
    // All keys of the others are before it.
    let is_left = |prefix: &&String| after.as_ref().is_none_or(|after| *prefix >= after || after.starts_with(*prefix));
    let prefixes = filter.prefixes().iter().filter(is_left).cloned().collect();
    let state = State { sides, filter: Arc::new(filter.clone()), prefixes, after, join: None };
    stream::try_unfold(state, next_pairs).map_ok(|pairs| stream::iter(pairs.into_iter().map(Ok))).try_flatten()
}

struct State {
    sides: Sides,
    filter: Arc<Filter>,
    prefixes: VecDeque<String>,
    after: Option<String>,
    join: Option<Join>,
}

async fn next_pairs(mut state: State) -> Result<Option<(Vec<Pair>, State)>> {
    loop {
        let mut join = match state.join.take() {
            Some(join) => join,
            None => match state.prefixes.pop_front() {
                Some(prefix) => {
                    let until = state.filter.only_key().map(|key| format!("{key}\0"));
                    state.sides.join(KeyRange { prefix, after: state.after.clone(), until }, &state.filter, None)
                }
                None => return Ok(None),
            },
        };
        if let Some(frontier) = join.frontier().await? {
            let mut pairs = join.take(&frontier);
            pairs.retain(|pair| judge(&state.filter, pair) == FilterVerdict::Taken);
            // A span that cannot be listed comes again if it reaches beyond the key.
            pairs.retain(|pair| state.after.as_deref().is_none_or(|after| pair.key() > after));
            state.join = Some(join);
            return Ok(Some((pairs, state)));
        }
    }
}

#[cfg(test)]
mod tests;
