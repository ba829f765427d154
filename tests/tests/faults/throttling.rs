//! Stores that ask for fewer requests: all of them go slower together, and nothing fails.

use std::time::Duration;

use flotilla_tests::proxy::{Fault, Rule};

use crate::stage::{Objects, Stage};

fn slow_down() -> Fault {
    Fault::Respond(503, "<Error><Code>SlowDown</Code><Message>no</Message></Error>".to_owned())
}

async fn copies_everything(name: &str, stage: &Stage, most: u64) {
    let end = stage.sync().await;
    let run = end.done(name);
    assert_eq!((run.settled.copied, run.settled.failed), (stage.objects.0.len() as u64, 0), "{name}");
    stage.assert_stored_all_but(&[], name);
    for proxy in [&stage.from, &stage.to] {
        let asked: u64 = proxy.counts().values().sum();
        assert!(asked <= most, "{name}: {asked} requests: {:?}", proxy.counts());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constant_share_of_throttled_answers_fails_nothing() {
    for one_in in [10, 5] {
        let stage = Stage::new(Objects::small(200)).await;
        for proxy in [&stage.from, &stage.to] {
            proxy.inject(Rule::always(slow_down()).one_in(one_in));
        }
        // Each request is made 1.25 times, and a source is read again for each body that was refused.
        copies_everything("a share", &stage, 450).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_throttled_answers_fails_nothing_and_is_no_storm() {
    for side in 0..2 {
        let stage = Stage::new(Objects::small(100)).await;
        let proxy = if side == 0 { &stage.from } else { &stage.to };
        proxy.inject(Rule::always(slow_down()).after(10));
        let healed = async {
            while proxy.counts().values().sum::<u64>() <= 10 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            proxy.heal();
        };
        tokio::join!(copies_everything("a burst", &stage, 400), healed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_kept_by_all_transfers_together() {
    let stage = Stage::new(Objects::small(100)).await;
    let throttled = Fault::RespondWith(503, &[("retry-after", "1")], String::new());
    stage.to.inject(Rule::always(throttled).after(10));
    let healed = async {
        while stage.to.counts().values().sum::<u64>() < 15 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Those that were on their way are answered so too; then nobody asks for a second.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked: u64 = stage.to.counts().values().sum();
        stage.to.heal();
        asked
    };
    let (end, asked) = tokio::join!(stage.sync(), healed);
    let run = end.done("retry-after");
    assert_eq!((run.settled.copied, run.settled.failed), (100, 0));
    assert!(asked <= 10 + 2 * stage.machine.concurrency as u64, "{asked} requests in half a second");
}
