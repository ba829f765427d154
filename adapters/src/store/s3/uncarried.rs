//! Properties of objects that no copy gets: redirects, retention, legal holds; by the bucket's configuration.
//!
//! Only a bucket with object lock has objects with retention or a legal hold, and a redirect has an effect only in a
//! bucket that serves a website. So two requests answer for all objects.

use super::Bucket;
use aws_sdk_s3::types::ObjectLockEnabled;
use shared::object::Uncarried;
use shared::retry::{self, CONFIGURATION};
use shared::{Error, ErrorKind, Result};

impl Bucket {
    /// Both requests only read: slow, repeated or lost, they change nothing.
    pub(super) async fn may_lose(&self) -> Uncarried {
        let (is_locked, is_website) = tokio::join!(self.is_locked(), self.is_website());
        Uncarried { redirect: is_website, retention: is_locked, legal_hold: is_locked }
    }

    async fn is_locked(&self) -> bool {
        let once = || async {
            let request = self.client.get_object_lock_configuration().bucket(self.name());
            let answer = request.send().await.map_err(|error| self.error(CONFIGURATION.verb, "", error))?;
            let lock = answer.object_lock_configuration;
            Ok(lock.is_some_and(|lock| lock.object_lock_enabled == Some(ObjectLockEnabled::Enabled)))
        };
        or_unknown(retry::run(&CONFIGURATION, &self.location.to_string(), || parsed(once())).await)
    }

    async fn is_website(&self) -> bool {
        let once = || async {
            let request = self.client.get_bucket_website().bucket(self.name());
            request.send().await.map(|_| true).map_err(|error| self.error(CONFIGURATION.verb, "", error))
        };
        or_unknown(retry::run(&CONFIGURATION, &self.location.to_string(), || parsed(once())).await)
    }
}

/// A store that does not know the request may answer it as another one, a listing: that is not worth another try.
async fn parsed(answer: impl Future<Output = Result<bool>>) -> Result<bool> {
    match answer.await {
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
        answer => answer,
    }
}

/// A store without the request has no such objects, nor has a bucket without the configuration. A denied request, or one
/// that failed, leaves it unknown: they may be there.
fn or_unknown(answer: Result<bool>) -> bool {
    answer.unwrap_or_else(|error: Error| !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_no_rules_out_losses() {
        use ErrorKind::*;
        let answered = |kind| or_unknown(Err(Error::new(kind, "configuration", "b", "no")));
        assert_eq!([NotFound, Unsupported].map(answered), [false, false]);
        assert_eq!([Denied, Invalid, Unavailable, Timeout, NoSuchContainer].map(answered), [true; 5]);
        assert_eq!([Ok(true), Ok(false)].map(or_unknown), [true, false]);
    }
}
