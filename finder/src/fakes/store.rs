//! A store of entries without bytes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use shared::ErrorKind;
use shared::Result;
use shared::acl::Acl;
use shared::digest::{Algorithm, Checksum};
use shared::filter::Filter;
use shared::location::Location;
use shared::object::{Attributes, Entry, ObjectInfo, Pin, Tags, Timestamp, Uncarried};
use shared::store::*;

use super::{entry, error, unsupported};

/// A store of entries without bytes.
#[derive(Debug)]
pub struct Shelf {
    pub location: Location,
    pub capabilities: Capabilities,
    pub entries: Vec<Entry>,
    /// What it cannot list. The entries in these spans must not be among `entries`.
    pub unlisted: Vec<Unlisted>,
    pub page: usize,
    /// The listing fails so when it comes to the key.
    pub fails_at: Option<(String, ErrorKind)>,
    /// Checksums that it keeps (which `head` reports), and others that it can compute, by key.
    pub keeps: BTreeMap<String, Checksum>,
    pub computes: BTreeMap<String, Checksum>,
    /// What else it says of its objects.
    pub says: BTreeMap<String, (Attributes, Tags)>,
    /// Whether its entity tags only look like MD5s.
    pub encrypted: bool,
    /// Each HEAD fails so.
    pub head_fails: Option<ErrorKind>,
    /// How many bytes more its listing shows than a HEAD does.
    pub lists_more_bytes: u64,
    pub heads: AtomicUsize,
}

impl Shelf {
    /// Lists the entries as they are given: in order or not.
    pub fn new(entries: Vec<Entry>) -> Self {
        let capabilities = Capabilities {
            etags: EtagMeaning::Opaque,
            parallel_listing: true,
            max_put_bytes: 5 << 30,
            min_part_bytes: 5 << 20,
            max_part_bytes: 5 << 30,
            max_parts: 10_000,
            max_object_bytes: 50 << 40,
            max_copy_bytes: 5 << 30,
            copies_parts: true,
            max_delete_keys: 1_000,
            verifies: Vec::new(),
            keeps_attributes: true,
            keeps_modified: false,
            metadata: MetadataSupport::NOTHING,
            surely_verifies: true,
            lists_consistently: true,
            reports_tag_counts: true,
            has_folders: false,
            is_remote: true,
            rights: shared::store::RightNames::Amazon,
        };
        Shelf {
            location: "s3://shelf".parse().unwrap(),
            capabilities,
            entries,
            unlisted: Vec::new(),
            page: 3,
            fails_at: None,
            keeps: BTreeMap::new(),
            computes: BTreeMap::new(),
            says: BTreeMap::new(),
            encrypted: false,
            head_fails: None,
            lists_more_bytes: 0,
            heads: AtomicUsize::new(0),
        }
    }

    pub fn of(keys: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().map(|key| key.as_ref().to_owned()).collect();
        keys.sort();
        keys.dedup();
        Shelf::new(keys.iter().map(|key| entry(key, 1, 1)).collect())
    }

    fn find(&self, key: &str) -> Result<&Entry> {
        self.entries.iter().find(|e| e.key == key).ok_or_else(|| error(ErrorKind::NotFound))
    }
}

/// Whether a span reaches into a range.
fn may_contain(range: &KeyRange, span: &Span) -> bool {
    let below = |key: &str, of: &str| key.starts_with(of);
    match span {
        Span::Key(key) | Span::Nameless(key) => range.contains(key),
        Span::Below(folder) => {
            (below(folder, &range.prefix) || below(&range.prefix, folder))
                && range.after.as_deref().is_none_or(|after| after < folder.as_str() || below(after, folder))
                && range.until.as_deref().is_none_or(|until| until > folder.as_str())
        }
    }
}

struct Pages {
    items: std::collections::VecDeque<Listed>,
    page: usize,
    fails_at: Option<(String, ErrorKind)>,
}

#[async_trait]
impl Listing for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>> {
        // Lets other ranges run in between, as a real listing does.
        tokio::task::yield_now().await;
        let page: Vec<Listed> = self.items.drain(..self.page.min(self.items.len())).collect();
        if let Some((key, kind)) = &self.fails_at
            && (page.is_empty() || page.iter().any(|item| item.position() >= key.as_str()))
        {
            return Err(error(*kind));
        }
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}

#[async_trait]
impl ObjectStore for Shelf {
    fn location(&self) -> &Location {
        &self.location
    }
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
    fn list(&self, range: KeyRange) -> Box<dyn Listing> {
        let entries = self.entries.iter().filter(|e| range.contains(&e.key)).cloned();
        let entries = entries.map(|e| Listed::Object(Entry { size: e.size + self.lists_more_bytes, ..e }));
        let spans = self.unlisted.iter().filter(|u| may_contain(&range, &u.keys)).cloned().map(Listed::Unlisted);
        let mut items: Vec<Listed> = spans.chain(entries).collect();
        // Stable: a span comes before the objects at its position. Some shelves are out of order on purpose.
        if !self.unlisted.is_empty() {
            items.sort_by(|a, b| a.position().cmp(b.position()));
        }
        let fails_at = self.fails_at.clone().filter(|(key, _)| key.is_empty() || range.contains(key));
        Box::new(Pages { items: items.into(), page: self.page, fails_at })
    }
    async fn head(&self, key: &str, _: &Pin) -> Result<ObjectInfo> {
        self.heads.fetch_add(1, SeqCst);
        if let Some(kind) = self.head_fails {
            return Err(error(kind));
        }
        let entry = self.find(key)?.clone();
        let (attributes, tags) = self.says.get(key).cloned().unwrap_or_default();
        Ok(ObjectInfo {
            attributes,
            // A store that may have no tags at all does not count them.
            tag_count: (self.capabilities.metadata.tags == Support::Yes).then_some(tags.len() as u32),
            size: entry.size,
            modified: entry.modified,
            etag: entry.etag,
            version: entry.version,
            etag_is_opaque: self.encrypted,
            checksums: self.keeps.get(key).cloned().into_iter().collect(),
            ..ObjectInfo::default()
        })
    }
    async fn checksum(&self, key: &str, _: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
        Ok(self.computes.get(key).filter(|c| c.algorithm == algorithm).cloned())
    }
    fn list_filtered(&self, range: KeyRange, _: &Arc<Filter>) -> Box<dyn Listing> {
        self.list(range)
    }
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    fn stored_time(&self, time: Timestamp) -> Timestamp {
        time
    }
    fn service(&self) -> Option<&Service> {
        None
    }
    fn throttles(&self) -> u64 {
        0
    }
    fn latency(&self) -> Option<Duration> {
        None
    }

    async fn probe(&self) -> Result<()> {
        unsupported()
    }
    async fn probe_listing(&self) -> Result<()> {
        unsupported()
    }
    async fn prepare(&self) -> Result<()> {
        unsupported()
    }
    async fn tags(&self, key: &str, _: &Pin) -> Result<Tags> {
        self.heads.fetch_add(1, SeqCst);
        match self.capabilities.metadata.tags {
            Support::Yes => Ok(self.says.get(key).cloned().unwrap_or_default().1),
            _ => unsupported(),
        }
    }
    async fn acl(&self, _: &str, _: &Pin) -> Result<Acl> {
        unsupported()
    }
    async fn restore(&self, _: &str, _: &Pin, _: &Restore) -> Result<()> {
        unsupported()
    }
    async fn part_layout(&self, _: &str, _: &Pin) -> Result<Option<PartLayout>> {
        unsupported()
    }
    async fn get(&self, _: &str, _: &Read) -> Result<Object> {
        unsupported()
    }
    async fn put(&self, _: &str, _: &Write, _: Body) -> Result<Written> {
        unsupported()
    }
    async fn create_upload(&self, _: &str, _: &Write) -> Result<Upload> {
        unsupported()
    }
    async fn upload_part(&self, _: &Upload, _: &PartWrite, _: Body) -> Result<Part> {
        unsupported()
    }
    async fn list_parts(&self, _: &Upload) -> Result<Vec<Part>> {
        unsupported()
    }
    async fn complete_upload(&self, _: &Upload, _: &[Part], _: &Write) -> Result<Written> {
        unsupported()
    }
    async fn abort_upload(&self, _: &Upload) -> Result<()> {
        unsupported()
    }
    async fn list_uploads(&self, _: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        unsupported()
    }
    async fn delete(&self, _: &str) -> Result<()> {
        unsupported()
    }
    async fn delete_many(&self, _: &[String]) -> Result<Vec<Result<()>>> {
        unsupported()
    }
    async fn may_lose(&self) -> Uncarried {
        Uncarried::default()
    }

    async fn copy(&self, _: &CopySource, _: &Pin, _: &str, _: &Write) -> Result<Written> {
        unsupported()
    }
    async fn copy_part(&self, _: &CopySource, _: &Pin, _: Range<u64>, _: &Upload, _: &PartWrite) -> Result<Part> {
        unsupported()
    }
}
