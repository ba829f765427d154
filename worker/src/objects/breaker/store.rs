//! A store behind its circuit breaker: each call asks it for permission, and reports its result to it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use shared::acl::Acl;
use shared::digest::{Algorithm, Checksum};
use shared::object::{ObjectInfo, Pin, Tags, Timestamp};
use shared::retry::{
    self, ABORT, ACL, COMPLETE, COPY, CREATE, DELETE, GET, HEAD, LIST_PARTS, LIST_UPLOADS, PART, PROBE, PUT, RESTORE,
    TAGS,
};
use shared::store::{
    Body, CopySource, Object, ObjectStore, Part, PartLayout, PartWrite, Read, Restore, Right, Store, StoreWrapper,
    Upload, Write, Written,
};
use shared::{Error, ErrorKind, Result};

use crate::objects::breaker::circuit::{CallResult, CircuitBreaker};
use crate::objects::events::pending_writes::{InDoubtWrites, PendingWrite};

/// A store whose calls are refused while its circuit is open.
#[derive(Debug)]
pub(crate) struct BreakerStore {
    inner: Store,
    circuit: Arc<CircuitBreaker>,
    /// Where writes are remembered whose end nobody saw.
    in_doubt: Arc<InDoubtWrites>,
}

impl BreakerStore {
    /// `inner` behind `circuit`.
    pub fn store(inner: Store, circuit: Arc<CircuitBreaker>, in_doubt: Arc<InDoubtWrites>) -> Store {
        Arc::new(BreakerStore { inner, circuit, in_doubt })
    }

    fn gate(&self, verb: &'static str, key: &str) -> Result<()> {
        let Some(why) = self.circuit.refusal() else { return Ok(()) };
        Err(Error::new(ErrorKind::Suspended, verb, self.inner.location().display_key(key), why))
    }

    fn report<T>(&self, verb: &'static str, key: &str, answer: Result<T>) -> Result<T> {
        let result = answer.as_ref().map_or_else(CallResult::Failure, |_| CallResult::Success);
        self.circuit.note(verb, key, result);
        answer
    }

    /// As [`report`](Self::report), of a call that gives an object its tags. A refusal of tags says nothing of objects
    /// without tags, so the circuit breaker does not count it. `AccessDenied` names no action at most stores: then it
    /// may be one of the tags or of the object, and the message names both rights.
    fn report_write<T>(&self, verb: &'static str, key: &str, write: &Write, answer: Result<T>) -> Result<T> {
        match answer {
            Err(error) if !write.tags.is_empty() && may_be_of_tags(&error) => {
                let names = self.inner.capabilities().rights;
                let right = Right::of_verb(verb).unwrap_or(Right::Put);
                Err(error.and(&format!(
                    "the object has tags: allow {} beside {}, or copy without tags (--no-tags, or tags = false)",
                    names.name(Right::PutTags),
                    names.name(right),
                )))
            }
            Err(error) if error.message().starts_with("InvalidStorageClass") => {
                let class = write.storage_class.as_deref().unwrap_or("the bucket's default");
                let error = error.and(&format!("the storage class was {class}: give another with --storage-class"));
                self.report(verb, key, Err(error))
            }
            Err(error) if write.canned_acl.is_some() && error.message().starts_with(LISTS_ARE_OFF) => {
                let remedy = "enable access control lists at the bucket, or leave --canned-acl out";
                self.report(verb, key, Err(error.and(remedy)))
            }
            answer => self.report(verb, key, answer),
        }
    }

    /// One call without a body.
    async fn call<T>(&self, verb: &'static str, key: &str, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.gate(verb, key)?;
        self.report(verb, key, call.await)
    }

    /// One call without a body that may change the object at the key.
    async fn write<T>(&self, verb: &'static str, key: &str, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.gate(verb, key)?;
        let pending = self.in_doubt.begin(key);
        let (answer, was_unclear) = retry::noting_unclear(call).await;
        // An earlier attempt of the adapter's may come late: then it stays in doubt, as if it had been dropped.
        if !was_unclear {
            pending.ended(&answer);
        }
        self.report(verb, key, answer)
    }

    /// One call that sends a body. What breaks the body is not the store that it is sent to.
    async fn send<T, F>(
        &self,
        (verb, key): (&'static str, &str),
        write: &Write,
        body: Body,
        call: impl FnOnce(Body) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.gate(verb, key)?;
        let broke = (!body.is_whole()).then(Arc::<AtomicBool>::default);
        let body = match broke.clone() {
            Some(breaks) => Body::stream(body.inspect_err(move |_| breaks.store(true, Ordering::Relaxed))),
            None => body,
        };
        match call(body).await {
            Err(error) if broke.as_ref().is_some_and(|broke| broke.load(Ordering::Relaxed)) => Err(error),
            answer => self.report_write(verb, key, write, answer),
        }
    }
}

/// The refusal of a bucket whose owner owns all objects (Amazon S3 "Controlling ownership of objects").
const LISTS_ARE_OFF: &str = "AccessControlListNotSupported";

/// Whether the missing right may be the one to give an object tags.
fn may_be_of_tags(error: &Error) -> bool {
    let message = error.message();
    let names_another = message.contains("not authorized to perform") && !message.contains("PutObjectTagging");
    error.kind() == ErrorKind::Denied && message.starts_with("AccessDenied") && !names_another
}

/// A write that has no effect before all of its body was sent.
struct Whole<'a> {
    sent: Arc<AtomicU64>,
    size: u64,
    pending: Option<PendingWrite<'a>>,
}

impl Whole<'_> {
    fn ended<T>(mut self, answer: &Result<T>) {
        if let Some(pending) = self.pending.take_if(|_| self.sent.load(Ordering::Relaxed) >= self.size) {
            pending.ended(answer);
        }
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if self.sent.load(Ordering::Relaxed) < self.size
            && let Some(pending) = self.pending.take()
        {
            pending.broke();
        }
    }
}

/// The body of a read, which reports how the read ended.
fn watched(circuit: Arc<CircuitBreaker>, key: String, body: Body) -> Body {
    Body::stream(stream::unfold(Some(body), move |body| {
        let (circuit, key) = (circuit.clone(), key.clone());
        async move {
            let mut body = body?;
            match body.next().await {
                Some(Ok(chunk)) => Some((Ok(chunk), Some(body))),
                Some(Err(error)) => {
                    circuit.note(GET.verb, &key, CallResult::Failure(&error));
                    Some((Err(error), None))
                }
                None => {
                    circuit.note(GET.verb, &key, CallResult::Success);
                    None
                }
            }
        }
    }))
}

/// Listings and `prepare` do not pass the circuit.
#[async_trait]
impl StoreWrapper for BreakerStore {
    fn inner(&self) -> &dyn ObjectStore {
        &*self.inner
    }

    async fn probe(&self) -> Result<()> {
        self.call(PROBE.verb, "", self.inner.probe()).await
    }

    async fn probe_listing(&self) -> Result<()> {
        self.call(PROBE.verb, "", self.inner.probe_listing()).await
    }

    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo> {
        self.call(HEAD.verb, key, self.inner.head(key, pin)).await
    }

    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
        self.call(HEAD.verb, key, self.inner.checksum(key, pin, algorithm)).await
    }

    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags> {
        self.call(TAGS.verb, key, self.inner.tags(key, pin)).await
    }

    async fn acl(&self, key: &str, pin: &Pin) -> Result<Acl> {
        self.call(ACL.verb, key, self.inner.acl(key, pin)).await
    }

    async fn restore(&self, key: &str, pin: &Pin, restore: &Restore) -> Result<()> {
        self.call(RESTORE.verb, key, self.inner.restore(key, pin, restore)).await
    }

    async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>> {
        self.call(HEAD.verb, key, self.inner.part_layout(key, pin)).await
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        self.gate(GET.verb, key)?;
        match self.inner.get(key, read).await {
            Ok(Object { info, body }) if !body.is_whole() => {
                Ok(Object { info, body: watched(self.circuit.clone(), key.to_owned(), body) })
            }
            // A body in memory was read to its end.
            ended => self.report(GET.verb, key, ended),
        }
    }

    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        let (sent, size) = (Arc::new(AtomicU64::new(0)), write.size);
        let body = body.counted(sent.clone());
        // Not a moment earlier than the last byte: a body that is dropped before has no effect.
        let pending = Whole { sent, size, pending: Some(self.in_doubt.begin(key)) };
        let answer = self.send((PUT.verb, key), write, body, |body| self.inner.put(key, write, body)).await;
        pending.ended(&answer);
        answer
    }

    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload> {
        self.gate(CREATE.verb, key)?;
        self.report_write(CREATE.verb, key, write, self.inner.create_upload(key, write).await)
    }

    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        let plain = Write::default();
        let call = |body| self.inner.upload_part(upload, part, body);
        self.send((PART.verb, &upload.key), &plain, body, call).await
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        self.call(LIST_PARTS.verb, &upload.key, self.inner.list_parts(upload)).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        self.write(COMPLETE.verb, &upload.key, self.inner.complete_upload(upload, parts, write)).await
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        // Cleaning up does not wait for the circuit: nobody would do it later.
        self.report(ABORT.verb, &upload.key, self.inner.abort_upload(upload).await)
    }

    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        self.report(LIST_UPLOADS.verb, key, self.inner.list_uploads(key).await)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.write(DELETE.verb, key, self.inner.delete(key)).await
    }

    /// Reports what the whole request says of the store. What a refusal of one key says, the delete of this key alone
    /// reports.
    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>> {
        let first = keys.first().map_or("", String::as_str);
        self.gate(DELETE.verb, first)?;
        let pending: Vec<PendingWrite<'_>> = keys.iter().map(|key| self.in_doubt.begin(key)).collect();
        let (answer, was_unclear) = retry::noting_unclear(self.inner.delete_many(keys)).await;
        match &answer {
            // An earlier request may come late: all are in doubt, as if they had been dropped.
            _ if was_unclear => {}
            Ok(results) => pending.into_iter().zip(results).for_each(|(pending, result)| pending.ended(result)),
            Err(_) => pending.into_iter().for_each(|pending| pending.ended(&answer)),
        }
        match answer {
            Ok(results) if !results.iter().any(Result::is_ok) => Ok(results),
            answer => self.report(DELETE.verb, first, answer),
        }
    }

    async fn copy(&self, source: &CopySource, pin: &Pin, key: &str, write: &Write) -> Result<Written> {
        self.write(COPY.verb, key, self.inner.copy(source, pin, key, write)).await
    }

    async fn copy_part(
        &self,
        source: &CopySource,
        pin: &Pin,
        range: Range<u64>,
        upload: &Upload,
        part: &PartWrite,
    ) -> Result<Part> {
        self.call(COPY.verb, &upload.key, self.inner.copy_part(source, pin, range, upload, part)).await
    }
}
