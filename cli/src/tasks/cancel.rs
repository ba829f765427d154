//! `flotilla task cancel`

use control::actions::{self, Cancelling};
use shared::tasks::TaskState;
use shared::terminal;

use super::actor;
use crate::args::NamedArgs;
use crate::exit::{CommandResult, Exit};
use crate::stdout;

/// Cancels the live run.
pub async fn run(args: &NamedArgs) -> CommandResult {
    let cancelling = actions::cancel(&actor(&args.fleet.read()?).await?, &args.name).await?;
    stdout::line(words(&args.name, &cancelling))?;
    Ok(Exit::InSync)
}

/// What becomes of the run.
fn words(name: &str, cancelling: &Cancelling) -> String {
    let id = terminal::run_id(&cancelling.run);
    match cancelling.state {
        // Nobody receives its messages.
        TaskState::Paused => format!(
            "cancelling run {id} of task {name}: the task is paused, so what was sent of it is settled as cancelled after \
             flotilla task resume {name}"
        ),
        _ => format!("cancelling run {id} of task {name}: what is left of it is settled as cancelled"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_cancel_says_that_a_paused_task_settles_later() {
        let cancelling = |state| Cancelling { run: "run".to_owned(), state };
        let says = |state| words("t", &cancelling(state)).contains("after flotilla task resume t");
        assert_eq!(TaskState::ALL.map(says), [false, true, false]);
    }
}
