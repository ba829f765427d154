//! Origins of credentials, as the command line and configurations name them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use serde::Deserialize;

use super::http_feedback::ConnectionState;
use super::renewed::Renewed;
use super::{errors, loader, metadata_client, provider_config};
use shared::retry;
use shared::{Error, ErrorKind, Result};

/// Keys from a file or a secret are read again after this time. A rotation should keep the old keys valid for
/// longer; if they are refused earlier, they are read at once.
const REREAD_AFTER: Duration = Duration::from_secs(300);

/// Largest file of credentials, bytes. Usual files have some hundred.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// An origin of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spelling {
    /// The SDK's own chain: environment, profile, container, machine.
    Default,
    /// Variables that start with a prefix, read once.
    Env(String),
    /// A profile of the shared AWS files.
    Profile(String),
    /// A file of JSON.
    File(PathBuf),
    /// A secret of JSON in AWS Secrets Manager, read with the default credentials.
    SecretsManager(String),
    /// A role assumed with the default credentials.
    Role(String),
    /// No credentials: requests are not signed.
    Anonymous,
}

impl FromStr for Spelling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (word, name) = text.split_once(':').unwrap_or((text, ""));
        Ok(match (word, name) {
            ("default", "") => Spelling::Default,
            ("anonymous", "") => Spelling::Anonymous,
            ("env", prefix) if !prefix.is_empty() => Spelling::Env(prefix.to_owned()),
            ("profile", name) if !name.is_empty() => Spelling::Profile(name.to_owned()),
            ("file", path) if !path.is_empty() => Spelling::File(path.into()),
            ("secretsmanager", name) if !name.is_empty() => Spelling::SecretsManager(name.to_owned()),
            ("role", arn) if arn.starts_with("arn:") => Spelling::Role(arn.to_owned()),
            // The message does not show the text: it may be a key that was given by mistake.
            _ => {
                return Err(invalid(
                    "credentials",
                    "not a source of credentials: use default, env:PREFIX, profile:NAME, file:PATH, secretsmanager:NAME, role:ARN or anonymous",
                ));
            }
        })
    }
}

impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spelling::Default => f.write_str("default"),
            Spelling::Env(prefix) => write!(f, "env:{prefix}"),
            Spelling::Profile(name) => write!(f, "profile:{name}"),
            Spelling::File(path) => write!(f, "file:{}", path.display()),
            Spelling::SecretsManager(name) => write!(f, "secretsmanager:{name}"),
            Spelling::Role(arn) => write!(f, "role:{arn}"),
            Spelling::Anonymous => f.write_str("anonymous"),
        }
    }
}

impl Spelling {
    /// Whether an Amazon service provides them.
    pub(super) fn is_amazons(&self) -> bool {
        matches!(self, Spelling::SecretsManager(_) | Spelling::Role(_))
    }

    /// Whether this machine's metadata service may provide them.
    pub(super) fn asks_the_machine(&self) -> bool {
        matches!(self, Spelling::Default | Spelling::SecretsManager(_) | Spelling::Role(_))
    }

    /// The provider, after one successful read if that needs no other service than the secrets manager.
    /// `None`: requests are not signed.
    pub(super) async fn provider(&self, region: &Region, http: &SharedHttpClient) -> Result<Option<Renewed>> {
        Ok(self.origin(region, http).await?.map(Renewed::new))
    }

    async fn origin(&self, region: &Region, http: &SharedHttpClient) -> Result<Option<SharedCredentialsProvider>> {
        let anew = |profile| Anew { profile, region: region.clone(), http: http.clone() };
        Ok(Some(match self {
            Spelling::Anonymous => return Ok(None),
            Spelling::Default => SharedCredentialsProvider::new(anew(None)),
            Spelling::Env(prefix) => SharedCredentialsProvider::new(from_variables(prefix, |v| std::env::var(v).ok())?),
            Spelling::Profile(name) => self.proved(anew(Some(name.clone()))).await?,
            Spelling::File(path) => {
                let provider = FromFile { path: path.clone() };
                provider.read().await?;
                SharedCredentialsProvider::new(provider)
            }
            Spelling::SecretsManager(name) => {
                let config = ambient(region, http).await;
                let provider = FromSecret { client: aws_sdk_secretsmanager::Client::new(&config), name: name.clone() };
                provider.read().await?;
                SharedCredentialsProvider::new(provider)
            }
            Spelling::Role(arn) => {
                let builder =
                    AssumeRoleProvider::builder(arn).session_name("flotilla").configure(&ambient(region, http).await);
                SharedCredentialsProvider::new(builder.build().await)
            }
        }))
    }

    async fn proved(&self, provider: impl ProvideCredentials + 'static) -> Result<SharedCredentialsProvider> {
        match provider.provide_credentials().await {
            Ok(_) => Ok(SharedCredentialsProvider::new(provider)),
            Err(error) => {
                let cause = errors::root_cause(&error);
                let message =
                    format!("no credentials in this profile ({cause}): check the AWS config and credentials files");
                Err(Error::new(ErrorKind::Invalid, VERB, self.to_string(), message))
            }
        }
    }
}

/// The verb in the errors of this module.
const VERB: &str = "configure";

fn invalid(subject: impl Into<String>, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, VERB, subject, message)
}

/// The SDK's own chain, or one profile, created for each read: a provider keeps the contents of the shared files
/// that it has read once, and would never see a change.
#[derive(Debug)]
struct Anew {
    profile: Option<String>,
    region: Region,
    http: SharedHttpClient,
}

impl Anew {
    async fn read(&self) -> provider::Result {
        let config = provider_config(Some(self.region.clone()), &self.http);
        match &self.profile {
            Some(name) => {
                let profile = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name);
                profile.build().provide_credentials().await
            }
            None => {
                let chain = DefaultCredentialsChain::builder().configure(config).region(self.region.clone());
                let chain = chain.imds_client(metadata_client(&self.http)).build().await;
                chain.provide_credentials().await
            }
        }
    }
}

impl ProvideCredentials for Anew {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.read())
    }
}

/// The configuration of requests for credentials: default credentials, and the endpoint of the environment
/// (`AWS_ENDPOINT_URL`) or Amazon's.
async fn ambient(region: &Region, http: &SharedHttpClient) -> SdkConfig {
    // Credentials are fetched about once an hour. The credentials of that request are read as often, without a cache.
    let with = Anew { profile: None, region: region.clone(), http: http.clone() };
    loader(http, ConnectionState::default()).region(region.clone()).credentials_provider(with).load().await
}

fn from_variables(prefix: &str, get: impl Fn(&str) -> Option<String>) -> Result<Credentials> {
    let subject = format!("env:{prefix}");
    let required = |suffix: &str| {
        let name = format!("{prefix}_{suffix}");
        get(&name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| invalid(&subject, format!("environment variable {name} is not set")))
    };
    let (id, secret) = (required("ACCESS_KEY_ID")?, required("SECRET_ACCESS_KEY")?);
    let token = get(&format!("{prefix}_SESSION_TOKEN")).filter(|value| !value.is_empty());
    Ok(Credentials::new(id, secret, token, None, "environment"))
}

/// The JSON of files and secrets.
#[derive(Deserialize)]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    #[serde(default)]
    session_token: Option<String>,
}

fn from_json(subject: &str, text: &str) -> Result<Credentials> {
    // The message leaves out the error of serde, which may quote the text.
    let keys: Keys = serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        invalid(
            subject,
            format!(r#"not valid at {place}: it must be JSON {{"access_key_id": "…", "secret_access_key": "…"}}, optionally with "session_token""#),
        )
    })?;
    if keys.access_key_id.is_empty() || keys.secret_access_key.is_empty() {
        return Err(invalid(subject, "access_key_id and secret_access_key must not be empty"));
    }
    let expiry = SystemTime::now() + REREAD_AFTER;
    Ok(Credentials::new(keys.access_key_id, keys.secret_access_key, keys.session_token, Some(expiry), "json"))
}

/// Keys in a file, which may be replaced at any time.
#[derive(Debug)]
struct FromFile {
    path: PathBuf,
}

impl FromFile {
    async fn read(&self) -> Result<Credentials> {
        let subject = format!("file:{}", self.path.display());
        let unreadable = |error: std::io::Error| {
            let kind = match error.kind() {
                std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
                _ => ErrorKind::Invalid,
            };
            Error::new(kind, VERB, &subject, error.to_string())
        };
        let about = tokio::fs::metadata(&self.path).await.map_err(unreadable)?;
        if !about.is_file() || about.len() > MAX_FILE_BYTES {
            return Err(invalid(&subject, "not a file of credentials: give a JSON file of at most 64 KiB"));
        }
        from_json(&subject, &tokio::fs::read_to_string(&self.path).await.map_err(unreadable)?)
    }
}

impl ProvideCredentials for FromFile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.read().await.map_err(CredentialsError::provider_error) })
    }
}

/// Keys in a secret, which may be rotated at any time.
#[derive(Debug)]
struct FromSecret {
    client: aws_sdk_secretsmanager::Client,
    name: String,
}

impl FromSecret {
    async fn read(&self) -> Result<Credentials> {
        let subject = format!("secretsmanager:{}", self.name);
        // Read-only: a slow, cut off or throttled request is repeated.
        let answer = retry::run(&retry::DESCRIBE, &subject, || async {
            let request = self.client.get_secret_value().secret_id(&self.name);
            request.send().await.map_err(|error| errors::error_from(VERB, &subject, error))
        });
        match answer.await?.secret_string() {
            Some(text) => from_json(&subject, text),
            None => Err(invalid(&subject, "the secret is binary: store it as JSON text")),
        }
    }
}

impl ProvideCredentials for FromSecret {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.read().await.map_err(CredentialsError::provider_error) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_credentials_is_read_and_printed() {
        for text in [
            "default",
            "env:SOURCE",
            "profile:work",
            "file:/etc/keys.json",
            "secretsmanager:a/b",
            "role:arn:aws:iam::123456789012:role/x",
            "anonymous",
        ] {
            assert_eq!(text.parse::<Spelling>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unknown_spelling_is_refused_without_being_shown() {
        for text in ["", "AKIAFAKE:secret", "env:", "env", "profile:", "role:admin", "default:x", "anonymous:x"] {
            let error = text.parse::<Spelling>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!error.to_string().contains("AKIAFAKE"), "{error}");
        }
    }

    #[test]
    fn a_missing_credential_variable_is_named_with_its_prefix() {
        let full = |name: &str| match name {
            "SRC_ACCESS_KEY_ID" => Some("id".to_owned()),
            "SRC_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
            "SRC_SESSION_TOKEN" => Some("token".to_owned()),
            _ => None,
        };
        let credentials = from_variables("SRC", full).unwrap();
        assert_eq!((credentials.access_key_id(), credentials.session_token()), ("id", Some("token")));
        let error = from_variables("SRC", |n| full(n).filter(|_| !n.contains("SECRET"))).unwrap_err();
        assert_eq!(error.to_string(), "configure env:SRC: environment variable SRC_SECRET_ACCESS_KEY is not set");
    }

    #[tokio::test]
    async fn keys_of_a_file_expire_soon_so_that_rotation_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let provider = FromFile { path: path.clone() };
        for id in ["first", "second"] {
            std::fs::write(&path, format!(r#"{{"access_key_id":"{id}","secret_access_key":"s"}}"#)).unwrap();
            let credentials = provider.provide_credentials().await.unwrap();
            assert_eq!(credentials.access_key_id(), id);
            assert!(credentials.expiry().unwrap() <= SystemTime::now() + REREAD_AFTER);
        }
    }

    #[tokio::test]
    async fn a_bad_file_is_refused_in_one_line_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let spelling = Spelling::File(path.clone());
        let (region, http) = (Region::from_static("us-east-1"), crate::aws::http::client());
        let missing = spelling.provider(&region, &http).await.unwrap_err();
        assert!(missing.to_string().contains("No such file"), "{missing}");
        std::fs::write(&path, r#"{"access_key_id":"HUSH","secret_access_key":7}"#).unwrap();
        let bad = spelling.provider(&region, &http).await.unwrap_err();
        assert_eq!(bad.kind(), ErrorKind::Invalid);
        assert!(!bad.to_string().contains("HUSH") && bad.to_string().contains("it must be JSON"), "{bad}");
    }
}
