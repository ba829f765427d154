//! `flotilla task show`

use shared::tasks::Summary;
use shared::terminal;

use super::list::{last_run, next_run};
use super::{found, opened};
use crate::args::ShowArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::stdout::Stdout;

/// Prints a task: its state and its definition.
pub async fn run(args: &ShowArgs) -> Outcome {
    let fleet = args.fleet.read()?;
    let tasks = opened(&fleet, false).await?;
    let summary = found(&tasks, &fleet, &args.name).await?;
    let text = tasks.definition(&summary.task.id, summary.version).await.map_err(Failure::usage)?;
    // An edit between the two reads may have removed the version.
    let text = text.ok_or_else(|| Failure::midway(format!("task {:?} is being changed: try again", args.name)))?;
    let mut out = Stdout::new();
    if args.json {
        let mut json = serde_json::to_value(&summary).expect("a summary is representable as JSON");
        json["definition"] = text.into();
        out.line(json)?;
    } else if args.toml {
        out.line(text.trim_end())?;
    } else {
        lines(&summary).into_iter().try_for_each(|line| out.line(line))?;
        out.line("")?;
        out.line(text.trim_end())?;
    }
    out.flush()?;
    Ok(Exit::InSync)
}

fn lines(summary: &Summary) -> Vec<String> {
    let mut lines = vec![
        format!("{}: {}, version {}", summary.task.name, summary.state.as_str(), summary.version),
        format!("created {}", summary.created.to_seconds()),
        next_run(summary.next_due),
        last_run(summary.last_run.as_ref()),
    ];
    if let Some(run) = &summary.run {
        lines.push(format!("run {} since {}", terminal::run_id(&run.id), run.begun.to_seconds()));
    }
    if let Some(skipped) = summary.skipped_due {
        lines.push(format!("no run at {}: the run before had not ended", skipped.to_seconds()));
    }
    lines
}
