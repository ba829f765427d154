//! A worker in this process between two folders, on an embedded queue and ledger whose calls are counted and broken:
//! what the worker's loop does, and how many operations it takes.

mod close;
mod definitions;
mod deletes;
mod filters;
mod in_order;
mod leases;
mod limits;
mod mixed_options;
mod outdated;
mod parts;
mod pause;
mod protection;
mod recording;
mod reread;
mod shares;
mod slow_parts;
mod stage;
mod suspects;
mod suspended;
mod tasks;
