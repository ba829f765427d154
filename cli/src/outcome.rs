//! `flotilla outcome`: what became of one object last.

use shared::ledger::Outcome;
use shared::objects::ObjectDetail;
use shared::terminal;

use crate::args::OutcomeArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::records::Records;
use crate::stdout;

/// Prints the last outcome of a key.
pub async fn run(args: &OutcomeArgs) -> CommandResult {
    let records = Records::open(&args.source).await?;
    // The task of a sync or a config file has its name as its id.
    let id = records.named_task(&args.task).await?.map_or_else(|| args.task.clone(), |summary| summary.task.id);
    let Some(outcome) = records.ledger.outcome(&id, &args.key).await.map_err(Failure::midway)? else {
        let why = format!("no outcome of key {:?} of task {:?} is recorded", args.key, args.task);
        return Err(Failure::usage(why).hint(
            "keys are relative to the locations; an object in sync has none; in DynamoDB outcomes expire (keep-outcomes)",
        ));
    };
    match args.json {
        true => stdout::line(serde_json::to_string(&outcome).expect("an outcome is representable as JSON"))?,
        false => stdout::line(line(&outcome))?,
    }
    Ok(Exit::InSync)
}

/// An outcome for people. Fields are parted by tabs, which no escaped key has.
fn line(outcome: &Outcome) -> String {
    let mut fields = vec![
        terminal::escaped(&outcome.key).to_string(),
        outcome.state.as_str().to_owned(),
        outcome.finished.to_seconds().to_string(),
        terminal::counted(outcome.attempts.into(), "attempt"),
        format!("by {}", terminal::escaped(&outcome.worker)),
    ];
    // A kind without this field has another detail.
    let verified = ObjectDetail::read(outcome).ok().and_then(|detail| detail.verified);
    let optional = [&outcome.reason, &verified, &outcome.error].into_iter().flatten();
    fields.extend(optional.map(|text| terminal::escaped(text).to_string()));
    fields.join("\t")
}
