//! Reads the list of prefixes that a definition names by an object or a file.

use std::time::Duration;

use futures::TryStreamExt as _;
use tokio::time::timeout;

use super::store;
use shared::config::{Config, Find, Side};
use shared::filter::prefixes;
use shared::object::Pin;
use shared::store::Read;
use shared::{Error, ErrorKind, Result};

/// Longest list, bytes: the longest prefixes, as many as a list may have after merging, fit three times.
const MAX_BYTES: usize = 32 << 20;

/// The object must have been read by then.
const LIMIT: Duration = Duration::from_secs(60);

/// A list of prefixes, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixList {
    /// The prefixes, sorted, none inside another.
    pub prefixes: Vec<String>,
    /// The version of its object, if the bucket keeps versions.
    pub version: Option<String>,
}

/// The configuration with the list of prefixes that it names, read now; as it is, if it names none.
pub async fn with_prefixes(config: &Config) -> Result<Config> {
    let list = prefix_list(config, None).await?;
    Ok(list.map_or_else(|| config.clone(), |list| listing(config, list.prefixes)))
}

/// The configuration with these prefixes, in place of the list that it names.
pub fn listing(config: &Config, prefixes: Vec<String>) -> Config {
    let mut config = config.clone();
    config.objects.find = Find { prefixes, prefix_list: None, ..config.objects.find };
    config
}

/// Reads the list that a configuration names, or a version of its object; `None` if it names none. The object is read with
/// the source's endpoint and credentials.
///
/// Slow or cut off: an error after a minute, never a shorter list. Repeated: it only reads.
pub async fn prefix_list(config: &Config, version: Option<&str>) -> Result<Option<PrefixList>> {
    let find = &config.objects.find;
    let Some((bucket, key)) = find.prefix_object() else {
        let Some(path) = &find.prefix_list else { return Ok(None) };
        let invalid = |why: String| Error::new(ErrorKind::Invalid, "read", path.display().to_string(), why);
        return Ok(Some(PrefixList { prefixes: prefixes::read(path).map_err(invalid)?, version: None }));
    };
    let name = bucket.display_key(&key);
    let store = store(&Side { location: bucket, ..config.objects.source.clone() }).await?;
    let overdue = |_| Error::new(ErrorKind::Timeout, "get", &name, "no answer in time");
    let read = async {
        let pin = Pin { etag: None, version: version.map(str::to_owned) };
        let object = store.get(&key, &Read { range: None, pin }).await?;
        let (mut body, mut bytes) = (object.body, Vec::new());
        while let Some(chunk) = body.try_next().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_BYTES {
                let why = format!("the list of prefixes has more than {MAX_BYTES} bytes: give fewer, shorter prefixes");
                return Err(Error::new(ErrorKind::Invalid, "get", &name, why));
            }
        }
        Ok((bytes, object.info.version))
    };
    let (bytes, version) = timeout(LIMIT, read).await.map_err(overdue)??;
    let invalid = |why: String| Error::new(ErrorKind::Invalid, "get", &name, why);
    let prefixes = prefixes::parse(bytes.as_slice(), "prefix list").map_err(invalid)?;
    Ok(Some(PrefixList { prefixes, version }))
}
