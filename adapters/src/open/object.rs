//! The object that a source's location names, if the location is not a folder.

use tokio::time::timeout;

use super::{PROBE_LIMIT, Unusable, probe, store};
use shared::config::Side;
use shared::location::{Location, Scheme};
use shared::object::Pin;
use shared::store::{KeyRange, Store};
use shared::{Error, ErrorKind, Result};

/// The folder and the key below it of a source that is one object or file: `2026/` and `f1.dat` for
/// `s3://photos/2026/f1.dat`. `None` if there is no such object, or if anything lies below the location.
///
/// A bucket without a prefix costs no request, any other one HEAD, and a LIST where an object is there. Slow: it ends
/// after 20 s. Repeated or its answer lost: it only reads. A HEAD that is denied says nothing, and the location
/// is a folder as ever; any other error is reported, as no answer is not "no object".
///
/// Race: keys that come below the location later are not of this source.
pub async fn object_source(side: &Side) -> Result<Option<(Location, String)>, Unusable> {
    let found = match side.location.scheme() {
        Scheme::File => Ok(file(&side.location).await),
        _ => object(side).await,
    };
    found.map_err(Unusable::of("source", &side.location))
}

async fn file(location: &Location) -> Option<(Location, String)> {
    let path = location.path()?;
    let name = path.file_name()?.to_str()?.to_owned();
    let parent = Location::folder(path.parent()?).ok()?;
    // A link is no object. The probe reports a path that cannot be read.
    let metadata = tokio::task::spawn_blocking(move || std::fs::symlink_metadata(path)).await;
    metadata.ok()?.ok()?.is_file().then_some((parent, name))
}

async fn object(side: &Side) -> Result<Option<(Location, String)>> {
    let Some((folder, name)) = bucket_parent(&side.location) else { return Ok(None) };
    let parent = parent_store(side, &folder).await?;
    let slow = || Error::new(ErrorKind::Timeout, "head", folder.display_key(&name), "no answer in time");
    let head = timeout(PROBE_LIMIT, parent.head(&name, &Pin::default())).await.unwrap_or_else(|_| Err(slow()));
    match head {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Denied) => return Ok(None),
        Err(error) => {
            // A probe has a body to say what is wrong.
            probe(&parent).await?;
            return Err(error);
        }
    }
    let below = store(side).await?.list(KeyRange::default()).next_page().await?;
    Ok(below.is_none_or(|page| page.is_empty()).then_some((folder, name)))
}

async fn parent_store(side: &Side, folder: &Location) -> Result<Store> {
    store(&Side { location: folder.clone(), ..side.clone() }).await
}

/// The folder above a bucket's prefix, and the prefix's own name; `None` without a prefix.
fn bucket_parent(location: &Location) -> Option<(Location, String)> {
    let path = location.prefix().strip_suffix('/')?;
    let (parent, name) = path.rsplit_once('/').map_or(("", path), |(parent, name)| (&path[..=parent.len()], name));
    // `a//` is a folder without a name, in the folder `a/`.
    (!name.is_empty()).then(|| (Location::bucket_at(location.scheme(), location.bucket(), parent), name.to_owned()))
}
