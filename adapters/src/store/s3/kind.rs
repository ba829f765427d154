//! Which kind of store an endpoint is, and what it understands, as far as its answers tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;

use super::Bucket;
use super::ability::{Ability, Learned};
use shared::Result;
use shared::provider::{Baseline, Order};
use shared::store::Capabilities;

/// What is known of an endpoint. Stores at one endpoint share it for as long as any of them is open.
#[derive(Debug, Clone)]
pub(super) struct Kind(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    /// What is known without asking.
    before: (&'static Baseline, Capabilities),
    /// What the store has said of itself.
    since: OnceLock<(&'static Baseline, Capabilities)>,
    /// Whether it has answered well, and so would have named itself.
    has_answered: AtomicBool,
    lists_v2: Learned,
    encodes_keys: Learned,
    tells_checksums: Learned,
}

/// Endpoints in use, each with the row that it was opened by.
static IN_USE: Mutex<Vec<(String, &'static str, Weak<Facts>)>> = Mutex::new(Vec::new());

impl Kind {
    /// What is known of `endpoint`, by its row and by what open stores have learned there.
    pub fn of(row: &'static Baseline, endpoint: &str) -> Kind {
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|(.., facts)| facts.strong_count() > 0);
        let known = in_use.iter().find(|(at, name, _)| at == endpoint && *name == row.name);
        if let Some(facts) = known.and_then(|(.., facts)| facts.upgrade()) {
            return Kind(facts);
        }
        let facts = Arc::new(Facts {
            before: (row, row.capabilities()),
            since: OnceLock::new(),
            has_answered: AtomicBool::new(false),
            lists_v2: Learned::default(),
            encodes_keys: Learned::default(),
            tells_checksums: Learned::default(),
        });
        in_use.push((endpoint.to_owned(), row.name, Arc::downgrade(&facts)));
        Kind(facts)
    }

    fn facts(&self) -> &(&'static Baseline, Capabilities) {
        self.0.since.get().unwrap_or(&self.0.before)
    }

    /// The row that counts, as far as is known.
    pub fn row(&self) -> &'static Baseline {
        self.facts().0
    }

    /// What callers may know. Changes at most once, with the first good answer.
    pub fn capabilities(&self) -> &Capabilities {
        &self.facts().1
    }

    /// Whether asking the store would tell more of its kind.
    fn may_name_itself(&self) -> bool {
        self.row().is_guess && !self.0.has_answered.load(Ordering::Relaxed)
    }

    /// Whether it lists folder by folder.
    pub fn lists_by_folder(&self) -> bool {
        self.row().lists == Order::ByFolder
    }

    /// `ListObjectsV2`.
    pub fn lists_v2(&self) -> Ability<'_> {
        self.0.lists_v2.with(self.row().lists_v2)
    }

    /// `encoding-type=url`.
    pub fn encodes_keys(&self) -> Ability<'_> {
        self.0.encodes_keys.with(self.row().encodes_keys)
    }

    /// `x-amz-checksum-mode`.
    pub fn tells_checksums(&self) -> Ability<'_> {
        self.0.tells_checksums.with(self.row().tells_checksums)
    }

    /// Takes in what an answer says.
    fn learn(&self, server: Option<&str>) {
        if let Some(row) = server.and_then(Baseline::by_server)
            && self.0.since.set((row, row.capabilities())).is_ok()
        {
            tracing::debug!(store = row.name, "recognised the store by its answer");
        }
        self.0.has_answered.store(true, Ordering::Relaxed);
    }
}

/// The client shows it every answer. Only good ones count: an error may be some proxy's. One that names
/// no kind leaves the matter open, as what passes the store on may have made it.
impl Intercept for Kind {
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
        if self.row().is_guess && answer.status().is_success() {
            self.learn(answer.headers().get("server"));
        }
        Ok(())
    }
}

impl Bucket {
    /// The row that counts. Costs one request if nothing has been answered yet; two at once may
    /// both ask, and learn the same.
    pub(super) async fn baseline(&self) -> Result<&'static Baseline> {
        if self.kind.may_name_itself() {
            self.probe().await?;
        }
        Ok(self.kind.row())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::location::Scheme;

    fn unknown(endpoint: &str) -> Kind {
        Kind::of(Baseline::of(Scheme::S3, Some(endpoint), None), endpoint)
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
        kind.learn(None);
        assert!(!kind.may_name_itself() && kind.row().is_guess);
        kind.learn(Some("SeaweedFS 4.48"));
        kind.learn(Some("nginx"));
        kind.learn(Some("MinIO"));
        assert_eq!(kind.row().name, "SeaweedFS");
        assert_eq!(kind.capabilities(), &kind.row().capabilities());
    }
}
