//! Prints the result of an operation, as the command that asked for it does.

use finder::Plan;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::notify::TestResult;
use shared::tasks::{Operation, OperationEnd, OperationKind, OperationVerdict};
use shared::terminal;

use crate::exit::{CommandResult, Exit, Failure};
use crate::operations::{Answer, ProbeResult, SideProbe, VerifyResult};
use crate::plan;
use crate::stdout::{self, Stdout};
use crate::verbosity::note;

/// Prints a result, and ends as the command of its kind does. That of a kind without a command is printed as it is.
pub fn print(operation: &Operation, end: &OperationEnd, is_json: bool) -> CommandResult {
    let (id, kind, text) = (&operation.id, operation.kind.as_str(), &end.result);
    match end.verdict {
        OperationVerdict::Succeeded => {}
        OperationVerdict::Cancelled => return Err(Failure::midway(format!("the {kind} was cancelled"))),
        OperationVerdict::Failed => {
            let result: Value = serde_json::from_str(text).unwrap_or_default();
            let why = result["error"].as_str().unwrap_or(text).to_owned();
            return Err(if result["is-unusable"] == true { Failure::usage(why) } else { Failure::midway(why) });
        }
    }
    match operation.kind {
        OperationKind::Plan => plan::print(&read::<Plan>(id, text)?, is_json),
        OperationKind::Verify => verified(&read(id, text)?, is_json),
        OperationKind::Probe => probed(&read(id, text)?, is_json),
        OperationKind::Notify if !is_json => tested(&read(id, text)?),
        _ => {
            stdout::line(terminal::escaped(text))?;
            Ok(Exit::InSync)
        }
    }
}

fn read<T: DeserializeOwned>(id: &str, text: &str) -> Result<T, Failure> {
    let other = |why| Failure::midway(format!("the result of operation {id} is of another release ({why}): {text}"));
    serde_json::from_str(text).map_err(other)
}

/// Exit 1 if anything differs.
fn verified(found: &VerifyResult, is_json: bool) -> CommandResult {
    let mut out = Stdout::new();
    found.differences.iter().try_for_each(|line| line.print(&mut out, is_json))?;
    if found.is_cut {
        let named = terminal::counted(found.differences.len() as u64, "difference");
        note(format_args!("only the first {named} are named: flotilla verify names all"));
    }
    found.tally.finish(&mut out, is_json)
}

/// Exit 1 if a right is missing.
fn probed(found: &ProbeResult, is_json: bool) -> CommandResult {
    if is_json {
        stdout::line(json!(found))?;
    } else {
        let mut out = Stdout::new();
        for (side, probed) in [("source", &found.source), ("destination", &found.destination)] {
            lines(side, probed).into_iter().try_for_each(|line| out.line(line))?;
        }
        out.flush()?;
    }
    Ok(if found.has_denials() { Exit::SomeFailed } else { Exit::InSync })
}

/// The receivers that took a test notice.
fn tested(found: &TestResult) -> CommandResult {
    let mut out = Stdout::new();
    let mut receivers = found.receivers.iter();
    receivers.try_for_each(|one| out.line(format_args!("{}: taken", one.channel.as_str())))?;
    out.flush()?;
    Ok(Exit::InSync)
}

/// The answers of a side, for people.
fn lines(side: &str, probed: &SideProbe) -> Vec<String> {
    let mut lines = vec![format!("{side} {}", terminal::escaped(&probed.location))];
    for (right, answer) in probed.rights.all() {
        let words = match answer {
            Answer::Yes => "yes".to_owned(),
            Answer::No { reason, remedy } => {
                format!("no: {}; {}", terminal::escaped(reason), terminal::escaped(remedy))
            }
            Answer::NotTried { reason } => format!("not tried: {}", terminal::escaped(reason)),
        };
        lines.push(format!("  {right:<7} {words}"));
    }
    lines
}
