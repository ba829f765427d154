//! How a provider is configured.

use std::path::Path;

use serde::Deserialize;

use crate::api::features::Role;

/// Largest file with a secret, or with the configuration, bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// The sections of a file that `flotilla console --oidc FILE` reads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OidcConfig {
    /// The provider, as its tokens name it: `https://login.example.com`.
    pub issuer: String,
    /// The console, as the provider knows it.
    pub client_id: String,
    /// Where its secret comes from, as `env:NAME` or `file:PATH`; absent: it has none.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Where browsers reach the console: `https://flotilla.example.com`.
    pub public_url: String,
    /// The audience of bearer tokens; absent: the client's id.
    #[serde(default)]
    pub audience: Option<String>,
    /// What is asked for beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that has a person's groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// Where the key of the sessions' cookies comes from, 32 bytes in base64; absent: a random one, so that sessions end
    /// with the process, and two consoles behind one address do not share them.
    #[serde(default)]
    pub cookie_key: Option<String>,
    /// Groups by role.
    pub roles: Roles,
}

/// Groups by role. Somebody in none of them is not let in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Roles {
    /// Look.
    pub viewer: Vec<String>,
    /// Run, pause, cancel, retry, limit.
    pub operator: Vec<String>,
    /// Define and delete tasks.
    pub admin: Vec<String>,
}

fn scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).into()
}

fn groups_claim() -> String {
    "groups".to_owned()
}

impl OidcConfig {
    /// Reads a file and checks it.
    pub fn read(path: &Path) -> Result<OidcConfig, String> {
        let text = read_file(path)?;
        let config = OidcConfig::parse(&text);
        config.map_err(|why| format!("{}: {why}", path.display()))
    }

    /// Reads a text and checks it.
    pub fn parse(text: &str) -> Result<OidcConfig, String> {
        let config: OidcConfig = toml::from_str(text).map_err(|why| why.message().to_owned())?;
        for (name, url) in [("issuer", &config.issuer), ("public-url", &config.public_url)] {
            if !is_safe(url) {
                return Err(format!("{name}: give a URL of https, or of http on this machine"));
            }
        }
        // Cookies and the redirect belong to a host: a console has no path of its own.
        let uri = config.public_url.parse::<axum::http::Uri>().ok();
        if uri.is_none_or(|uri| uri.path() != "/" || uri.query().is_some()) || config.public_url.contains('#') {
            return Err("public-url: give scheme and host alone, such as https://flotilla.example.com".to_owned());
        }
        let Roles { viewer, operator, admin } = &config.roles;
        if [viewer, operator, admin].iter().all(|groups| groups.is_empty()) {
            return Err("roles: give the groups of a role, or nobody is let in".to_owned());
        }
        Ok(config)
    }

    /// The highest role of somebody in these groups.
    pub fn role(&self, groups: &[String]) -> Option<Role> {
        let Roles { viewer, operator, admin } = &self.roles;
        let has = |of: &[String]| of.iter().any(|group| groups.contains(group));
        [(admin, Role::Admin), (operator, Role::Operator), (viewer, Role::Viewer)]
            .into_iter()
            .find_map(|(of, role)| has(of).then_some(role))
    }

    /// Where the provider sends a browser back to.
    pub fn redirect_uri(&self) -> String {
        format!("{}/api/v1/login/callback", self.public_url.trim_end_matches('/'))
    }
}

/// Whether what goes to a URL is read by its host alone.
pub fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<axum::http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("https") => !host.is_empty() && !has_user,
        Some("http") => ["127.0.0.1", "[::1]", "localhost"].contains(&host) && !has_user,
        _ => false,
    }
}

/// The secret that an origin names.
pub fn resolve(origin: &str) -> Result<String, String> {
    let secret = match origin.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| format!("environment variable {name} is not set"))?,
        Some(("file", path)) => read_file(Path::new(path))?,
        _ => return Err("give a secret as env:NAME or file:PATH".to_owned()),
    };
    match secret.trim() {
        "" => Err(format!("{origin} is empty")),
        secret => Ok(secret.to_owned()),
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let why = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let bytes = std::fs::metadata(path).map_err(why)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(format!("{} has {bytes} bytes, at most {MAX_FILE_BYTES}", path.display()));
    }
    std::fs::read_to_string(path).map_err(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_public_url_is_a_scheme_and_a_host() {
        let parse = |url: &str| {
            let text =
                format!("issuer = \"https://i\"\nclient-id = \"c\"\npublic-url = {url:?}\n[roles]\nviewer = [\"v\"]");
            OidcConfig::parse(&text)
        };
        for url in ["https://f.example.com", "https://f.example.com:8443/", "http://localhost:7300"] {
            assert!(parse(url).is_ok(), "{url}");
        }
        for url in ["https://f/console", "https://f/?a=b", "https://f?a", "https://f/#a", "https://u@f", "ftp://f", "f"]
        {
            let why = parse(url).unwrap_err();
            assert!(why.starts_with("public-url: give ") && !why.contains('\n'), "{url}: {why}");
        }
    }

    #[test]
    fn secrets_go_over_no_open_network() {
        for url in ["https://login.example.com/realm", "http://127.0.0.1:99", "http://localhost/x", "http://[::1]:1"] {
            assert!(is_safe(url), "{url}");
        }
        for url in ["http://login.example.com", "ftp://x", "login", "https://a@b.example.com", "http://127.0.0.1.evil"]
        {
            assert!(!is_safe(url), "{url}");
        }
    }
}
