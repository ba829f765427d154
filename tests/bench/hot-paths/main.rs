//! Criterion benches of the code that runs for each object or each page.
//!
//! Most benches call functions over values. The reader of listings and the signer are private to the client of stores:
//! `requests` sends whole requests to a server that answers with prepared bytes. A second bench leaves the private part
//! out, and the difference of the two is its time.

mod bodies;
mod digests;
mod join;
mod packing;
mod prepared;
mod requests;
mod sample;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    requests::pages,
    requests::heads,
    join::listings,
    packing::jobs,
    bodies::jobs,
    bodies::blocks,
    digests::digests,
);
criterion_main!(benches);
