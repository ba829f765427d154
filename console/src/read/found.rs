//! Finds what a path names.

use shared::tasks::Summary;

use crate::Console;
use crate::problem::Problem;

/// The task of a name.
pub async fn task(console: &Console, name: &str) -> Result<Summary, Problem> {
    let found = console.backend().tasks.summary(name).await?;
    found.ok_or_else(|| {
        let fleet = &console.backend().fleet().name;
        Problem::missing("no-such-task", format!("fleet {fleet:?} has no task {name:?}"))
    })
}

/// The problem of a run that nobody knows.
pub fn no_run(run: &str) -> Problem {
    Problem::missing("no-such-run", format!("the fleet has no run {run:?}"))
}
