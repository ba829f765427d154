//! The keys that a config file may have.
//!
//! serde's `flatten` (which spares every section the three keys of a connection) does not go with its
//! `deny_unknown_fields`, so unknown keys are looked for here, before reading. A test keeps the lists
//! equal to what [`super::Config`] writes.

use super::ConfigError;

/// Sections, with their keys; the first is the file's top level.
const SECTIONS: [(&str, &[&str]); 9] = [
    (
        "",
        &[
            "task",
            "kind",
            "source",
            "destination",
            "queue",
            "events",
            "ledger",
            "state",
            "fleet",
            "find",
            "work",
            "metrics-addr",
        ],
    ),
    ("source", &["location", "endpoint-url", "region", "credentials", "addressing-style", "requester-pays"]),
    ("destination", &["location", "endpoint-url", "region", "credentials", "addressing-style", "requester-pays"]),
    ("queue", &["name", "dead-letter", "endpoint-url", "region", "credentials"]),
    ("events", &["queue"]),
    ("ledger", &["table", "keep-outcomes", "endpoint-url", "region", "credentials"]),
    ("fleet", &["group", "lifecycle-hook", "metadata-url", "endpoint-url", "region", "credentials"]),
    (
        "find",
        &[
            "compare",
            "metadata",
            "delete",
            "max-delete",
            "filters",
            "min-size",
            "max-size",
            "min-age",
            "max-age",
            "prefix-list",
            "prefixes",
            "list-concurrency",
            "job-objects",
            "job-bytes",
        ],
    ),
    (
        "work",
        &[
            "concurrency",
            "memory-limit",
            "bandwidth-limit",
            "part-size",
            "multipart-threshold",
            "giant-threshold",
            "attempts",
            "retry-delay",
            "lease",
            "look-again",
            "drain",
            "outage-limit",
            "server-side-copy",
            "storage-class",
            "tags",
            "acl",
            "canned-acl",
            "sse",
            "sse-kms-key-id",
            "strict",
            "restore",
            "restore-days",
            "records",
        ],
    ),
];

/// The keys of a section; none for a section that does not exist.
pub fn of(section: &str) -> &'static [&'static str] {
    SECTIONS.iter().find(|(name, _)| *name == section).map_or(&[], |(_, keys)| keys)
}

/// A section that a file may have, with its keys.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) keys: Vec<&'static str>,
}

impl Section {
    pub(super) fn new(name: &'static str, keys: &[&'static str]) -> Section {
        Section { name, keys: keys.to_vec() }
    }
}

/// Refuses the first key that no section of a config file has, naming the one that was probably meant.
pub(super) fn check(file: &toml::Table) -> Result<(), ConfigError> {
    let sections: Vec<Section> = SECTIONS.iter().map(|(name, keys)| Section::new(name, keys)).collect();
    check_in(&sections, file, |_, _| None)
}

/// Refuses the first key that none of these sections has. `remedy` knows what is to be done about some of them.
pub(super) fn check_in(
    sections: &[Section],
    file: &toml::Table,
    remedy: impl Fn(&str, &str) -> Option<&'static str>,
) -> Result<(), ConfigError> {
    check_section(sections, "", file, &remedy)?;
    for (name, value) in file {
        if let Some(section) = value.as_table() {
            check_section(sections, name, section, &remedy)?;
        }
    }
    Ok(())
}

fn check_section(
    sections: &[Section],
    name: &str,
    table: &toml::Table,
    remedy: &impl Fn(&str, &str) -> Option<&'static str>,
) -> Result<(), ConfigError> {
    let known = sections.iter().find(|section| section.name == name).map_or(&[][..], |section| &section.keys);
    let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    // More than a letter in two is another word.
    let most = 3.min(unknown.len() / 2);
    let nearest = known.iter().min_by_key(|key| distance(key, unknown)).filter(|key| distance(key, unknown) <= most);
    let hint = match (remedy(name, unknown), elsewhere(sections, name, unknown), nearest) {
        (Some(remedy), _, _) => remedy.to_owned(),
        (None, Some(place), _) => format!("put it into section [{place}]"),
        (None, None, Some(key)) => format!("did you mean {key:?}?"),
        (None, None, None) => format!("the settings here are {}", known.join(", ")),
    };
    let place = if name.is_empty() { String::new() } else { format!(" in [{name}]") };
    Err(ConfigError::UnknownKey { key: unknown.clone(), place, hint })
}

fn elsewhere(sections: &[Section], name: &str, key: &str) -> Option<&'static str> {
    let others = sections.iter().filter(|section| section.name != name && !section.name.is_empty());
    others.into_iter().find(|section| section.keys.contains(&key)).map(|section| section.name)
}

/// Edit distance (Levenshtein) between two short words; `usize::MAX` for long ones, whose table
/// would cost more than the hint is worth.
fn distance(a: &str, b: &str) -> usize {
    const LONGEST_CHARS: usize = 64;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > LONGEST_CHARS || b.len() > LONGEST_CHARS {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_distance_counts_edits() {
        for (a, b, edits) in
            [("", "", 0), ("abc", "abc", 0), ("part-size", "partsize", 1), ("lease", "leese", 1), ("", "ab", 2)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
