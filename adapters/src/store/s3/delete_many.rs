//! Deletes many objects in one request (`DeleteObjects`).
//!
//! The answer names each key, with its result. A key that it does not name was not deleted as far as anyone knows, so
//! that is an error of this key. The request carries keys in XML, which has no control characters and may lose white
//! space at the ends: such a key is not sent, and its caller deletes it by itself.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;

use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::base64;

use super::keys::not_folder_like;
use super::{Bucket, is_awkward};
use crate::aws;
use shared::retry::{self, DELETE_MANY};
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};

const VERB: &str = DELETE_MANY.verb;

/// The result of each key so far.
type Results = Vec<Option<Result<()>>>;

impl Bucket {
    /// Safe to repeat, as a single delete: an object that does not exist is `Ok`, and in a versioned bucket another
    /// request makes another delete marker. Keys that the store asks to send again are sent again, without the others.
    pub(super) async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>> {
        let results: Mutex<Results> = Mutex::new(keys.iter().map(|key| self.unsent(key)).collect());
        let is_left = |result: &Option<Result<()>>| match result {
            None => true,
            Some(Ok(())) => false,
            Some(Err(error)) => error.kind().is_retryable(),
        };
        let once = || async {
            let left: Vec<usize> = (0..keys.len()).filter(|at| is_left(&lock(&results)[*at])).collect();
            if left.is_empty() {
                return Ok(());
            }
            let answered = self.delete_once(left.iter().map(|at| keys[*at].as_str())).await?;
            let mut results = lock(&results);
            left.into_iter().zip(answered).for_each(|(at, result)| results[at] = Some(result));
            let again =
                results.iter().flatten().find_map(|result| result.as_ref().err().filter(|e| e.kind().is_retryable()));
            // For the loop of retries: the error itself stays with its key.
            again.map_or(Ok(()), |error| Err(Error::new(error.kind(), VERB, self.subject(""), error.message())))
        };
        let ended = retry::run(&DELETE_MANY, &self.subject(""), once).await;
        let results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        match ended {
            // No answer has named a key.
            Err(error) if results.iter().any(Option::is_none) => Err(error),
            _ => Ok(results.into_iter().flatten().collect()),
        }
    }

    /// The result of a key that is not sent with others; `None` for all others.
    fn unsent(&self, key: &str) -> Option<Result<()>> {
        let full = self.location.full_key(key);
        // A store of folders would delete the object of another key.
        if is_plain(&full) && not_folder_like(&full, 0).is_none() && self.full_key(VERB, key).is_ok() {
            return None;
        }
        let message = "a request for many keys cannot carry this key";
        Some(Err(Error::new(ErrorKind::Unsupported, VERB, self.subject(key), message)))
    }

    /// One request, and the results of its keys in their order.
    async fn delete_once<'a>(&self, keys: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<Result<()>>> {
        if self.provider.refuses_delete_many() {
            let message = "the store has no request that deletes many objects";
            return Err(Error::new(ErrorKind::Unsupported, VERB, self.subject(""), message));
        }
        let invalid =
            |error: &dyn std::fmt::Display| Error::new(ErrorKind::Invalid, VERB, self.subject(""), error.to_string());
        let identifier = |key| ObjectIdentifier::builder().key(self.location.full_key(key)).build();
        let objects = keys.clone().map(identifier).collect::<Result<Vec<_>, _>>().map_err(|error| invalid(&error))?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(false).build();
        let delete = delete.map_err(|error| invalid(&error))?;
        let request = self.client.delete_objects().bucket(self.name()).delete(delete);
        match request.customize().mutate_request(with_md5).send().await {
            Ok(answer) => Ok(self.results(&answer, keys)),
            Err(error) => {
                let error = self.error(VERB, "", error);
                if error.kind() == ErrorKind::Unsupported {
                    self.provider.note_delete_many_refused();
                }
                Err(error)
            }
        }
    }

    /// The result of each key, as the answer names it. An error of a key goes before a success of the same key.
    fn results<'a>(&self, answer: &DeleteObjectsOutput, keys: impl Iterator<Item = &'a str>) -> Vec<Result<()>> {
        let mut named: HashMap<&str, Option<Error>> = HashMap::new();
        for key in answer.deleted().iter().filter_map(|deleted| deleted.key()) {
            named.insert(key, None);
        }
        for refused in answer.errors() {
            let Some(key) = refused.key() else { continue };
            let names = self.provider.profile().rights;
            let said = (refused.code().unwrap_or_default(), refused.message().unwrap_or_default());
            let subject = self.subject(self.location.relative_key(key).unwrap_or(key));
            let error = aws::error_of_key(names, VERB, &subject, said);
            if error.kind() == ErrorKind::Throttled {
                self.throttles.fetch_add(1, Relaxed);
            }
            named.insert(key, Some(error).filter(|error| error.kind() != ErrorKind::NotFound));
        }
        let result = |key: &str| match named.remove(self.location.full_key(key).as_str()) {
            Some(None) => Ok(()),
            Some(Some(error)) => Err(error),
            None => Err(self.corrupt(VERB, key, "the answer to a request for many deletes does not name this key")),
        };
        keys.map(result).collect()
    }
}

/// Whether XML carries the key unchanged, also at a vendor that trims or normalises text.
fn is_plain(full: &str) -> bool {
    !is_awkward(full) && full.trim() == full && !full.contains(['\u{2028}', '\u{2029}', '\u{feff}', '\u{fffd}'])
}

/// Sends the body's MD5 in place of the SDK's checksum: Amazon S3 accepts either, and older stores only the MD5.
fn with_md5(request: &mut HttpRequest) {
    let Some(body) = request.body().bytes() else { return };
    let md5 = base64::encode(md5::compute(body).0);
    let headers = request.headers_mut();
    let others: Vec<String> = headers.iter().map(|(name, _)| name.to_owned()).collect();
    let is_checksum = |name: &str| name.starts_with("x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm";
    others.iter().filter(|name| is_checksum(name)).for_each(|name| drop(headers.remove(name)));
    headers.insert("content-md5", md5);
}
