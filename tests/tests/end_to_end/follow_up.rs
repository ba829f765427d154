//! Possible writes of a cancelled run are checked under the present options, and no other keys.

use std::time::Duration;

use shared::ledger::{Ledger, Phase};
use shared::queue::JobQueue;

use crate::fleet_of_folders::{Folders, stop};
use crate::support::write_files;

const GONE: usize = 40;

fn set_max_delete(task: &Folders, number: usize) {
    let path = task.path("task.toml");
    let config = std::fs::read_to_string(&path).expect("a config");
    let (head, find) = config.split_once("job-objects = 5\n").expect("a find section");
    let rest = &find[find.find("[work]").expect("a work section")..];
    let config = format!("{head}job-objects = 5\ndelete = true\nmax-delete = {number}\n{rest}");
    std::fs::write(path, config).expect("a config");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_deletes_of_a_cancelled_run_come_back_as_no_events() {
    let files: Vec<_> = (0..7).map(|n| (format!("d/f{n}"), 100)).collect();
    let task = Folders::new(&files, "lease = \"5s\"\n").await;
    let gone: Vec<_> = (0..GONE).map(|n| (format!("gone/{n}"), 10)).collect();
    write_files(&task.path("destination"), &gone);
    set_max_delete(&task, GONE);
    assert_eq!(task.find().await.code, Some(0));
    let first = task.run().await.expect("a run").start.id;
    // A worker that died holds all of its jobs: they come again.
    let mut leased = 0;
    while task.queue.depth().await.expect("the queue answers").ready > 0 {
        leased +=
            task.queue.receive(10, Duration::from_secs(1), Duration::from_secs(8)).await.expect("it answers").len();
    }
    // A job of deletes has twice as many keys as one of copies.
    assert!(leased > GONE / 10, "{leased} jobs");
    set_max_delete(&task, 1);
    let found = task.find().await;
    assert!(found.stderr.contains("refused to delete 40 objects"), "{}", found.stderr);
    let mut workers = [task.worker(&[])];
    let run = async || task.ledger.run(&first).await.expect("answers").expect("a run");
    task.until("the first run adds up", &mut workers, async || run().await.is_done()).await;
    task.until("its follow-ups are done", &mut workers, async || {
        task.queue.depth().await.expect("the queue answers").waiting() == 0
    })
    .await;
    stop(&mut workers[0]).await;
    let left = std::fs::read_dir(task.path("destination/gone")).expect("a folder").count();
    let run = run().await;
    assert_eq!((run.phase, run.settled.deleted, left), (Phase::Cancelled, 0, GONE), "{run:?}");
}
