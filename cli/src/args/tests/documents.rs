//! Each command that the documents show is one that the programs take.

use std::path::Path;

use super::super::{FinderArgs, WorkerArgs, parse};
use clap::Parser as _;

/// The words of a line of a shell, without its comment. `[RUN]` and its like stand for a word that may be left out.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for sign in line.chars() {
        match sign {
            '"' => is_quoted = !is_quoted,
            '#' | '&' | '|' if !is_quoted && word.is_empty() => break,
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(sign),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty() && !word.starts_with('['));
    words
}

/// The lines within fences, of which one that ends with `\` goes on in the next.
fn lines_of_code(text: &str) -> Vec<String> {
    let mut code = String::new();
    let mut is_code = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            code.push_str(line);
            code.push('\n');
        }
    }
    code.replace("\\\n", " ").lines().map(str::to_owned).collect()
}

#[test]
fn every_command_of_the_documents_is_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut commands = 0;
    for document in ["README.md", "docs/deployment.md", "docs/operations.md", "docs/reference.md"] {
        for line in lines_of_code(&std::fs::read_to_string(root.join(document)).unwrap()) {
            let words = words(&line);
            let taken = match words.first().map(String::as_str) {
                Some("flotilla") => parse(words.iter().map(Into::into)).map(drop),
                Some("worker") => WorkerArgs::try_parse_from(&words).map(drop),
                Some("finder") => FinderArgs::try_parse_from(&words).map(drop),
                _ => continue,
            };
            taken.unwrap_or_else(|error| panic!("{document}: {line}: {error}"));
            commands += 1;
        }
    }
    assert!(commands > 25, "{commands}");
}
