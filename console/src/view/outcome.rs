//! What became of an object.

use shared::ledger;
use shared::object::Pin;
use shared::objects::ObjectDetail;

use crate::api::failures::{Outcome, Proof};
use crate::api::page::time;

/// What became of an object.
pub fn outcome(outcome: &ledger::Outcome) -> Outcome {
    // A kind without these fields has another detail.
    let proof = ObjectDetail::read(outcome).ok().filter(|detail| *detail != ObjectDetail::default()).map(proof);
    Outcome {
        key: outcome.key.clone(),
        state: outcome.state.as_str().to_owned(),
        reason: outcome.reason.clone(),
        size: outcome.size,
        attempts: outcome.attempts,
        error: outcome.error.clone(),
        worker: outcome.worker.clone(),
        started: time(outcome.started),
        finished: time(outcome.finished),
        proof,
    }
}

fn proof(detail: ObjectDetail) -> Proof {
    let Pin { etag, version } = detail.source;
    Proof {
        source_etag: etag.map(|tag| tag.to_string()),
        source_version: version,
        etag: detail.etag.map(|tag| tag.to_string()),
        checksum: detail.checksum.map(|checksum| checksum.to_string()),
        verified: detail.verified,
    }
}
