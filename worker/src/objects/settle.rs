//! Recording outcomes: in the ledger, then in metrics and reports, which count what the ledger counted first.

use std::collections::BTreeSet;

use shared::ledger::{Outcome, Settlement};
use shared::objects::job::{Job, Work};
use shared::{Error, Result, metrics};

use crate::context::Context;

/// An outcome that a reason or an error explains.
pub(crate) fn explained(mut outcome: Outcome, reason: Option<&str>, error: Option<&Error>) -> Outcome {
    outcome.reason = reason.map(str::to_owned);
    outcome.error = error.map(ToString::to_string);
    outcome
}

/// Records outcomes of one origin job, and reports those that were not counted before. Returns their indexes.
///
/// Done and its answer lost, or done twice: the ledger counts an object once, and metrics miss it at worst.
pub(crate) async fn settle(context: &Context, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
    if settlement.outcomes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let new = context.ledger.settle(settlement).await?;
    let counted = settlement.outcomes.iter().filter(|(index, _)| new.contains(index));
    let counted: Vec<&Outcome> = counted.map(|(_, outcome)| outcome).collect();
    counted.iter().for_each(|outcome| metrics::settled(outcome));
    if let Some(report) = &context.report {
        report(&counted);
    }
    Ok(new)
}

/// Records outcomes of a job's objects.
pub(crate) async fn settle_job(context: &Context, job: &Job, outcomes: &[(u32, Outcome)]) -> Result<()> {
    let settlement = Settlement { task: &job.task, run: &job.run, origin: &job.origin, outcomes };
    let counted = settle(context, &settlement).await?;
    if let Work::Changed { objects } = &job.work {
        let counted = objects.iter().filter(|change| counted.contains(&change.index));
        counted.filter_map(|change| change.time).for_each(|time| metrics::event_settled(time.age()));
    }
    Ok(())
}
