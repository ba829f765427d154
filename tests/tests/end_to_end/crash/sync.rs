//! `flotilla sync`, killed.

use std::path::Path;
use std::time::Duration;

use adapters::ledger::sqlite::SqliteLedger;
use adapters::sqlite::Database;
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::proxy::Kind;
use serde_json::Value;
use shared::ledger::Ledger as _;

use super::moment::Moment;
use super::world::{CONCURRENCY, JOB_OBJECTS, LEASE, Round, RoundSide};

const NO_ENV: [(&str, String); 0] = [];

/// What a sync asks of its source, and of its destination.
const AT_SOURCE: &[Kind] = &[Kind::List, Kind::Get, Kind::Get, Kind::Head];
const AT_DESTINATION: &[Kind] = &[
    Kind::List,
    Kind::Put,
    Kind::Create,
    Kind::Create,
    Kind::Part,
    Kind::Part,
    Kind::Complete,
    Kind::Complete,
    Kind::ListParts,
    Kind::Delete,
];

/// Longest time after which one is killed, ms: it takes about as long.
const LONGEST_MS: usize = 2_500;

/// A round; returns how often something was killed.
pub async fn round(seed: u64) -> u32 {
    let mut round = Round::new(seed, true).await;
    let state = fresh_folder("state");
    for _ in 0..1 + round.random.below(3) {
        let mut proxies = Vec::new();
        proxies.extend(round.source.proxy().map(|proxy| (proxy.clone(), AT_SOURCE)));
        proxies.extend(round.destination.proxy().map(|proxy| (proxy.clone(), AT_DESTINATION)));
        let moment = Moment::of(&mut round.random, &proxies, LONGEST_MS);
        let mut process = start(&round, &state);
        moment.wait(&mut process, Duration::from_secs(20)).await;
        if process.is_running() {
            process.kill();
            round.kills += 1;
            round.work_was_dropped(1);
            round.finding_was_dropped();
            process.wait(Duration::from_secs(60)).await;
        } else {
            let ended = process.wait(Duration::from_secs(1)).await;
            assert_eq!(ended.code, Some(0), "seed {seed}: {}", ended.stderr);
        }
        moment.pass();
        round.change_source().await;
    }
    round.pass_a_second().await;
    run(&round, &state).await;
    if round.source_was_changed() {
        run(&round, &state).await;
    }
    round.check().await;
    let ledger = SqliteLedger::open(&Database::open(&state).expect("the state folder opens"));
    let tasks = ledger.tasks().await.expect("the ledger answers");
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    round.check_runs(&ledger, &tasks[0]).await;
    let counted = run(&round, &state).await;
    assert_eq!((&counted["copied"], &counted["deleted"]), (&0.into(), &0.into()), "nothing is left to do: {counted}");
    round.remove();
    let _ = std::fs::remove_dir_all(&state);
    round.kills
}

fn start(round: &Round, state: &Path) -> Process {
    let mut arguments = vec!["sync".to_owned(), round.source.location(), round.destination.location()];
    let mut option = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
    let sides: [(&str, &RoundSide); 2] = [("source", &round.source), ("destination", &round.destination)];
    for (role, side) in sides {
        for (name, value) in side.connection() {
            option(&format!("{role}-{name}"), value);
        }
    }
    option("state", state.display().to_string());
    option("concurrency", CONCURRENCY.to_string());
    option("part-size", round.sizes.part.to_string());
    option("multipart-threshold", round.sizes.threshold.to_string());
    option("giant-threshold", round.sizes.giant.to_string());
    option("job-objects", JOB_OBJECTS.to_string());
    option("lease", LEASE.to_owned());
    option("retry-delay", "100ms".to_owned());
    option("max-delete", "1000".to_owned());
    arguments.extend(["--delete".to_owned(), "--json".to_owned()]);
    Process::start(&binaries::flotilla(), arguments, NO_ENV)
}

async fn run(round: &Round, state: &Path) -> Value {
    let Ended { code, stdout, stderr, .. } = start(round, state).wait(Duration::from_secs(300)).await;
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str(stdout.lines().last().expect("a summary")).expect("the summary is JSON")
}
