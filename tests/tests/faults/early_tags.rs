//! A store that reports no numbers of tags is asked for the tags of each object while its content is on the way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use flotilla_tests::cloud::Profile;
use flotilla_tests::proxy::Kind;
use shared::Result;
use shared::object::{ObjectInfo, Pin, Tags, Timestamp};
use shared::store::{Object, ObjectStore, Read, Store, StoreWrapper};
use tokio::sync::Semaphore;

use crate::stage::{Objects, Stage, content};

const COUNT: usize = 12;

/// Tags, and no number of them in other answers.
const SILENT: Profile = Profile { has_tags: true, reports_tag_counts: false, ..Profile::UNKNOWN };

/// A store that answers no GET before it is asked for tags too.
#[derive(Debug)]
struct BothAsked {
    inner: Store,
    asked: Semaphore,
}

#[async_trait]
impl StoreWrapper for BothAsked {
    fn inner(&self) -> &dyn ObjectStore {
        &*self.inner
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        let asked = tokio::time::timeout(Duration::from_secs(60), self.asked.acquire()).await;
        asked.expect("tags are asked for meanwhile").expect("it stays open").forget();
        self.inner.get(key, read).await
    }

    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags> {
        self.asked.add_permits(1);
        self.inner.tags(key, pin).await
    }
}

/// A store that answers no HEAD before it is asked for tags.
#[derive(Debug)]
struct TagsFirst {
    inner: Store,
    asked: Semaphore,
}

#[async_trait]
impl StoreWrapper for TagsFirst {
    fn inner(&self) -> &dyn ObjectStore {
        &*self.inner
    }

    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo> {
        let asked = tokio::time::timeout(Duration::from_secs(60), self.asked.acquire()).await;
        drop(asked.expect("tags are asked for meanwhile").expect("it stays open"));
        self.inner.head(key, pin).await
    }

    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags> {
        self.asked.add_permits(1);
        self.inner.tags(key, pin).await
    }
}

/// A store whose object is replaced once by one of the same bytes, after its tags were read and before its content is.
#[derive(Debug)]
struct Replaced {
    inner: Store,
    client: Client,
    body: Vec<u8>,
    is_replaced: Semaphore,
}

#[async_trait]
impl StoreWrapper for Replaced {
    fn inner(&self) -> &dyn ObjectStore {
        &*self.inner
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        drop(self.is_replaced.acquire().await.expect("it stays open"));
        self.inner.get(key, read).await
    }

    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags> {
        let tags = self.inner.tags(key, pin).await;
        if self.is_replaced.available_permits() == 0 {
            let put = self.client.put_object().bucket(self.inner.location().bucket()).key(key).tagging("state=new");
            put.body(ByteStream::from(self.body.clone())).send().await.expect("the object is replaced");
            self.is_replaced.add_permits(1);
        }
        tags
    }
}

/// Tagged objects that were written an hour ago.
async fn stage(objects: Objects) -> Stage {
    let stage = Stage::at(SILENT, objects).await;
    for (key, _) in &stage.objects.0 {
        stage.cloud.change(stage.source.location.bucket(), key, |object| {
            object.modified = Timestamp(object.modified.0 - 3_600_000);
            object.tags = [("state".to_owned(), "old".to_owned())].into();
        });
    }
    stage
}

fn tag(stage: &Stage, key: &str) -> String {
    let object = stage.cloud.object(stage.destination.location.bucket(), key).expect("it is there");
    object.tags.get("state").cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_content_are_asked_for_at_the_same_time() {
    let mut stage = stage(Objects::small(COUNT)).await;
    stage.worker_source = Some(Arc::new(|inner| Arc::new(BothAsked { inner, asked: Semaphore::new(0) })));
    stage.sync().await.done("tags with content");
    stage.assert_stored_all_but(&[], "tags with content");
    assert!(stage.objects.0.iter().all(|(key, _)| tag(&stage, key) == "old"));
    assert_eq!((stage.from.count(Kind::Get), stage.from.count(Kind::Detail)), (COUNT as u64, COUNT as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_an_object_in_parts_are_asked_for_with_its_head() {
    let mut stage = stage(Objects(vec![("large".to_owned(), 6 << 20)])).await;
    stage.worker_source = Some(Arc::new(|inner| Arc::new(TagsFirst { inner, asked: Semaphore::new(0) })));
    stage.sync().await.done("tags with the HEAD");
    stage.assert_stored_all_but(&[], "tags with the HEAD");
    assert_eq!(tag(&stage, "large"), "old");
    assert_eq!((stage.from.count(Kind::Head), stage.from.count(Kind::Detail)), (2, 1));
}

/// Without the second look nothing would mend it.
#[tokio::test(flavor = "multi_thread")]
async fn tags_of_a_replaced_object_are_read_again() {
    let mut stage = stage(Objects::small(1)).await;
    let (key, size) = stage.objects.0[0].clone();
    let (client, body) = (stage.cloud.client(), content(&key, size));
    stage.worker_source = Some(Arc::new(move |inner| {
        let (client, body) = (client.clone(), body.clone());
        Arc::new(Replaced { inner, client, body, is_replaced: Semaphore::new(0) })
    }));
    stage.sync().await.done("replaced");
    stage.assert_stored_all_but(&[], "replaced");
    assert_eq!(tag(&stage, &key), "new");
    assert_eq!((stage.from.count(Kind::Get), stage.from.count(Kind::Detail)), (1, 2));
}

/// An object that was just written may be replaced within the same second, which no answer shows.
#[tokio::test(flavor = "multi_thread")]
async fn tags_of_a_new_object_are_read_after_its_content() {
    let mut stage = stage(Objects::small(1)).await;
    let (key, size) = stage.objects.0[0].clone();
    stage.cloud.change(stage.source.location.bucket(), &key, |object| {
        object.modified = Timestamp(Timestamp::now().0 + 3_600_000);
    });
    let (client, body) = (stage.cloud.client(), content(&key, size));
    // Would hang if the content were read after the tags.
    stage.worker_source = Some(Arc::new(move |inner| {
        let (client, body) = (client.clone(), body.clone());
        Arc::new(Replaced { inner, client, body, is_replaced: Semaphore::new(1) })
    }));
    stage.sync().await.done("new");
    assert_eq!(tag(&stage, &key), "old");
    let kinds: Vec<Kind> = stage.from.seen().iter().map(|seen| seen.kind).collect();
    let at = |kind| kinds.iter().position(|seen| *seen == kind).expect("it is asked for");
    assert!(at(Kind::Get) < at(Kind::Detail), "{kinds:?}");
}
