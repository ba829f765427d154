//! Credentials that end, and are replaced, while a run is under way.

use std::time::Duration;

use flotilla_tests::emulators::{ACCESS_KEY, READ_ONLY_KEY, READ_ONLY_SECRET, SECRET_KEY, credentials_file};
use flotilla_tests::proxy::{Fault, Kind, Rule};
use tokio::time::sleep;

use crate::stage::{Objects, Stage};

/// A source read with keys that are refused after so many requests.
async fn stage(refusal: Fault) -> (Stage, std::path::PathBuf) {
    let mut stage = Stage::new(Objects::small(100)).await;
    let file = credentials_file(READ_ONLY_KEY, READ_ONLY_SECRET);
    stage.source.connection.credentials = Some(format!("file:{}", file.display()));
    stage.machine.concurrency = 4;
    stage.from.inject(Rule::always(refusal).signed_by(READ_ONLY_KEY).after(20));
    (stage, file)
}

fn refusal(status: u16, code: &str) -> Fault {
    Fault::Respond(status, format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_replaced_during_a_run_go_on_without_a_failure() {
    for refusal in [refusal(400, "ExpiredToken"), refusal(403, "InvalidAccessKeyId"), refusal(400, "InvalidToken")] {
        let (stage, file) = stage(refusal).await;
        let rotated = async {
            while stage.from.count(Kind::Get) < 15 {
                sleep(Duration::from_millis(1)).await;
            }
            // Refused for a while before the new ones are there.
            sleep(Duration::from_millis(500)).await;
            std::fs::rename(credentials_file(ACCESS_KEY, SECRET_KEY), &file).expect("the file is replaced");
        };
        let (end, ()) = tokio::join!(stage.sync(), rotated);
        let run = end.done("rotated");
        assert_eq!((run.settled.copied, run.settled.failed), (100, 0));
        stage.assert_stored_all_but(&[], "rotated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_nobody_replaces_stop_the_run_with_one_clear_line() {
    let (mut stage, _) = stage(refusal(400, "ExpiredToken")).await;
    stage.outage_limit = Some(Duration::from_secs(1));
    let end = stage.sync().await;
    let line = end.outage.expect("the worker gives up");
    assert!(line.contains("ExpiredToken") && line.contains("renew the source's credentials"), "{line}");
    assert_eq!(end.run.expect("a run").settled.failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_hours_off_fails_nothing() {
    for ahead_s in [3 * 3600, -3 * 3600] {
        let stage = Stage::new(Objects::with_parts()).await;
        stage.cloud.set_clock_ahead(ahead_s);
        let end = stage.sync().await;
        let run = end.done("skewed");
        assert_eq!((run.settled.copied, run.settled.failed), (7, 0), "{ahead_s} s ahead");
        stage.assert_stored_all_but(&[], "skewed");
    }
}
