//! Any store that speaks Amazon S3's protocol.
//!
//! Amazon's own endpoints are used as Amazon documents them. Of an unknown store only those features are used
//! that every store supports, and others for as long as it does not refuse them (`provider`). Each verb has
//! its own file. All verbs go through `Bucket`, which knows the location and how calls fail.

mod answer;
mod body;
mod clock;
mod copy;
mod delete;
mod delete_many;
mod encoding;
mod extras;
mod keys;
mod latency;
mod lean;
mod list_mode;
mod listing;
mod multipart;
mod notification;
mod page;
mod provider;
mod quirks;
mod read;
mod request_payer;
mod tags;
mod uncarried;
mod walk;
mod write;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::OnceCell;

use crate::aws::{self, rate_limited_sdk_config};
use clock::Clock;
use lean::LeanClient;
pub(crate) use lean::signs_as_published;
pub(crate) use notification::EVENTS;
use provider::Provider;
use quirks::Quirks;
use request_payer::RequestPayer;
use shared::acl::Acl;
use shared::config::{Addressing, Connection, Side};
use shared::digest::{Algorithm, Checksum};
use shared::filter::Filter;
use shared::location::{Location, Scheme};
use shared::object::{ObjectInfo, Pin, Tags, Timestamp, Uncarried};
use shared::provider::{ProviderProfile, endpoint};
use shared::retry::{CREATE, PUT, STALL_SECONDS};
use shared::store::{
    Body, Capabilities, CopySource, KeyRange, Listing, MetadataSupport, Object, ObjectStore, Part, PartLayout,
    PartWrite, Read, Restore, Service, Upload, Write, Written,
};
use shared::{Error, ErrorKind, Result};

/// A bucket, or a folder of one, behind Amazon S3's protocol.
#[derive(Debug, Clone)]
pub struct S3Store(Arc<Bucket>);

/// The client that makes the frequent calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrequentCalls {
    /// The lean client, where it can make them.
    Lean,
    /// The SDK. For tests that compare the two.
    Sdk,
}

/// What the verbs share.
#[derive(Debug)]
struct Bucket {
    client: Client,
    /// Makes the frequent calls; `None` if the SDK makes all.
    lean: Option<LeanClient>,
    location: Location,
    provider: Provider,
    clock: Clock,
    service: Service,
    /// No byte and no answer for this long ends a transfer; tests shorten it.
    stall: Duration,
    /// Throttled answers so far.
    throttles: AtomicU64,
    /// Whether a missing number of tags means none.
    tag_counts: tags::TagCounts,
    /// The first page of a listing, read ahead.
    first_page: page::FirstPage,
    /// Whose the objects are that are written here, once it was asked.
    owner: OnceCell<Option<String>>,
}

impl S3Store {
    /// Opens one side of a task. Checks the configuration and fetches credentials; does not talk to
    /// the store itself ([`ObjectStore::probe`] does).
    pub async fn open(side: &Side) -> Result<S3Store> {
        S3Store::open_with(side, FrequentCalls::Lean).await
    }

    /// As [`open`](S3Store::open), by the named client.
    pub async fn open_with(side: &Side, client: FrequentCalls) -> Result<S3Store> {
        if side.location.scheme() == Scheme::File {
            let message = "a folder is not an S3 bucket: give s3://BUCKET/PREFIX";
            return Err(Error::new(ErrorKind::Invalid, "open", side.location.to_string(), message));
        }
        let connection = S3Store::connection(side)?;
        let config = rate_limited_sdk_config(&connection).await?;
        Ok(S3Store::configured(side, &connection, &config, client))
    }

    /// The side's connection, with what its scheme and the environment say.
    fn connection(side: &Side) -> Result<Connection> {
        let mut given = side.connection.clone();
        if side.location.scheme() == Scheme::S3 && given.endpoint_url.is_none() {
            given.endpoint_url = aws::ambient_s3_endpoint();
        }
        given
            .completed(side.location.scheme())
            .map_err(|why| Error::new(ErrorKind::Invalid, "open", side.location.to_string(), why))
    }

    fn configured(side: &Side, connection: &Connection, config: &SdkConfig, calls: FrequentCalls) -> S3Store {
        let endpoint = connection.endpoint_url.clone().or_else(|| config.endpoint_url().map(str::to_owned));
        let profile = ProviderProfile::of(side.location.scheme(), endpoint.as_deref(), connection.region.as_deref());
        let path_style = match side.addressing_style {
            Addressing::Auto => profile.path_style,
            Addressing::Path => true,
            Addressing::Virtual => false,
        };
        let service = Service {
            endpoint: endpoint
                .unwrap_or_else(|| endpoint::amazon_partition(config.region().map(AsRef::as_ref)).to_owned()),
            credentials: side.connection.credentials.clone().unwrap_or_else(|| "default".to_owned()),
            requester_pays: side.requester_pays,
        };
        let provider = Provider::new(profile);
        let clock = Clock::default();
        let client = Client::from_conf(
            aws_sdk_s3::config::Builder::from(config)
                .force_path_style(path_style)
                .interceptor(provider.clone())
                .interceptor(clock.clone())
                .interceptor(Quirks::of(provider.clone(), side.location.bucket(), path_style))
                .interceptor(RequestPayer { is_requester: side.requester_pays })
                .interceptor(answer::WholeAnswers)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
                .build(),
        );
        let (bucket, is_requester) = (side.location.bucket(), side.requester_pays);
        let lean = match calls {
            FrequentCalls::Lean => LeanClient::open(config, bucket, path_style, is_requester, &provider, &clock),
            FrequentCalls::Sdk => None,
        };
        S3Store(Arc::new(Bucket {
            client,
            lean,
            location: side.location.clone(),
            provider,
            clock,
            service,
            stall: Duration::from_secs(STALL_SECONDS),
            throttles: AtomicU64::new(0),
            tag_counts: tags::TagCounts::default(),
            first_page: page::FirstPage::default(),
            owner: OnceCell::new(),
        }))
    }

    /// The same store with another limit on stalls.
    #[cfg(test)]
    fn with_stall(self, stall: Duration) -> Self {
        let bucket = Arc::into_inner(self.0).expect("nobody else uses the store yet");
        S3Store(Arc::new(Bucket { stall, ..bucket }))
    }
}

/// Longest key, bytes of UTF-8 (Amazon S3 "Naming Amazon S3 objects").
const MAX_KEY_BYTES: usize = 1024;

/// Whether some stores cannot hold the key: those that keep objects as files, or hand keys through
/// XML or a path-cleaning proxy.
fn is_awkward(key: &str) -> bool {
    key.chars().any(|c| c.is_control() || c == '\\' || c > '\u{fffd}' && c <= '\u{ffff}')
        || key
            .strip_suffix('/')
            .unwrap_or(key)
            .split('/')
            .any(|part| matches!(part, "" | "." | "..") || part.len() > 255)
}

impl Bucket {
    fn name(&self) -> &str {
        self.location.bucket()
    }

    /// Which metadata is stored here besides bytes and headers.
    fn metadata_support(&self) -> &MetadataSupport {
        &self.provider.profile().metadata
    }

    /// The key in the bucket as requests are given it ([`quirks::stand_in`]), if there can be one: a request
    /// without a key would be about the whole bucket. An empty key is the folder marker of a location
    /// with a prefix.
    fn full_key(&self, verb: &'static str, key: &str) -> Result<String> {
        let full = self.location.full_key(key);
        let refuse = |why: String| Err(Error::new(ErrorKind::Unrepresentable, verb, self.subject(key), why));
        match full.len() {
            0 => refuse("the key is empty".to_owned()),
            MAX_KEY_BYTES.. if full.len() > MAX_KEY_BYTES => {
                refuse(format!("the key has {} bytes, and a store accepts at most {MAX_KEY_BYTES}", full.len()))
            }
            _ => Ok(quirks::stand_in(full)),
        }
    }

    /// As [`error`](Self::error), where the store may have refused the key itself: stores answer a
    /// key that they cannot hold by various codes, and to a write even by "not found".
    fn refused<E>(&self, verb: &'static str, key: &str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        // By its status: the refusal of an awkward key may come as a web page.
        let is_not_found = error.raw_response().is_some_and(|answer| answer.status().as_u16() == 404);
        let error = self.error(verb, key, error);
        let refused = match error.kind() {
            ErrorKind::Invalid => true,
            ErrorKind::NotFound | ErrorKind::Corrupt => is_not_found && (verb == PUT.verb || verb == CREATE.verb),
            _ => false,
        };
        if !refused || !is_awkward(&self.location.full_key(key)) {
            return error;
        }
        Error::new(ErrorKind::Unrepresentable, verb, self.subject(key), error.message()).with_source(error)
    }

    /// How a key is named in messages.
    fn subject(&self, key: &str) -> String {
        self.location.display_key(key)
    }

    /// What the SDK's error about a key means.
    fn error<E>(&self, verb: &'static str, key: &str, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let error = aws::error_at(self.provider.profile().rights, verb, &self.subject(key), error);
        if error.kind() == ErrorKind::Throttled {
            self.throttles.fetch_add(1, Ordering::Relaxed);
        }
        error
    }

    /// An invalid answer about a key.
    fn corrupt(&self, verb: &'static str, key: &str, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Corrupt, verb, self.subject(key), message)
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    fn location(&self) -> &Location {
        &self.0.location
    }

    fn capabilities(&self) -> &Capabilities {
        self.0.provider.capabilities()
    }

    fn throttles(&self) -> u64 {
        self.0.throttles.load(Ordering::Relaxed)
    }

    /// `None` also if the SDK makes all calls.
    fn latency(&self) -> Option<Duration> {
        self.0.lean.as_ref()?.latency()
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn stored_time(&self, time: Timestamp) -> Timestamp {
        time
    }

    async fn probe(&self) -> Result<()> {
        self.0.probe().await
    }

    async fn probe_listing(&self) -> Result<()> {
        self.0.probe_listing().await
    }

    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn list(&self, range: KeyRange) -> Box<dyn Listing> {
        Box::new(listing::Pages::new(self.0.clone(), range))
    }

    fn list_filtered(&self, range: KeyRange, _: &Arc<Filter>) -> Box<dyn Listing> {
        self.list(range)
    }

    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo> {
        self.0.head(key, pin).await
    }

    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
        self.0.checksum(key, pin, algorithm).await
    }

    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags> {
        self.0.tags(key, pin).await
    }

    async fn acl(&self, key: &str, pin: &Pin) -> Result<Acl> {
        self.0.acl(key, pin).await
    }

    async fn restore(&self, key: &str, pin: &Pin, restore: &Restore) -> Result<()> {
        self.0.restore(key, pin, restore).await
    }

    async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>> {
        self.0.part_layout(key, pin).await
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        self.0.get(key, read).await
    }

    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        self.0.put(key, write, body).await
    }

    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload> {
        self.0.create_upload(key, write).await
    }

    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        self.0.upload_part(upload, part, body).await
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.0.list_parts(upload).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        self.0.complete_upload(upload, parts, write).await
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        self.0.abort_upload(upload).await
    }

    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        self.0.list_uploads(key).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.0.delete(key).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>> {
        self.0.delete_many(keys).await
    }

    fn service(&self) -> Option<&Service> {
        Some(&self.0.service)
    }

    async fn may_lose(&self) -> Uncarried {
        self.0.may_lose().await
    }

    async fn copy(&self, source: &CopySource, pin: &Pin, key: &str, write: &Write) -> Result<Written> {
        self.0.copy(source, pin, key, write).await
    }

    async fn copy_part(
        &self,
        source: &CopySource,
        pin: &Pin,
        range: Range<u64>,
        upload: &Upload,
        part: &PartWrite,
    ) -> Result<Part> {
        self.0.copy_part(source, pin, range, upload, part).await
    }
}

#[cfg(test)]
mod tests;
