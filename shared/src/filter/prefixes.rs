//! The prefix list: a file with one prefix of the task a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::location::Scheme;

/// Longest prefix, bytes: as a key of Amazon S3.
const MAX_PREFIX_BYTES: usize = 1_024;

/// Most prefixes after merging: each is a range with a checkpoint of its own.
pub const MAX_PREFIXES: usize = 10_000;

/// Most lines read: bounds the memory for a list that merges to few.
const MAX_LINES: usize = 1_000_000;

/// Reads a prefix list. The error names file, line, and fault.
pub fn read(path: &Path) -> Result<Vec<String>, String> {
    if Scheme::ALL.iter().any(|scheme| path.starts_with(format!("{}:", scheme.as_str()))) {
        return Err(format!("prefix list {} is no file: only tasks of a fleet have it in an object", path.display()));
    }
    let file = File::open(path).map_err(|e| format!("cannot read the prefix list {}: {e}", path.display()))?;
    if path.is_dir() {
        return Err(format!("prefix list {} is a folder: give a file with one key prefix a line", path.display()));
    }
    parse(BufReader::new(file), &path.display().to_string())
}

/// Merges prefixes that a definition has. Each is taken literally.
pub fn of_list(prefixes: &[String]) -> Result<Vec<String>, String> {
    if prefixes.len() > MAX_LINES {
        return Err(format!("there are {} prefixes: give at most {MAX_PREFIXES}", prefixes.len()));
    }
    for prefix in prefixes {
        if prefix.is_empty()
            || prefix.len() > MAX_PREFIX_BYTES
            || prefix.contains(|c: char| c.is_control() && c != '\t')
        {
            let why = format!("give 1 to {MAX_PREFIX_BYTES} bytes without control characters");
            return Err(format!("{:?} is no prefix of keys: {why}", prefix.chars().take(80).collect::<String>()));
        }
    }
    merge(prefixes.to_vec(), "prefixes")
}

/// Parses a prefix list line by line. Blank lines and lines that start with `#` are skipped; every
/// other line is a literal prefix of keys (without a carriage return at its end). A line that can match
/// nothing (a location, a path from the root, a glob, white space around it) is refused. A line after
/// `\` is taken literally.
/// Duplicates, and prefixes inside another, are merged; the result is sorted.
pub fn parse(mut lines: impl BufRead, name: &str) -> Result<Vec<String>, String> {
    let mut prefixes = Vec::new();
    let mut line = Vec::new();
    for number in 1..=MAX_LINES + 1 {
        line.clear();
        // At most one line is in memory, for any file.
        let limit = MAX_PREFIX_BYTES as u64 + 3;
        let read = (&mut lines).take(limit).read_until(b'\n', &mut line);
        if read.map_err(|e| format!("{name}:{number}: {e}"))? == 0 {
            return merge(prefixes, name);
        }
        if number > MAX_LINES {
            return Err(format!("{name}: the file has more than {MAX_LINES} lines: give fewer, shorter prefixes"));
        }
        let in_line = |why: String| format!("{name}:{number}: {why}");
        let text = check(&line, number == 1).map_err(in_line)?;
        if let Some(literal) = text.strip_prefix('\\') {
            if literal.is_empty() {
                return Err(in_line("the prefix after \\ is empty, and would match all keys".to_owned()));
            }
            prefixes.push(literal.to_owned());
        } else if !text.trim().is_empty() && !text.starts_with('#') {
            refuse_what_matches_nothing(text).map_err(in_line)?;
            prefixes.push(text.to_owned());
        }
    }
    unreachable!("the loop ends by returning")
}

fn check(line: &[u8], first: bool) -> Result<&str, String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_PREFIX_BYTES {
        return Err(format!("the line is longer than {MAX_PREFIX_BYTES} bytes, the maximum of a key"));
    }
    let text = std::str::from_utf8(line).map_err(|_| "the line is not UTF-8".to_owned())?;
    let text = if first { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
    match text.chars().find(|c| c.is_control() && *c != '\t') {
        Some(c) if !text.trim().is_empty() => Err(format!("the line contains the control character {c:?}")),
        _ => Ok(text),
    }
}

/// Refuses a line that is probably no prefix of keys.
fn refuse_what_matches_nothing(line: &str) -> Result<(), String> {
    let literally = format!("or \\{line} if keys really begin like this");
    if line.trim() != line {
        return Err(format!("{line:?} has white space around it: write {:?}, {literally}", line.trim()));
    }
    let scheme = Scheme::ALL.into_iter().find_map(|scheme| line.strip_prefix(scheme.as_str())?.strip_prefix("://"));
    if let Some(place) = scheme {
        let key = place.split_once('/').map_or("", |(_, key)| key);
        return Err(format!("{line:?} is a location: write the part of the key below the source, such as {key:?}"));
    }
    if let Some(key) = line.strip_prefix("./").or_else(|| line.strip_prefix('/')) {
        return Err(format!("{line:?} is a path, and keys do not begin with \"/\": write {key:?}, {literally}"));
    }
    if line.contains('*') {
        let prefix = line.split('*').next().unwrap_or_default();
        return Err(format!(
            "{line:?} is a glob, and the list takes prefixes: write {prefix:?}, {literally}; for globs use --include"
        ));
    }
    Ok(())
}

fn merge(mut prefixes: Vec<String>, name: &str) -> Result<Vec<String>, String> {
    if prefixes.is_empty() {
        return Err(format!(
            "{name}: the file contains no prefixes: add one a line, or leave the option out to compare all keys"
        ));
    }
    prefixes.sort();
    // After sorting, a prefix comes before all prefixes inside it.
    prefixes.dedup_by(|inner, outer| inner.starts_with(outer.as_str()));
    if prefixes.len() > MAX_PREFIXES {
        return Err(format!(
            "{name}: the file has {} prefixes, and at most {MAX_PREFIXES} are allowed",
            prefixes.len()
        ));
    }
    Ok(prefixes)
}
