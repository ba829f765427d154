//! Options of `flotilla task run`.

use clap::{ArgMatches, Args};
use shared::config::{Compare, Find, RunOverrides};

use super::FleetArgs;
use crate::args::filters::FilterArgs;
use crate::args::task::word;

/// `flotilla task run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Replace the task's run, which is cancelled, if it has one
    #[arg(long)]
    pub supersede: bool,
    /// Print the run's id as JSON
    #[arg(long)]
    pub json: bool,
    /// In this run, how objects are compared
    #[arg(long, value_name = "BY", value_parser = word::<Compare>, help_heading = OVERRIDES)]
    compare: Option<Compare>,
    /// In this run, delete destination objects that the source does not have
    #[arg(long, help_heading = OVERRIDES)]
    delete: bool,
    /// In this run, delete nothing
    #[arg(long, conflicts_with = "delete", help_heading = OVERRIDES)]
    no_delete: bool,
    /// In this run, refuse all deletes if there are more than this
    #[arg(long, value_name = "N", help_heading = OVERRIDES)]
    max_delete: Option<u64>,
    #[command(flatten)]
    filters: FilterArgs,
}

const OVERRIDES: &str = "Options of this run alone";

impl RunArgs {
    /// Filters in place of the task's. A prefix list belongs to the task.
    pub fn without_prefix_list(command: clap::Command) -> clap::Command {
        command.mut_arg("prefix_list", |arg| arg.hide(true).value_parser(refused_prefix_list))
    }

    /// Takes the order between --include and --exclude.
    pub fn take_matches(&mut self, matches: &ArgMatches) {
        self.filters.take_rules(matches);
    }

    /// How the run differs from its task.
    pub fn overrides(&self) -> RunOverrides {
        let find = self.filters.apply(Find::default());
        let delete = match (self.delete, self.no_delete) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        };
        RunOverrides {
            compare: self.compare,
            delete,
            max_delete: self.max_delete,
            filters: (!find.filters.is_empty()).then_some(find.filters),
            min_size: find.min_size,
            max_size: find.max_size,
            min_age: find.min_age,
            max_age: find.max_age,
        }
    }
}

fn refused_prefix_list(_: &str) -> Result<std::path::PathBuf, String> {
    Err("the task has it: use flotilla task edit".to_owned())
}
