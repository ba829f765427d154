//! Clients and configuration for the emulators. They are the SDK's own, apart from the code under
//! test, and each call makes a new one: a pooled connection lives on the runtime of the test that
//! opened it, and dies with it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use shared::config::Addressing;
use shared::config::Connection;
use shared::config::Side;
use shared::location::{Location, Scheme};

use super::{ACCESS_KEY, Emulator, READ_ONLY_KEY, READ_ONLY_SECRET, SECRET_KEY, Weed, folder};

/// The region that all emulators are spoken to in.
pub const REGION: &str = "us-east-1";

/// The SDK's configuration for an endpoint and a pair of keys.
pub fn sdk_config(endpoint: &str, access_key: &str, secret_key: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::from_keys(access_key, secret_key, None)))
        .build()
}

/// An S3 client for an endpoint and a pair of keys: path style, no checksums but required ones.
pub fn s3_client(endpoint: &str, access_key: &str, secret_key: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&sdk_config(endpoint, access_key, secret_key))
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

/// A file that holds a pair of keys, as `--source-credentials file:PATH` reads it.
pub fn credentials_file(access_key: &str, secret_key: &str) -> PathBuf {
    let path = folder::fresh("credentials").join("keys.json");
    let keys = serde_json::json!({"access_key_id": access_key, "secret_access_key": secret_key});
    fs::write(&path, keys.to_string()).expect("the temporary folder must be writable");
    path
}

/// A connection to an endpoint with a pair of keys.
pub fn connection(endpoint: &str, access_key: &str, secret_key: &str) -> Connection {
    Connection {
        endpoint_url: Some(endpoint.to_owned()),
        region: Some(REGION.to_owned()),
        credentials: Some(format!("file:{}", credentials_file(access_key, secret_key).display())),
    }
}

/// A name that no other bucket, queue or table of this or a concurrent test process has.
pub fn unique_name(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// One side of a task: a bucket and prefix (empty, or ending with `/`) at an S3 endpoint, which may
/// be a [`Proxy`](crate::proxy::Proxy)'s, with the given keys.
pub fn side_as(endpoint: &str, bucket: &str, prefix: &str, access_key: &str, secret_key: &str) -> Side {
    Side {
        location: Location::bucket_at(Scheme::S3, bucket, prefix),
        connection: connection(endpoint, access_key, secret_key),
        addressing_style: Addressing::Path,
        requester_pays: false,
    }
}

/// As [`side_as`] with the keys that may do everything.
pub fn side(endpoint: &str, bucket: &str, prefix: &str) -> Side {
    side_as(endpoint, bucket, prefix, ACCESS_KEY, SECRET_KEY)
}

impl Weed {
    /// A client with all rights at one of the two gateways, or at a proxy before one.
    pub fn client(&self, endpoint: &str) -> aws_sdk_s3::Client {
        s3_client(endpoint, ACCESS_KEY, SECRET_KEY)
    }

    /// A client that may read and list, and nothing else.
    pub fn read_only_client(&self, endpoint: &str) -> aws_sdk_s3::Client {
        s3_client(endpoint, READ_ONLY_KEY, READ_ONLY_SECRET)
    }

    /// Makes a bucket with a new name that starts with `stem`; gives its name.
    pub async fn create_bucket(&self, stem: &str) -> String {
        let name = unique_name(stem);
        self.client(&self.endpoint).create_bucket().bucket(&name).send().await.expect("the bucket can be made");
        name
    }
}

impl Emulator {
    /// The SDK's configuration for it.
    pub fn sdk_config(&self) -> SdkConfig {
        sdk_config(&self.endpoint, ACCESS_KEY, SECRET_KEY)
    }

    /// Its endpoint, region and keys as configuration.
    pub fn connection(&self) -> Connection {
        connection(&self.endpoint, ACCESS_KEY, SECRET_KEY)
    }
}
