//! A group of machines that follows the load: from nothing to its maximum and back, while machines come and go.

mod stage;

use std::time::Duration;

use flotilla_tests::group::Summary;

use crate::many_tasks::stage::LIMIT;
use stage::{BOOT, COPY, IDLE_EXIT, JOB_OBJECTS, MACHINES, NOTICE, SLOW, SLOW_SIDE, Scene, TRANSFERS};

/// Tasks that begin first, and all others once the first object is copied.
const FIRST: std::ops::Range<usize> = 0..6;
const LATER: std::ops::Range<usize> = 6..SLOW;

/// Machines that the test takes away from their work: each has a replacement.
const DISTURBED: usize = 3;

/// Longer than the group needs to end a machine that is not protected.
const LOWERED: Duration = Duration::from_secs(3);

/// Machine-seconds that copying costs if each machine has as many transfers as its settings say, all the time.
fn ideal_copying(copies: usize) -> f64 {
    copies as f64 * COPY.as_secs_f64() / TRANSFERS as f64
}

/// Machine-seconds that the load costs by the same measure. Each machine boots and copies, and [`MACHINES`] of them wait the idle time
/// once. An interrupted machine is paid until its end, and one with the slow object until that is copied.
fn ideal(copies: usize, done: &Summary) -> f64 {
    let waiting = f64::from(MACHINES) * IDLE_EXIT.as_secs_f64() + NOTICE.as_secs_f64() + 2.0 * SLOW_SIDE.as_secs_f64();
    ideal_copying(copies) + done.launched as f64 * BOOT.as_secs_f64() + waiting
}

/// Somebody wants one machine, while more have work and are protected: none of these goes.
async fn want_fewer(scene: &mut Scene) {
    let are_protected = async |scene: &Scene| {
        scene.working().await.len() > DISTURBED && scene.group.protected().await.len() == MACHINES as usize
    };
    scene.until("all machines are protected", are_protected).await;
    scene.pause_controller().await;
    let protected = scene.group.protected().await;
    scene.group.set_desired(1).await;
    tokio::time::sleep(LOWERED).await;
    let in_service = scene.group.in_service().await;
    assert!(
        protected.iter().all(|machine| in_service.contains(machine)),
        "{protected:?} worked, {in_service:?} stayed"
    );
    scene.group.set_desired(MACHINES).await;
}

/// Three machines with work go: one after the notice of a spot interruption, one whose hook has to wait longer than its
/// first limit, and one without notice. Returns how many objects the jobs of the last one had, at most.
async fn disturb(scene: &Scene, slow: &str) -> u64 {
    let mut machines = scene.working().await;
    machines.retain(|(machine, _)| machine != slow);
    let [(interrupted, _), .., (crashed, jobs)] = &machines[..] else { panic!("two others work: {machines:?}") };
    scene.group.interrupt(interrupted).await;
    scene.group.terminate(slow).await;
    scene.group.crash(crashed).await;
    u64::from(*jobs) * JOB_OBJECTS
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_grows_with_the_load_and_shrinks_to_nothing() {
    let mut scene = Scene::new(SLOW + 1).await;
    scene.begin(FIRST).await;
    scene.until("the first object is copied", async |scene| scene.copied() > 0).await;
    let first = scene.began.elapsed();
    scene.begin(LATER).await;
    let all = async |scene: &Scene| scene.group.in_service().await.len() == MACHINES as usize;
    scene.until("all machines are in service", all).await;
    let grown = scene.began.elapsed();
    scene.begin(SLOW..SLOW + 1).await;
    want_fewer(&mut scene).await;
    scene.until("the slow object is read", async |scene| scene.reads_slow()).await;
    let earlier = scene.beats().await;
    scene.until("a machine has the slow object", async |scene| scene.slow(&earlier).await.is_some()).await;
    let slow = scene.slow(&earlier).await.expect("a machine has it");
    let leased = disturb(&scene, &slow).await;
    let (disturbed, copied) = (scene.began.elapsed(), scene.copied());
    scene.until("all runs are done", async |scene| scene.are_all_done().await).await;
    let done = scene.began.elapsed();
    scene.until("no machine is left", async |scene| scene.group.machines().await == 0).await;

    let summary = scene.group.summary().await;
    let copies = scene.assert_all_copied().await;
    let twice = scene.copied() - copies as u64;
    let (ideal, ideal_copying) = (ideal(copies, &summary), ideal_copying(copies));
    let copying = summary.served_seconds - summary.ended_themselves as f64 * IDLE_EXIT.as_secs_f64();
    println!(
        "zero to first byte {first:.1?}; all machines after {grown:.1?}; disturbed after {disturbed:.1?} with {copied} \
         copied; done after {done:.1?}, nothing left after {:.1?}; {twice} copied twice, {leased} \
         leased by the machine that crashed; {:.0} machine-seconds, ideal {ideal:.0} (ratio {:.2}); copying {copying:.0}, \
         ideal {ideal_copying:.0} (ratio {:.2}); {summary:?}",
        scene.began.elapsed(),
        summary.machine_seconds,
        summary.machine_seconds / ideal,
        copying / ideal_copying,
    );
    assert_eq!((summary.peak, summary.launched), (MACHINES as usize, MACHINES as usize + DISTURBED));
    assert!(summary.refused > 0, "capacity was scarce");
    assert!(summary.protections_refused > 0, "machines asked for protection before they were in service");
    assert_eq!((summary.hooks_expired, summary.hooks_prolonged), (0, 1));
    assert_eq!(scene.group.desired().await, 0);
    assert!(twice <= leased, "only the jobs of the machine that crashed came again: {:?}", scene.copied_twice());
    assert!(first < LIMIT / 5, "zero to first byte: {first:?}");
    assert!(summary.machine_seconds <= 1.25 * ideal, "{} machine-seconds, ideal {ideal}", summary.machine_seconds);
    assert!(copying <= 1.25 * ideal_copying, "{copying} machine-seconds of copying, ideal {ideal_copying}");
    assert!(done < Duration::from_secs(240), "{done:?}");
}
