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
    begun: Instant,
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

    /// Begins a session with the token, and returns its secret; `None` if it is another token.
    pub fn begin(&self, token: &str) -> Option<String> {
        if self.token != Some(digest(token)) {
            return None;
        }
        self.begin_as(self.me.clone())
    }

    /// Begins a session of somebody whose name is proved otherwise.
    pub fn begin_as(&self, me: Me) -> Option<String> {
        let secret = secret().ok()?;
        let mut open = self.open();
        open.retain(|_, session| session.begun.elapsed() < SESSION_LIFE);
        if open.len() >= MAX_SESSIONS
            && let Some(oldest) = open.iter().min_by_key(|(_, session)| session.begun).map(|(key, _)| *key)
        {
            open.remove(&oldest);
        }
        open.insert(digest(&secret), Open { me, begun: Instant::now() });
        Some(secret)
    }

    /// Who has the session of this secret.
    pub fn who(&self, secret: &str) -> Option<Me> {
        let open = self.open();
        let session = open.get(&digest(secret)).filter(|session| session.begun.elapsed() < SESSION_LIFE)?;
        Some(session.me.clone())
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
        let secret = sessions.begin("right").unwrap();
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
        assert_eq!((sessions.who(&first), sessions.who(&last)), (None, Some(me())));
    }
}
