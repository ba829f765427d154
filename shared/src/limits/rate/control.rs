//! How the answers of an endpoint change its request rate.
//!
//! Each quarter of a second the rate grows or falls by a factor: `log(rate)` changes by `GROWTH · (1 − p / p*)` a
//! second, where `p` is the share of refused answers, and `p*` the share at which the rate stays. So the rate settles
//! a little above the endpoint's limit, and a few refusals show when the limit changes. `p*` is less for a higher
//! rate: then processes that share a limit get equal parts of it, since those with more than others fall.
//!
//! Without refusals the rate grows ever faster, and then has no limit any more. Refusals that no rate avoids are
//! tolerated ([`ConstantShare`]).

use std::time::Duration;

use tokio::time::Instant;

use super::constant_share::ConstantShare;
use crate::limits::Allowance;

/// The rate is adjusted after this time.
const TICK: Duration = Duration::from_millis(250);

/// Without a limit, so many answers are enough if half of them are refused.
const ANSWERS: u32 = 20;

/// Growth of the logarithm of the rate, per second.
const GROWTH: f64 = 0.05;

/// The same while a share of refusals is tolerated: the rate has fallen for nothing.
const TOLERANT_GROWTH: f64 = 0.2;

/// The growth increases by as much again with each second without refusals, after this time.
const QUIET: f64 = 3.0;

/// The limit ends after this time without refusals.
const ENDS: Duration = Duration::from_secs(15);

/// The logarithm of the rate falls by at most this times the share of refused answers, per second: the refusals of
/// requests that were on their way do not count again and again.
const FALL: f64 = 1.5;

/// The first rate is at least this: well below the limit of any service.
const FIRST_RATE: f64 = 50.0;

/// Greatest rate after `Retry-After`: requests that waited together are not sent all at once.
const RATE_AFTER_WAIT: f64 = 100.0;

/// The lowest rate: enough to see when the throttling ends.
pub(super) const MIN_RATE: f64 = 5.0;

/// The share of refused answers at which a rate stays: 2.5 % at 50 requests a second, less for a higher rate.
pub(super) fn balance(rate: f64) -> f64 {
    (0.025 * (50.0 / rate).sqrt()).clamp(0.004, 0.06)
}

/// The answers since a time.
#[derive(Debug, Clone, Copy)]
struct Tick {
    began: Instant,
    answers: u32,
    throttled: u32,
    /// Whether a request had to wait for its turn: otherwise the rate limits nothing, and need not grow.
    waited: bool,
}

/// The request rate of one endpoint.
#[derive(Debug, Default)]
pub(super) struct RateControl {
    /// Requests a second; `None`: no limit.
    rate: Option<f64>,
    /// Nothing is sent before this time.
    from: Option<Instant>,
    tick: Option<Tick>,
    throttled_at: Option<Instant>,
    constant_share: ConstantShare,
}

impl RateControl {
    /// What may be sent.
    pub fn allowance(&self) -> Allowance {
        Allowance { per_second: self.rate, from: self.rate.and(self.from), until: None }
    }

    /// Records that a request waited for its turn.
    pub fn waited(&mut self) {
        if let Some(tick) = &mut self.tick {
            tick.waited = true;
        }
    }

    /// Delays all requests.
    pub fn delay_until(&mut self, time: Instant) {
        self.from = Some(self.from.map_or(time, |from| from.max(time)));
        self.rate = Some(self.rate.map_or(RATE_AFTER_WAIT, |rate| rate.min(RATE_AFTER_WAIT)));
        self.throttled_at = Some(time);
    }

    /// Records an answer.
    pub fn answered(&mut self, now: Instant, throttled: bool) {
        let tick = self.tick.get_or_insert(Tick { began: now, answers: 0, throttled: 0, waited: false });
        tick.answers += 1;
        tick.throttled += u32::from(throttled);
        if throttled {
            self.throttled_at = Some(self.throttled_at.map_or(now, |at| at.max(now)));
        }
        let tick = *tick;
        let elapsed = now - tick.began;
        match self.rate {
            None if elapsed >= TICK || tick.answers >= ANSWERS && tick.throttled * 2 >= tick.answers => {
                self.tick = None;
                self.begin(now, &tick);
            }
            None => {}
            Some(rate) => {
                let returned = self.constant_share.answered(now, throttled, rate);
                self.rate = Some(returned.map_or(rate, |to| rate.max(to)));
                if elapsed >= TICK {
                    self.tick = None;
                    self.adjust(now, &tick);
                }
            }
        }
    }

    /// Limits the rate to what was served, if the endpoint throttles. One refusal may be chance.
    fn begin(&mut self, now: Instant, tick: &Tick) {
        if tick.throttled < 2 {
            return;
        }
        let elapsed = (now - tick.began).max(TICK).as_secs_f64();
        self.rate = Some((f64::from(tick.answers - tick.throttled) / elapsed).max(FIRST_RATE));
        self.constant_share = ConstantShare::default();
    }

    fn adjust(&mut self, now: Instant, tick: &Tick) {
        let Some(rate) = self.rate else { return };
        let quiet = self.throttled_at.map_or(ENDS, |at| now.saturating_duration_since(at));
        if quiet >= ENDS {
            (self.rate, self.from) = (None, None);
            return;
        }
        // Time without answers says nothing.
        let elapsed = (now - tick.began).as_secs_f64().min(1.0);
        let share = f64::from(tick.throttled) / f64::from(tick.answers);
        let tolerated = self.constant_share.tolerated();
        let growth = if tolerated.is_some() { TOLERANT_GROWTH } else { GROWTH };
        let change = if tick.throttled > 0 {
            let balance = tolerated.unwrap_or_default().max(balance(rate));
            (growth * (1.0 - share / balance)).max(-FALL * share)
        } else if tick.waited {
            growth * (1.0 + (quiet.as_secs_f64() - QUIET).max(0.0))
        } else {
            0.0
        };
        self.rate = Some((rate * (change * elapsed).exp()).max(MIN_RATE));
    }
}
