//! Scale-in protection: the instance is protected while its worker holds leases.
//!
//! The group takes few calls a second from all its machines together, so edges between busy and idle are not reported
//! one by one: protection is set with the first lease and cleared after a minute without any. It is cleared at the
//! start too: a worker that died while it was busy left the instance protected.
//!
//! Protection is advice. A call that fails, or whose answer was lost, is repeated later; it sets a state, so repeating
//! it does no harm.

use std::sync::Arc;
use std::time::Duration;

use shared::fleet::Fleet;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// A worker without leases for so long is idle.
const IDLE_AFTER: Duration = Duration::from_secs(60);

/// A call that failed is repeated after this, and then after twice as long each time. An instance cannot be protected
/// before it is in service: that takes seconds after its worker has started, and a minute or two where the group waits.
const FIRST_REPEAT_AFTER: Duration = Duration::from_secs(5);

/// The longest pause between two of these calls: a group takes few calls a second from all its machines together.
const LAST_REPEAT_AFTER: Duration = Duration::from_secs(30);

/// Keeps the instance protected while there are leases. Ends with the sender of `leases`.
pub(crate) async fn keep(fleet: Arc<dyn Fleet>, mut leases: watch::Receiver<usize>) {
    // Unknown at the start: an earlier worker may have left it either way.
    let mut is_protected = None;
    let mut repeat_after = FIRST_REPEAT_AFTER;
    loop {
        let is_busy = *leases.borrow_and_update() > 0;
        let wanted = is_busy || is_protected == Some(true) && !has_been_idle(&mut leases).await;
        if is_protected != Some(wanted) && !set(&*fleet, wanted).await {
            // It may have been carried out all the same.
            is_protected = None;
            sleep(repeat_after).await;
            repeat_after = (repeat_after * 2).min(LAST_REPEAT_AFTER);
            continue;
        }
        repeat_after = FIRST_REPEAT_AFTER;
        is_protected = Some(wanted);
        let unchanged = (*leases.borrow() > 0) == wanted;
        if unchanged && leases.changed().await.is_err() {
            return;
        }
    }
}

/// Waits for the end of the idle time, or for a lease.
async fn has_been_idle(leases: &mut watch::Receiver<usize>) -> bool {
    timeout(IDLE_AFTER, leases.wait_for(|&leases| leases > 0)).await.is_err()
}

/// Clears the protection at the end: a machine that goes on without a worker must not stay protected.
pub(crate) async fn clear(fleet: &dyn Fleet) {
    set(fleet, false).await;
}

async fn set(fleet: &dyn Fleet, protected: bool) -> bool {
    match fleet.protect(protected).await {
        Ok(()) => true,
        Err(error) => {
            let verb = if protected { "set" } else { "clear" };
            tracing::warn!(%error, "could not {verb} the scale-in protection of this machine: trying again later");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use shared::fleet::{Ended, Interruption};
    use shared::{Error, ErrorKind, Result};
    use std::sync::Mutex;
    use tokio::task::JoinHandle;

    /// Records each call, and fails as many as it is asked to.
    #[derive(Debug, Default)]
    struct Group(Mutex<(Vec<bool>, usize)>);

    #[async_trait]
    impl Fleet for Group {
        fn machine(&self) -> Option<&str> {
            None
        }

        async fn protect(&self, busy: bool) -> Result<()> {
            let mut state = self.0.lock().unwrap();
            state.0.push(busy);
            if state.1 == 0 {
                return Ok(());
            }
            state.1 -= 1;
            Err(Error::new(ErrorKind::Throttled, "fleet", "group", "as the test wants it"))
        }

        async fn interrupted(&self) -> Interruption {
            std::future::pending().await
        }

        async fn prolong(&self) -> Result<()> {
            Ok(())
        }

        async fn leave(&self) -> Result<()> {
            Ok(())
        }

        async fn end(&self) -> Result<Ended> {
            Ok(Ended::Refused)
        }
    }

    struct Scene {
        group: Arc<Group>,
        leases: watch::Sender<usize>,
        kept: JoinHandle<()>,
    }

    impl Scene {
        fn new(failures: usize) -> Scene {
            let group = Arc::new(Group(Mutex::new((Vec::new(), failures))));
            let leases = watch::Sender::new(0);
            let kept = tokio::spawn(keep(group.clone(), leases.subscribe()));
            Scene { group, leases, kept }
        }

        async fn holds(&self, leases: usize, time: Duration) {
            self.leases.send_replace(leases);
            sleep(time).await;
        }

        fn calls(&self) -> Vec<bool> {
            self.group.0.lock().unwrap().0.clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn regression_edges_between_busy_and_idle_cost_no_calls() {
        let scene = Scene::new(0);
        scene.holds(0, Duration::from_secs(600)).await;
        assert_eq!(scene.calls(), [false], "cleared at the start, once");
        for _ in 0..100 {
            scene.holds(3, Duration::from_secs(2)).await;
            scene.holds(0, IDLE_AFTER / 2).await;
        }
        assert_eq!(scene.calls(), [false, true]);
        scene.holds(0, IDLE_AFTER).await;
        assert_eq!(scene.calls(), [false, true, false]);
        scene.holds(0, Duration::from_secs(3600)).await;
        scene.holds(1, Duration::from_secs(3600)).await;
        assert_eq!(scene.calls(), [false, true, false, true]);
        drop(scene.leases);
        scene.kept.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn regression_a_protection_that_failed_is_tried_again() {
        let scene = Scene::new(2);
        scene.holds(1, FIRST_REPEAT_AFTER * 2).await;
        assert_eq!(scene.calls(), [true, true], "soon, and then later");
        scene.holds(1, LAST_REPEAT_AFTER * 4).await;
        assert_eq!(scene.calls(), [true, true, true]);
        let scene = Scene::new(2);
        scene.holds(0, LAST_REPEAT_AFTER * 4).await;
        assert_eq!(scene.calls(), [false, false, false], "also of clearing it at the start");
    }
}
