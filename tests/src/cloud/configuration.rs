//! The configuration of a bucket: object lock, a website.

use super::answer::{Outcome, xml};
use super::call::Call;
use super::refusal::Refusal;
use super::world::World;
use super::{Profile, write};

/// `GetObjectLockConfiguration` and `GetBucketWebsite`.
pub(super) fn configuration(world: &mut World, profile: &Profile, call: &Call) -> Outcome {
    let bucket = world.buckets.get(&call.bucket).ok_or_else(write::no_such_bucket)?;
    let is_known = profile.configures_buckets && call.method == http::Method::GET;
    if is_known && call.asks("object-lock").is_some() {
        let code = "ObjectLockConfigurationNotFoundError";
        let refusal = || Refusal::new(404, code, "Object Lock configuration does not exist for this bucket");
        let on = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
        return bucket.is_locked.then(|| xml(on.to_owned())).ok_or_else(refusal);
    }
    if is_known && call.asks("website").is_some() {
        let refusal = || Refusal::new(404, "NoSuchWebsiteConfiguration", "The specified bucket has no website");
        let on =
            "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>";
        return bucket.is_website.then(|| xml(on.to_owned())).ok_or_else(refusal);
    }
    Err(Refusal::not_implemented("this request"))
}
