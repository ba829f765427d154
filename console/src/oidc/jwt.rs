//! Signed tokens (RFC 7515, 7518, 7519): those that a provider signs with a key pair.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

use super::claims::Claims;

/// Longest token that is read, characters.
const MAX_CHARS: usize = 16_384;

/// A key that a provider publishes (RFC 7517). Keys of other kinds, or for encryption, are not used.
#[derive(Debug, Clone, Deserialize)]
pub struct Key {
    #[serde(default)]
    kid: Option<String>,
    kty: String,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Extensions that a reader must understand: none is.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// A token that was read, and whose signature nobody has checked.
#[derive(Debug)]
pub struct Unverified<'a> {
    header: Header,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Reads a token.
    pub fn parse(token: &'a str) -> Result<Unverified<'a>, &'static str> {
        const NO_TOKEN: &str = "not a signed token";
        if token.len() > MAX_CHARS {
            return Err("the token is too long");
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(NO_TOKEN)?;
        let (header, payload) = signed.split_once('.').ok_or(NO_TOKEN)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_TOKEN);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| NO_TOKEN)?;
        if header.crit.is_some() {
            return Err("the token needs an extension");
        }
        Ok(Unverified { header, signed, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// Whether a key may have signed it.
    fn may_be_signed_by(&self, key: &Key) -> bool {
        let is_named = self.header.kid.is_none() || self.header.kid == key.kid;
        let is_for = key.alg.as_ref().is_none_or(|alg| *alg == self.header.alg);
        is_named && is_for && key.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
    }

    /// The claims, if one of these keys signed them. `None`: another key may have.
    pub fn verify(&self, keys: &[Key]) -> Option<Result<Claims, &'static str>> {
        let mut candidates = keys.iter().filter(|key| self.may_be_signed_by(key)).peekable();
        candidates.peek()?;
        match candidates.any(|key| self.is_signed_by(key)) {
            true => {
                let claims = serde_json::from_slice(&self.payload);
                Some(claims.map_err(|_| "a claim of the token is missing, or of another kind"))
            }
            // The token names no key: a new one may have signed it.
            false if self.header.kid.is_none() => None,
            false => Some(Err("the token is not signed by its issuer")),
        }
    }

    /// The algorithm must be one of the key's kind: a public key is never taken for a shared secret.
    fn is_signed_by(&self, key: &Key) -> bool {
        let verified = match (key.kty.as_str(), self.header.alg.as_str()) {
            ("RSA", "RS256") => self.by_rsa(key, &RSA_PKCS1_2048_8192_SHA256),
            ("RSA", "RS384") => self.by_rsa(key, &RSA_PKCS1_2048_8192_SHA384),
            ("RSA", "RS512") => self.by_rsa(key, &RSA_PKCS1_2048_8192_SHA512),
            ("RSA", "PS256") => self.by_rsa(key, &RSA_PSS_2048_8192_SHA256),
            ("EC", "ES256") => self.by_curve(key, "P-256", 32, &ECDSA_P256_SHA256_FIXED),
            ("EC", "ES384") => self.by_curve(key, "P-384", 48, &ECDSA_P384_SHA384_FIXED),
            _ => None,
        };
        verified.is_some()
    }

    fn by_rsa(&self, key: &Key, parameters: &RsaParameters) -> Option<()> {
        let (n, e) = (decoded(key.n.as_ref())?, decoded(key.e.as_ref())?);
        let key = RsaPublicKeyComponents { n: without_zeros(&n), e: without_zeros(&e) };
        key.verify(parameters, self.signed.as_bytes(), &self.signature).ok()
    }

    fn by_curve(
        &self,
        key: &Key,
        curve: &str,
        bytes: usize,
        algorithm: &'static dyn signature::VerificationAlgorithm,
    ) -> Option<()> {
        let (x, y) = (decoded(key.x.as_ref())?, decoded(key.y.as_ref())?);
        if key.crv.as_deref() != Some(curve) || x.len() != bytes || y.len() != bytes {
            return None;
        }
        // An uncompressed point.
        let point = [&[4][..], &x, &y].concat();
        UnparsedPublicKey::new(algorithm, point).verify(self.signed.as_bytes(), &self.signature).ok()
    }
}

fn decoded(part: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part?).ok()
}

/// A number as ring takes it.
fn without_zeros(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}
