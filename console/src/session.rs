//! Who is signed in: sessions of this process.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use shared::digest::to_hex;

use crate::api::features::Me;

/// The digest of a secret.
pub type SecretDigest = [u8; 32];

/// Most sessions at once. The oldest ends when there is one more.
const MAX_SESSIONS: usize = 256;

/// A session ends this long after its begin.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);

/// Sessions, by the digest of their secret: a dump of the memory of this map signs nobody in, and a lookup takes the same
/// time for all wrong secrets. They end with the process.
pub struct Sessions {
    /// Digest of the token that begins a session; `None`: none does.
    token: Option<SecretDigest>,
    me: Me,
    open: Mutex<HashMap<SecretDigest, Open>>,
}

struct Open {
    session: Session,
    begun: Instant,
}

/// A session that a cookie names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who has it.
    pub me: Me,
    /// The digest of its page's secret.
    pub page: SecretDigest,
}

impl Session {
    /// Whether the sender has the secret of the session's page. The comparison takes the same time for all secrets.
    pub fn is_page(&self, secret: &str) -> bool {
        let differences = self.page.iter().zip(digest(secret)).map(|(own, other)| own ^ other);
        differences.fold(0, |all, one| all | one) == 0
    }
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

/// The digest of a secret.
pub fn digest(text: &str) -> SecretDigest {
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
        let session = Session { me: self.me.clone(), page: digest(&page) };
        open.insert(digest(&cookie), Open { session, begun: Instant::now() });
        Some(NewSession { cookie, page })
    }

    /// Whether there is a session.
    pub fn has_some(&self) -> bool {
        !self.open().is_empty()
    }

    /// The session of a cookie.
    pub fn find(&self, cookie: &str) -> Option<Session> {
        let open = self.open();
        let open = open.get(&digest(cookie)).filter(|open| open.begun.elapsed() < SESSION_LIFE)?;
        Some(open.session.clone())
    }

    /// Ends a session. One that is not there has ended.
    pub fn end(&self, secret: &str) {
        self.open().remove(&digest(secret));
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<SecretDigest, Open>> {
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
        let NewSession { cookie, page } = sessions.begin("right").unwrap();
        let session = sessions.find(&cookie).unwrap();
        assert_eq!(session.me, me());
        assert!(session.is_page(&page) && !session.is_page(&cookie) && !session.is_page(""));
        assert_eq!((sessions.find(&page), sessions.find("right"), sessions.find("")), (None, None, None));
        sessions.end(&cookie);
        assert_eq!(sessions.find(&cookie), None);
    }

    #[test]
    fn sessions_stay_bounded() {
        let sessions = Sessions::by_token("right", me());
        let first = sessions.begin("right").unwrap();
        let last = (0..MAX_SESSIONS).filter_map(|_| sessions.begin("right")).last().unwrap();
        assert_eq!(sessions.open().len(), MAX_SESSIONS);
        assert_eq!(sessions.find(&first.cookie), None);
        assert!(sessions.find(&last.cookie).is_some());
    }
}
