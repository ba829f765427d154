//! One side of a task that follows events: a bucket of some store, which workers reach through a proxy and tests
//! directly, so that what is counted is the workers'.

use std::collections::BTreeMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use flotilla_tests::cloud::Cloud;
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, s3_client, weed};
use flotilla_tests::proxy::Proxy;

use crate::support::list;

/// An object, as far as both sides must have the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    pub bytes: Bytes,
    pub content_type: String,
    pub user: BTreeMap<String, String>,
}

pub struct Side {
    pub client: Client,
    pub bucket: String,
    pub proxy: Proxy,
}

impl Side {
    pub async fn cloud(cloud: &Cloud, stem: &str) -> Side {
        Side::at(&cloud.endpoint, cloud.create_bucket(stem)).await
    }

    pub async fn weed(stem: &str) -> Side {
        Side::at(&weed().endpoint, weed().create_bucket(stem).await).await
    }

    async fn at(endpoint: &str, bucket: String) -> Side {
        let proxy = Proxy::start(endpoint).await;
        Side { client: s3_client(endpoint, ACCESS_KEY, SECRET_KEY), bucket, proxy }
    }

    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        self.put_as(key, Seen { bytes: bytes.into(), content_type: "text/plain".into(), user: BTreeMap::new() }).await;
    }

    pub async fn put_as(&self, key: &str, object: Seen) {
        let put = self.client.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(object.bytes));
        let put = put.content_type(object.content_type).set_metadata(Some(object.user.into_iter().collect()));
        put.send().await.expect("the bucket takes objects");
    }

    pub async fn delete(&self, key: &str) {
        self.client.delete_object().bucket(&self.bucket).key(key).send().await.expect("the bucket deletes");
    }

    /// The object, if it is there.
    pub async fn get(&self, key: &str) -> Option<Seen> {
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let object = match answer {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return None,
            Err(error) => panic!("{key}: {error:?}"),
        };
        let content_type = object.content_type().unwrap_or_default().to_owned();
        let user = object.metadata().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
        let bytes = object.body.collect().await.expect("the object is whole").into_bytes();
        Some(Seen { bytes, content_type, user })
    }

    pub async fn has(&self, key: &str) -> bool {
        let head = self.client.head_object().bucket(&self.bucket).key(key).send().await;
        match head {
            Ok(_) => true,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => false,
            Err(error) => panic!("{key}: {error:?}"),
        }
    }

    pub async fn keys(&self) -> Vec<String> {
        list(&self.client, &self.bucket).await.into_keys().collect()
    }

    pub async fn open_uploads(&self) -> usize {
        let open = self.client.list_multipart_uploads().bucket(&self.bucket).send().await;
        open.expect("uploads are listed").uploads().len()
    }
}
