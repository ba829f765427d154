//! Refusals that do not depend on the request rate.
//!
//! A service may refuse a share of all requests whatever the rate: it is broken, or others load it. Then a lower rate
//! only slows the work. A lower rate shows it: if requests are sent at 60 % of an earlier rate, and the refused share is
//! the same, the share is tolerated for some time, and the rate is again what it was. At a limit the refused share
//! falls with the rate, and what is served stays.

use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::time::Instant;

use super::control::{MIN_RATE, balance};

/// An observation has so many refusals, or takes the longer time. It takes at least the shorter one.
const REFUSALS: u32 = 30;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(4);

/// Shares below this times the share that is expected are chance.
const NOTABLE: f64 = 1.5;

/// A greater share is never tolerated.
const MOST: f64 = 0.3;

/// The rate keeps growing up to this times the tolerated share.
const ROOM: f64 = 2.0;

/// Rates are compared if one is less than this times the other, and shares are the same if their quotient is in this
/// range: both are of some thirty refusals.
const LESS: f64 = 0.6;
const SAME: RangeInclusive<f64> = 0.75..=1.35;

/// A share is no longer tolerated if it leaves this range around the tolerated one.
const SIMILAR: RangeInclusive<f64> = 0.6..=1.6;

/// A share is tolerated for this time at first, then for twice as long each time that it is confirmed.
const FIRST_HOLD: Duration = Duration::from_secs(4);
const MAX_HOLD: Duration = Duration::from_secs(120);

/// If the lowest rate still has a greater share than this one, the rate rises again, by this factor.
const SHARE_AT_LOWEST: f64 = 0.12;
const RISE: f64 = 4.0;

/// Requests and refusals in some seconds.
#[derive(Debug, Clone, Copy)]
struct Observation {
    /// Requests a second.
    sent: f64,
    /// Refused requests, as a share of all.
    share: f64,
}

#[derive(Debug, Clone, Copy)]
struct Tolerated {
    share: f64,
    until: Instant,
}

/// Finds out whether the refusals of an endpoint depend on the request rate.
#[derive(Debug, Default)]
pub(super) struct ConstantShare {
    /// Start of the present observation, its answers, and how many of them were refusals.
    began: Option<Instant>,
    answers: u32,
    refused: u32,
    /// The greater rate with which the present one is compared.
    reference: Option<Observation>,
    tolerated: Option<Tolerated>,
    hold: Duration,
}

impl ConstantShare {
    /// The share of refused answers at which the rate stays, if more than usual is tolerated.
    pub fn tolerated(&self) -> Option<f64> {
        self.tolerated.map(|tolerated| tolerated.share * ROOM)
    }

    /// Records an answer at a rate. Returns the rate to which to return, if a lower one does not help.
    pub fn answered(&mut self, now: Instant, throttled: bool, rate: f64) -> Option<f64> {
        let began = *self.began.get_or_insert(now);
        self.answers += 1;
        self.refused += u32::from(throttled);
        let elapsed = now - began;
        if elapsed < LONGEST && (elapsed < SHORTEST || self.refused < REFUSALS) {
            return None;
        }
        let (answers, refused) = (f64::from(self.answers), f64::from(self.refused));
        (self.began, self.answers, self.refused) = (None, 0, 0);
        self.compare(now, Observation { sent: answers / elapsed.as_secs_f64(), share: refused / answers }, rate)
    }

    fn compare(&mut self, now: Instant, seen: Observation, rate: f64) -> Option<f64> {
        if let Some(tolerated) = self.tolerated {
            if !SIMILAR.contains(&(seen.share / tolerated.share)) {
                // It depends on the rate after all.
                (self.tolerated, self.hold) = (None, FIRST_HOLD);
            } else if now >= tolerated.until {
                self.tolerated = None;
                self.hold = (self.hold * 2).min(MAX_HOLD);
                self.reference = Some(seen);
                return None;
            }
        }
        if seen.share <= NOTABLE * self.tolerated().unwrap_or_default().max(balance(seen.sent)) {
            self.reference = None;
            return None;
        }
        let usable = |reference: &Observation| seen.sent <= reference.sent && reference.share <= MOST;
        let Some(reference) = self.reference.filter(usable) else {
            self.reference = Some(seen);
            return None;
        };
        let is_lowest = rate <= 1.2 * MIN_RATE && seen.share >= SHARE_AT_LOWEST;
        if !is_lowest && seen.sent > LESS * reference.sent {
            return None;
        }
        let is_same = SAME.contains(&(seen.share / reference.share));
        if seen.share > MOST || !(is_lowest || is_same) {
            return None;
        }
        self.hold = self.hold.max(FIRST_HOLD);
        self.tolerated = Some(Tolerated { share: seen.share, until: now + self.hold });
        self.reference = None;
        Some(if is_lowest { RISE * MIN_RATE } else { reference.sent })
    }
}
