//! Verifies a task, in slices.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use adapters::open;
use control::request::{self, VerifyRequest};
use serde::{Deserialize, Serialize};
use shared::Result;
use shared::config::Config;
use shared::store::Store;
use shared::terminal;

use super::job::SliceBounds;
use super::slice::{SliceCheckpoint, SliceEnd};
use crate::verify::{Line, PairVerdict, Tally, Verification, Verified, WalkEnd, lines};

/// Most differences that a result names.
const NAMED: usize = 1_000;

/// Most bytes of the named differences, which bounds checkpoint and result also where keys are long.
const NAMED_BYTES: usize = 120_000;

/// The result of a verification of a task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VerifyResult {
    /// As `flotilla verify --json` prints it in its last line.
    #[serde(flatten)]
    pub tally: Tally,
    /// The first differences in key order.
    pub differences: Vec<Line>,
    /// Whether there are more than these.
    pub is_cut: bool,
}

/// The state between two slices. The listings are begun again after its last key.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    verified: Verified,
    named: Named,
}

/// The first differences.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Named {
    lines: Vec<Line>,
    bytes: usize,
    is_cut: bool,
}

impl Named {
    /// Names the differences under a key, while there is room.
    fn take(&mut self, key: &str, verdict: &PairVerdict) {
        for line in lines(key, verdict) {
            let bytes = line.key.len() + line.what.len();
            self.is_cut |= self.lines.len() >= NAMED || self.bytes + bytes > NAMED_BYTES;
            if self.is_cut {
                return;
            }
            self.bytes += bytes;
            self.lines.push(line);
        }
    }
}

fn progress(compared: u64, different: u64) -> String {
    format!("{} compared, {} different", terminal::counted(compared, "key"), terminal::count(different))
}

/// Compares both sides until all is compared or the slice ends. The result is a [`VerifyResult`].
pub async fn slice(
    config: &Config,
    (source, destination): (&Store, &Store),
    request: &str,
    checkpoint: &SliceCheckpoint,
    bounds: &SliceBounds,
) -> Result<SliceEnd> {
    let VerifyRequest { effort } = match request::read(request) {
        Ok(request) => request,
        Err(why) => return Ok(SliceEnd::failed(why)),
    };
    let State { mut verified, mut named } = match checkpoint.state() {
        Ok(state) => state,
        Err(error) => return Ok(SliceEnd::failed(error)),
    };
    if let Err(unusable) = open::probe_both(source, destination).await {
        return Ok(SliceEnd::unusable(unusable));
    }
    let sides = (source.clone(), destination.clone());
    let verification = match Verification::new(config, sides, effort, verified.began) {
        Ok(verification) => verification,
        Err(why) => return Ok(SliceEnd::failed(why)),
    };
    let counted = verification.progress.clone();
    let said = move || progress(counted.compared.load(Relaxed), counted.different.load(Relaxed));
    bounds.progress.follow(said);
    let take = |key: &str, verdict: &PairVerdict| {
        named.take(key, verdict);
        Ok(())
    };
    match verification.walk(&mut verified, &bounds.stop, Some(bounds.until), take).await {
        Ok(()) => {
            let Named { lines: differences, is_cut, .. } = named;
            Ok(SliceEnd::succeeded(&VerifyResult { tally: verified.tally, differences, is_cut }))
        }
        Err(WalkEnd::Stopped) => {
            let Tally { compared, different, .. } = verified.tally;
            Ok(SliceEnd::continued(progress(compared, different), &State { verified, named }, Duration::ZERO))
        }
        Err(WalkEnd::Listing(error)) => {
            Ok(SliceEnd::failed(error.and("the listing is incomplete, so nothing is verified")))
        }
        Err(WalkEnd::Taking(failure)) => Ok(SliceEnd::failed(failure.message)),
    }
}
