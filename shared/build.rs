//! Puts target and commit into the programs' `--version`.
//!
//! The commit is `FLOTILLA_COMMIT` where packagers set it, else what git reports, in release builds alone: in others a
//! commit would recompile the whole workspace. Without git, or outside a repository, the version has no commit.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=FLOTILLA_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let given = variable("FLOTILLA_COMMIT");
    let is_release = variable("PROFILE") == "release";
    let commit = if given.is_empty() && is_release { commit_of_git() } else { Some(given) };
    let commit =
        commit.filter(|commit| !commit.is_empty() && commit.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    let target = variable("TARGET");
    let built = commit.map_or_else(|| target.clone(), |commit| format!("{commit}, {target}"));
    println!("cargo:rustc-env=FLOTILLA_VERSION={} ({built})", variable("CARGO_PKG_VERSION"));
}

/// The short commit, with `-dirty` where files differ from it.
fn commit_of_git() -> Option<String> {
    // A commit or a checkout changes one of these, in a worktree too. Not the index: any `git status` may write it, and
    // all crates would be built again.
    for path in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", path])?;
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
