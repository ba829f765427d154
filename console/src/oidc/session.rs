//! Sessions of people who signed in at the provider: encrypted cookies, so that all consoles with the same key know them.
//!
//! A session that somebody ended is refused until its time is over, also if its cookie was copied before. That it was ended
//! is recorded with the fleet's tasks: a console asks there before it trusts a cookie, and trusts it for some seconds. If
//! the records cannot be read, nobody is let in: without them the console has nothing to show either.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use shared::Error;
use shared::object::Timestamp;
use shared::sync::lock;
use shared::tasks::SharedTasks;
use tokio::time::Instant;

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

/// A session that was not ended is asked about again after this time.
const TRUSTED_FOR: Duration = Duration::from_secs(5);

/// Most sessions that are trusted without a question. If there are more, all are asked about again.
const MAX_TRUSTED: usize = 10_000;

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

/// Sessions that were not ended when they were asked about, by id, with that time.
#[derive(Debug, Default)]
pub struct Trusted(Mutex<HashMap<String, Instant>>);

impl Trusted {
    fn has(&self, id: &str) -> bool {
        lock(&self.0).get(id).is_some_and(|asked| asked.elapsed() < TRUSTED_FOR)
    }

    fn insert(&self, id: &str, asked: Instant) {
        let mut trusted = lock(&self.0);
        if trusted.len() >= MAX_TRUSTED {
            trusted.clear();
        }
        trusted.insert(id.to_owned(), asked);
    }

    fn remove(&self, id: &str) {
        lock(&self.0).remove(id);
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
    /// The sessions that the cookies of a request name, and that nobody has ended.
    pub async fn sessions(
        &self,
        headers: &HeaderMap,
        tasks: &SharedTasks,
        now: Timestamp,
    ) -> Result<Vec<Session>, Error> {
        let mut sessions = Vec::new();
        for Content { me, id, page, .. } in self.contents(headers, now) {
            if !self.0.trusted.has(&id) {
                // Before the answer: a session that is ended while it is on its way is asked about soon.
                let asked = Instant::now();
                if tasks.is_session_ended(&id).await? {
                    continue;
                }
                self.0.trusted.insert(&id, asked);
            }
            sessions.push(Session { me, page });
        }
        Ok(sessions)
    }

    /// Ends the sessions that the cookies of a request name.
    pub async fn end_sessions(&self, headers: &HeaderMap, tasks: &SharedTasks, now: Timestamp) -> Result<(), Error> {
        for content in self.contents(headers, now) {
            tasks.end_session(&content.id, Timestamp(content.until.saturating_mul(1000))).await?;
            self.0.trusted.remove(&content.id);
        }
        Ok(())
    }

    fn contents(&self, headers: &HeaderMap, now: Timestamp) -> Vec<Content> {
        let sealed = cookies(headers, COOKIE).take(MAX_COOKIES);
        let contents = sealed.filter_map(|sealed| self.0.sealer.open::<Content>(COOKIE, sealed));
        contents.filter(|content| content.until > seconds(now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn trust_in_a_session_ends_soon() {
        let trusted = Trusted::default();
        trusted.insert("1", Instant::now());
        assert!(trusted.has("1") && !trusted.has("2"));
        tokio::time::advance(TRUSTED_FOR).await;
        assert!(!trusted.has("1"));
        for id in 0..=MAX_TRUSTED {
            trusted.insert(&id.to_string(), Instant::now());
        }
        assert!(lock(&trusted.0).len() <= MAX_TRUSTED, "they stay bounded");
    }
}
