//! Cookies that only this console reads and writes: AES-256-GCM.

use axum::http::{HeaderName, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest sealed value that is read, characters: browsers keep no longer cookies.
const MAX_CHARS: usize = 4_096;

/// Seals and opens values. Nonces are random: the key is for less than 2^32 cookies.
pub struct Sealer(LessSafeKey);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// With this key, in base64.
    pub fn of(key: &str) -> Result<Sealer, String> {
        let bytes = STANDARD.decode(key.trim()).map_err(|why| format!("the key of the cookies is no base64: {why}"))?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes);
        let key = key.map_err(|_| format!("the key of the cookies has {} bytes, and not 32", bytes.len()))?;
        Ok(Sealer(LessSafeKey::new(key)))
    }

    /// With a key that nobody else has.
    pub fn random() -> Result<Sealer, String> {
        Sealer::of(&STANDARD.encode(random::<32>()?))
    }

    /// Encrypts a value, for cookies of this name alone.
    pub fn seal(&self, name: &str, value: &impl Serialize) -> Result<String, String> {
        let mut bytes = serde_json::to_vec(value).map_err(|why| why.to_string())?;
        let nonce = random::<NONCE_LEN>()?;
        let sealed = self.0.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(name.as_bytes()),
            &mut bytes,
        );
        sealed.map_err(|_| "the cookie cannot be encrypted".to_owned())?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat()))
    }

    /// Decrypts the value of a cookie; `None` if this console did not write it under this name.
    pub fn open<T: DeserializeOwned>(&self, name: &str, sealed: &str) -> Option<T> {
        if sealed.len() > MAX_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let (nonce, mut sealed) = (Nonce::try_assume_unique_for_key(nonce).ok()?, sealed.to_vec());
        let plain = self.0.open_in_place(nonce, Aad::from(name.as_bytes()), &mut sealed).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "the system has no random numbers".to_owned())?;
    Ok(bytes)
}

/// The header that sets a cookie.
pub fn set_cookie(name: &str, value: &str, seconds: i64, same_site: &str) -> (HeaderName, String) {
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={same_site}");
    (header::SET_COOKIE, cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_opens_under_its_key_and_name_alone() {
        let (mine, other) = (Sealer::random().unwrap(), Sealer::random().unwrap());
        let sealed = mine.seal("session", &("ada", 7)).unwrap();
        assert_eq!(mine.open("session", &sealed), Some(("ada".to_owned(), 7)));
        assert_eq!(mine.open::<(String, u32)>("login", &sealed), None);
        assert_eq!(other.open::<(String, u32)>("session", &sealed), None);
        let mut changed = sealed.clone().into_bytes();
        changed[30] = if changed[30] == b'A' { b'B' } else { b'A' };
        assert_eq!(mine.open::<(String, u32)>("session", std::str::from_utf8(&changed).unwrap()), None);
        assert_eq!(mine.open::<(String, u32)>("session", ""), None);
        assert!(!sealed.contains("ada") && Sealer::of("AAAA").is_err());
    }
}
