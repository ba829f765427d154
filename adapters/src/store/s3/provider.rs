//! Which kind of store an endpoint is, and what it understands, as far as its answers tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;

use super::Bucket;
use super::feature_support::{FeatureSupport, LearnedSupport};
use shared::Result;
use shared::provider::{Order, ProviderProfile};
use shared::store::Capabilities;

/// What is known of an endpoint. Stores at one endpoint share it for as long as any of them is open.
#[derive(Debug, Clone)]
pub(super) struct Provider(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    /// What is known without asking.
    before: (&'static ProviderProfile, Capabilities),
    /// What the store has said of itself.
    since: OnceLock<(&'static ProviderProfile, Capabilities)>,
    /// Whether it has answered well, and so would have named itself.
    has_answered: AtomicBool,
    lists_v2: LearnedSupport,
    encodes_keys: LearnedSupport,
    tells_checksums: LearnedSupport,
}

/// Endpoints in use, each with the profile that it was opened by.
static IN_USE: Mutex<Vec<(String, &'static str, Weak<Facts>)>> = Mutex::new(Vec::new());

impl Provider {
    /// What is known of `endpoint`, by its profile and by what open stores have learned there.
    pub fn of(profile: &'static ProviderProfile, endpoint: &str) -> Provider {
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|(.., facts)| facts.strong_count() > 0);
        let known = in_use.iter().find(|(at, name, _)| at == endpoint && *name == profile.name);
        if let Some(facts) = known.and_then(|(.., facts)| facts.upgrade()) {
            return Provider(facts);
        }
        let facts = Arc::new(Facts {
            before: (profile, profile.capabilities()),
            since: OnceLock::new(),
            has_answered: AtomicBool::new(false),
            lists_v2: LearnedSupport::default(),
            encodes_keys: LearnedSupport::default(),
            tells_checksums: LearnedSupport::default(),
        });
        in_use.push((endpoint.to_owned(), profile.name, Arc::downgrade(&facts)));
        Provider(facts)
    }

    fn facts(&self) -> &(&'static ProviderProfile, Capabilities) {
        self.0.since.get().unwrap_or(&self.0.before)
    }

    /// The profile that counts, as far as is known.
    pub fn profile(&self) -> &'static ProviderProfile {
        self.facts().0
    }

    /// What callers may know. Changes at most once, with the first good answer.
    pub fn capabilities(&self) -> &Capabilities {
        &self.facts().1
    }

    /// Whether asking the store would tell more of its kind.
    fn may_name_itself(&self) -> bool {
        self.profile().is_guess && !self.0.has_answered.load(Ordering::Relaxed)
    }

    /// Whether it lists folder by folder.
    pub fn lists_by_folder(&self) -> bool {
        self.profile().lists == Order::ByFolder
    }

    /// `ListObjectsV2`.
    pub fn lists_v2(&self) -> FeatureSupport<'_> {
        self.0.lists_v2.with(self.profile().lists_v2)
    }

    /// `encoding-type=url`.
    pub fn encodes_keys(&self) -> FeatureSupport<'_> {
        self.0.encodes_keys.with(self.profile().encodes_keys)
    }

    /// `x-amz-checksum-mode`.
    pub fn tells_checksums(&self) -> FeatureSupport<'_> {
        self.0.tells_checksums.with(self.profile().tells_checksums)
    }

    /// Takes in what an answer says.
    fn observe(&self, server: Option<&str>) {
        if let Some(profile) = server.and_then(ProviderProfile::by_server)
            && self.0.since.set((profile, profile.capabilities())).is_ok()
        {
            tracing::debug!(store = profile.name, "recognised the store by its answer");
        }
        self.0.has_answered.store(true, Ordering::Relaxed);
    }
}

/// The client shows it every answer. Only good ones count: an error may be some proxy's. One that names
/// no kind leaves the matter open, as what passes the store on may have made it.
impl Intercept for Provider {
    fn name(&self) -> &'static str {
        "kind of store"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        if self.profile().is_guess && answer.status().is_success() {
            self.observe(answer.headers().get("server"));
        }
        Ok(())
    }
}

impl Bucket {
    /// The profile that counts. Costs one request if nothing has been answered yet; two at once may
    /// both ask, and learn the same.
    pub(super) async fn baseline(&self) -> Result<&'static ProviderProfile> {
        if self.provider.may_name_itself() {
            self.probe().await?;
        }
        Ok(self.provider.profile())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::location::Scheme;

    fn unknown(endpoint: &str) -> Provider {
        Provider::of(ProviderProfile::of(Scheme::S3, Some(endpoint), None), endpoint)
    }

    #[test]
    fn what_was_learned_is_shared_by_the_open_stores_of_an_endpoint_and_forgotten_with_them() {
        let (one, other) = (unknown("http://one.test"), unknown("http://other.test"));
        one.tells_checksums().refused();
        one.tells_checksums().refused();
        assert!(!unknown("http://one.test").tells_checksums().is_asked_for());
        assert!(other.tells_checksums().is_asked_for());
        drop(one);
        assert!(unknown("http://one.test").tells_checksums().is_asked_for());
    }

    #[test]
    fn a_store_names_itself_in_any_good_answer_and_keeps_its_name() {
        let kind = unknown("http://names.test");
        assert!(kind.may_name_itself());
        kind.observe(None);
        assert!(!kind.may_name_itself() && kind.profile().is_guess);
        kind.observe(Some("SeaweedFS 4.48"));
        kind.observe(Some("nginx"));
        kind.observe(Some("MinIO"));
        assert_eq!(kind.profile().name, "SeaweedFS");
        assert_eq!(kind.capabilities(), &kind.profile().capabilities());
    }
}
