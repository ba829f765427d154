//! Who is signed in: sessions of this process.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use shared::digest::to_hex;

use crate::api::features::Me;

/// Most sessions at once. The oldest ends when there is one more.
const MAX_SESSIONS: usize = 256;

/// A session ends this long after its begin.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);

/// Sessions, by the digest of their secret: a dump of the memory of this map signs nobody in, and a lookup takes the same
/// time for all wrong secrets. They end with the process.
pub struct Sessions {
    /// Digest of the token that begins a session; `None`: none does.
    token: Option<[u8; 32]>,
    me: Me,
    open: Mutex<HashMap<[u8; 32], Open>>,
}

struct Open {
    me: Me,
    /// Digest of the page's secret.
    page: [u8; 32],
    begun: Instant,
}

/// The secrets of a session that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// For the cookie, which browsers send to all ports of this host.
    pub cookie: String,
    /// For the page, which keeps it for its own port.
    pub page: String,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("me", &self.me).finish_non_exhaustive()
    }
}

/// A new secret of 256 bits, in hexadecimal digits.
pub fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(to_hex(&bytes))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Sessions {
    /// Sessions that `token` begins, in the name of `me`.
    pub fn by_token(token: &str, me: Me) -> Sessions {
        Sessions { token: Some(digest(token)), me, open: Mutex::default() }
    }

    /// Sessions that no token begins: people sign in at a provider.
    pub fn without_token(me: Me) -> Sessions {
        Sessions { token: None, me, open: Mutex::default() }
    }

    /// Begins a session with the token, and returns its secrets; `None` if it is another token.
    pub fn begin(&self, token: &str) -> Option<NewSession> {
        if self.token != Some(digest(token)) {
            return None;
        }
        let (cookie, page) = (secret().ok()?, secret().ok()?);
        let mut open = self.open();
        open.retain(|_, session| session.begun.elapsed() < SESSION_LIFE);
        if open.len() >= MAX_SESSIONS
            && let Some(oldest) = open.iter().min_by_key(|(_, session)| session.begun).map(|(key, _)| *key)
        {
            open.remove(&oldest);
        }
        let session = Open { me: self.me.clone(), page: digest(&page), begun: Instant::now() };
        open.insert(digest(&cookie), session);
        Some(NewSession { cookie, page })
    }

    /// Who has the session of this secret.
    pub fn who(&self, secret: &str) -> Option<Me> {
        let open = self.open();
        let session = open.get(&digest(secret)).filter(|session| session.begun.elapsed() < SESSION_LIFE)?;
        Some(session.me.clone())
    }

    /// Whether this is the page of the session: it has the second secret.
    pub fn is_page(&self, cookie: &str, page: &str) -> bool {
        self.open().get(&digest(cookie)).is_some_and(|session| session.page == digest(page))
    }

    /// Ends a session. One that is not there has ended.
    pub fn end(&self, secret: &str) {
        self.open().remove(&digest(secret));
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Open>> {
        shared::sync::lock(&self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::features::Role;

    fn me() -> Me {
        Me { name: "ada".into(), role: Role::Admin }
    }

    #[test]
    fn only_the_token_begins_a_session() {
        let sessions = Sessions::by_token("right", me());
        assert_eq!(sessions.begin("wrong"), None);
        assert_eq!(sessions.begin(""), None);
        let NewSession { cookie: secret, page } = sessions.begin("right").unwrap();
        assert!(
            sessions.is_page(&secret, &page) && !sessions.is_page(&secret, &secret) && !sessions.is_page(&page, &page)
        );
        assert_eq!((sessions.who(&secret), sessions.who("right"), sessions.who("")), (Some(me()), None, None));
        sessions.end(&secret);
        assert_eq!(sessions.who(&secret), None);
    }

    #[test]
    fn sessions_stay_bounded() {
        let sessions = Sessions::by_token("right", me());
        let first = sessions.begin("right").unwrap();
        let last = (0..MAX_SESSIONS).filter_map(|_| sessions.begin("right")).last().unwrap();
        assert_eq!(sessions.open().len(), MAX_SESSIONS);
        assert_eq!((sessions.who(&first.cookie), sessions.who(&last.cookie)), (None, Some(me())));
    }
}
