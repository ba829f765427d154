//! Which provider a store has, and which optional features it supports: the only state of detection.
//!
//! Each source adds to the one before:
//!
//! 1. *The name.* [`ProviderProfile::of`] finds the provider's row by scheme, domain or region.
//! 2. *The first answer that names a provider.* An endpoint that no row names gets the row of its `Server`
//!    header. Only successful answers count: an error may be a proxy's.
//! 3. *Refusals.* A [`Feature`] that the row calls [`Support::Unknown`] is used until the store refuses it
//!    twice: one refusal may be a proxy's, or the store may have other trouble.
//!
//! A [`Provider`] belongs to one open store. Two stores at one endpoint learn separately, which costs at most
//! two more refused requests for each feature; a state that they share would have to be a process global.
//!
//! All requests of the store note what they learn, at the same time and in any order. What a fault teaches
//! wrongly costs speed or a cheaper check, and never makes a wrong answer right.
//!
//! `shared::provider` says how a provider is added.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::Bucket;
use shared::Result;
use shared::provider::{ListOrder, ProviderProfile};
use shared::store::{Capabilities, Support};

/// A part of the protocol that not all stores support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feature {
    /// `ListObjectsV2`.
    ListV2,
    /// `encoding-type=url`.
    EncodedKeys,
    /// `x-amz-checksum-mode`.
    Checksums,
}

/// The provider of one store, as far as it is known. Clones share what they learn.
#[derive(Debug, Clone)]
pub(super) struct Provider(Arc<State>);

#[derive(Debug)]
struct State {
    by_name: Known,
    by_answer: OnceLock<Known>,
    /// Whether the store has answered successfully, and so would have named itself.
    has_answered: AtomicBool,
    /// For each feature the number of refusals, or [`SUPPORTED`].
    refusals: [AtomicU8; 3],
    /// Whether the store refused `DeleteObjects` as a request that it does not have.
    refuses_delete_many: AtomicBool,
}

#[derive(Debug)]
struct Known {
    profile: &'static ProviderProfile,
    capabilities: Capabilities,
}

/// After this many refusals a feature is not used again.
const REFUSALS: u8 = 2;

/// The store supported the feature once. Later refusals change nothing.
const SUPPORTED: u8 = u8::MAX;

impl Known {
    fn of(profile: &'static ProviderProfile) -> Known {
        Known { profile, capabilities: profile.capabilities() }
    }
}

impl Provider {
    /// A provider of which only the name is known.
    pub fn new(profile: &'static ProviderProfile) -> Provider {
        Provider(Arc::new(State {
            by_name: Known::of(profile),
            by_answer: OnceLock::new(),
            has_answered: AtomicBool::new(false),
            refusals: Default::default(),
            refuses_delete_many: AtomicBool::new(false),
        }))
    }

    fn known(&self) -> &Known {
        self.0.by_answer.get().unwrap_or(&self.0.by_name)
    }

    /// The row that applies now.
    pub fn profile(&self) -> &'static ProviderProfile {
        self.known().profile
    }

    /// The capabilities of that row. They change at most once, at the first answer that names a provider.
    pub fn capabilities(&self) -> &Capabilities {
        &self.known().capabilities
    }

    /// Whether the store lists folder by folder.
    pub fn lists_by_folder(&self) -> bool {
        self.profile().list_order == ListOrder::ByFolder
    }

    /// Whether requests use the feature.
    pub fn uses(&self, feature: Feature) -> bool {
        match self.support(feature) {
            Support::Yes => true,
            Support::No => false,
            Support::Unknown => self.is_sure(feature) || self.refusals(feature).load(Relaxed) < REFUSALS,
        }
    }

    /// Whether the store refused `DeleteObjects` before: each object is deleted by itself then.
    pub fn refuses_delete_many(&self) -> bool {
        self.0.refuses_delete_many.load(Relaxed)
    }

    /// The store answered that it has no `DeleteObjects`. A proxy's refusal costs speed only.
    pub fn note_delete_many_refused(&self) {
        if !self.0.refuses_delete_many.swap(true, Relaxed) {
            tracing::info!("the store has no request that deletes many objects: deleting them one by one");
        }
    }

    /// Whether the store is known to support the feature, so that a refusal has another reason.
    pub fn is_sure(&self, feature: Feature) -> bool {
        self.support(feature) == Support::Yes || self.refusals(feature).load(Relaxed) == SUPPORTED
    }

    /// The store supported the feature.
    pub fn note_supported(&self, feature: Feature) {
        self.refusals(feature).store(SUPPORTED, Relaxed);
    }

    /// The store refused a request with the feature, and accepted the same request without it.
    pub fn note_refused(&self, feature: Feature) {
        let count = |refusals| (refusals < REFUSALS).then(|| refusals + 1);
        let _ = self.refusals(feature).fetch_update(Relaxed, Relaxed, count);
    }

    fn support(&self, feature: Feature) -> Support {
        let profile = self.profile();
        match feature {
            Feature::ListV2 => profile.lists_v2,
            Feature::EncodedKeys => profile.encodes_keys,
            Feature::Checksums => profile.reports_checksums,
        }
    }

    fn refusals(&self, feature: Feature) -> &AtomicU8 {
        &self.0.refusals[feature as usize]
    }

    /// Notes the `Server` header of a successful answer. One that names no provider settles nothing: a proxy
    /// in front of the store may have written it.
    fn note_answer(&self, server: Option<&str>) {
        if let Some(profile) = server.and_then(ProviderProfile::by_server)
            && self.0.by_answer.set(Known::of(profile)).is_ok()
        {
            tracing::debug!(store = profile.name, "recognised the store by its answer");
        }
        self.0.has_answered.store(true, Relaxed);
    }

    /// Notes what an answer says of the provider.
    pub fn see(&self, answer: &HttpResponse) {
        if self.profile().is_guess && answer.status().is_success() {
            self.note_answer(answer.headers().get("server"));
        }
    }

    /// Whether one more request could name the provider.
    fn may_name_itself(&self) -> bool {
        self.profile().is_guess && !self.0.has_answered.load(Relaxed)
    }
}

/// Sees every answer of the client.
impl Intercept for Provider {
    fn name(&self) -> &'static str {
        "provider detection"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.see(context.response());
        Ok(())
    }
}

impl Bucket {
    /// The row, after the store had the chance to name itself: one request if it has not answered yet. Two
    /// calls at once may both make it, and learn the same.
    pub(super) async fn profile_by_answer(&self) -> Result<&'static ProviderProfile> {
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
    use shared::provider::ProviderProfile;

    fn unknown() -> Provider {
        Provider::new(ProviderProfile::of(Scheme::S3, Some("http://store.test"), None))
    }

    #[test]
    fn a_refusal_counts_if_repeated_and_never_after_a_success() {
        for feature in [Feature::ListV2, Feature::EncodedKeys, Feature::Checksums] {
            let provider = unknown();
            provider.note_refused(feature);
            assert!(provider.uses(feature), "one refusal may be a fault");
            provider.note_refused(feature);
            assert!(!provider.uses(feature));
            let provider = unknown();
            provider.note_refused(feature);
            provider.note_supported(feature);
            (0..300).for_each(|_| provider.note_refused(feature));
            assert!(provider.uses(feature) && provider.is_sure(feature));
        }
    }

    #[test]
    fn answers_do_not_change_a_rows_features() {
        let kodo = Provider::new(ProviderProfile::of(Scheme::Kodo, None, None));
        kodo.note_supported(Feature::EncodedKeys);
        assert!(!kodo.uses(Feature::EncodedKeys));
        (0..9).for_each(|_| kodo.note_refused(Feature::ListV2));
        assert!(kodo.uses(Feature::ListV2));
    }

    #[test]
    fn refusals_are_shared_by_clones_and_by_no_other_store() {
        let (one, other) = (unknown(), unknown());
        (0..2).for_each(|_| one.note_refused(Feature::Checksums));
        assert!(!one.clone().uses(Feature::Checksums));
        assert!(one.uses(Feature::ListV2) && other.uses(Feature::Checksums));
    }

    #[test]
    fn a_store_names_itself_in_any_good_answer_and_keeps_its_name() {
        let provider = unknown();
        assert!(provider.may_name_itself());
        provider.note_answer(None);
        assert!(!provider.may_name_itself() && provider.profile().is_guess);
        provider.note_answer(Some("SeaweedFS 4.48"));
        provider.note_answer(Some("nginx"));
        provider.note_answer(Some("MinIO"));
        assert_eq!(provider.profile().name, "SeaweedFS");
        assert_eq!(provider.capabilities(), &provider.profile().capabilities());
    }
}
