//! The walk over one range: take pairs, decide, pack, and write the jobs to the journal.

use std::sync::Arc;
use std::time::Duration;

use shared::filter::FilterVerdict;
use shared::ledger::{Checkpoint, Found};
use shared::store::Unlisted;
use tokio::time::{Instant, timeout_at};

use super::Walk;
use super::files::Files;
use super::suspects::Suspects;
use crate::error::FindError;
use crate::objects::diff::{ListingSide, Pair, judge};
use crate::objects::listing::Join;
use crate::objects::pack::Pack;
use crate::objects::policy::{Decision, Reason};
use crate::objects::ranges::Start;

/// A checkpoint is written at least this often: bounds how late the first job of a slow listing comes,
/// and how much an interrupted run lists again.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(3);

/// A checkpoint is written after this many pairs, also where nothing differs: some ten seconds of
/// listing. Rare enough that a run with nothing to do costs next to nothing in writes.
const CHECKPOINT_PAIRS: u64 = 50_000;

/// One range under way.
struct Range {
    walk: Arc<Walk>,
    pack: Pack,
    suspects: Suspects,
    files: Files,
    /// As it will be written next: its cursor covers everything that was packed.
    checkpoint: Checkpoint,
    /// Pairs since the last checkpoint.
    pairs: u64,
    /// When the next one is due.
    due: Instant,
    /// Counted, but not yet shown in the progress.
    unseen: Found,
    /// Counted, but not yet sent.
    unsent: Found,
}

/// Walks one range to its end. Returns its last checkpoint, which is not yet recorded as done; the
/// journal has everything else.
pub(super) async fn walk(walk: Arc<Walk>, start: Start) -> Result<Checkpoint, FindError> {
    let remaining = start.remaining();
    let suspects = Suspects::of(&remaining);
    let files = Files::of(&remaining, &walk.sides);
    let join = walk.sides.join(remaining, &walk.filter, start.exhausted);
    let pack = Pack::new(&walk.options);
    let due = Instant::now() + CHECKPOINT_EVERY;
    let (unseen, unsent) = Default::default();
    let mut range = Range { walk, pack, suspects, files, checkpoint: start.checkpoint, pairs: 0, due, unseen, unsent };
    match range.list(join).await {
        // What was decided is whole, also where the listing failed later: kept, it need not be listed again.
        Err(error @ (FindError::Interrupted | FindError::Listing(_))) if !range.walk.run.abort.is_cancelled() => {
            range.commit().await?;
            Err(error)
        }
        Err(error) => Err(error),
        Ok(()) if range.pack.is_empty() => Ok(range.checkpoint),
        Ok(()) => {
            range.commit().await?;
            Ok(range.checkpoint)
        }
    }
}

impl Range {
    async fn list(&mut self, mut join: Join) -> Result<(), FindError> {
        let (stop, abort) = (self.walk.run.stop.clone(), self.walk.run.abort.clone());
        loop {
            let frontier = tokio::select! {
                biased;
                () = abort.cancelled() => return Err(FindError::Interrupted),
                () = stop.cancelled() => return Err(FindError::Interrupted),
                frontier = timeout_at(self.due, join.frontier()) => frontier,
            };
            let Ok(frontier) = frontier else {
                // The page is slow: what was decided meanwhile need not wait for it.
                self.commit().await?;
                continue;
            };
            let Some(frontier) = frontier.map_err(FindError::Listing)? else { return Ok(()) };
            // From here on everything up to the frontier, or the end, is this range's: no cut can take it.
            let end = self.walk.ranges().advance(self.checkpoint.id, &frontier);
            let (up_to, ended) = match end {
                Some(end) if end <= frontier => (end, true),
                _ => (frontier, false),
            };
            let pairs = join.take(&up_to);
            if join.has_ended() {
                // There is nothing left to cut.
                self.walk.ranges().close(self.checkpoint.id);
            } else if let Some(first) = pairs.first() {
                self.walk.ranges().met(self.checkpoint.id, first.key(), pairs.len(), join.exhausted());
            }
            self.walk.progressed.notify_one();
            self.take(pairs).await?;
            if ended {
                return Ok(());
            }
        }
    }

    async fn take(&mut self, pairs: Vec<Pair>) -> Result<(), FindError> {
        let walk = self.walk.clone();
        let mut pairs = pairs.into_iter().map(|pair| {
            let verdict = judge(&walk.filter, &pair);
            (pair, verdict)
        });
        loop {
            let batch: Vec<(Pair, FilterVerdict)> = pairs.by_ref().take(walk.comparer.batch()).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let decisions = tokio::select! {
                biased;
                () = walk.run.abort.cancelled() => return Err(FindError::Interrupted),
                () = walk.run.stop.cancelled() => return Err(FindError::Interrupted),
                decisions = walk.comparer.decide(&batch) => decisions.map_err(FindError::Listing)?,
            };
            for ((pair, verdict), decision) in batch.into_iter().zip(decisions) {
                let mut decision = self.distrust(&pair, verdict, decision).await?;
                if matches!(decision, Decision::Copy(_)) {
                    decision = tokio::select! {
                        biased;
                        () = walk.run.abort.cancelled() => return Err(FindError::Interrupted),
                        () = walk.run.stop.cancelled() => return Err(FindError::Interrupted),
                        decision = self.leave_below_files(&pair, verdict, decision) => decision?,
                    };
                }
                if let Some(entry) = pair.source().filter(|_| verdict == FilterVerdict::Taken) {
                    self.files.note(&entry.key);
                }
                self.pack(pair, verdict, decision).await?;
            }
            walk.run.progress.seen(&std::mem::take(&mut self.unseen));
            if self.pairs >= CHECKPOINT_PAIRS || Instant::now() >= self.due {
                self.commit().await?;
            }
        }
    }

    /// What the destination has under a suspect key is copied again, whatever its size and time say.
    async fn distrust(
        &mut self,
        pair: &Pair,
        verdict: FilterVerdict,
        decision: Decision,
    ) -> Result<Decision, FindError> {
        let is_suspect = self.suspects.contain(&self.walk, pair.key()).await?;
        // Also a key that the destination lacks now: the job then knows that there is a mark to clear.
        let is_copied = matches!(pair, Pair::Both(..) | Pair::Source(_)) && verdict == FilterVerdict::Taken;
        Ok(if is_suspect && is_copied { Decision::Copy(Reason::Suspect) } else { decision })
    }

    /// The decision to copy a pair, unless its key lies below another key of the source and the destination has folders.
    async fn leave_below_files(
        &mut self,
        pair: &Pair,
        verdict: FilterVerdict,
        decision: Decision,
    ) -> Result<Decision, FindError> {
        let Some(entry) = pair.source().filter(|_| verdict == FilterVerdict::Taken) else { return Ok(decision) };
        let walk = &self.walk;
        match self.files.above(&walk.sides, &walk.filter, &entry.key).await {
            Ok(None) => Ok(decision),
            Ok(Some(file)) => {
                walk.comparer.name_below_file(&entry.key, &file);
                Ok(Decision::NotJudged)
            }
            Err(error) => walk.comparer.name_not_judged(error).map_err(FindError::Listing),
        }
    }

    async fn pack(&mut self, pair: Pair, verdict: FilterVerdict, decision: Decision) -> Result<(), FindError> {
        let room = match (&pair, decision) {
            (Pair::Source(entry) | Pair::Both(entry, _), Decision::Copy(_)) => self.pack.has_room_for(entry),
            (pair, Decision::Delete) => self.pack.has_room_to_delete(pair.key()),
            _ => true,
        };
        if !room {
            self.commit().await?;
        }
        let cursor = self.checkpoint.cursor.get_or_insert_default();
        cursor.clear();
        cursor.push_str(pair.key());
        let found = self.account(pair, verdict, decision);
        self.pairs += 1;
        self.unseen += found;
        self.unsent += found;
        self.checkpoint.found += found;
        if self.pack.is_full() {
            self.commit().await?;
        }
        Ok(())
    }

    /// Packs a pair, and counts it.
    fn account(&mut self, pair: Pair, verdict: FilterVerdict, decision: Decision) -> Found {
        if let Pair::Unlisted(side, unlisted) = &pair {
            return self.account_unlisted(*side, unlisted);
        }
        let at_source = u64::from(pair.source().is_some());
        if verdict == FilterVerdict::ExcludedKey {
            return Found { filtered: at_source, ..Found::default() };
        }
        let mut found = Found { listed: at_source, ..Found::default() };
        found.listed_destination = u64::from(pair.destination().is_some());
        let may_block = matches!(pair, Pair::Blocking(_));
        match (decision, pair) {
            _ if verdict == FilterVerdict::OutOfBounds => found.filtered = 1,
            (Decision::Copy(reason), Pair::Source(entry) | Pair::Both(entry, _)) => {
                found.enqueued = 1;
                found.enqueued_bytes = entry.size;
                self.walk.copies.add(reason);
                self.pack.copy(entry, matches!(reason, Reason::Metadata | Reason::Suspect));
            }
            (Decision::Delete, Pair::Destination(entry) | Pair::Blocking(entry)) => {
                found.deletes = 1;
                self.pack.delete(entry.key, may_block);
            }
            (Decision::Skip(_), _) => found.unchanged = 1,
            (Decision::NotJudged, _) => found.not_judged = 1,
            _ => {}
        }
        found
    }

    /// Counts keys that a side could not list. What the store never serves is no failure.
    fn account_unlisted(&mut self, side: ListingSide, unlisted: &Unlisted) -> Found {
        if unlisted.is_failure {
            self.walk.run.progress.could_not_list(side.as_str(), &unlisted.reason);
        }
        Found { unlisted: u64::from(unlisted.is_failure), ..Found::default() }
    }

    /// Journals everything up to the cursor: deferred deletes, then the checkpoint with the jobs in its
    /// outbox, then the jobs. Died before the checkpoint: all is found again. Died after it: the
    /// resumed run sends the outbox.
    async fn commit(&mut self) -> Result<(), FindError> {
        self.due = Instant::now() + CHECKPOINT_EVERY;
        if self.pairs == 0 {
            return Ok(());
        }
        let Range { walk, pack, checkpoint, .. } = self;
        let deferred = pack.seal(&walk.run.names, checkpoint);
        walk.run.commit(checkpoint, deferred).await?;
        self.pairs = 0;
        walk.run.progress.sent(&std::mem::take(&mut self.unsent));
        Ok(())
    }
}
