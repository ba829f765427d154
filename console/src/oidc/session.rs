//! Sessions of people who signed in at the provider: encrypted cookies, so that all consoles with the same key know them.
//!
//! A session that somebody ended is refused until its time is over, also if its cookie was copied before. Each process
//! keeps the sessions that were ended in it: after a restart, or in another replica, a copied cookie counts again until
//! its eight hours are over. Who cannot accept that changes `cookie-key`, which ends all sessions.

use std::collections::HashMap;
use std::sync::Mutex;

use axum::http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use shared::object::Timestamp;
use shared::sync::lock;

use super::Oidc;
use super::cookie::{Sealer, set_cookie};
use crate::api::features::Me;
use crate::guard::cookies;
use crate::session::{NewSession, SecretDigest, Session, digest, secret};

/// The cookie of a session. Browsers take its name from `https` alone, and send it to this host alone.
const COOKIE: &str = "__Host-flotilla-session";

/// How long a session lasts, seconds.
const LIFE_SECONDS: i64 = 8 * 3600;

/// Most cookies of a session's name that are read.
const MAX_COOKIES: usize = 4;

/// Most ended sessions that are kept. If there are more, the one whose time is over first counts again.
const MAX_ENDED: usize = 10_000;

/// The content of a session's cookie.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    me: Me,
    /// Names the session when it is ended.
    id: String,
    /// The digest of the secret of its page.
    page: SecretDigest,
    /// Seconds of the time at which it is over.
    until: i64,
}

/// Sessions that were ended before their time was over, by id, with that time.
#[derive(Debug, Default)]
pub struct Ended(Mutex<HashMap<String, i64>>);

impl Ended {
    fn has(&self, id: &str) -> bool {
        lock(&self.0).contains_key(id)
    }

    fn insert(&self, id: String, until: i64, now: i64) {
        let mut ended = lock(&self.0);
        if ended.len() >= MAX_ENDED {
            ended.retain(|_, until| *until > now);
        }
        if ended.len() >= MAX_ENDED
            && let Some(first) = ended.iter().min_by_key(|(_, until)| **until).map(|(id, _)| id.clone())
        {
            ended.remove(&first);
        }
        ended.insert(id, until);
    }
}

/// Begins a session: the value of its cookie, and the secret of its page.
pub fn begin(sealer: &Sealer, me: Me, now: Timestamp) -> Result<NewSession, String> {
    let new = || secret().map_err(|why| format!("the system gives no random numbers: {why}"));
    let page = new()?;
    let content = Content { me, id: new()?, page: digest(&page), until: seconds(now) + LIFE_SECONDS };
    Ok(NewSession { cookie: sealer.seal(COOKIE, &content)?, page })
}

/// The header that gives a browser a session.
pub fn header(session: &NewSession) -> (HeaderName, String) {
    set_cookie(COOKIE, &session.cookie, LIFE_SECONDS, "Strict")
}

/// The header that takes a session from a browser.
pub fn end_header() -> (HeaderName, String) {
    set_cookie(COOKIE, "", 0, "Strict")
}

/// Seconds of a time.
pub fn seconds(now: Timestamp) -> i64 {
    now.0.div_euclid(1000)
}

impl Oidc {
    /// The sessions that the cookies of a request name.
    pub fn sessions(&self, headers: &HeaderMap, now: Timestamp) -> Vec<Session> {
        self.contents(headers, now).map(|content| Session { me: content.me, page: content.page }).collect()
    }

    /// Ends the sessions that the cookies of a request name.
    pub fn end_sessions(&self, headers: &HeaderMap, now: Timestamp) {
        for content in self.contents(headers, now) {
            self.0.ended.insert(content.id, content.until, seconds(now));
        }
    }

    fn contents(&self, headers: &HeaderMap, now: Timestamp) -> impl Iterator<Item = Content> {
        let sealed = cookies(headers, COOKIE).take(MAX_COOKIES);
        let contents = sealed.filter_map(|sealed| self.0.sealer.open::<Content>(COOKIE, sealed));
        contents.filter(move |content| content.until > seconds(now) && !self.0.ended.has(&content.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_sessions_stay_bounded() {
        let ended = Ended::default();
        for until in 0..=MAX_ENDED as i64 {
            ended.insert(format!("{until}"), until + 10, 5);
        }
        assert_eq!(lock(&ended.0).len(), MAX_ENDED);
        assert!(!ended.has("0") && ended.has("1"), "the one that is over first is forgotten");
        ended.insert("last".into(), 1 << 40, 1 << 39);
        assert_eq!(lock(&ended.0).len(), 1, "those whose time is over are forgotten");
    }
}
