//! A small issuer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// An issuer on this machine.
pub struct Issuer {
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    key: EcdsaKeyPair,
    kid: String,
    reads: AtomicUsize,
    is_away: AtomicBool,
    /// Codes that were given, with their challenge and the claims of their token.
    codes: Mutex<HashMap<String, (String, Value)>>,
}

/// Header and claims of a token, without a signature.
pub fn unsigned(alg: &str, kid: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(&json!({"alg": alg, "kid": kid, "typ": "JWT"})), part(claims))
}

impl Issuer {
    /// Starts one.
    pub async fn start() -> Issuer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let inner = Arc::new(Inner {
            url: url.clone(),
            key,
            kid: format!("key of {url}"),
            reads: AtomicUsize::new(0),
            is_away: AtomicBool::new(false),
            codes: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Issuer { url, inner }
    }

    pub fn kid(&self) -> String {
        self.inner.kid.clone()
    }

    /// How often its keys were read.
    pub fn reads(&self) -> usize {
        self.inner.reads.load(Relaxed)
    }

    /// From now on it answers nothing but errors.
    pub fn go_away(&self) {
        self.inner.is_away.store(true, Relaxed);
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.inner.kid, claims)
    }

    pub fn sign_as(&self, kid: &str, claims: &Value) -> String {
        self.inner.sign(kid, claims)
    }

    /// Somebody signed in: their code becomes a token with these claims, for who has the verifier.
    pub fn will_answer(&self, code: &str, challenge: &str, claims: Value) {
        self.inner.codes.lock().unwrap().insert(code.to_owned(), (challenge.to_owned(), claims));
    }
}

impl Inner {
    fn sign(&self, kid: &str, claims: &Value) -> String {
        let signed = unsigned("ES256", kid, claims);
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    fn answer(&self, value: Value) -> Result<Json<Value>, StatusCode> {
        match self.is_away.load(Relaxed) {
            true => Err(StatusCode::BAD_GATEWAY),
            false => Ok(Json(value)),
        }
    }
}

async fn metadata(State(inner): State<Arc<Inner>>) -> Result<Json<Value>, StatusCode> {
    let at = |path: &str| format!("{}/{path}", inner.url);
    inner.answer(json!({
        "issuer": inner.url,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "jwks_uri": at("keys"),
    }))
}

async fn keys(State(inner): State<Arc<Inner>>) -> Result<Json<Value>, StatusCode> {
    inner.reads.fetch_add(1, Relaxed);
    let point = &inner.key.public_key().as_ref()[1..];
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": inner.kid,
        "x": part(&point[..32]), "y": part(&point[32..]),
    });
    inner.answer(json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}, {"odd": true}, key]}))
}

/// A code is good once, for who has its verifier.
async fn token(State(inner): State<Arc<Inner>>, body: String) -> Result<Json<Value>, StatusCode> {
    let fields: HashMap<&str, &str> = body.split('&').filter_map(|field| field.split_once('=')).collect();
    let given = inner.codes.lock().unwrap().remove(*fields.get("code").ok_or(StatusCode::BAD_REQUEST)?);
    let (challenge, claims) = given.ok_or(StatusCode::BAD_REQUEST)?;
    let verifier = fields.get("code_verifier").ok_or(StatusCode::BAD_REQUEST)?;
    let has_verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == challenge;
    match has_verifier && fields.get("grant_type") == Some(&"authorization_code") {
        true => inner.answer(json!({"id_token": inner.sign(&inner.kid, &claims), "token_type": "Bearer"})),
        false => Err(StatusCode::BAD_REQUEST),
    }
}
