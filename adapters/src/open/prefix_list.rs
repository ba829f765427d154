//! Reads the list of prefixes that a definition names by an object.

use std::time::Duration;

use futures::TryStreamExt as _;
use tokio::time::timeout;

use super::store;
use shared::config::{Config, Find, Side};
use shared::filter::prefixes;
use shared::store::Read;
use shared::{Error, ErrorKind, Result};

/// Longest list, bytes: the longest prefixes, as many as a list may have after merging, fit three times.
const MAX_BYTES: usize = 32 << 20;

/// The object must have been read by then.
const LIMIT: Duration = Duration::from_secs(60);

/// The configuration with the list of prefixes that it names by an object, read now; as it is, if it names none. The
/// object is read with the source's endpoint and credentials.
///
/// A run pins its list by the digest of its options: with another list it does not go on. Slow or cut off: an error after
/// a minute, never a shorter list. Repeated: it only reads.
pub async fn with_prefixes(config: &Config) -> Result<Config> {
    let find = &config.objects.find;
    let Some((bucket, key)) = find.prefix_object() else { return Ok(config.clone()) };
    let name = bucket.display_key(&key);
    let store = store(&Side { location: bucket, ..config.objects.source.clone() }).await?;
    let overdue = |_| Error::new(ErrorKind::Timeout, "get", &name, "no answer in time");
    let read = async {
        let object = store.get(&key, &Read::default()).await?;
        let (mut body, mut bytes) = (object.body, Vec::new());
        while let Some(chunk) = body.try_next().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_BYTES {
                let why = format!("the list of prefixes has more than {MAX_BYTES} bytes: give fewer, shorter prefixes");
                return Err(Error::new(ErrorKind::Invalid, "get", &name, why));
            }
        }
        Ok(bytes)
    };
    let bytes = timeout(LIMIT, read).await.map_err(overdue)??;
    let invalid = |why: String| Error::new(ErrorKind::Invalid, "get", &name, why);
    let prefixes = prefixes::parse(bytes.as_slice(), "prefix list").map_err(invalid)?;
    let mut config = config.clone();
    config.objects.find = Find { prefixes, prefix_list: None, ..config.objects.find };
    Ok(config)
}
