//! `flotilla task clone`

use super::{actor, create};
use crate::args::CloneArgs;
use crate::exit::CommandResult;

/// Creates a task like another one.
pub async fn run(args: &CloneArgs) -> CommandResult {
    let actor = actor(&args.fleet()?).await?;
    let definition = args.definition(&actor.found(&args.name).await?.definition)?;
    create::create(&actor, &definition).await
}
