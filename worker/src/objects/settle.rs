//! Recording the outcomes of a job's objects.

use std::collections::BTreeSet;

use shared::ledger::{Outcome, Settlement, Span, events_run};
use shared::objects::job::{ObjectJob, ObjectWork, PackedName};
use shared::objects::reasons::{REASONS, with_reason};
use shared::{Error, Result};

use crate::objects::context::Context;

/// An outcome that a reason or an error explains.
pub(crate) fn explained(outcome: Outcome, reason: Option<&str>, error: Option<&Error>) -> Outcome {
    Outcome { error: error.map(ToString::to_string), ..with_reason(outcome, reason) }
}

/// Records outcomes of a job's objects, each by itself.
pub(crate) async fn settle_job(context: &Context, job: &ObjectJob, outcomes: &[(u32, Outcome)]) -> Result<()> {
    settle(context, job, outcomes, None).await
}

/// Records outcomes of a job's objects, together where its keys lie in a span. `own_records` are the indexes of those that
/// need a record of their own.
pub(crate) async fn settle_together(
    context: &Context,
    job: &ObjectJob,
    outcomes: &[(u32, Outcome)],
    own_records: &BTreeSet<u32>,
) -> Result<()> {
    settle(context, job, outcomes, span(job, own_records)).await
}

/// The span of a job that a finder packed of several objects, and that has all of them still. Objects that come again
/// alone, events, and jobs of one object have none.
fn span<'a>(job: &'a ObjectJob, own_records: &'a BTreeSet<u32>) -> Option<Span<'a>> {
    let is_whole = job.work.keys().count() as u64 == u64::from(job.origin.items);
    if job.attempt > 1 || job.origin.items < 2 || !is_whole || job.run == events_run(&job.task) {
        return None;
    }
    let PackedName { range, stream, .. } = PackedName::parse(&job.origin.id)?;
    let (_, first) = job.work.keys().next()?;
    Some(Span { range, stream, first, own_records })
}

async fn settle(context: &Context, job: &ObjectJob, outcomes: &[(u32, Outcome)], span: Option<Span<'_>>) -> Result<()> {
    let (task, run, origin) = (&job.task, &job.run, &job.origin);
    let settlement = Settlement { task, run, origin, reasons: REASONS, outcomes, span };
    let counted = context.engine.settle(&settlement).await?;
    if let ObjectWork::Changed { objects } = &job.work {
        let counted = objects.iter().filter(|change| counted.contains(&change.index));
        counted.filter_map(|change| change.time).for_each(|time| context.engine.event_settled(time.age()));
    }
    Ok(())
}
