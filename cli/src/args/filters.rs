//! Options that choose objects.

use std::path::PathBuf;

use clap::ArgMatches;
use humantime::Duration;
use shared::config::{Find, Size};

/// Which objects to look at.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which objects")]
pub struct FilterArgs {
    /// Include matching keys (* also matches /). The last matching --include or --exclude decides; a key that
    /// matches none is included, unless the first rule is an --include
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Exclude matching keys
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Leave out source objects smaller than this
    #[arg(long, value_name = "SIZE")]
    min_size: Option<Size>,
    /// Leave out source objects larger than this
    #[arg(long, value_name = "SIZE")]
    max_size: Option<Size>,
    /// Leave out source objects younger than this, such as 10m
    #[arg(long, value_name = "TIME", value_parser = shared::config::time)]
    min_age: Option<Duration>,
    /// Leave out source objects older than this, such as 30d
    #[arg(long, value_name = "TIME", value_parser = shared::config::time)]
    max_age: Option<Duration>,
    /// File of key prefixes, one a line: leave out all other keys (top also matches topless, top/ does not);
    /// blank lines and # comments are ignored
    #[arg(long, value_name = "FILE")]
    prefix_list: Option<PathBuf>,
    /// Both lists as rules, in the order in which they were given.
    #[arg(skip)]
    rules: Vec<String>,
}

impl FilterArgs {
    /// Merges --include and --exclude in the order in which they stood on the command line.
    pub fn take_rules(&mut self, matches: &ArgMatches) {
        let placed = |name: &str, sign: char, globs: &[String]| -> Vec<(usize, String)> {
            let positions = matches.indices_of(name).into_iter().flatten();
            positions.zip(globs).map(|(position, glob)| (position, format!("{sign} {glob}"))).collect()
        };
        let mut rules = placed("include", '+', &self.include);
        rules.extend(placed("exclude", '-', &self.exclude));
        rules.sort_by_key(|(position, _)| *position);
        self.rules = rules.into_iter().map(|(_, rule)| rule).collect();
    }

    /// The settings with these filters.
    pub fn apply(&self, find: Find) -> Find {
        Find {
            filters: self.rules.clone(),
            min_size: self.min_size.map(|size| size.0),
            max_size: self.max_size.map(|size| size.0),
            min_age: self.min_age.map(Into::into),
            max_age: self.max_age.map(Into::into),
            prefix_list: self.prefix_list.clone(),
            ..find
        }
    }
}
