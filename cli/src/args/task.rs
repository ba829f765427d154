//! Options of the commands that look at two locations.

use std::path::PathBuf;

use clap::Args;
use control::Effort;
use humantime::Duration;
use sha2::{Digest as _, Sha256};
use shared::acl::CannedAcl;
use shared::config::{Compare, Config, Find, Kind, MachineSettings, ObjectsConfig, Records, Side, Size, Sse, Work};
use shared::location::Location;
use shared::store::Tier;

use super::RUNNING;
use super::filters::FilterArgs;
use super::sides::{BothArgs, DestinationArgs, SourceArgs};
use crate::exit::Failure;
use crate::state;

/// `flotilla sync`
#[derive(Debug, Args)]
pub struct SyncArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// Show the work without doing it, as plan does
    #[arg(long, help_heading = RUNNING)]
    pub dry_run: bool,
    /// Begin a new run even if an earlier run still has jobs
    #[arg(long, help_heading = RUNNING)]
    pub force: bool,
    /// Repeat until interrupted, a run each TIME, such as 1h
    #[arg(long, value_name = "TIME", value_parser = shared::config::interval, conflicts_with = "dry_run", help_heading = RUNNING)]
    pub every: Option<Duration>,
    /// Write one JSON line per object to FILE; a resumed run appends to it
    #[arg(long, value_name = "FILE", help_heading = RUNNING)]
    pub report: Option<PathBuf>,
    /// Print a summary as JSON in the last line of standard output
    #[arg(long, help_heading = RUNNING)]
    pub json: bool,
}

/// `flotilla plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// Print the plan as JSON
    #[arg(long, help_heading = RUNNING)]
    pub json: bool,
}

/// `flotilla verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    locations: Locations,
    #[command(flatten)]
    pub filters: FilterArgs,
    /// Read and compare the bytes of both sides, even if checksums are equal
    #[arg(long, help_heading = RUNNING)]
    deep: bool,
    /// Read no bytes over a network and compare no metadata; objects without a common checksum count as the
    /// same if their sizes are equal
    #[arg(long, conflicts_with = "deep", help_heading = RUNNING)]
    quick: bool,
    /// Maximum number of objects compared at once
    #[arg(long, value_name = "N", value_parser = number::<usize>, default_value_t = MachineSettings::default().concurrency, help_heading = RUNNING)]
    concurrency: usize,
    /// Print differences as JSON, and a summary in the last line
    #[arg(long, help_heading = RUNNING)]
    pub json: bool,
}

/// What sync and plan have in common.
#[derive(Debug, Args)]
pub struct TaskArgs {
    #[command(flatten)]
    locations: Locations,
    #[command(flatten)]
    find: FindArgs,
    #[command(flatten)]
    pub filters: FilterArgs,
    #[command(flatten)]
    work: WorkArgs,
    /// Folder of the embedded queue and ledger [default: $XDG_STATE_HOME/flotilla, else
    /// ~/.local/state/flotilla]
    #[arg(long, value_name = "DIR", help_heading = RUNNING)]
    pub(super) state: Option<PathBuf>,
    /// Serve /metrics, /healthz and /readyz at HOST:PORT
    #[arg(long, value_name = "HOST:PORT", help_heading = RUNNING)]
    metrics_addr: Option<String>,
}

/// From where to where.
#[derive(Debug, Args)]
struct Locations {
    /// Source location: s3://BUCKET/PREFIX, oss:// cos:// kodo:// gs:// r2://, or a folder
    source: Location,
    /// Destination location, in one of the same forms
    destination: Location,
    #[command(flatten)]
    both: BothArgs,
    #[command(flatten)]
    from: SourceArgs,
    #[command(flatten)]
    to: DestinationArgs,
}

/// How differences are found.
#[derive(Debug, Args)]
#[command(next_help_heading = "Comparing")]
struct FindArgs {
    /// How objects are compared: auto (etag if both sides compute ETags alike, else size-mtime), size-mtime,
    /// size, etag, checksum or always
    #[arg(long, value_name = "BY", value_parser = compare, default_value = "auto")]
    compare: Compare,
    /// Also copy objects that differ only in headers, user metadata or tags; costs one HEAD for each object
    /// on each side
    #[arg(long)]
    metadata: bool,
    /// Delete destination objects that the source does not have
    #[arg(long)]
    delete: bool,
    /// Refuse all deletes of a run if there are more than this
    #[arg(long, value_name = "N", value_parser = number::<u64>, requires = "delete")]
    max_delete: Option<u64>,
    /// Maximum number of key ranges listed at once
    #[arg(long, value_name = "N", value_parser = number::<usize>, default_value_t = Find::default().list_concurrency)]
    list_concurrency: usize,
    /// Maximum number of objects in one copy job
    #[arg(long, value_name = "N", value_parser = number::<u32>, default_value_t = Find::default().job_objects)]
    job_objects: u32,
    /// Maximum bytes in a copy job of several objects
    #[arg(long, value_name = "SIZE", default_value_t = Size(Find::default().job_bytes))]
    job_bytes: Size,
}

/// How objects are copied.
#[derive(Debug, Args)]
#[command(next_help_heading = "Copying")]
struct WorkArgs {
    /// Maximum number of transfers at once. A part of which at most 1 MiB is left to read does not count; there are at
    /// most as many of these
    #[arg(long, value_name = "N", value_parser = number::<usize>, default_value_t = MachineSettings::default().concurrency)]
    concurrency: usize,
    /// Memory limit of the process
    #[arg(long, value_name = "SIZE", default_value_t = Size(MachineSettings::default().memory_limit))]
    memory_limit: Size,
    /// Maximum bytes a second over all transfers, such as 50MiB
    #[arg(long, value_name = "SIZE")]
    bandwidth_limit: Option<Size>,
    /// Part size of multipart uploads [default: chosen per object]
    #[arg(long, value_name = "SIZE")]
    part_size: Option<Size>,
    /// Send objects larger than this in parts [default: 64MiB, or 1GiB if the source reports an MD5; less if a store is
    /// far away]
    #[arg(long, value_name = "SIZE")]
    multipart_threshold: Option<Size>,
    /// Share objects of at least this size among all workers
    #[arg(long, value_name = "SIZE", default_value_t = Size(Work::default().giant_threshold))]
    giant_threshold: Size,
    /// Maximum number of attempts at one object
    #[arg(long, value_name = "N", value_parser = number::<u32>, default_value_t = Work::default().attempts)]
    attempts: u32,
    /// Delay before an object's second attempt; each further delay is four times as long
    #[arg(long, value_name = "TIME", value_parser = shared::config::time, default_value_t = Work::default().retry_delay.into())]
    retry_delay: Duration,
    /// Time after which a silent worker's job is given to another
    #[arg(long, value_name = "TIME", value_parser = shared::config::time, default_value_t = MachineSettings::default().lease.into())]
    lease: Duration,
    /// Time that an interrupted run has to finish its jobs in progress
    #[arg(long, value_name = "TIME", value_parser = shared::config::time, default_value_t = MachineSettings::default().drain.into())]
    drain: Duration,
    /// Time to wait for a store while all its requests fail
    #[arg(long, value_name = "TIME", value_parser = shared::config::time, default_value_t = Work::default().outage_limit.into())]
    outage_limit: Duration,
    /// Do not ask a service to copy between its own buckets
    #[arg(long)]
    no_server_side_copy: bool,
    /// Storage class of the copies [default: the source's, if both sides have the same classes]
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Do not copy tags
    #[arg(long)]
    no_tags: bool,
    /// Copy access control lists
    #[arg(long)]
    acl: bool,
    /// Access control list of the copies: private, public-read, public-read-write, authenticated-read, aws-exec-read,
    /// bucket-owner-read or bucket-owner-full-control [default: the bucket's]
    #[arg(long, value_name = "NAME", value_parser = canned_acl)]
    canned_acl: Option<CannedAcl>,
    /// Encryption at the destination: AES256 or aws:kms
    #[arg(long, value_name = "HOW", value_parser = sse)]
    sse: Option<Sse>,
    /// KMS key for the encryption [default: the account's default key]
    #[arg(long, value_name = "ID", requires = "sse")]
    sse_kms_key_id: Option<String>,
    /// Fail an object, instead of warning, if the destination cannot keep all of its metadata
    #[arg(long)]
    strict: bool,
    /// Restore archived objects and wait for them: Bulk, Standard or Expedited [default: skip archived
    /// objects]
    #[arg(long, value_name = "TIER", value_parser = tier)]
    restore: Option<Tier>,
    /// Days for which restored objects stay readable
    #[arg(long, value_name = "N", value_parser = number::<u16>, default_value_t = Work::default().restore_days)]
    restore_days: u16,
}

fn canned_acl(text: &str) -> Result<CannedAcl, String> {
    word(text)
}

fn sse(text: &str) -> Result<Sse, String> {
    word(text)
}

fn tier(text: &str) -> Result<Tier, String> {
    word(text)
}

/// Reads a setting's word as config files do.
pub(super) fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    let read = T::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text));
    read.map_err(|error| match error.to_string().split_once(", expected ") {
        Some((_, words)) => format!("give {}", words.replace('`', "")),
        None => error.to_string(),
    })
}

/// Reads a whole number. Its bounds are checked with those of config files.
fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().map_err(|_| if is_number { "it is too large" } else { "give a whole number" }.to_owned())
}

fn compare(text: &str) -> Result<Compare, String> {
    word(text)
}

impl Locations {
    fn sides(&self) -> Result<(Side, Side), Failure> {
        self.both.check(&[&self.source, &self.destination])?;
        Ok((self.both.side(&self.source, self.from.own()), self.both.side(&self.destination, self.to.own())))
    }

    /// A checked task between the two places, with everything else as given.
    fn config(&self, find: Find, (machine, work): (MachineSettings, Work), state: PathBuf) -> Result<Config, Failure> {
        let (source, destination) = self.sides()?;
        let name = task_name(&source, &destination);
        let config = Config {
            task: name.clone(),
            name,
            kind: Kind::OBJECTS,
            queue: None,
            events: None,
            ledger: None,
            state: Some(state),
            fleet: None,
            metrics_addr: None,
            machine,
            objects: ObjectsConfig { source, destination, find, work },
        };
        config.check()?;
        Ok(config)
    }
}

impl TaskArgs {
    /// How long a worker that is asked to stop may go on with its leased jobs.
    pub fn drain(&self) -> std::time::Duration {
        self.work.drain.into()
    }

    /// Source and destination as they were given.
    pub fn locations(&self) -> (&Location, &Location) {
        (&self.locations.source, &self.locations.destination)
    }

    /// These options between two other locations.
    pub fn settings_between(&self, source: Location, destination: Location) -> Result<ObjectsConfig, Failure> {
        self.locations.both.check(&[&source, &destination])?;
        Ok(ObjectsConfig {
            source: self.locations.both.side(&source, self.locations.from.own()),
            destination: self.locations.both.side(&destination, self.locations.to.own()),
            find: self.find(),
            work: self.work.settings(),
        })
    }

    /// Bytes a second over all transfers.
    pub fn bandwidth_limit(&self) -> Option<u64> {
        self.work.machine().bandwidth_limit
    }

    /// The task these options describe, checked.
    pub fn config(&self) -> Result<Config, Failure> {
        let state = self.state.clone().map_or_else(state::default_folder, Ok)?;
        let config = self.locations.config(self.find(), (self.work.machine(), self.work.settings()), state)?;
        Ok(Config { metrics_addr: self.metrics_addr.clone(), ..config })
    }

    fn find(&self) -> Find {
        let FindArgs { compare, metadata, delete, max_delete, list_concurrency, job_objects, job_bytes } = self.find;
        self.filters.apply(Find {
            compare,
            metadata,
            tags: !self.work.no_tags,
            strict: self.work.strict,
            delete,
            max_delete,
            list_concurrency,
            job_objects,
            job_bytes: job_bytes.0,
            ..Find::default()
        })
    }
}

impl WorkArgs {
    fn machine(&self) -> MachineSettings {
        MachineSettings {
            concurrency: self.concurrency,
            memory_limit: self.memory_limit.0,
            bandwidth_limit: self.bandwidth_limit.map(|size| size.0),
            lease: self.lease.into(),
            drain: self.drain.into(),
        }
    }

    fn settings(&self) -> Work {
        Work {
            // Alone on its state folder: nobody else is at the same objects.
            look_again: None,
            part_size: self.part_size.map(|size| size.0),
            multipart_threshold: self.multipart_threshold.map(|size| size.0),
            giant_threshold: self.giant_threshold.0,
            attempts: self.attempts,
            retry_delay: self.retry_delay.into(),
            outage_limit: self.outage_limit.into(),
            server_side_copy: !self.no_server_side_copy,
            storage_class: self.storage_class.clone(),
            tags: !self.no_tags,
            acl: self.acl,
            canned_acl: self.canned_acl,
            sse: self.sse,
            sse_kms_key_id: self.sse_kms_key_id.clone(),
            strict: self.strict,
            restore: self.restore,
            restore_days: self.restore_days,
            // The embedded ledger has a row for each.
            records: Records::default(),
        }
    }
}

impl VerifyArgs {
    /// How much may be read.
    pub fn effort(&self) -> Effort {
        Effort::of(self.deep, self.quick)
    }

    /// The task to be verified, checked. Nothing is written to its state folder.
    pub fn config(&self) -> Result<Config, Failure> {
        let machine = MachineSettings { concurrency: self.concurrency, ..MachineSettings::default() };
        // A task has a state folder; this one's is not looked at.
        self.locations.config(self.filters.apply(Find::default()), (machine, Work::default()), std::env::temp_dir())
    }
}

/// One name for one pair of places: a later sync between them is the same task.
fn task_name(source: &Side, destination: &Side) -> String {
    let mut hash = Sha256::new();
    for side in [source, destination] {
        let endpoint = side.connection.endpoint_url.as_deref().unwrap_or("").trim_end_matches('/');
        let region = side.connection.region.as_deref().unwrap_or("");
        for part in [&side.location.to_string(), endpoint, region] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    format!("sync-{}", shared::digest::to_hex(&hash.finalize()[..8]))
}
