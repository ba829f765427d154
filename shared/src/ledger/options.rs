//! The options of a run that change writes or deletes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::{Find, Work};
use crate::digest::{Algorithm, Hasher};
use crate::location::Location;
use crate::store::Store;

/// The options of a run, as far as they change writes or deletes. Concurrency, memory, bandwidth, lease,
/// drain, credentials and log do not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunOptions {
    /// Digest of all of them. A newer run with another digest cancels this one.
    pub digest: String,
    /// Digest of those that a worker applies itself ([`RunOptions::writes`]); `None`: any worker's will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<String>,
    /// Whether the run may delete.
    pub delete: bool,
    /// The run whose failures this one retries, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<String>,
}

impl RunOptions {
    /// The options of a task between two stores, which is looked at under these `prefixes`.
    pub fn of(source: &Store, destination: &Store, find: &Find, work: &Work, prefixes: &[String]) -> RunOptions {
        let side = |store: &Store| {
            let endpoint = store.service().map(|service| service.endpoint.clone());
            json!([store.location().to_string(), endpoint])
        };
        let digest = digest(&json!([side(source), side(destination), finds(find), prefixes, writes(work),]));
        let writes = Self::writes(source.location(), destination.location(), find.metadata, work);
        RunOptions { digest, writes: Some(writes), delete: find.delete, retries: None }
    }

    /// The digest of the options that a definition has itself: without locations, endpoints and the prefixes of a list.
    pub fn of_definition(find: &Find, work: &Work) -> String {
        digest(&json!([finds(find), writes(work)]))
    }

    /// The digest of the options that a worker applies itself. Endpoints are not among them: finder and worker may
    /// reach one store by different endpoints.
    pub fn writes(source: &Location, destination: &Location, metadata: bool, work: &Work) -> String {
        digest(&json!([source.to_string(), destination.to_string(), metadata, writes(work)]))
    }
}

fn finds(find: &Find) -> Value {
    let Find { compare, metadata, delete, max_delete, filters, min_size, max_size, min_age, max_age, only_key, .. } =
        find;
    json!([
        [json!(compare), json!(metadata)],
        [json!(delete), json!(max_delete)],
        filters,
        [min_size, max_size],
        [min_age, max_age],
        only_key,
    ])
}

fn writes(work: &Work) -> Value {
    let Work { storage_class, tags, acl, canned_acl, sse, sse_kms_key_id, strict, restore, restore_days, .. } = work;
    json!([storage_class, tags, acl, canned_acl, sse, sse_kms_key_id, strict, restore.map(|tier| (tier, restore_days))])
}

fn digest(value: &Value) -> String {
    let mut hasher = Hasher::new(Algorithm::Sha256).expect("SHA-256 is computed here");
    hasher.update(value.to_string().as_bytes());
    hasher.finish().to_hex()
}
