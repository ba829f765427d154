//! Sign-in at an OpenID provider: the code flow with PKCE for browsers, bearer tokens of the same issuer for scripts.
//!
//! # What is checked
//!
//! - The provider's metadata name the configured issuer. Its addresses are `https`, or `http` on this machine.
//! - The answer of a sign-in belongs to the browser that began it: `state` is in an encrypted cookie, whose verifier the
//!   provider asks for (PKCE), and the ID token has its nonce.
//! - A token is signed by a key that the provider publishes now, by RSA or ECDSA; unsigned ones, and those signed by a
//!   shared secret, are refused. Issuer, audience and times are checked, with a minute of allowance for clocks.
//! - Who has a role is decided by the claim with the groups, at sign-in. A session ends after eight hours.
//!
//! # Faults
//!
//! Keys are cached for an hour, and read again at once for a token with an unknown key, at most once a minute. If the
//! provider does not answer, the cached keys stay for a day; without keys nobody is let in. The code of a sign-in is sent
//! once: if the answer is lost, the person signs in again.

mod claims;
mod config;
mod cookie;
pub mod flow;
mod jwt;
mod keys;
mod session;

use std::sync::Arc;

use axum::http::{HeaderMap, header};
pub use config::OidcConfig;
use cookie::Sealer;
use keys::Provider;
use session::Trusted;
pub use session::end_header;
use shared::object::Timestamp;

use crate::api::features::Me;
use crate::guard::Address;
use crate::problem::Problem;

/// Sign-in at a provider. Clones share keys and cache.
#[derive(Debug, Clone)]
pub struct Oidc(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: OidcConfig,
    provider: Provider,
    sealer: Sealer,
    trusted: Trusted,
    /// Of the client; `None` for a public one.
    secret: Option<String>,
}

impl Oidc {
    /// Sign-in as configured. The provider is asked when somebody signs in first.
    pub fn new(config: OidcConfig) -> Result<Oidc, String> {
        let secret = config.client_secret.as_deref().map(config::resolve).transpose()?;
        let key = config.cookie_key.as_deref().map(config::resolve).transpose()?;
        let sealer = match key {
            Some(key) => Sealer::of(&key)?,
            None => Sealer::random()?,
        };
        let provider = Provider::new(config.issuer.clone());
        Ok(Oidc(Arc::new(Inner { config, provider, sealer, trusted: Trusted::default(), secret })))
    }

    /// The URL under which browsers reach the console.
    pub fn public_url(&self) -> &str {
        &self.0.config.public_url
    }

    /// Where browsers reach the console.
    pub fn address(&self, port: u16) -> Address {
        let url = &self.0.config.public_url;
        let host = url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
        let is_https = url.starts_with("https:");
        // Browsers leave out the usual port.
        let host = host.strip_suffix(if is_https { ":443" } else { ":80" }).unwrap_or(host);
        Address { hosts: vec![host.to_owned()], port, is_https }
    }

    /// Who the bearer token of a request is of. `Ok(None)`: it has none.
    pub async fn bearer(&self, headers: &HeaderMap) -> Result<Option<Me>, Problem> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, token)) = authorization.and_then(|value| value.split_once(' ')) else { return Ok(None) };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Ok(None);
        }
        let Inner { config, provider, .. } = &*self.0;
        let audience = config.audience.as_deref().unwrap_or(&config.client_id);
        let claims = provider.verify(token.trim(), audience, Timestamp::now()).await?;
        claims.me(config).map(Some)
    }
}

#[cfg(test)]
mod tests;
