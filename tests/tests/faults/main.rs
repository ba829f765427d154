//! What goes wrong at the stores, for each remote call, and how a sync ends that meets it.

mod integrity;
mod judging;
mod matrix;
mod one_object;
mod outage;
mod parts;
mod planned;
mod rotation;
mod stage;
mod throttling;
