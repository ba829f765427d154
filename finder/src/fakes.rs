//! Fakes of the ports, as small as the finder's tests need them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shared::acl::Acl;
use shared::digest::{Algorithm, Checksum};
use shared::filter::Filter;
use shared::job::Origin;
use shared::ledger::*;
use shared::location::Location;
use shared::object::{Attributes, ETag, Entry, ObjectInfo, Pin, Tags, Timestamp, Uncarried};
use shared::objects::*;
use shared::queue::{Depth, JobQueue, Message, Outgoing};
use shared::store::*;
use shared::{Error, ErrorKind, Result};

pub fn entry(key: &str, size: u64, seconds: i64) -> Entry {
    Entry { key: key.into(), size, modified: Timestamp(seconds * 1000), etag: None, version: None, storage_class: None }
}

pub fn tagged(key: &str, etag: &str) -> Entry {
    Entry { etag: Some(ETag::new(etag)), ..entry(key, 1, 1) }
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "fake", "subject", "as the test wants it")
}

fn unsupported<T>() -> Result<T> {
    Err(error(ErrorKind::Unsupported))
}

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
    /// Checksums that it keeps (told by `head`), and others that it can compute, by key.
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
            verifies: Vec::new(),
            keeps_attributes: true,
            keeps_modified: false,
            metadata: MetadataSupport::NOTHING,
            surely_verifies: true,
            reports_tag_counts: true,
            has_folders: false,
            is_remote: true,
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
fn may_hold(range: &KeyRange, span: &Span) -> bool {
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
        let spans = self.unlisted.iter().filter(|u| may_hold(&range, &u.keys)).cloned().map(Listed::Unlisted);
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
    fn held_time(&self, time: Timestamp) -> Timestamp {
        time
    }
    fn service(&self) -> Option<&Service> {
        None
    }
    fn throttles(&self) -> u64 {
        0
    }

    async fn probe(&self) -> Result<()> {
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

/// Lets the `n`th write fail, before it has an effect or after; and, as after a crash, all that follow.
#[derive(Debug, Default)]
pub struct Faults {
    pub steps: AtomicUsize,
    plan: Mutex<Option<(usize, bool)>>,
}

impl Faults {
    pub fn crash_at(&self, plan: Option<(usize, bool)>) {
        self.steps.store(0, SeqCst);
        *self.plan.lock().unwrap() = plan;
    }

    fn step(&self, effect: impl FnOnce()) -> Result<()> {
        let step = self.steps.fetch_add(1, SeqCst);
        match *self.plan.lock().unwrap() {
            Some((at, after)) if step == at && after => effect(),
            Some((at, _)) if step >= at => {}
            _ => {
                effect();
                return Ok(());
            }
        }
        Err(error(ErrorKind::Unavailable))
    }
}

/// A queue that remembers what was sent.
#[derive(Debug, Default)]
pub struct Belt {
    pub faults: Arc<Faults>,
    pub sent: Mutex<Vec<String>>,
    /// Nothing is left of what was sent.
    pub is_empty: AtomicBool,
}

#[async_trait]
impl JobQueue for Belt {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        // A failed send may have stored some: half of them.
        let bodies = |n: usize| messages[..n].iter().map(|m| m.body.clone()).collect::<Vec<_>>();
        let sent = self.faults.step(|| self.sent.lock().unwrap().extend(bodies(messages.len())));
        if sent.is_err()
            && self.faults.plan.lock().unwrap().is_some_and(|(at, _)| self.faults.steps.load(SeqCst) == at + 1)
        {
            self.sent.lock().unwrap().extend(bodies(messages.len() / 2));
        }
        sent
    }
    async fn receive(&self, _: usize, _: Duration, _: Duration) -> Result<Vec<Message>> {
        unsupported()
    }
    fn outlives_callers(&self) -> bool {
        false
    }
    async fn extend(&self, _: &Message, _: Duration) -> Result<()> {
        unsupported()
    }
    async fn acknowledge(&self, _: &Message) -> Result<()> {
        unsupported()
    }
    async fn release(&self, _: &Message, _: Duration) -> Result<()> {
        unsupported()
    }
    async fn dead_letter(&self, _: &Message, _: &str) -> Result<()> {
        unsupported()
    }
    async fn depth(&self) -> Result<Depth> {
        let ready = if self.is_empty.load(SeqCst) { 0 } else { self.sent.lock().unwrap().len() as u64 };
        Ok(Depth { ready, ..Depth::default() })
    }
}

/// A ledger of runs and checkpoints.
#[derive(Debug, Default)]
pub struct Book {
    pub faults: Arc<Faults>,
    pub pages: Arc<Mutex<BookPages>>,
    /// How long a claim takes, which goes on when its caller is gone.
    pub claim_takes: Duration,
}

#[derive(Debug, Default)]
pub struct BookPages {
    pub claim: Option<String>,
    pub runs: BTreeMap<String, Run>,
    pub checkpoints: BTreeMap<(String, u32), Checkpoint>,
    pub held: BTreeMap<(String, u32, u32), String>,
    pub counted: BTreeSet<(String, String, u32)>,
    pub suspects: BTreeMap<String, Timestamp>,
    pub failures: Vec<Outcome>,
}

impl Book {
    fn write(&self, effect: impl FnOnce(&mut BookPages)) -> Result<()> {
        self.faults.step(|| effect(&mut self.pages.lock().unwrap()))
    }

    pub fn last_run(&self) -> Run {
        let id = self.pages.lock().unwrap().runs.keys().next_back().unwrap().clone();
        self.get(&id).unwrap()
    }

    /// The workers' part: every enqueued object is settled.
    pub fn settle_all(&self, run: &str) {
        let enqueued = self.get(run).unwrap().enqueued();
        self.pages.lock().unwrap().runs.get_mut(run).unwrap().settled.copied = enqueued;
    }

    fn get(&self, run: &str) -> Option<Run> {
        let pages = self.pages.lock().unwrap();
        let mut found = Found::default();
        pages.checkpoints.iter().filter(|((id, _), _)| id == run).for_each(|(_, c)| found += c.found);
        pages.runs.get(run).map(|run| Run { found, ..run.clone() })
    }
}

#[async_trait]
impl SuspectKeys for Book {
    async fn suspect(&self, _: &str, suspect: &Suspect) -> Result<()> {
        self.pages.lock().unwrap().suspects.insert(suspect.key.clone(), suspect.since);
        Ok(())
    }
    async fn suspects(&self, _: &str, from: &str, limit: usize) -> Result<Vec<Suspect>> {
        let pages = self.pages.lock().unwrap();
        let suspects = pages.suspects.range(from.to_owned()..).take(limit);
        Ok(suspects.map(|(key, since)| Suspect { key: key.clone(), since: *since }).collect())
    }
    async fn clear_suspect(&self, _: &str, _: &Suspect) -> Result<()> {
        unsupported()
    }
}

#[async_trait]
impl TransferReports for Book {
    async fn report_transfers(&self, _: &str, _: &TransferReport, _: Duration) -> Result<()> {
        unsupported()
    }
    async fn withdraw_transfers(&self, _: &str, _: &str) -> Result<()> {
        unsupported()
    }
    async fn transfers(&self, _: &str) -> Result<Vec<TransferReport>> {
        unsupported()
    }
}

#[async_trait]
impl Ledger for Book {
    async fn claim(&self, _: &str, owner: &str, _: Duration) -> Result<()> {
        let (pages, owner, takes) = (self.pages.clone(), owner.to_owned(), self.claim_takes);
        let claimed = tokio::spawn(async move {
            tokio::time::sleep(takes).await;
            let mut pages = pages.lock().unwrap();
            if pages.claim.as_deref().is_some_and(|other| other != owner) {
                return Err(error(ErrorKind::Conflict));
            }
            pages.claim = Some(owner);
            Ok(())
        });
        claimed.await.unwrap()
    }
    async fn unclaim(&self, _: &str, owner: &str) -> Result<()> {
        let mut pages = self.pages.lock().unwrap();
        pages.claim = pages.claim.take().filter(|other| other != owner);
        Ok(())
    }
    async fn start_run(&self, start: &RunStart) -> Result<()> {
        let run = Run {
            start: start.clone(),
            phase: Phase::Listing,
            error: None,
            found: Found::default(),
            settled: Settled::default(),
        };
        self.write(|pages| {
            pages.runs.entry(start.id.clone()).or_insert(run);
        })
    }
    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>) -> Result<()> {
        self.write(|pages| {
            let run = pages.runs.get_mut(run).unwrap();
            run.phase = phase;
            run.error = error.map(str::to_owned).or(run.error.take());
        })
    }
    async fn refuse_deletes(&self, run: &str) -> Result<()> {
        self.write(|pages| {
            let of_run = pages.checkpoints.iter_mut().filter(|((id, _), _)| id == run);
            of_run.for_each(|(_, checkpoint)| checkpoint.found.deletes = 0);
        })
    }
    async fn run(&self, run: &str) -> Result<Option<Run>> {
        Ok(self.get(run))
    }
    async fn run_state(&self, run: &str) -> Result<Option<RunState>> {
        Ok(self.get(run).map(|run| RunState { phase: run.phase, options: run.start.options }))
    }
    async fn runs(&self, _: &str, limit: usize) -> Result<Vec<Run>> {
        let ids: Vec<String> = self.pages.lock().unwrap().runs.keys().rev().take(limit).cloned().collect();
        Ok(ids.iter().filter_map(|id| self.get(id)).collect())
    }
    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint) -> Result<()> {
        let bytes: usize = checkpoint.outbox.iter().map(String::len).sum();
        assert!(bytes <= shared::queue::MAX_BODY_BYTES, "an outbox of {bytes} bytes");
        let key = (run.to_owned(), checkpoint.id);
        let before = self.pages.lock().unwrap().checkpoints.get(&key).cloned();
        assert!(before.is_none_or(|before| before.version < checkpoint.version), "{checkpoint:?} is late");
        self.write(|pages| drop(pages.checkpoints.insert(key, checkpoint.clone())))
    }
    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        let pages = self.pages.lock().unwrap();
        Ok(pages.checkpoints.iter().filter(|((id, _), _)| id == run).map(|(_, c)| c.clone()).collect())
    }
    async fn hold(&self, run: &str, range: u32, number: u32, body: &str) -> Result<()> {
        self.write(|pages| {
            pages.held.insert((run.into(), range, number), body.into());
        })
    }
    async fn held(&self, run: &str, range: u32, number: u32) -> Result<Option<String>> {
        Ok(self.pages.lock().unwrap().held.get(&(run.into(), range, number)).cloned())
    }
    async fn tasks(&self) -> Result<Vec<String>> {
        unsupported()
    }
    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
        let mut new = BTreeSet::new();
        self.write(|pages| {
            for (place, outcome) in settlement.outcomes {
                if pages.counted.insert((settlement.run.into(), settlement.origin.id.clone(), *place)) {
                    pages.runs.get_mut(settlement.run).unwrap().settled.count(outcome);
                    new.insert(*place);
                }
            }
        })?;
        Ok(new)
    }
    async fn settled(&self, _: &str, _: &Origin) -> Result<BTreeSet<u32>> {
        unsupported()
    }
    async fn outcome(&self, _: &str, _: &str) -> Result<Option<Outcome>> {
        unsupported()
    }
    async fn failures(&self, _: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)> {
        let pages = self.pages.lock().unwrap();
        let from: usize = after.map_or(0, |token| token.parse().unwrap());
        let page: Vec<Outcome> = pages.failures.iter().skip(from).take(limit).cloned().collect();
        let next = from + page.len();
        Ok((page, (next < pages.failures.len()).then(|| next.to_string())))
    }
}
