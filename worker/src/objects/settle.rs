//! Recording the outcomes of a job's objects.

use shared::ledger::{Outcome, Settlement};
use shared::objects::job::{ObjectJob, ObjectWork};
use shared::objects::reasons::{REASONS, with_reason};
use shared::{Error, Result};

use crate::objects::context::Context;

/// An outcome that a reason or an error explains.
pub(crate) fn explained(outcome: Outcome, reason: Option<&str>, error: Option<&Error>) -> Outcome {
    Outcome { error: error.map(ToString::to_string), ..with_reason(outcome, reason) }
}

/// Records outcomes of a job's objects.
pub(crate) async fn settle_job(context: &Context, job: &ObjectJob, outcomes: &[(u32, Outcome)]) -> Result<()> {
    let settlement = Settlement { task: &job.task, run: &job.run, origin: &job.origin, reasons: REASONS, outcomes };
    let counted = context.engine.settle(&settlement).await?;
    if let ObjectWork::Changed { objects } = &job.work {
        let counted = objects.iter().filter(|change| counted.contains(&change.index));
        counted.filter_map(|change| change.time).for_each(|time| context.engine.event_settled(time.age()));
    }
    Ok(())
}
