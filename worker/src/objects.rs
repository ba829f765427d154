//! The kind of data *objects*: copies and deletes the objects of a job.
//!
//! `batch` takes the objects of a job and records what became of them. Between the two, one object ([`item::Item`])
//! goes down this chain, and one [`verdict::Verdict`] comes back:
//!
//! ```text
//! executor → batch → reconcile (changed: before it) → whole, multipart → the destination
//!              ↑          ↓
//!   breaker permits it   recheck: the second look, or second_look: at many
//! ```
//!
//! **No module leads back to itself** by what it uses, which a test of the harness checks. From the top down:
//!
//! 1. `executor`, then `batch`, `cancel`, `second_look`: the objects of a job, all together
//!    `close`: the uploads of a run or a task, without its jobs
//! 2. `changed`: one key that an event names
//! 3. `reconcile`, `replace`: source and destination are brought in step at one key, by what its job asks for
//! 4. `in_place`, `whole`, `multipart` (of which `giant` also has jobs of its own), `archive`, `recheck`: one version is found
//!    in place or written
//! 5. `item`, `settle`, `requeue`, `suspects`, `source`, `source_pages`, `mirror`, `metadata`, `reread`: the steps of these
//! 6. `context`: what all jobs share. It holds only modules that do not know it: `breaker`, `events::coalesce`,
//!    `events::pending_writes`, `events::unchecked_writes`, `metadata::unsupported`, `multipart::{part_limit, pending_creates,
//!    unrecorded_parts}`, `service_copies`, `tasks`, `wrong_bytes`
//! 7. `verdict`, `version`, `plan`, `integrity`, `pipe`, `multipart::precedence`: values and pure functions

pub(crate) mod archive;
pub(crate) mod batch;
pub(crate) mod breaker;
pub(crate) mod bulk_delete;
pub(crate) mod cancel;
pub(crate) mod changed;
pub(crate) mod close;
pub(crate) mod context;
pub(crate) mod events;
pub(crate) mod executor;
pub(crate) mod in_place;
pub(crate) mod integrity;
pub(crate) mod item;
pub(crate) mod metadata;
pub(crate) mod mirror;
pub(crate) mod multipart;
pub(crate) mod pipe;
pub(crate) mod plan;
pub(crate) mod recheck;
pub(crate) mod reconcile;
pub(crate) mod replace;
pub(crate) mod requeue;
pub(crate) mod reread;
pub(crate) mod second_look;
pub(crate) mod service_copies;
pub(crate) mod settle;
pub(crate) mod source;
pub(crate) mod source_pages;
pub(crate) mod suspects;
pub(crate) mod tasks;
pub(crate) mod transfers;
pub(crate) mod verdict;
pub(crate) mod version;
pub(crate) mod whole;
pub(crate) mod wrong_bytes;
