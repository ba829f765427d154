//! A group of machines that follows the load: from nothing to its maximum and back, while machines come and go.

mod stage;

use std::time::Duration;

use flotilla_tests::group::Summary;
use flotilla_tests::scale::scale;

use crate::many_tasks::stage::LIMIT;
use stage::{BOOT, COPY, IDLE_EXIT, MACHINES, NOTICE, Scene, TRANSFERS};

/// Tasks that begin first, and all others once the first object is copied.
const FIRST: std::ops::Range<usize> = 0..6;
const LATER: std::ops::Range<usize> = 6..20;

/// Machine-seconds that the load costs at best: each machine boots, copies with all its transfers all the time, and waits
/// the idle time once. A replacement boots too; an interrupted machine is paid until its end.
fn ideal(copies: usize, done: &Summary) -> f64 {
    let copying = copies as f64 * COPY.as_secs_f64() / TRANSFERS as f64;
    let waiting = f64::from(MACHINES) * IDLE_EXIT.as_secs_f64() + NOTICE.as_secs_f64();
    copying + done.launched as f64 * BOOT.as_secs_f64() + waiting
}

/// A machine gets the notice of a spot interruption, and somebody wants fewer machines than have work. In a long run
/// another machine goes without a notice: its jobs come again when their leases have run out. Returns how many objects
/// its jobs had.
async fn disturb(scene: &Scene) -> u64 {
    let machines = scene.working().await;
    let [(interrupted, _), .., (crashed, jobs)] = &machines[..] else { panic!("two machines work: {machines:?}") };
    scene.group.interrupt(interrupted).await;
    // All others have work and are protected: none goes.
    scene.group.set_desired(MACHINES - 1).await;
    if !scale(false, true) {
        return 0;
    }
    scene.group.crash(crashed).await;
    u64::from(*jobs) * stage::JOB_OBJECTS
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_grows_with_the_load_and_shrinks_to_nothing() {
    let mut scene = Scene::new(FIRST.len() + LATER.len()).await;
    scene.begin(FIRST).await;
    scene.until("the first object is copied", async |scene| scene.copied() > 0).await;
    let first = scene.began.elapsed();
    scene.begin(LATER).await;
    let all = async |scene: &Scene| scene.group.in_service().await.len() == MACHINES as usize;
    scene.until("all machines are in service", all).await;
    scene.until("two machines work", async |scene| scene.working().await.len() >= 2).await;
    let leased = disturb(&scene).await;
    scene.until("all runs are done", async |scene| scene.are_all_done().await).await;
    let done = scene.began.elapsed();
    scene.until("no machine is left", async |scene| scene.group.machines().await == 0).await;

    let summary = scene.group.summary().await;
    let copies = scene.assert_all_copied().await;
    let twice = scene.copied() - copies as u64;
    let ideal = ideal(copies, &summary);
    println!(
        "zero to first byte {first:.1?}; done after {done:.1?}, nothing left after {:.1?}; {twice} copied twice, {leased} \
         leased by the machine that crashed; {:.0} machine-seconds, ideal {ideal:.0} (ratio {:.2}); {summary:?}",
        scene.began.elapsed(),
        summary.machine_seconds,
        summary.machine_seconds / ideal,
    );
    assert_eq!(summary.peak, MACHINES as usize);
    assert!(summary.refused > 0, "capacity was scarce");
    assert_eq!((summary.hooks_expired, scene.group.desired().await), (0, 0));
    assert!(twice <= leased, "only the jobs of the machine that crashed came again");
    assert!(first < LIMIT / 5, "zero to first byte: {first:?}");
    assert!(summary.machine_seconds <= 1.25 * ideal, "{} machine-seconds, ideal {ideal}", summary.machine_seconds);
    assert!(done < Duration::from_secs(240), "{done:?}");
}
