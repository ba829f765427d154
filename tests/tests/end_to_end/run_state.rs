//! Jobs whose run is unknown, has other options, or cannot be asked about.

use flotilla_tests::proxy::{Fault, Rule};
use shared::job::Origin;
use shared::objects::job::{JobObject, ObjectJob, ObjectWork};
use shared::queue::JobQueue;

use crate::fleet_of_folders::{Folders, stop};

const WORK: &str = "lease = \"60s\"\n";

fn files() -> Vec<(String, usize)> {
    (0..7).map(|n| (format!("k{n}"), 10 + n)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_an_unknown_run_is_dropped_with_one_warning() {
    let task = Folders::new(&files(), WORK).await;
    let job = |id: &str| {
        let work = ObjectWork::Copy { objects: vec![JobObject { key: "k0".into(), size: 10, ..JobObject::default() }] };
        ObjectJob::new(&task.name, "unknown-run", Origin { id: id.into(), items: 1 }, work)
    };
    for id in ["a", "b"] {
        task.send(&job(id).to_body()).await;
    }
    let mut workers = [task.worker(&[])];
    task.until("both are dropped", &mut workers, async || {
        task.queue.depth().await.expect("the queue answers").waiting() == 0
    })
    .await;
    let [worker] = &mut workers;
    stop(worker).await;
    assert_eq!(worker.stderr().matches("the ledger has no record of it").count(), 1, "{}", worker.stderr());
    assert_eq!(task.queue.depth().await.expect("the queue answers").dead, 0);
    assert!(!task.path("destination/k0").exists(), "nothing is copied in the name of an unknown run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_other_write_options_leaves_the_jobs_to_others() {
    let task = Folders::new(&files(), WORK).await;
    assert_eq!(task.find().await.code, Some(0));
    let config = std::fs::read_to_string(task.path("task.toml")).expect("a config");
    let other = config.replace("[work]\n", "[work]\nstrict = true\n");
    assert_ne!(other, config);
    std::fs::write(task.path("task.toml"), other).expect("a config");
    let mut workers = [task.worker(&[])];
    let depth = async || task.queue.depth().await.expect("the queue answers");
    task.until("both jobs wait for others", &mut workers, async || depth().await.delayed == 2).await;
    stop(&mut workers[0]).await;
    let [worker] = workers;
    assert_eq!(
        worker.stderr().matches("this worker's options differ from those of run").count(),
        1,
        "{}",
        worker.stderr()
    );
    assert!(!task.path("destination/k0").exists());
    std::fs::write(task.path("task.toml"), config).expect("a config");
    let mut workers = [task.worker(&[])];
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    task.assert_copied(&run, &files());
    assert_eq!(depth().await.dead, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_read_of_the_runs_state_brings_the_job_again() {
    let task = Folders::new(&files(), WORK).await;
    assert_eq!(task.find().await.code, Some(0));
    // All attempts of the first reads.
    let broken = Fault::Respond(500, r#"{"__type":"InternalServerError","message":"broken"}"#.to_owned());
    task.proxy.inject(Rule::always(broken).containing("GetItem").times(u64::from(shared::retry::LEDGER.attempts)));
    let mut workers = [task.worker(&[])];
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    let [worker] = workers;
    assert!(worker.stderr().contains("job failed: it will be redelivered"), "{}", worker.stderr());
    task.assert_copied(&run, &files());
    assert_eq!(task.queue.depth().await.expect("the queue answers").dead, 0);
}
