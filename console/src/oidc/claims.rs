//! What a token says of a person.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::OidcConfig;
use crate::api::features::Me;
use crate::problem::Problem;

/// Most characters of a person's name in records.
const MAX_NAME_CHARS: usize = 200;

/// How far two clocks may be apart, seconds.
const LEEWAY_SECONDS: i64 = 60;

/// The claims of a token.
#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    /// The client that a token of several audiences is made for.
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Who a token is for.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn has(&self, name: &str) -> bool {
        match self {
            Audience::One(one) => one == name,
            Audience::Many(many) => many.iter().any(|one| one == name),
        }
    }
}

impl Claims {
    /// Refuses a token of another issuer, for somebody else, or at another time.
    pub fn check(&self, issuer: &str, audience: &str, now_seconds: i64) -> Result<(), &'static str> {
        if self.iss != issuer {
            return Err("the token has another issuer");
        }
        if !self.aud.has(audience) {
            return Err("the token is for another audience");
        }
        if self.sub.is_empty() {
            return Err("the token names nobody");
        }
        if self.exp.saturating_add(LEEWAY_SECONDS) <= now_seconds {
            return Err("the token has expired");
        }
        let latest = now_seconds.saturating_add(LEEWAY_SECONDS);
        if self.nbf.is_some_and(|from| from > latest) || self.iat.is_some_and(|made| made > latest) {
            return Err("the token is not valid yet");
        }
        Ok(())
    }

    /// Refuses an ID token that is not the answer to this sign-in of this client.
    pub fn check_login(&self, client: &str, nonce: &str) -> Result<(), &'static str> {
        if self.nonce.as_deref() != Some(nonce) {
            return Err("the token answers another sign-in");
        }
        let has_others = matches!(&self.aud, Audience::Many(many) if many.len() > 1);
        match &self.azp {
            Some(azp) if azp != client => Err("the token is for another client"),
            None if has_others => Err("the token does not name its client"),
            _ => Ok(()),
        }
    }

    /// The person with the highest role of their groups.
    pub fn me(&self, config: &OidcConfig) -> Result<Me, Problem> {
        let groups = match self.others.get(&config.groups_claim) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        let name = self.name();
        let Some(role) = config.role(&groups) else {
            let detail = format!("{name} is signed in, and is in no group that has a role here");
            let remedy = "ask an administrator to add you to a group";
            return Err(Problem::new(StatusCode::FORBIDDEN, "no-role", detail).with_remedy(remedy));
        };
        Ok(Me { name, role })
    }

    /// The name in records: one that people know, else the provider's.
    fn name(&self) -> String {
        // An address that nobody confirmed may be another person's.
        let is_confirmed = self.others.get("email_verified") == Some(&Value::Bool(true));
        let known = ["email", "preferred_username"].into_iter().filter(|name| *name != "email" || is_confirmed);
        let known = known.filter_map(|name| self.others.get(name)?.as_str()).find(|name| !name.is_empty());
        let name = known.unwrap_or(&self.sub).chars().filter(|c| !c.is_control());
        name.take(MAX_NAME_CHARS).collect()
    }
}
