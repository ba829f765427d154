//! Completions of shells and manual pages, from the definition of the command lines.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::args::{self, CompletionsArgs, FinderArgs, ManArgs, WorkerArgs};
use crate::exit::{CommandResult, Exit, Failure};

/// Prints the completions of a shell.
pub fn completions(args: &CompletionsArgs) -> CommandResult {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "flotilla", &mut text);
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(&text)
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::usage(format!("stdout: {error}")))?;
    Ok(Exit::InSync)
}

/// Writes a page for each program and each command.
pub fn manual(args: &ManArgs) -> CommandResult {
    let refused = |error: io::Error| Failure::usage(format!("{}: {error}", args.dir.display()));
    fs::create_dir_all(&args.dir).map_err(refused)?;
    for mut program in [args::command(), WorkerArgs::command(), FinderArgs::command()] {
        // Names each command in full, and gives it the options of those above it.
        program.build();
        write_pages(program, &args.dir).map_err(refused)?;
    }
    Ok(Exit::InSync)
}

/// The page of a command and those of its commands: `flotilla-task-run.1`.
fn write_pages(command: Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help") {
        write_pages(below.clone(), folder)?;
    }
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    fs::write(folder.join(format!("{name}.1")), page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        manual(&ManArgs { dir: folder.path().join("man1") }).ok().unwrap();
        for name in ["flotilla", "flotilla-sync", "flotilla-task-run", "flotilla-controller", "worker", "finder"] {
            let page = fs::read_to_string(folder.path().join(format!("man1/{name}.1"))).unwrap();
            assert!(page.contains(".SH SYNOPSIS"), "{name}");
        }
        assert!(!folder.path().join("man1/flotilla-man.1").exists(), "hidden commands have none");
    }
}
