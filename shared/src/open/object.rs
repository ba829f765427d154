//! The object that a source's location may have been meant to name.

use crate::config::Side;
use crate::location::Location;
use crate::object::Pin;
use crate::store::Store;

/// The key, below the folder that comes back with it, of the object that the location of this side names if it is not
/// taken for a folder: `2026/f1.dat` for `s3://photos/2026/f1.dat`. `None` if there is no such object, or if it cannot
/// be asked about: this is a hint for people, and decides nothing.
pub async fn object_named_by(side: &Side) -> Option<(Location, String)> {
    let location = &side.location;
    let path = location.prefix().strip_suffix('/')?;
    let (parent, name) = path.rsplit_once('/').map_or(("", path), |(parent, name)| (&path[..=parent.len()], name));
    let folder = Location::bucket_at(location.scheme(), location.bucket(), parent);
    let store: Store = super::store(&Side { location: folder.clone(), ..side.clone() }).await.ok()?;
    store.head(name, &Pin::default()).await.ok()?;
    Some((folder, name.to_owned()))
}
