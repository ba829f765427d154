//! Conflicts between the folders of a task.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags};
use shared::config::Config;
use shared::location::Location;
use shared::{Error, ErrorKind, Result};

/// Checks by its permissions that a folder may be written to, or made if it does not exist. Writes nothing.
pub fn check_writable(location: &Location) -> Result<()> {
    let refuse = |kind, why: String| Err(Error::new(kind, "write", location.to_string(), why));
    let Some(path) = location.path() else {
        return refuse(ErrorKind::Invalid, "not a folder's location".to_owned());
    };
    let Some(folder) = path.ancestors().find(|folder| folder.exists()) else {
        return refuse(ErrorKind::NoSuchContainer, "the folder does not exist".to_owned());
    };
    if !folder.is_dir() {
        return refuse(ErrorKind::Invalid, format!("{} is no folder", folder.display()));
    }
    let access = Access::WRITE_OK | Access::EXEC_OK;
    match rustix::fs::accessat(rustix::fs::CWD, folder, access, AtFlags::EACCESS) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => {
            refuse(ErrorKind::Denied, format!("{}: permission denied", folder.display()))
        }
        Err(why) => refuse(ErrorKind::Denied, format!("{}: {}", folder.display(), std::io::Error::from(why))),
    }
}

/// Refuses a source and a destination within each other, however they are spelled (`..`, links),
/// and a state folder within either: a mirror would delete its own queue and ledger, and a copy of a
/// state that changes while it is copied never ends.
pub(super) fn check(config: &Config) -> Result<(), (&'static str, Error)> {
    let real = |side: &shared::config::Side| side.location.path().map(|path| existing(&path));
    let (source, destination) = (real(&config.objects.source), real(&config.objects.destination));
    let refuse = |side, folder: &Path, message: String| {
        Err((side, Error::new(ErrorKind::Invalid, "open", folder.display().to_string(), message)))
    };
    // If the source is one file, nothing else in its folder is read: only the folder itself conflicts.
    let is_one_file = config.objects.find.only_key.is_some();
    if let (Some(a), Some(b)) = (&source, &destination)
        && (a == b || !is_one_file && (a.starts_with(b) || b.starts_with(a)))
    {
        let message = format!(
            "the destination and the source {} overlap: give folders of which neither contains the other",
            a.display()
        );
        return refuse("destination", b, message);
    }
    let Some(state) = config.state.as_deref().map(existing) else { return Ok(()) };
    for (side, folder) in [("source", source.filter(|_| !is_one_file)), ("destination", destination)] {
        if let Some(folder) = folder
            && state.starts_with(&folder)
        {
            let message =
                format!("the state folder lies within the {side} {}: give another folder with state", folder.display());
            return refuse("state", &state, message);
        }
    }
    Ok(())
}

/// The path with links resolved as far as it exists.
fn existing(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.ancestors()
        .find_map(|a| a.canonicalize().ok().map(|real| real.join(path.strip_prefix(a).unwrap_or(Path::new("")))))
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_folders_are_refused_in_every_spelling() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a/in", "b"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(root.path().join("a"), root.path().join("link")).unwrap();
        let check = |source: &str, destination: &str, state: &str| {
            let path = |name: &str| root.path().join(name).display().to_string();
            let text = format!(
                "task = 't'\nstate = '{}'\n[source]\nlocation = '{}'\n[destination]\nlocation = '{}'\n",
                path(state),
                path(source),
                path(destination)
            );
            super::check(&Config::parse(&text).unwrap()).map_err(|(side, _)| side)
        };
        assert_eq!(check("a", "b", "state"), Ok(()));
        assert_eq!(check("a", "link/new", "state"), Err("destination"));
        assert_eq!(check("a", "b/../a/in", "state"), Err("destination"));
        assert_eq!(check("a", "b", "link/in"), Err("state"));
        assert_eq!(check("a", "b", "b/state"), Err("state"));
    }
}
