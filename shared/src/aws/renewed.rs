//! Credentials that are kept until they are about to expire, or until a service refuses them: then they are
//! read anew from where they came, so that a task outlives any rotation.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// Credentials are read again when they have so little time left: a request that waits its turn, and is
/// sent again, is still signed by good ones.
const MARGIN: Duration = Duration::from_secs(60);

/// Longest wait for an origin; STS and a `credential_process` take some seconds at most.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// However many requests are refused, the origin is asked no more often; and less often where a refusal may
/// have other reasons.
const REREAD_EVERY: Duration = Duration::from_secs(1);
const REREAD_EVERY_IN_DOUBT: Duration = Duration::from_secs(30);

/// A provider that remembers; clones share what it holds.
#[derive(Debug, Clone)]
pub(super) struct Renewed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: SharedCredentialsProvider,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    credentials: Credentials,
    read: Instant,
}

/// By which credentials a request was signed, as far as it tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signer {
    key_id: String,
    token: Option<String>,
}

impl Signer {
    /// `None` for a request that is not signed.
    pub fn of(request: &HttpRequest) -> Option<Signer> {
        let (_, scope) = request.headers().get("authorization")?.split_once("Credential=")?;
        let key_id = scope.split('/').next()?.to_owned();
        let token = request.headers().get("x-amz-security-token").map(str::to_owned);
        Some(Signer { key_id, token })
    }

    fn is(&self, credentials: &Credentials) -> bool {
        self.key_id == credentials.access_key_id() && self.token.as_deref() == credentials.session_token()
    }
}

impl Renewed {
    pub fn new(origin: SharedCredentialsProvider) -> Self {
        Renewed(Arc::new(Inner { origin, held: Mutex::default() }))
    }

    /// Whether there are others than those that a service has just refused, or may have. Of many requests that are
    /// refused at once the first asks the origin, and the others see what it was told.
    pub async fn has_others_than(&self, refused: &Signer, for_sure: bool) -> bool {
        let mut held = self.0.held.lock().await;
        let Some(old) = held.as_mut() else { return true };
        if !refused.is(&old.credentials) {
            return true;
        }
        if old.read.elapsed() < if for_sure { REREAD_EVERY } else { REREAD_EVERY_IN_DOUBT } {
            return false;
        }
        old.read = Instant::now();
        match self.read().await {
            Ok(new) => {
                let differ = !same(&new, &old.credentials);
                old.credentials = new;
                if differ {
                    tracing::info!("the credentials were refused and have been renewed");
                }
                differ
            }
            Err(error) => {
                tracing::warn!(%error, "the credentials were refused and cannot be renewed");
                false
            }
        }
    }

    async fn current(&self) -> provider::Result {
        let mut held = self.0.held.lock().await;
        let left = |held: &Held| held.credentials.expiry().map(|at| at.duration_since(SystemTime::now()).ok());
        match &*held {
            Some(held) if left(held).is_none_or(|left| left > Some(MARGIN)) => return Ok(held.credentials.clone()),
            _ => {}
        }
        match self.read().await {
            Ok(credentials) => {
                *held = Some(Held { credentials: credentials.clone(), read: Instant::now() });
                Ok(credentials)
            }
            // A file that is just being written, a service that is just away: there is some time left.
            Err(error) => match &*held {
                Some(held) if left(held).flatten().is_some() => Ok(held.credentials.clone()),
                _ => Err(error),
            },
        }
    }

    async fn read(&self) -> provider::Result {
        let read = timeout(READ_LIMIT, self.0.origin.provide_credentials()).await;
        read.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(READ_LIMIT)))
    }
}

fn same(a: &Credentials, b: &Credentials) -> bool {
    let parts = |c: &Credentials| {
        let token = c.session_token().map(str::to_owned);
        (c.access_key_id().to_owned(), c.secret_access_key().to_owned(), token)
    };
    parts(a) == parts(b)
}

impl ProvideCredentials for Renewed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex as Shared;

    /// Gives what it is told to, and counts how often it is asked.
    #[derive(Debug, Clone, Default)]
    struct Origin(Arc<Shared<(Option<Credentials>, u32)>>);

    impl Origin {
        fn set(&self, id: Option<&str>, left: Option<Duration>) {
            let expiry = left.map(|left| SystemTime::now() + left);
            self.0.lock().unwrap().0 = id.map(|id| Credentials::new(id, "secret", None, expiry, "test"));
        }

        fn asked(&self) -> u32 {
            self.0.lock().unwrap().1
        }
    }

    impl ProvideCredentials for Origin {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let mut state = self.0.lock().unwrap();
            state.1 += 1;
            future::ProvideCredentials::ready(state.0.clone().ok_or_else(|| CredentialsError::provider_error("away")))
        }
    }

    async fn key_of(renewed: &Renewed) -> Option<String> {
        Some(renewed.provide_credentials().await.ok()?.access_key_id().to_owned())
    }

    fn signer(id: &str) -> Signer {
        Signer { key_id: id.to_owned(), token: None }
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_kept_until_they_have_little_time_left() {
        let origin = Origin::default();
        let renewed = Renewed::new(SharedCredentialsProvider::new(origin.clone()));
        assert_eq!(key_of(&renewed).await, None);
        origin.set(Some("a"), None);
        assert_eq!(key_of(&renewed).await.as_deref(), Some("a"));
        origin.set(Some("b"), Some(MARGIN / 2));
        assert_eq!((key_of(&renewed).await.as_deref(), origin.asked()), (Some("a"), 2), "kept: it never expires");

        let renewed = Renewed::new(SharedCredentialsProvider::new(origin.clone()));
        assert_eq!(key_of(&renewed).await.as_deref(), Some("b"));
        origin.set(None, None);
        assert_eq!(key_of(&renewed).await.as_deref(), Some("b"), "some time is left");
        origin.set(Some("c"), None);
        assert_eq!(key_of(&renewed).await.as_deref(), Some("c"));
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_are_read_anew_at_most_once_a_second() {
        let origin = Origin::default();
        let renewed = Renewed::new(SharedCredentialsProvider::new(origin.clone()));
        origin.set(Some("old"), None);
        key_of(&renewed).await;
        tokio::time::advance(REREAD_EVERY).await;
        for _ in 0..10 {
            assert!(!renewed.has_others_than(&signer("old"), true).await, "there are no others");
        }
        assert_eq!(origin.asked(), 2);
        origin.set(Some("new"), None);
        tokio::time::advance(REREAD_EVERY).await;
        assert!(!renewed.has_others_than(&signer("old"), false).await, "not for a refusal that may mean anything");
        for _ in 0..10 {
            assert!(renewed.has_others_than(&signer("old"), true).await);
        }
        assert_eq!((key_of(&renewed).await.as_deref(), origin.asked()), (Some("new"), 3));
    }
}
