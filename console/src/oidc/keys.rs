//! A provider: its metadata and keys, read when they are needed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapters::web;
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::object::Timestamp;
use shared::sync::lock;

use super::claims::Claims;
use super::config::is_safe;
use super::jwt::{Key, Unverified};
use crate::problem::Problem;

/// How long keys are used before they are read again.
const FRESH: Duration = Duration::from_secs(3600);

/// How long keys are used while the provider does not answer. A key that it withdrew is trusted no longer than this.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// Two reads for tokens with unknown keys are at least this far apart: anybody can send these.
const READ_GAP: Duration = Duration::from_secs(60);

/// The same while nothing was read yet: people wait for it.
const FIRST_READ_GAP: Duration = Duration::from_secs(2);

/// Most keys that are used.
const MAX_KEYS: usize = 100;

/// What a provider says of itself.
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where a code becomes a token.
    pub token_endpoint: String,
    jwks_uri: String,
}

#[derive(Debug, Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// The provider of an issuer.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    cache: Mutex<Cache>,
    /// Locked while the provider is asked: one request at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Cache {
    metadata: Option<Metadata>,
    keys: Arc<Vec<Key>>,
    read: Option<Instant>,
    tried: Option<Instant>,
}

impl Cache {
    fn is_within(&self, age: Duration) -> bool {
        self.read.is_some_and(|read| read.elapsed() < age)
    }

    fn may_be_asked(&self) -> bool {
        let gap = if self.metadata.is_some() { READ_GAP } else { FIRST_READ_GAP };
        self.tried.is_none_or(|tried| tried.elapsed() >= gap)
    }
}

impl Provider {
    /// The provider of an issuer. It is not asked yet.
    pub fn new(issuer: String) -> Provider {
        Provider { issuer, cache: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// What the provider says of itself.
    pub async fn metadata(&self) -> Result<Metadata, Problem> {
        if let Some(metadata) = lock(&self.cache).metadata.clone() {
            return Ok(metadata);
        }
        self.refresh().await?;
        lock(&self.cache).metadata.clone().ok_or_else(|| unavailable("it has no metadata"))
    }

    /// The claims of a token of this issuer for this audience.
    pub async fn verify(&self, token: &str, audience: &str, now: Timestamp) -> Result<Claims, Problem> {
        let unverified = Unverified::parse(token).map_err(refused)?;
        if !lock(&self.cache).is_within(FRESH) {
            // The provider may be away for some hours: keys that were read before stay.
            let refreshed = self.refresh().await;
            if !lock(&self.cache).is_within(STALE) {
                refreshed?;
                return Err(unavailable("its keys are too old"));
            }
        }
        // The lock is not for the time of the calculation: anybody may send tokens.
        let keys = lock(&self.cache).keys.clone();
        let mut verified = unverified.verify(&keys);
        if verified.is_none() && lock(&self.cache).may_be_asked() {
            self.refresh().await?;
            let keys = lock(&self.cache).keys.clone();
            verified = unverified.verify(&keys);
        }
        let claims = verified.unwrap_or(Err("the token is signed by a key that its issuer does not have"));
        let claims = claims.map_err(refused)?;
        claims.check(&self.issuer, audience, now.0.div_euclid(1000)).map_err(refused)?;
        Ok(claims)
    }

    /// Reads metadata and keys, unless somebody did while this call waited.
    async fn refresh(&self) -> Result<(), Problem> {
        let before = lock(&self.cache).read;
        let _asking = self.asking.lock().await;
        {
            let mut cache = lock(&self.cache);
            if cache.read != before {
                return Ok(());
            }
            if !cache.may_be_asked() {
                return Err(unavailable("it did not answer a moment ago"));
            }
            cache.tried = Some(Instant::now());
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata: Metadata = read(&url).await?;
        let urls = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        if metadata.issuer != self.issuer || !urls.into_iter().all(|url| is_safe(url)) {
            return Err(unavailable("its metadata name another issuer, or addresses without https"));
        }
        let set: KeySet = read(&metadata.jwks_uri).await?;
        // A key of a kind that is not known makes the others no worse.
        let keys = set.keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value(key).ok());
        let keys: Arc<Vec<Key>> = Arc::new(keys.collect());
        let mut cache = lock(&self.cache);
        (cache.metadata, cache.keys, cache.read) = (Some(metadata), keys, Some(Instant::now()));
        Ok(())
    }
}

async fn read<T: DeserializeOwned>(url: &str) -> Result<T, Problem> {
    let answer = web::get(url).await.map_err(|error| unavailable(&error.to_string()))?;
    if answer.status != 200 {
        return Err(unavailable(&format!("{url} answers {}", answer.status)));
    }
    serde_json::from_slice(&answer.body).map_err(|why| unavailable(&format!("{url}: {why}")))
}

/// The provider cannot be used.
pub fn unavailable(why: &str) -> Problem {
    let detail = format!("the OpenID provider cannot be used: {why}");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "login-unavailable", detail)
}

/// A token that lets nobody in.
pub fn refused(why: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid-token", why).with_remedy("sign in again")
}
