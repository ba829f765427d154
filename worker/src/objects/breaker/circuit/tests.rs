use super::*;
use futures::FutureExt;

fn failing(kind: ErrorKind) -> Error {
    Error::new(kind, "put", "s3://b/k", "as the test wants it")
}

fn circuit() -> Arc<CircuitBreaker> {
    CircuitBreaker::new("destination", Health::default())
}

/// Objects fail one after the other, each several times.
fn fail(circuit: &CircuitBreaker, objects: usize, kind: ErrorKind) {
    let error = failing(kind);
    for object in 0..objects {
        for _ in 0..3 {
            circuit.note(PUT.verb, &format!("object {object}"), CallResult::Failure(&error));
        }
    }
}

/// As the watch does when its probe is answered.
async fn half_open(circuit: &Arc<CircuitBreaker>, seen: CallResult<'_>) {
    circuit.try_an_object();
    let admission = circuit.admit().now_or_never().expect("one is let through");
    assert!(circuit.admit().now_or_never().is_none(), "and only one");
    circuit.note(PUT.verb, "half open", seen);
    drop(admission);
}

#[tokio::test]
async fn a_circuit_opens_only_for_different_objects_in_a_row() {
    let closed = circuit();
    fail(&closed, OPENS_AT - 1, ErrorKind::Unavailable);
    closed.note(PUT.verb, "good", CallResult::Success);
    fail(&closed, OPENS_AT - 1, ErrorKind::Unavailable);
    for kind in [ErrorKind::NotFound, ErrorKind::PreconditionFailed, ErrorKind::Unrepresentable, ErrorKind::BadDigest] {
        fail(&closed, 100, kind);
    }
    closed.note(HEAD, "good", CallResult::Success);
    assert!(!closed.is_suspended() && closed.admit().now_or_never().is_some());

    for kind in [ErrorKind::Connection, ErrorKind::Timeout, ErrorKind::ExpiredCredentials, ErrorKind::Denied] {
        let open = circuit();
        fail(&open, OPENS_AT - 1, kind);
        open.note(HEAD, "good", CallResult::Success);
        fail(&open, OPENS_AT, kind);
        assert!(open.is_suspended() && open.refusal().is_some() && open.admit().now_or_never().is_none(), "{kind}");
        assert!(open.is_store_outage(&failing(kind)) && !open.is_store_outage(&failing(ErrorKind::NotFound)));
    }
}

/// A giant alone would use up its attempts, and lose its parts.
#[tokio::test]
async fn regression_refused_credentials_open_a_circuit_at_once() {
    let circuit = circuit();
    fail(&circuit, 1, ErrorKind::ExpiredCredentials);
    assert!(circuit.is_suspended() && circuit.is_store_outage(&failing(ErrorKind::ExpiredCredentials)));
    half_open(&circuit, CallResult::Success).await;
    assert!(!circuit.is_suspended());
}

const HEAD: &str = shared::retry::HEAD.verb;

#[tokio::test]
async fn an_open_circuit_closes_by_one_success_and_not_by_a_probe() {
    let circuit = circuit();
    fail(&circuit, OPENS_AT, ErrorKind::Unavailable);
    half_open(&circuit, CallResult::Failure(&failing(ErrorKind::Unavailable))).await;
    assert!(circuit.refusal().is_some(), "the probe was answered, the object was not");
    half_open(&circuit, CallResult::Success).await;
    assert!(!circuit.is_suspended() && circuit.refusal().is_none());
}

#[tokio::test]
async fn a_half_open_try_without_a_result_passes_to_the_next() {
    let circuit = circuit();
    fail(&circuit, OPENS_AT, ErrorKind::Unavailable);
    circuit.try_an_object();
    drop(circuit.admit().await);
    let second = circuit.admit().now_or_never();
    assert!(second.is_some() && circuit.is_suspended());
}

#[tokio::test]
async fn waiting_calls_go_on_when_the_circuit_closes() {
    let circuit = circuit();
    fail(&circuit, OPENS_AT, ErrorKind::Unavailable);
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            tokio::spawn({
                let c = circuit.clone();
                async move { drop(c.admit().await) }
            })
        })
        .collect();
    tokio::task::yield_now().await;
    circuit.note(PUT.verb, "late", CallResult::Success);
    for waiting in waiting {
        waiting.await.unwrap();
    }
}

#[tokio::test]
async fn readiness_follows_the_circuit() {
    let health = Health::default();
    health.set_ready(true);
    let circuit = CircuitBreaker::new("source", health.clone());
    fail(&circuit, OPENS_AT, ErrorKind::Timeout);
    assert!(!health.is_ready());
    half_open(&circuit, CallResult::Success).await;
    assert!(health.is_ready());
}

/// As [`half_open`], where nothing awaits it.
fn half_open_now(circuit: &Arc<CircuitBreaker>, seen: CallResult<'_>) {
    half_open(circuit, seen).now_or_never().expect("it waits for nothing");
}

#[test]
fn the_gauge_of_failing_stores_is_0_after_an_outage() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let is = |value: u32, case: &str| {
        let (line, text) = (format!("flotilla_store_failing{{side=\"destination\"}} {value}\n"), handle.render());
        assert!(text.contains(&line), "{case}: {text}");
    };
    ::metrics::with_local_recorder(&recorder, || {
        let passing = circuit();
        is(0, "closed");
        for outage in ["first outage", "second outage"] {
            fail(&passing, OPENS_AT, ErrorKind::Unavailable);
            is(1, outage);
            half_open_now(&passing, CallResult::Failure(&failing(ErrorKind::Unavailable)));
            is(1, outage);
            half_open_now(&passing, CallResult::Success);
            is(0, outage);
        }
        // Its worker ends during the outage.
        let ending = circuit();
        fail(&ending, OPENS_AT, ErrorKind::Unavailable);
        is(1, "at the end of a worker");
        drop(ending);
        is(0, "after the end of a worker");
        drop(passing);
        is(0, "a closed circuit counts nothing");
    });
}

#[tokio::test]
async fn a_refusing_store_differs_from_a_forbidden_prefix_by_number() {
    let refused = failing(ErrorKind::Denied);
    for (has_worked, failures) in [(false, REFUSALS_AT_START), (true, REFUSALS)] {
        let circuit = circuit();
        if has_worked {
            circuit.note(PUT.verb, "good", CallResult::Success);
        }
        fail(&circuit, OPENS_AT, ErrorKind::Denied);
        for _ in 0..failures {
            assert!(!circuit.lock().refuses_everything());
            half_open(&circuit, CallResult::Failure(&refused)).await;
        }
        assert!(circuit.lock().refuses_everything());
    }
}

#[tokio::test]
async fn regression_tags_or_access_that_may_not_be_read_are_no_outage() {
    let circuit = circuit();
    let denied = failing(ErrorKind::Denied);
    for (at, verb) in DISPENSABLE.into_iter().cycle().take(10 * OPENS_AT).enumerate() {
        circuit.note(verb, &format!("key {at}"), CallResult::Failure(&denied));
    }
    assert!(circuit.refusal().is_none());
}

#[tokio::test(start_paused = true)]
async fn regression_a_full_disk_ends_the_work_and_fails_no_object() {
    let circuit = circuit();
    let full = failing(ErrorKind::Exhausted);
    circuit.note(PUT.verb, "object", CallResult::Failure(&full));
    assert!(circuit.is_suspended() && circuit.is_store_outage(&full));
    circuit.try_an_object();
    let _admission = circuit.admit().await;
    circuit.note(PUT.verb, "half open", CallResult::Failure(&full));
    assert!(circuit.is_store_outage(&full), "nor while half open");
    let location = Location::folder(std::path::Path::new("/")).unwrap();
    assert!(circuit.outage(&location, Duration::from_secs(600)).is_none());
    tokio::time::advance(NO_ROOM_LIMIT).await;
    let outage = circuit.outage(&location, Duration::from_secs(600)).unwrap();
    assert!(!outage.is_refusal && outage.to_string().contains("free space there"), "{outage}");
}
