//! The fakes keep the ports' contracts: they pass the suites that every adapter passes.

mod queue {
    use std::sync::Arc;

    use shared::queue::Queue;

    use crate::queue::FakeQueue;
    use crate::schedule::Schedule;

    async fn setup() -> (Queue, ()) {
        let schedule = Schedule::default();
        let queue =
            FakeQueue { name: 'j', number: 0, letters: Arc::default(), worker: 1, schedule, arrivals: Arc::default() };
        (Arc::new(queue), ())
    }
    flotilla_tests::queue_suite!(setup);
}

mod ledger {
    use std::sync::Arc;

    use shared::ledger::SharedLedger;

    use crate::ledger::FakeLedger;
    use crate::schedule::Schedule;

    pub fn fake() -> Arc<FakeLedger> {
        Arc::new(FakeLedger {
            pages: Arc::default(),
            worker: 1,
            blind: false,
            reads: Arc::default(),
            schedule: Schedule::default(),
        })
    }

    async fn setup() -> (SharedLedger, ()) {
        (fake(), ())
    }
    flotilla_tests::ledger_suite!(setup);
}

mod upload_log {
    use shared::objects::SharedUploadLog;

    async fn setup() -> (SharedUploadLog, ()) {
        (super::ledger::fake(), ())
    }
    flotilla_tests::upload_log_suite!(setup);
}

mod store {
    use std::sync::{Arc, Mutex};

    use flotilla_tests::conformance::store::Fixture;
    use shared::digest::Algorithm;
    use shared::location::Location;
    use shared::object::Timestamp;
    use shared::store::{EtagMeaning, Service};

    use crate::bucket::Bucket;
    use crate::schedule::Schedule;
    use crate::store::{FakeStore, capabilities};

    async fn open() -> Fixture {
        let location = |name: &str| format!("s3://{name}").parse::<Location>().expect("a location");
        let bucket = Bucket::at(Timestamp::now().as_secs());
        let store = FakeStore {
            location: location("destination"),
            capabilities: capabilities(EtagMeaning::Md5AndParts, vec![Algorithm::Md5]),
            cloud: Arc::new(Mutex::new([("destination".to_owned(), bucket)].into())),
            service: Some(Service {
                endpoint: "here".to_owned(),
                credentials: "none".to_owned(),
                requester_pays: false,
            }),
            worker: 1,
            schedule: Schedule::default(),
        };
        let missing = FakeStore { location: location("missing"), ..store.clone() };
        Fixture::new(Arc::new(store)).with_missing(Arc::new(missing))
    }
    flotilla_tests::store_conformance!(open);
}
