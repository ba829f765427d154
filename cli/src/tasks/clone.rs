//! `flotilla task clone`

use super::{create, found, opened, present};
use crate::args::CloneArgs;
use crate::exit::CommandResult;

/// Creates a task like another one.
pub async fn run(args: &CloneArgs) -> CommandResult {
    let fleet = args.fleet()?;
    let tasks = opened(&fleet, false).await?;
    let summary = found(&tasks, &fleet, &args.name).await?;
    let definition = args.definition(&present(&tasks, &summary).await?)?;
    create::create(&tasks, &fleet, &definition).await
}
