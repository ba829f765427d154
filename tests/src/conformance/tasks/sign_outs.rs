//! Sessions of the console that somebody ended.

use shared::object::Timestamp;
use shared::tasks::SharedTasks;

use super::now;
use crate::conformance::ledger::unique;

/// Nothing else is refused by it, and a record whose time is over refuses nothing.
pub async fn a_session_that_was_ended_stays_so_until_its_time_is_over(tasks: SharedTasks) {
    let (ended, other, over) = (unique("session"), unique("session"), unique("session"));
    assert!(!tasks.is_session_ended(&ended).await.unwrap());
    let until = Timestamp(now().0 + 3_600_000);
    for _ in 0..2 {
        tasks.end_session(&ended, until).await.unwrap();
        assert!(tasks.is_session_ended(&ended).await.unwrap());
    }
    tasks.end_session(&over, Timestamp(now().0 - 2_000)).await.unwrap();
    assert!(!tasks.is_session_ended(&over).await.unwrap());
    assert!(!tasks.is_session_ended(&other).await.unwrap());
}
