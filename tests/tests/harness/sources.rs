//! Sources and documents stay readable: their lengths are bounded.

use flotilla_tests::sources::{Function, files, functions, text};

/// Most lines of a source file.
const FILE_LINES: usize = 500;

/// Most lines of a function.
const FUNCTION_LINES: usize = 60;

/// Most characters of a function's name: a test's name is one plain statement.
const NAME_CHARACTERS: usize = 60;

/// Most columns of a document's line.
const COLUMNS: usize = 120;

fn sources() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|path| path.ends_with(".rs")).map(|path| (path.clone(), text(&path)))
}

#[test]
fn a_function_is_measured_from_its_name_to_its_brace() {
    let source = "\
#[test]
#[ignore]
fn one() {}

impl Two {
    pub(crate) async fn two(
        a: u32,
    ) -> u32 {
        let b = || {
            a
        };
        b()
    }

    fn declared(&self);
}
";
    let function = |name, at, lines, is_test| Function { name, at, lines, is_test };
    assert_eq!(
        functions(source),
        [function("one", 2, 1, true), function("two", 5, 8, false), function("declared", 14, 1, false)]
    );
}

#[test]
fn no_source_file_has_more_than_500_lines() {
    let lengths = sources().map(|(path, source)| (source.lines().count(), path));
    let long: Vec<_> = lengths.filter(|(lines, _)| *lines > FILE_LINES).collect();
    assert!(long.is_empty(), "split by noun: {long:?}");
}

#[test]
fn no_function_has_more_than_60_lines() {
    let mut long = Vec::new();
    let mut measured = 0;
    for (path, source) in sources() {
        for Function { name, lines, .. } in functions(&source) {
            measured += 1;
            if lines > FUNCTION_LINES {
                long.push(format!("{path}: {name} has {lines} lines"));
            }
        }
    }
    assert!(measured > 3_000, "only {measured} functions");
    assert!(long.is_empty(), "split: {long:#?}");
}

#[test]
fn no_functions_name_has_more_than_60_characters() {
    let mut long = Vec::new();
    for (path, source) in sources() {
        let names = functions(&source).into_iter().map(|function| function.name);
        long.extend(names.filter(|name| name.len() > NAME_CHARACTERS).map(|name| format!("{path}: {name}")));
    }
    assert!(long.is_empty(), "shorten: {long:#?}");
}

#[test]
fn no_line_of_a_document_has_more_than_120_columns() {
    // The changelog has an entry a line.
    let is_document = |path: &String| path.ends_with(".md") && path != "CHANGELOG.md";
    let documents: Vec<String> = files().into_iter().filter(is_document).collect();
    assert!(documents.len() > 5, "only {documents:?}");
    let mut long = Vec::new();
    for path in documents {
        for (line, number) in text(&path).lines().zip(1..) {
            // A single word cannot be wrapped.
            if line.chars().count() > COLUMNS && line.trim().contains(' ') {
                long.push(format!("{path}:{number}"));
            }
        }
    }
    assert!(long.is_empty(), "wrap: {long:#?}");
}

/// The reference is elsewhere: the README is read as a whole.
#[test]
fn the_readme_has_at_most_150_lines() {
    let lines = text("README.md").lines().count();
    assert!(lines <= 150, "{lines} lines");
}
