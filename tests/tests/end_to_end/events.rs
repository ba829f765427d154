//! Events followed from end to end: what happens at the source is reported as the vendors report it, on a real queue, to real
//! workers. What must hold in the end is checked by [`following::Following::assert_followed`] and by each test.

mod bodies;
mod burst;
mod changes;
mod chaos;
mod following;
mod formats;
mod latency;
mod load;
mod priority;
mod scope;
mod side;
