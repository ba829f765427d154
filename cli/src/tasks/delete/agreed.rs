//! Says what a deletion takes, and asks whether it is to be done.

use std::io::{self, IsTerminal as _, Write as _};

use adapters::open::FleetBackend;
use finder::price;
use shared::ledger::EraseEffort;
use shared::tasks::Summary;
use shared::terminal;

use crate::args::DeleteArgs;
use crate::exit::Failure;
use crate::verbosity::note;

/// Names what goes, and what its removal costs. Fails unless the user agrees. Where nobody can be asked, one task is
/// deleted as the command says; `--records` and `--all` need `--yes`.
pub async fn check(args: &DeleteArgs, backend: &FleetBackend, tasks: &[Summary]) -> Result<(), Failure> {
    if args.records {
        note(format_args!("{}", cost(&effort(backend, tasks).await?)));
    }
    if args.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return match args.records || args.all {
            true => Err(Failure::usage("nothing is deleted: --records and --all need --yes where nobody can be asked")),
            false => Ok(()),
        };
    }
    let with = if args.records { " with all records of their objects" } else { "" };
    let what = match tasks {
        [Summary { task, outline, .. }] => {
            let locations = format!("{} -> {}", outline.source, outline.destination);
            format!("task {} ({})", task.name, terminal::escaped(&locations))
        }
        tasks => format!("all {}", terminal::counted(tasks.len() as u64, "task")),
    };
    eprint!("Delete {what}{with}? Objects stay as they are. [y/N] ");
    let answer = io::stderr().flush().and_then(|()| io::stdin().lines().next().transpose());
    let answer = answer.map_err(|why| Failure::usage(format!("cannot read the answer: {why}; give --yes")))?;
    match answer.as_deref().map(str::trim) {
        Some("y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::usage("nothing is deleted")),
    }
}

/// What the removal of the tasks' records takes. Each task's removal reads the whole table.
async fn effort(backend: &FleetBackend, tasks: &[Summary]) -> Result<EraseEffort, Failure> {
    let mut sum = EraseEffort::default();
    for summary in tasks {
        let effort = backend.records.erase_effort(&summary.task.id).await.map_err(Failure::usage)?;
        sum.records = sum.records.saturating_add(effort.records);
        sum.read_bytes = sum.read_bytes.saturating_add(effort.read_bytes);
        sum.is_charged |= effort.is_charged;
    }
    Ok(sum)
}

fn cost(effort: &EraseEffort) -> String {
    let records = format!("about {} in the ledger are removed", terminal::counted(effort.records, "record"));
    if !effort.is_charged {
        return records;
    }
    // An outcome of an object counts as one write, as does what is counted of its job, which has many objects.
    let writes = effort.records as f64 * price::DYNAMODB_WRITE_USD;
    let reads = effort.read_bytes.div_ceil(price::DYNAMODB_READ_BYTES) as f64 * price::DYNAMODB_READ_USD;
    let read = terminal::bytes(effort.read_bytes);
    format!("{records}: about ${:.2}, of which ${reads:.2} to read {read} of the table", writes + reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_removing_records_is_that_of_writes_and_reads() {
        let effort = EraseEffort { records: 1_000_000, read_bytes: 4 << 30, is_charged: true };
        // A million writes, and 4 GiB in units of 4 KiB.
        let said = cost(&effort);
        assert!(said.contains("about $0.76, of which $0.13 to read 4.00 GiB"), "{said}");
        assert!(!cost(&EraseEffort { is_charged: false, ..effort }).contains('$'));
    }
}
