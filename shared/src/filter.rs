//! The keys and objects of a task.

mod folders;
pub mod prefixes;

use std::time::Duration;

use crate::config::Find;
use crate::object::Timestamp;
use globset::{GlobBuilder, GlobMatcher};

use self::folders::Reach;

/// Most rules; each is tried on every key, last to first.
const MAX_RULES: usize = 1_000;

/// Selects the keys and objects of a task: rules by key, bounds by size and age, a list of prefixes.
///
/// - A rule is `+ GLOB` (include) or `- GLOB` (exclude); the last one that matches the whole key wins.
///   `*` matches any characters, `/` too; `?` and `[a-z]` match one byte, so one ASCII character;
///   `{one,other}` and `\` as usual.
/// - A key that no rule matches is included, unless the first rule is an include: then it is excluded.
/// - A key that is excluded is excluded on both sides: it is neither copied nor deleted.
/// - Size and age bound source objects; an object outside the bounds is neither copied nor deleted.
#[derive(Debug, Clone)]
pub struct Filter {
    rules: Vec<Rule>,
    min_size: u64,
    max_size: u64,
    min_age: Duration,
    max_age: Duration,
    /// The time from which ages count; `None`: the present.
    now: Option<Timestamp>,
    prefixes: Vec<String>,
    /// All other keys are excluded.
    only_key: Option<String>,
}

#[derive(Debug, Clone)]
struct Rule {
    include: bool,
    glob: GlobMatcher,
    reach: Reach,
}

impl Filter {
    /// The filter that includes everything.
    pub fn all() -> Filter {
        let (rules, prefixes) = (Vec::new(), vec![String::new()]);
        let (min_age, max_age) = (Duration::ZERO, Duration::MAX);
        Filter { rules, min_size: 0, max_size: u64::MAX, min_age, max_age, now: None, prefixes, only_key: None }
    }

    /// Reads a task's filters, and its prefix list file if it names one (a small local file, read at
    /// once). Ages count from `now`, or, without it, from the time of each check.
    pub fn load(options: &Find, now: Option<Timestamp>) -> Result<Filter, FilterError> {
        let prefixes = match (&options.only_key, &options.prefix_list) {
            (Some(key), _) => vec![key.clone()],
            _ if !options.prefixes.is_empty() => prefixes::of_list(&options.prefixes).map_err(FilterError)?,
            (None, Some(path)) => prefixes::read(path).map_err(FilterError)?,
            (None, None) => vec![String::new()],
        };
        Filter::new(options, prefixes, now)
    }

    /// The filter over these prefixes, sorted and without one inside another.
    fn new(options: &Find, prefixes: Vec<String>, now: Option<Timestamp>) -> Result<Filter, FilterError> {
        let rules = &options.filters;
        if rules.len() > MAX_RULES {
            return Err(FilterError(format!(
                "there are {} filter rules, and at most {MAX_RULES} are allowed",
                rules.len()
            )));
        }
        let filter = Filter {
            rules: rules.iter().map(|rule| parse(rule)).collect::<Result<_, _>>().map_err(FilterError)?,
            min_size: options.min_size.unwrap_or(0),
            max_size: options.max_size.unwrap_or(u64::MAX),
            min_age: options.min_age.unwrap_or(Duration::ZERO),
            max_age: options.max_age.unwrap_or(Duration::MAX),
            now,
            prefixes,
            only_key: options.only_key.clone(),
        };
        if filter.min_size > filter.max_size {
            return Err(FilterError(
                "min-size is larger than max-size, which leaves out every object: give a smaller min-size".into(),
            ));
        }
        if filter.min_age > filter.max_age {
            return Err(FilterError(
                "min-age is longer than max-age, which leaves out every object: give a smaller min-age".into(),
            ));
        }
        Ok(filter)
    }

    /// The prefixes to list, sorted, none inside another; only the empty one if all keys are included.
    pub fn prefixes(&self) -> &[String] {
        &self.prefixes
    }

    /// The only key of the task, if it has only one: listings end with it.
    pub fn only_key(&self) -> Option<&str> {
        self.only_key.as_deref()
    }

    /// Whether the rules include a key.
    pub fn takes_key(&self, key: &str) -> bool {
        if self.only_key.as_deref().is_some_and(|only| only != key) {
            return false;
        }
        let unmatched = self.rules.first().is_none_or(|first| !first.include);
        self.rules.iter().rev().find(|rule| rule.glob.is_match(key)).map_or(unmatched, |rule| rule.include)
    }

    /// Whether the rules exclude every key below a folder, whose own key ends with `/`, so that it need not
    /// be listed. `false` also if the rules alone cannot decide that.
    pub fn excludes_below(&self, folder: &str) -> bool {
        if self.only_key.as_deref().is_some_and(|only| !only.starts_with(folder)) {
            return true;
        }
        for rule in self.rules.iter().rev() {
            if rule.include && rule.reach.may_match_below(folder) {
                return false;
            }
            if !rule.include && rule.reach.matches_all_below(folder) {
                return true;
            }
        }
        self.rules.first().is_some_and(|first| first.include)
    }

    /// Whether a key lies in the task's prefixes.
    pub fn reaches(&self, key: &str) -> bool {
        // Sorted, and none inside another: only the last one that does not come after the key can be its prefix.
        let at = self.prefixes.partition_point(|prefix| prefix.as_str() <= key);
        at > 0 && key.starts_with(&self.prefixes[at - 1])
    }

    /// Whether a source object of this size and time lies within the bounds of size and age.
    pub fn takes_object(&self, size: u64, modified: Timestamp) -> bool {
        let now = self.now.unwrap_or_else(Timestamp::now);
        let age = Duration::from_millis(now.0.saturating_sub(modified.0).max(0) as u64);
        (self.min_size..=self.max_size).contains(&size) && (self.min_age..=self.max_age).contains(&age)
    }

    /// The verdict on a key, whose source object, if any, has this size and time.
    pub fn judge(&self, key: &str, source: Option<(u64, Timestamp)>) -> FilterVerdict {
        if !self.takes_key(key) {
            FilterVerdict::ExcludedKey
        } else if source.is_some_and(|(size, modified)| !self.takes_object(size, modified)) {
            FilterVerdict::OutOfBounds
        } else {
            FilterVerdict::Taken
        }
    }
}

/// Why a filter, or a prefix list, cannot be used; displays as one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

/// The verdict of a filter on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterVerdict {
    /// The key is compared.
    Taken,
    /// The key is excluded, as if neither side had it.
    ExcludedKey,
    /// The source's object is too small, large, young or old: neither copied nor deleted.
    OutOfBounds,
}

fn parse(rule: &str) -> Result<Rule, String> {
    let usage = || format!("filter {rule:?} is not a rule: write \"+ GLOB\" to include, \"- GLOB\" to exclude");
    let (sign, glob) = rule.split_once(' ').ok_or_else(usage)?;
    let include = match sign {
        "+" => true,
        "-" => false,
        _ => return Err(usage()),
    };
    if glob.is_empty() {
        return Err(usage());
    }
    let reach = Reach::of(glob);
    let glob = GlobBuilder::new(glob).literal_separator(false).backslash_escape(true).build();
    // The error names the glob and the fault.
    let glob = glob.map_err(|e| format!("filter {rule:?}: {e}"))?;
    Ok(Rule { include, reach, glob: glob.compile_matcher() })
}

#[cfg(test)]
mod tests;
