//! A bad store is distinguished from bad objects.

use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::proxy::{Fault, Kind, Rule};
use tokio::time::{sleep, timeout};

use crate::stage::{Objects, Stage};

const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";

fn respond(status: u16, text: &str) -> Fault {
    Fault::Respond(status, text.to_owned())
}

/// Waits until the worker says that it is ready, or that it is not.
async fn until_ready(stage: &Stage, ready: bool) {
    let reached = async {
        while stage.health.is_ready() != ready {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let reached = timeout(Duration::from_secs(60), reached).await;
    reached.unwrap_or_else(|_| panic!("readiness is never {ready}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_outage_costs_no_object_an_attempt() {
    for at_source in [false, true] {
        let mut stage = Stage::new(Objects::small(60)).await;
        stage.machine.concurrency = 8;
        // Fleets wait for ever.
        stage.outage_limit = None;
        stage.health.set_ready(true);
        let proxy = if at_source { &stage.from } else { &stage.to };
        proxy.inject(Rule::always(Fault::CloseBefore).after(12));
        let watched = async {
            until_ready(&stage, false).await;
            let asked: u64 = proxy.counts().values().sum();
            // Long enough for some probes, each of three requests at most.
            sleep(Duration::from_millis(1_500)).await;
            let probes = proxy.counts().values().sum::<u64>() - asked;
            proxy.heal();
            until_ready(&stage, true).await;
            probes
        };
        let (end, probes) = tokio::join!(stage.sync(), watched);
        let run = end.done("outage");
        assert_eq!((run.settled.copied, run.settled.failed), (60, 0), "at source: {at_source}");
        assert!(probes < 60, "{probes} requests to a store that is known to fail");
        for (key, _) in &stage.objects.0 {
            let attempts = stage.outcome(key).await.attempts;
            assert!(attempts <= 2, "{key}: {attempts} attempts");
        }
        stage.assert_stored_all_but(&[], "outage");
    }
}

/// All objects are written, and wait for the second look, when the source goes away.
#[tokio::test(flavor = "multi_thread")]
async fn regression_an_outage_during_the_second_look_loses_no_object() {
    // A multiple of `concurrency`: if the puts come in step, the looks after the last ones are still enough to fail.
    let mut stage = Stage::new(Objects::small(64)).await;
    stage.machine.concurrency = 8;
    stage.work.look_again = Some(true);
    stage.outage_limit = None;
    stage.health.set_ready(true);
    stage.to.inject(Rule::on(Kind::Put, Fault::Delay(Duration::from_millis(300))));
    let outage = async {
        while stage.to.count(Kind::Put) < 64 {
            sleep(Duration::from_millis(5)).await;
        }
        stage.from.inject(Rule::always(Fault::CloseBefore));
        until_ready(&stage, false).await;
        sleep(Duration::from_millis(500)).await;
        stage.from.heal();
    };
    let (end, ()) = tokio::join!(stage.sync(), outage);
    let run = end.done("outage during the second look");
    assert_eq!((run.settled.copied, run.settled.objects()), (64, 64));
    stage.assert_stored_all_but(&[], "outage during the second look");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lasting_outage_stops_the_run_and_fails_no_object() {
    let mut stage = Stage::new(Objects::small(300)).await;
    stage.outage_limit = Some(Duration::from_secs(1));
    stage.to.inject(Rule::always(Fault::CloseBefore).after(20));
    let end = stage.sync().await;
    let line = end.outage.expect("the worker gives up");
    assert!(line.starts_with("destination s3://") && line.contains("has failed for"), "{line}");
    assert!(
        line.contains("check its endpoint-url and the network") && line.ends_with("run the same command to resume"),
        "{line}"
    );
    assert_eq!(end.run.expect("a run").settled.failed, 0);
    assert!(stage.to.count(Kind::Put) < 300, "{} requests", stage.to.count(Kind::Put));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_writes_is_not_asked_for_every_object() {
    let mut stage = Stage::new(Objects::small(300)).await;
    stage.outage_limit = Some(Duration::from_secs(3));
    stage.to.inject(Rule::on(Kind::Put, respond(500, "")));
    let end = stage.sync().await;
    assert!(end.outage.is_some(), "{end:?}");
    let failed = end.run.expect("a run").settled.failed;
    assert!(failed <= 40, "{failed} objects failed for a reason that is not theirs");
    assert!(stage.to.count(Kind::Put) < 600, "{} requests", stage.to.count(Kind::Put));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_denies_everything_stops_the_run_soon() {
    for (at_source, kind) in [(false, Kind::Put), (true, Kind::Get)] {
        let stage = Stage::new(Objects::small(300)).await;
        let proxy = if at_source { &stage.from } else { &stage.to };
        proxy.inject(Rule::on(kind, respond(403, DENIED)));
        let end = stage.sync().await;
        let line = end.outage.expect("the worker gives up");
        assert!(line.contains("refuses every object") && line.contains("AccessDenied"), "{line}");
        assert!(line.contains("check the permissions of the") && !line.contains('\n'), "{line}");
        assert!(proxy.count(kind) <= 100, "{} requests", proxy.count(kind));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_objects_are_named_and_never_stop_the_run() {
    for fault in [respond(403, DENIED), respond(500, ""), Fault::CloseBefore] {
        let mut stage = Stage::new(Objects::small(60)).await;
        // In the worst order: one after the other, with nothing good in between.
        stage.machine.concurrency = 1;
        stage.to.inject(Rule::on(Kind::Put, fault.clone()).containing("/small/000"));
        let end = stage.sync().await;
        let failures = stage.failures(end.done("bad objects")).await;
        let mut failed: Vec<String> = failures.into_iter().map(|outcome| outcome.key).collect();
        failed.sort();
        let bad: Vec<String> = (0..10).map(|n| format!("small/{n:04}")).collect();
        assert_eq!(failed, bad, "{fault:?}");
        stage.assert_stored_all_but(&bad, "bad objects");
    }
}

/// Runs the built program on the stage's buckets.
pub async fn flotilla(stage: &Stage, state: &std::path::Path, options: &[&str]) -> Ended {
    let mut arguments = vec!["sync".to_owned()];
    for side in [&stage.source, &stage.destination] {
        arguments.push(side.location.to_string());
    }
    for (name, side) in [("source", &stage.source), ("destination", &stage.destination)] {
        arguments.extend([format!("--{name}-endpoint-url"), side.connection.endpoint_url.clone().expect("is given")]);
        arguments.extend([format!("--{name}-credentials"), side.connection.credentials.clone().expect("is given")]);
    }
    arguments.extend(["--json".into(), "--state".into(), state.to_str().expect("UTF-8").to_owned()]);
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    Process::start(&binaries::flotilla(), arguments, []).wait(Duration::from_secs(60)).await
}

fn failed(ended: &Ended) -> u64 {
    let line = ended.stdout.lines().last().expect("a line of JSON");
    serde_json::from_str::<serde_json::Value>(line).expect("JSON")["failed"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_exits_3_with_one_line_and_the_next_run_resumes() {
    let stage = Stage::new(Objects::small(60)).await;
    let state = fresh_folder("state");
    stage.to.inject(Rule::always(Fault::CloseBefore).after(15));
    let ended = flotilla(&stage, &state, &["--outage-limit", "1s"]).await;
    assert_eq!((ended.code, failed(&ended)), (Some(3), 0), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("flotilla: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains("has failed for"), "{}", ended.stderr);
    stage.to.heal();
    let ended = flotilla(&stage, &state, &["--outage-limit", "1s"]).await;
    assert_eq!((ended.code, failed(&ended)), (Some(0), 0), "{}", ended.stderr);
    stage.assert_stored_all_but(&[], "resumed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denying_destination_exits_2_with_one_line() {
    let stage = Stage::new(Objects::small(300)).await;
    stage.to.inject(Rule::on(Kind::Put, respond(403, DENIED)));
    let ended = flotilla(&stage, &fresh_folder("state"), &[]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("flotilla: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains("refuses every object"), "{}", ended.stderr);
    assert!(failed(&ended) <= 60, "{}", ended.stdout);
}
