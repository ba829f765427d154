//! The real programs on real components, from the command line to the last byte.

mod carriers;
mod changed_mind;
mod crash;
mod disk;
mod events;
mod fidelity;
mod fleet;
mod fleet_of_folders;
mod follow_up;
mod functions;
mod keys;
mod keys_and_files;
mod limits_of_stores;
mod local;
mod queue_owner;
mod replaced;
mod rights;
mod run_state;
mod stop;
mod subscription;
mod support;
mod unlisted;
mod verify;
mod watch;
mod worker;
