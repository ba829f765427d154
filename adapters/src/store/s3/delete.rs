//! Deletes an object.

use super::Bucket;
use shared::retry::{self, DELETE};
use shared::{ErrorKind, Result};

impl Bucket {
    /// Safe to repeat: an object that does not exist is `Ok`.
    pub(super) async fn delete(&self, key: &str) -> Result<()> {
        match self.check_representable(DELETE.verb, key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            checked => checked?,
        }
        let once = || async {
            let request = self.client.delete_object().bucket(self.name()).key(self.full_key(DELETE.verb, key)?);
            match request.send().await.map_err(|error| self.error(DELETE.verb, key, error)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        retry::run(&DELETE, &self.subject(key), once).await
    }
}
