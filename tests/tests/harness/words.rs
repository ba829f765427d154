//! Words that were replaced stay away: each stood for several things, or was a private image.

use flotilla_tests::sources::{files, text};

/// Words that nothing may use, beside the word to use. A text matches in lower case, as a word of its own: letters and
/// digits next to it make another word, underscores do not.
const REPLACED: [(&str, &str); 27] = [
    ("boards", "enters"),
    ("brake", "ConcurrencyLimiter"),
    ("buried", "is a dead letter"),
    ("bury", "dead_letter"),
    ("carrier", "backend"),
    ("carriers", "backends"),
    ("dialect", "quirks"),
    ("flight", "leader, or in flight"),
    ("flights", "coalescer"),
    ("hand_back", "release"),
    ("held", "leased, deferred, stored, delayed"),
    ("hungry", "needs a page"),
    ("learner", "feedback"),
    ("lesson", "measurement"),
    ("let_go", "finish"),
    ("makes no sense", "is invalid"),
    ("orphan", "orphaned upload"),
    ("orphans", "orphaned uploads"),
    ("strays", "in doubt"),
    ("taught", "reported"),
    ("telling", "reporting"),
    ("tells", "reports"),
    ("told", "reported, asked"),
    ("underway", "in progress"),
    ("untold", "unreported"),
    ("whoever", "a subject that names the part"),
    ("whomever", "a subject that names the part"),
];

/// Phrases in which a replaced word is the field's own, or plain English.
const ALLOWED: [&str; 2] = ["in flight", "lock is held"];

/// Types and variables that were replaced, in their own case.
const NAMES: [&str; 4] = ["Place", "Places", "PlaceArgs", "Told"];

/// This file names what it forbids; a changelog says what was.
const EXCEPT: [&str; 2] = ["tests/tests/harness/words.rs", "CHANGELOG.md"];

fn has_word(line: &str, word: &str) -> bool {
    let joins = |other: Option<char>| other.is_some_and(|c| c.is_ascii_alphanumeric());
    line.match_indices(word)
        .any(|(at, _)| !joins(line[..at].chars().next_back()) && !joins(line[at + word.len()..].chars().next()))
}

/// The replaced words of a line, each beside the word to use.
fn replaced(line: &str) -> Vec<(&'static str, &'static str)> {
    let mut lower = line.to_lowercase().replace("in_flight", "in flight");
    for phrase in ALLOWED {
        lower = lower.replace(phrase, "");
    }
    let words = REPLACED.into_iter().filter(|(word, _)| has_word(&lower, word));
    let names = NAMES.into_iter().filter(|name| has_word(line, name)).map(|name| (name, "a name of its role"));
    words.chain(names).collect()
}

#[test]
fn a_replaced_word_is_found_in_text_and_in_names() {
    let found = |line: &str| replaced(line).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
    assert_eq!(found("Telling, is_told, untold"), ["telling", "told", "untold"]);
    assert_eq!(found("the lock is held, objects in flight, in_flight, IN_FLIGHT, upheld, a place"), [""; 0]);
    assert_eq!(found("struct Place { held: u32 }"), ["held", "Place"]);
}

#[test]
fn no_source_or_document_uses_a_replaced_word() {
    let is_text = |path: &String| {
        [".rs", ".md", ".py", ".toml", ".sh", ".tf", ".hcl", ".yaml"].iter().any(|end| path.ends_with(end))
    };
    let mut found = Vec::new();
    for path in files().into_iter().filter(is_text).filter(|path| !EXCEPT.contains(&path.as_str())) {
        for (line, number) in text(&path).lines().zip(1..) {
            let words = replaced(line).into_iter();
            found.extend(words.map(|(word, better)| format!("{path}:{number}: {word} (use: {better})")));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
