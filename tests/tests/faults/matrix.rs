//! Each remote call of a sync under each fault, with its right end.

use flotilla_tests::proxy::{Fault, Kind, Rule};
use futures::stream::{self, StreamExt};

use crate::stage::{Objects, Stage};

/// Cases at a time: as many as keep two processors busy.
const AT_ONCE: usize = 4;

/// The right end of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Every byte arrives, and the deletes are made. Nothing failed.
    Recovered,
    /// One object failed and is named; all others arrived.
    OneFailed,
    /// Every object that is asked about so failed and is named.
    AllFailed,
    /// The run stopped with the listing's error; nothing was deleted.
    Stopped,
}
use Ends::*;

/// A fault, and how often it happens.
struct Case {
    name: &'static str,
    rule: Box<dyn Fn(Kind) -> Rule + Send + Sync>,
    /// By the call that meets it.
    ends: fn(Kind) -> Ends,
    /// Most requests of that kind that it may cost beyond those of a run without it.
    extra: u64,
}

fn xml(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>")
}

fn case(
    name: &'static str,
    ends: fn(Kind) -> Ends,
    extra: u64,
    rule: impl Fn(Kind) -> Rule + Send + Sync + 'static,
) -> Case {
    Case { name, rule: Box::new(rule), ends, extra }
}

fn always_recovered(_: Kind) -> Ends {
    Recovered
}

/// What a refusal that is meant leads to.
fn refused_once(kind: Kind) -> Ends {
    match kind {
        Kind::List => Stopped,
        // Asked again without the checksums, which may be what is refused.
        Kind::Head => Recovered,
        // What the service does not copy is streamed.
        Kind::Copy | Kind::PartCopy => Recovered,
        _ => OneFailed,
    }
}

fn refused_always(kind: Kind) -> Ends {
    match kind {
        Kind::List => Stopped,
        Kind::Copy | Kind::PartCopy => Recovered,
        Kind::Get | Kind::Put => AllFailed,
        _ => OneFailed,
    }
}

/// Faults that any call may meet.
fn cases() -> Vec<Case> {
    let respond = |status: u16, text: String| Fault::Respond(status, text);
    vec![
        case("503 SlowDown in a burst", always_recovered, 3, move |kind| {
            Rule::on(kind, respond(503, xml("SlowDown"))).times(3)
        }),
        case("503 for one in five", always_recovered, 60, move |kind| {
            Rule::on(kind, respond(503, xml("SlowDown"))).one_in(5)
        }),
        case("500 twice", always_recovered, 2, move |kind| Rule::on(kind, respond(500, xml("InternalError"))).times(2)),
        case("an HTML page of a proxy's once", always_recovered, 1, move |kind| {
            Rule::on(kind, respond(502, "<html>Bad Gateway</html>".to_owned())).times(1)
        }),
        case("403 once", refused_once, 1, move |kind| Rule::on(kind, respond(403, xml("AccessDenied"))).times(1)),
        case("403 always", refused_always, 30, move |kind| Rule::on(kind, respond(403, xml("AccessDenied")))),
        case("an expired token once", always_recovered, 1, move |kind| {
            Rule::on(kind, respond(400, xml("ExpiredToken"))).times(1)
        }),
        case("reset before the effect", always_recovered, 1, |kind| Rule::on(kind, Fault::CloseBefore).times(1)),
        case("reset after the effect, its answer lost", always_recovered, 6, |kind| {
            Rule::on(kind, Fault::CloseAfter).times(1)
        }),
    ]
}

/// Objects that the calls of a kind are made for.
fn asked_for(kind: Kind) -> Objects {
    match kind {
        Kind::Create | Kind::Part | Kind::ListParts | Kind::Complete | Kind::PartCopy | Kind::Head => {
            Objects::with_parts()
        }
        _ => Objects::small(4),
    }
}

async fn stage(kind: Kind) -> Stage {
    let stage = Stage::new(asked_for(kind)).await;
    match kind {
        Kind::Copy | Kind::PartCopy => stage.within_one_service(),
        _ => stage,
    }
    .with_a_stale_key()
}

/// Requests of a kind that a run makes to which nothing happens.
fn undisturbed(kind: Kind) -> u64 {
    match kind {
        Kind::Put | Kind::Get | Kind::Copy => 4,
        Kind::Part | Kind::PartCopy | Kind::List | Kind::Head => 2,
        _ => 1,
    }
}

async fn check(kind: Kind, case: &Case) {
    let name = format!("{kind:?}: {}", case.name);
    let stage = stage(kind).await;
    let at_source = matches!(kind, Kind::Get | Kind::Head | Kind::List);
    let proxy = if at_source { &stage.from } else { &stage.to };
    let rule = (case.rule)(kind);
    // A delete asks for its key, too.
    proxy.inject(if kind == Kind::Head { rule.containing("/large") } else { rule });
    let end = stage.sync().await;
    let asked = proxy.count(kind);
    assert!(asked > 0, "{name}: no such call was made: {:?}", proxy.counts());
    let ends = (case.ends)(kind);
    if ends == Stopped {
        assert!(end.find_error.is_some(), "{name}: {end:?}");
        assert!(stage.holds("stale"), "{name}: deleted after a listing that failed");
        assert_eq!(stage.to.count(Kind::Delete), 0, "{name}");
        return;
    }
    let run = end.done(&name);
    let failed: Vec<String> = stage.failures(run).await.into_iter().map(|outcome| outcome.key).collect();
    match ends {
        Recovered => assert!(failed.is_empty(), "{name}: {failed:?}"),
        OneFailed => assert_eq!(failed.len(), 1, "{name}: {failed:?}"),
        AllFailed => assert_eq!(failed.len(), stage.objects.0.len(), "{name}: {failed:?}"),
        Stopped => {}
    }
    assert_eq!(run.settled.failed, failed.len() as u64, "{name}");
    let mut there: Vec<String> = failed;
    // A delete that failed leaves what was to be deleted.
    if let Some(at) = there.iter().position(|key| key == "stale") {
        there.remove(at);
        assert!(stage.holds("stale"), "{name}");
        return;
    }
    stage.assert_stored_all_but(&there, &name);
    // A create whose answer is lost leaves an upload without parts, which a sweep finds.
    let left = usize::from(kind == Kind::Create && case.name.contains("answer lost"));
    assert!(ends != Recovered || stage.open_uploads() <= left, "{name}: an upload is left open");
    let most = undisturbed(kind) + case.extra + 12;
    assert!(asked <= most, "{name}: {asked} requests, at most {most} were expected");
}

async fn check_all(kinds: &[Kind]) {
    let cases = cases();
    let all = kinds.iter().flat_map(|kind| cases.iter().map(move |case| (*kind, case)));
    let all: Vec<_> = all.map(|(kind, case)| check(kind, case)).collect();
    stream::iter(all).for_each_concurrent(AT_ONCE, |check| check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_whole_object_call_under_each_fault_ends_right() {
    check_all(&[Kind::List, Kind::Get, Kind::Put, Kind::Copy, Kind::Delete]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_multipart_call_under_each_fault_ends_right() {
    check_all(&[Kind::Head, Kind::Create, Kind::Part, Kind::ListParts, Kind::Complete, Kind::PartCopy]).await;
}
