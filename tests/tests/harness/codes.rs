//! The page's texts for the codes of the API's problems, in both languages.

use std::collections::BTreeSet;

use flotilla_tests::sources::{files, text};

/// Codes of requests that the page never makes, or that a browser never shows: programs read them.
const FOR_PROGRAMS: [&str; 14] = [
    "body-too-large",
    "if-match-required",
    "invalid-cursor",
    "invalid-header",
    "invalid-query",
    "invalid-request",
    "method-not-allowed",
    "no-outcome",
    "no-provider",
    "no-such-path",
    "no-such-version",
    "unsupported-media-type",
    "wrong-host",
    "wrong-origin",
];

/// Kinds of errors that only stores and workers meet: no answer of the API has them.
const OF_STORES: [&str; 12] = [
    "archived",
    "bad-digest",
    "cancelled",
    "checksum-required",
    "lease-lost",
    "no-such-upload",
    "not-found",
    "passed-over",
    "precondition-failed",
    "range-ignored",
    "suspended",
    "too-many-parts",
];

/// Texts of problems that the page finds itself.
const OF_THE_PAGE: [&str; 5] = ["offline", "refused", "server", "short", "unexpected"];

/// Quoted words in kebab case that follow `before` within a few characters, in a text without its tests.
fn words_after(source: &str, before: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let quoted = |rest: &str| {
        let within: String = rest.chars().take(80).collect();
        let word = within.split('"').nth(1)?.to_owned();
        let is_code = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        is_code.then_some(word)
    };
    code.split(before).skip(1).filter_map(quoted).collect()
}

/// The codes that the API's sources name.
fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    let sources = files().into_iter().filter(|path| path.starts_with("console/src/") && path.ends_with(".rs"));
    for source in sources.filter(|path| !path.contains("tests")).map(|path| text(&path)) {
        for before in ["Problem::new(", "Problem::missing("] {
            codes.extend(words_after(&source, before));
        }
    }
    codes.extend(words_after(&text("console/src/guard.rs"), ") => ("));
    for enumeration in ["control/src/refusal.rs", "shared/src/error.rs"] {
        codes.extend(words_after(&text(enumeration), " =>"));
    }
    codes
}

/// The keys of a language's texts that begin so, without that.
fn keys(language: &str, prefix: &str) -> BTreeSet<String> {
    let folder = format!("console/ui/src/i18n/{language}/");
    let sources = files().into_iter().filter(|path| path.starts_with(&folder)).map(|path| text(&path));
    let lines: Vec<String> = sources.flat_map(|source| source.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let keys = lines.iter().filter_map(|line| line.trim_start().strip_prefix('"')?.strip_prefix(prefix));
    let keys = keys.filter_map(|rest| rest.split_once('"')).map(|(key, _)| key.to_owned());
    keys.filter(|key| !key.contains('.')).collect()
}

#[test]
fn the_page_has_a_text_for_each_code_of_the_api() {
    let codes = codes();
    assert!(codes.len() > 60, "{codes:?}");
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<String>>();
    for language in ["en", "zh"] {
        let problems = keys(language, "problem.");
        let missing = &(&(&codes - &problems) - &set(&FOR_PROGRAMS)) - &set(&OF_STORES);
        assert_eq!(missing, BTreeSet::new(), "{language}: codes without a text");
        let unused = &(&problems - &codes) - &set(&OF_THE_PAGE);
        assert_eq!(unused, BTreeSet::new(), "{language}: texts without a code");
        let remedies = &keys(language, "remedy.") - &codes;
        assert_eq!(remedies, BTreeSet::new(), "{language}: remedies without a code");
    }
    let listed = &set(&FOR_PROGRAMS) | &set(&OF_STORES);
    assert_eq!(&listed - &codes, BTreeSet::new(), "codes that are gone");
}
