//! The state folder: the embedded queue and ledger, and beside them the tasks that were synced from
//! here (`tasks/NAME.json`), so that `retry` needs no options repeated. Holds no secret: credentials stand
//! in a task only by where they come from.

use std::fs;
use std::path::{Path, PathBuf};

use shared::config::Config;

use crate::exit::Failure;

/// Where state is kept by default: `$XDG_STATE_HOME/flotilla`, else `~/.local/state/flotilla` (XDG Base
/// Directory Specification).
pub fn default_folder() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("flotilla"))
        .ok_or_else(|| {
            Failure::usage(
                "--state: there is no default folder, because neither XDG_STATE_HOME nor HOME is set: give --state DIR",
            )
        })
}

fn task_file(state: &Path, task: &str) -> PathBuf {
    state.join("tasks").join(format!("{task}.json"))
}

/// Keeps a task's configuration. Written beside and renamed, so that a crash leaves the old or the new.
pub fn remember(state: &Path, config: &Config) -> Result<(), Failure> {
    let file = task_file(state, &config.task);
    let beside = file.with_extension(format!("{}.tmp", std::process::id()));
    let text = serde_json::to_vec_pretty(config).expect("a config is representable as JSON");
    fs::create_dir_all(state.join("tasks"))
        .and_then(|()| fs::write(&beside, text))
        .and_then(|()| fs::rename(&beside, &file))
        .map_err(|why| {
            Failure::usage(format!("cannot write {}: {why}; give another folder with --state", file.display()))
        })
}

/// The configuration under which a task was last synced from here.
pub fn recall(state: &Path, task: &str) -> Option<Config> {
    let text = fs::read(task_file(state, task)).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_remembered_as_it_was() {
        let folder = std::env::temp_dir().join(format!("flotilla-state-{}", uuid::Uuid::now_v7()));
        let config =
            Config::parse("task = \"t\"\nstate = \"/s\"\nsource.location = \"/a\"\ndestination.location = \"/b\"")
                .unwrap();
        assert_eq!(recall(&folder, "t"), None);
        remember(&folder, &config).unwrap();
        remember(&folder, &config).unwrap();
        assert_eq!(recall(&folder, "t"), Some(config));
        fs::remove_dir_all(folder).unwrap();
    }
}
