//! Credentials that are cached until they are about to expire, or until a service refuses them. Then they are
//! read again from their origin, so that a task survives rotations.
//!
//! One read at a time runs in the background, for all requests. The old credentials sign as long as they are valid.
//! Only requests without valid credentials wait, all of them for the same read.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout};

use shared::sync::lock;

/// Credentials are read again this long before they expire: enough for a slow origin and some repetitions. Amazon's
/// instance roles have new credentials at least 5 minutes before the old ones expire.
const MARGIN: Duration = Duration::from_secs(240);

/// Longest wait for an origin; STS and a `credential_process` take some seconds at most.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// Shortest time between two reads, however many requests are refused; longer if the refusal may have another
/// reason.
const REREAD_EVERY: Duration = Duration::from_secs(1);
const REREAD_EVERY_IN_DOUBT: Duration = Duration::from_secs(30);

/// A provider with a cache; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Renewed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: SharedCredentialsProvider,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    cached: Option<Credentials>,
    /// The current read.
    reading: Option<Reading>,
    /// When the last read began.
    read: Option<Instant>,
}

/// A read of the origin that many requests wait for: the new credentials, or why there are none.
type Reading = Shared<BoxFuture<'static, Result<Credentials, Arc<CredentialsError>>>>;

/// The credentials that signed a request, as far as the request shows them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signer {
    key_id: String,
    token: Option<String>,
}

impl Signer {
    /// Reads the headers `Authorization` and `X-Amz-Security-Token`; `None` if they are no SigV4 signature.
    pub fn of(authorization: &str, token: Option<&str>) -> Option<Signer> {
        let (_, scope) = authorization.split_once("Credential=")?;
        let key_id = scope.split('/').next()?.to_owned();
        Some(Signer { key_id, token: token.map(str::to_owned) })
    }

    fn is(&self, credentials: &Credentials) -> bool {
        self.key_id == credentials.access_key_id() && self.token.as_deref() == credentials.session_token()
    }
}

impl Renewed {
    pub fn new(origin: SharedCredentialsProvider) -> Self {
        Renewed(Arc::new(Inner { origin, state: Mutex::default() }))
    }

    /// Whether there are other credentials than those that a service has, or may have, just refused. If many requests
    /// are refused at once, the first one starts a read, and all of them get its result.
    pub async fn has_others_than(&self, refused: &Signer, for_sure: bool) -> bool {
        let (old, reading) = {
            let mut state = self.0.lock();
            let Some(old) = state.cached.clone().filter(|old| refused.is(old)) else { return true };
            let every = if for_sure { REREAD_EVERY } else { REREAD_EVERY_IN_DOUBT };
            let is_early = state.read.is_some_and(|read| read.elapsed() < every);
            let reading = match state.reading.clone() {
                Some(reading) => reading,
                None if is_early => return false,
                None => self.read(&mut state),
            };
            (old, reading)
        };
        match reading.await {
            Ok(new) => {
                let differ = !same(&new, &old);
                if differ {
                    tracing::info!("credentials were refused: read new ones");
                }
                differ
            }
            Err(error) => {
                tracing::warn!(%error, "credentials were refused, and new ones could not be read");
                false
            }
        }
    }

    async fn current(&self) -> provider::Result {
        let reading = {
            let mut state = self.0.lock();
            let left = state.cached.as_ref().map(time_left);
            let is_due = left.is_none_or(|left| left.is_some_and(|left| left <= MARGIN));
            let is_early = state.read.is_some_and(|read| read.elapsed() < REREAD_EVERY);
            let reading = match state.reading.clone() {
                // Not every request repeats a read that has just failed. Without any credentials there is no other way.
                None if is_due && (!is_early || left.is_none_or(|left| left == Some(Duration::ZERO))) => {
                    Some(self.read(&mut state))
                }
                reading => reading,
            };
            match (&state.cached, left) {
                (Some(cached), Some(left)) if left != Some(Duration::ZERO) => return Ok(cached.clone()),
                _ => reading,
            }
        };
        let Some(reading) = reading else { return Err(CredentialsError::not_loaded("there are no valid credentials")) };
        reading.await.map_err(|error| CredentialsError::provider_error(Arc::clone(&error)))
    }

    /// Starts a read of the origin. It runs in the background, also when no request waits for it any more.
    fn read(&self, state: &mut State) -> Reading {
        let inner = self.0.clone();
        let read = tokio::spawn(async move {
            let read = timeout(READ_LIMIT, inner.origin.provide_credentials()).await;
            let read = read.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(READ_LIMIT)));
            let mut state = inner.lock();
            state.reading = None;
            // The file may be half written, or the service away for a moment: the old credentials stay.
            if let Ok(credentials) = &read {
                state.cached = Some(credentials.clone());
            }
            read.map_err(Arc::new)
        });
        let answer = async { read.await.unwrap_or_else(|error| Err(Arc::new(CredentialsError::unhandled(error)))) };
        let reading = answer.boxed().shared();
        (state.read, state.reading) = (Some(Instant::now()), Some(reading.clone()));
        reading
    }
}

impl Inner {
    /// The lock is dropped after a moment, and before any await.
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// `None` for credentials that never expire.
fn time_left(credentials: &Credentials) -> Option<Duration> {
    let left = credentials.expiry()?.duration_since(SystemTime::now());
    Some(left.unwrap_or_default())
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
    use tokio::sync::watch;

    /// Returns the test's credentials, and counts the reads.
    #[derive(Debug, Clone, Default)]
    struct Origin(Arc<Mutex<(Option<Credentials>, u32)>>);

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
        tokio::time::advance(REREAD_EVERY).await;
        assert_eq!(key_of(&renewed).await.as_deref(), Some("b"), "some time is left");
        origin.set(Some("c"), None);
        tokio::time::advance(REREAD_EVERY).await;
        key_of(&renewed).await;
        idle().await;
        assert_eq!(key_of(&renewed).await.as_deref(), Some("c"));
    }

    /// Lets a background read end.
    async fn idle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    /// Does not answer before the test says so.
    #[derive(Debug, Clone)]
    struct Slow(Origin, watch::Receiver<bool>);

    impl ProvideCredentials for Slow {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let (read, mut answers) = (self.0.provide_credentials(), self.1.clone());
            future::ProvideCredentials::new(async move {
                let _ = answers.wait_for(|answers| *answers).await;
                read.await
            })
        }
    }

    fn slow() -> (Origin, Renewed, watch::Sender<bool>) {
        let (origin, answers) = (Origin::default(), watch::Sender::new(true));
        let slow = Slow(origin.clone(), answers.subscribe());
        (origin, Renewed::new(SharedCredentialsProvider::new(slow)), answers)
    }

    #[tokio::test(start_paused = true)]
    async fn regression_requests_use_old_credentials_that_are_still_valid() {
        let (origin, renewed, answers) = slow();
        origin.set(Some("old"), Some(MARGIN / 2));
        key_of(&renewed).await;
        origin.set(Some("new"), None);
        tokio::time::advance(REREAD_EVERY).await;
        answers.send_replace(false);
        let began = Instant::now();
        for _ in 0..100 {
            assert_eq!(key_of(&renewed).await.as_deref(), Some("old"));
            idle().await;
        }
        assert_eq!((origin.asked(), began.elapsed()), (2, Duration::ZERO), "one read beside all requests");
        answers.send_replace(true);
        idle().await;
        assert_eq!(key_of(&renewed).await.as_deref(), Some("new"));
        assert_eq!(origin.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn regression_requests_without_credentials_share_one_read() {
        let (origin, renewed, answers) = slow();
        answers.send_replace(false);
        let began = Instant::now();
        let all = futures::future::join_all((0..100).map(|_| key_of(&renewed))).await;
        assert!(all.iter().all(Option::is_none));
        assert_eq!((origin.asked(), began.elapsed()), (1, READ_LIMIT), "not one after the other");
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
