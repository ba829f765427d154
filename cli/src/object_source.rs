//! One object, or one file, as the source of a command.

use adapters::open;
use shared::config::Config;
use shared::terminal;
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;
use crate::verbosity::note;

/// Refuses a source that is one object: events are followed for a folder alone.
pub async fn refuse(config: &Config) -> Result<(), Failure> {
    let Some((folder, key)) = open::object_source(&config.objects.source).await.map_err(Failure::side)? else {
        return Ok(());
    };
    let named = terminal::escaped(&folder.display_key(&key)).to_string();
    let folder = terminal::escaped(&folder.to_string()).to_string();
    Err(Failure::usage(format!("watch: the source {named} is one object; watch {folder}, or use sync --every")))
}

/// The task whose source is the parent folder with that one key, if the source names an object; else the task as it is.
/// `None` if `stop` comes first.
///
/// The name of the task stays. The key is one of the run's options: a run of the folder cancels one of the object.
/// `--delete` is refused: once the object is gone, its location is an empty folder, and the whole destination would be
/// extra.
pub async fn resolve(config: Config, stop: &CancellationToken) -> Result<Option<Config>, Failure> {
    let found = tokio::select! {
        found = open::object_source(&config.objects.source) => found.map_err(Failure::side)?,
        () = stop.cancelled() => return Ok(None),
    };
    let Some((folder, key)) = found else { return Ok(Some(config)) };
    let named = terminal::escaped(&folder.display_key(&key)).to_string();
    for (option, is_given) in
        [("--delete", config.objects.find.delete), ("--prefix-list", config.objects.find.prefix_list.is_some())]
    {
        if is_given {
            let why = format!("{option}: the source {named} is one object; leave {option} out, or give a folder");
            return Err(Failure::usage(why));
        }
    }
    note(format_args!("the source is one object: {named}"));
    let mut config = config;
    config.objects.source.location = folder;
    config.objects.find.only_key = Some(key);
    Ok(Some(config))
}
