//! Faults, and the requests that meet them.

use std::time::Duration;

use http::Method;

use super::{Kind, Seen};

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered with this status and body, and never reaches the store.
    Respond(u16, String),
    /// As `Respond`, with these headers.
    RespondWith(u16, &'static [(&'static str, &'static str)], String),
    /// It takes effect, but is answered with this status and body.
    RespondAfter(u16, String),
    /// The connection is closed, and the request never reaches the store.
    CloseBefore,
    /// It takes effect, but the connection is closed before any of the answer.
    CloseAfter,
    /// It never reaches the store, and is never answered.
    Stall,
    /// It takes effect, but is never answered.
    StallAfter,
    /// It is delayed for so long, then goes on.
    Delay(Duration),
    /// It takes effect after so long, also if its sender has gone, and is never answered. For requests without a body.
    Late(Duration),
    /// A header of the answer has this value, or none.
    Header(&'static str, Option<&'static str>),
    /// The connection is closed after so many bytes of the answer's body.
    CutResponse(u64),
    /// Nothing comes after so many bytes of the answer's body.
    StallResponse(u64),
    /// One bit of the byte at this offset of the answer's body is flipped.
    FlipResponse(u64),
    /// One bit of the byte at this offset of the request's body is flipped.
    FlipRequest(u64),
}

/// Which requests a [`Fault`] happens to. Of several rules that match a request, the first counts,
/// and only its counter moves.
#[derive(Debug, Clone)]
pub struct Rule {
    kind: Option<Kind>,
    method: Option<Method>,
    containing: Option<String>,
    signed_by: Option<String>,
    one_in: u64,
    matched: u64,
    skip: u64,
    times: u64,
    every: u64,
    since: u64,
    fault: Fault,
}

impl Rule {
    /// Every request of one kind.
    pub fn on(kind: Kind, fault: Fault) -> Rule {
        Rule { kind: Some(kind), ..Rule::always(fault) }
    }

    /// Every request.
    pub fn always(fault: Fault) -> Rule {
        Rule {
            kind: None,
            method: None,
            containing: None,
            signed_by: None,
            one_in: 1,
            matched: 0,
            skip: 0,
            times: u64::MAX,
            every: 1,
            since: 0,
            fault,
        }
    }

    /// Of those, the ones of this method.
    pub fn by(self, method: Method) -> Rule {
        Rule { method: Some(method), ..self }
    }

    /// Of those, the ones that have `text` in path, query or `x-amz-target`.
    pub fn containing(self, text: &str) -> Rule {
        Rule { containing: Some(text.to_owned()), ..self }
    }

    /// Of those, the ones that are signed with this access key.
    pub fn signed_by(self, access_key: &str) -> Rule {
        Rule { signed_by: Some(format!("Credential={access_key}/")), ..self }
    }

    /// Of those, one in `count`, spread without a pattern.
    pub fn one_in(self, count: u64) -> Rule {
        Rule { one_in: count, ..self }
    }

    /// Of those, all after the first `count`.
    pub fn after(self, count: u64) -> Rule {
        Rule { skip: count, ..self }
    }

    /// Of those, the next `count` and no more.
    pub fn times(self, count: u64) -> Rule {
        Rule { times: count, ..self }
    }

    /// Of those, the first and then each `count`th: a constant share.
    pub fn every(self, count: u64) -> Rule {
        Rule { every: count, ..self }
    }

    // The fault, if it happens to this request; counts.
    pub(super) fn take(&mut self, seen: &Seen) -> Option<Fault> {
        let matches = self.kind.is_none_or(|kind| kind == seen.kind)
            && self.method.as_ref().is_none_or(|method| *method == seen.method)
            && self.containing.as_deref().is_none_or(|text| seen.target.contains(text));
        let signature = || seen.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_signed = self.signed_by.as_deref().is_none_or(|key| signature().contains(key));
        if !matches || !is_signed || self.times == 0 {
            return None;
        }
        self.matched += 1;
        // A multiplicative hash (Knuth): the share is kept, but not its rhythm.
        if !(self.matched.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(self.one_in) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.since += 1;
        if !(self.since - 1).is_multiple_of(self.every) {
            return None;
        }
        self.times -= 1;
        Some(self.fault.clone())
    }
}
