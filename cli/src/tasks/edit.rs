//! `flotilla task edit`

use control::Actor;
use control::actions::{self, Found, check_edit};
use shared::config::TaskDefinition;
use shared::tasks::TaskState;
use shared::terminal;

use super::actor;
use super::editor::Draft;
use super::portable::portable;
use crate::args::EditArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;
use crate::verbosity::note;

/// Changes a task's definition: by options, by a file, or else in the user's editor.
pub async fn run(args: &EditArgs) -> CommandResult {
    let actor = actor(&args.fleet()?).await?;
    let summary = actor.summary(&args.name).await?;
    if summary.state == TaskState::Deleting {
        return Err(actions::deleting(&args.name).into());
    }
    let definition = actor.definition(&summary).await?;
    let edit = Edit { actor, seen: Found { summary, definition } };
    match args.changed(&edit.seen.definition)? {
        Some(after) => edit.record(&after).await,
        None => edit.in_editor().await,
    }
}

/// An edit that begins from the definition that was read.
struct Edit {
    actor: Actor,
    seen: Found,
}

impl Edit {
    /// Has the user edit the text until it is a definition. A refused text is offered again, with the reason above it;
    /// left as it is, it ends the command.
    async fn in_editor(&self) -> CommandResult {
        let name = &self.seen.summary.task.name;
        let mut last = self.seen.definition.to_toml()?;
        let draft = Draft::new(name, &last)?;
        loop {
            let text = draft.edit().await?;
            if text == last {
                let is_refused = self.read(&text).is_err();
                if !is_refused {
                    draft.remove();
                    note(format_args!("task {name} is not changed"));
                    return Ok(Exit::InSync);
                }
                return Err(Failure::usage(format!("the text is refused, and is kept in {}", draft.path().display())));
            }
            match self.read(&text) {
                Ok(after) => {
                    let kept = format!("your text is kept in {}", draft.path().display());
                    let outcome = self.record(&after).await.map_err(|failure| failure.hint(&kept))?;
                    draft.remove();
                    return Ok(outcome);
                }
                Err(why) => draft.remark(&format!("refused: {}", terminal::escaped(&why.message)), &text)?,
            }
            last = text;
        }
    }

    fn read(&self, text: &str) -> Result<TaskDefinition, Failure> {
        // Settings are named as the text has them, not as options.
        let after = portable(&TaskDefinition::parse(text).map_err(Failure::usage)?, self.actor.fleet())?;
        check_edit(&self.actor, &self.seen.definition, &after)?;
        Ok(after)
    }

    /// Records the definition as the version after the one that was read.
    async fn record(&self, after: &TaskDefinition) -> CommandResult {
        let name = &self.seen.summary.task.name;
        let after = portable(after, self.actor.fleet())?;
        let edited = actions::edit(&self.actor, &self.seen, &after).await?;
        edited.wired?.map_or(Ok(()), |line| stdout::line(terminal::escaped(&line)))?;
        if edited.changed.is_empty() {
            note(format_args!("task {name} is not changed"));
            return Ok(Exit::InSync);
        }
        let when = match self.seen.summary.run {
            Some(_) => "its run goes on as it began, limits hold at once",
            None => "from the next run on, limits at once",
        };
        let (version, changed) = (edited.version, edited.changed.join(", "));
        let changed = terminal::escaped(&changed);
        stdout::line(format_args!("changed task {name}, version {version}: {changed}; {when}"))?;
        Ok(Exit::InSync)
    }
}
