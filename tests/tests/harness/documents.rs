//! The documents against the code: a promise names its test, a list names its metrics.

use std::collections::BTreeSet;

use flotilla_tests::sources::{files, quoted, root, text as document};
use shared::config::keys;
use shared::metrics::fleet::FLEET_TABLE;
use shared::metrics::{MetricKind, TABLE};

/// The document that names every option and every setting.
const REFERENCE: &str = "docs/reference.md";

/// The items of the text's lists, each on one line.
fn list_items(text: &str) -> impl Iterator<Item = String> {
    text.split("\n- ").skip(1).map(|item| {
        let end = item.find("\n\n").unwrap_or(item.len());
        item[..end].split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let text = document("docs/semantics.md");
    let named: BTreeSet<_> = quoted(&text).filter_map(|words| words.split_once(".rs::")).collect();
    assert!(named.len() > 50, "only {} tests are named", named.len());
    for (file, test) in named {
        let source = document(&format!("{file}.rs"));
        // A function, and in a file of tests: one of the product's own would promise nothing.
        assert!(source.contains(&format!("fn {test}(")), "{file}.rs has no test {test}");
        assert!(source.contains("#[test]") || source.contains("::test") || file.contains("/conformance/"), "{file}.rs");
    }
}

/// A group that names a test that is gone bounds nothing.
#[test]
fn every_test_that_a_group_names_exists() {
    let text = document(".config/nextest.toml");
    let named: Vec<&str> = text.split("test(=").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(named.len() > 2, "only {named:?}");
    for name in named {
        let (module, test) = name.split_once("::").expect("a test has a module");
        let source = document(&format!("tests/tests/end_to_end/{module}.rs"));
        assert!(source.contains(&format!("fn {test}(")), "{module}.rs has no test {test}");
    }
}

#[test]
fn every_promise_names_a_test() {
    let text = document("docs/semantics.md");
    let promises = text.split("## What is not promised").next().expect("split gives one part at least");
    let rows: Vec<&str> = promises.lines().filter(|line| line.starts_with("- ")).collect();
    assert!(rows.len() > 20, "only {} promises", rows.len());
    // A promise is a list item; its tests stand in the lines that are indented below it.
    for item in promises.split("\n- ").skip(1) {
        assert!(item.contains(".rs::"), "names no test: {}", item.lines().next().unwrap_or_default());
    }
}

#[test]
fn the_list_of_metrics_is_the_codes() {
    let text = document("docs/operations.md");
    let listed: BTreeSet<String> = list_items(&text).filter(|item| item.starts_with("`flotilla_")).collect();
    let expected: BTreeSet<String> = TABLE
        .iter()
        .map(|metric| {
            let kind = match metric.kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram => "histogram",
            };
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("; {}", labels.join(", ")) };
            format!("`{}` ({kind}{labels}): {}", metric.name, metric.help)
        })
        .collect();
    let lines: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_eq!(listed, expected, "expected:\n- {}", lines.join("\n- "));
}

#[test]
fn the_list_of_fleet_metrics_is_the_codes() {
    let text = document("docs/operations.md");
    let listed: BTreeSet<String> = list_items(&text).filter(|item| item.contains("` (Count")).collect();
    let expected: BTreeSet<String> = FLEET_TABLE
        .iter()
        .map(|metric| {
            let when = if metric.is_of_each_pass { "; each pass" } else { "" };
            format!("`{}` ({}{when}): {}", metric.name, metric.unit, metric.help)
        })
        .collect();
    let lines: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_eq!(listed, expected, "expected:\n- {}", lines.join("\n- "));
}

/// An item that the page does not name is one that nobody dares to remove.
#[test]
fn every_item_of_the_table_stands_in_operations() {
    let text = document("docs/operations.md");
    let code: Vec<String> =
        files().iter().filter(|path| path.starts_with("adapters/src/")).map(|path| document(path)).collect();
    let named = code.iter().flat_map(|code| code.split("pk(\"").skip(1).filter_map(|rest| rest.split('"').next()));
    let kinds: BTreeSet<&str> = named.collect();
    assert!(kinds.len() > 15, "{kinds:?}");
    let missing: Vec<&&str> = kinds.iter().filter(|kind| !text.contains(&format!("`{kind}#"))).collect();
    assert!(missing.is_empty(), "docs/operations.md does not name {missing:?}");
}

#[test]
fn every_setting_stands_in_the_reference() {
    let text = document(REFERENCE);
    let named: BTreeSet<&str> = quoted(&text).collect();
    for section in ["", "source", "destination", "queue", "events", "ledger", "fleet", "find", "work"] {
        for key in keys::of(section) {
            let known = named.contains(key) || named.contains(&*format!("[{key}]"));
            assert!(known, "{REFERENCE} does not name {key} of [{section}]");
        }
    }
}

#[tokio::test]
async fn every_option_stands_in_the_reference() {
    use flotilla_tests::binaries::{self, Process};
    let reference = document(REFERENCE);
    let (flotilla, finder, worker) = (binaries::flotilla(), binaries::finder(), binaries::worker());
    let mut commands = vec![(finder, String::new()), (worker, String::new())];
    let commands_alone = [
        "sync",
        "watch",
        "plan",
        "ls",
        "verify",
        "status",
        "failures",
        "outcome",
        "retry",
        "init",
        "doctor",
        "events",
        "serve",
        "controller",
        "console",
    ];
    for command in commands_alone {
        commands.push((flotilla.clone(), command.to_owned()));
    }
    for command in ["create", "list", "show", "edit", "clone", "run", "pause", "cancel", "limit", "delete", "history"] {
        commands.push((flotilla.clone(), format!("task {command}")));
    }
    for (program, command) in commands {
        let arguments: Vec<String> = command.split_whitespace().chain(["--help"]).map(str::to_owned).collect();
        let none: [(&str, String); 0] = [];
        let help = Process::start(&program, arguments, none).wait(std::time::Duration::from_secs(30)).await;
        let options = help.stdout.lines().filter_map(|line| {
            let line = line.trim_start();
            let line = line.split_once(", ").filter(|(short, _)| short.len() == 2).map_or(line, |(_, long)| long);
            line.strip_prefix("--").map(|rest| rest.split([' ', ',', '.', ';']).next().unwrap_or_default().to_owned())
        });
        for option in options.filter(|option| !["help", "version"].contains(&&**option)) {
            // A side's options stand once, for both.
            let option = option.replacen("destination-", "", 1).replacen("source-", "", 1);
            let named = reference.contains(&format!("`{option}`")) || reference.contains(&format!("--{option}"));
            assert!(named, "{REFERENCE} does not name --{option} of {command}");
        }
    }
}

/// Texts of the product's code, one string literal after the other, without the line breaks of the source.
fn messages_of_the_code() -> String {
    let mut text = String::new();
    for crate_name in ["shared", "adapters", "finder", "worker", "control", "console", "cli"] {
        let mut folders = vec![root().join(crate_name).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder of the code").flatten() {
                let path = entry.path();
                match path.extension() {
                    None => folders.push(path),
                    Some(_) => text += &std::fs::read_to_string(&path).expect("a file of the code"),
                }
            }
        }
    }
    // A literal goes on in the next line after a backslash.
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |joined, line| joined + line.trim_start())
}

/// The parts of a quoted message that stand in the code as they are: between placeholders, of three words at least.
fn fixed_parts(quote: &str) -> Vec<String> {
    let quote = quote.replace('…', " … ");
    let is_placeholder = |word: &str| word == "…" || word.len() <= 4 && word.chars().all(char::is_uppercase);
    let words: Vec<&str> = quote.split_whitespace().map(|word| word.trim_end_matches([';', ':', ','])).collect();
    let parts = words.split(|word| is_placeholder(word) || *word == "objects");
    parts.filter(|part| part.len() >= 3).map(|part| part.join(" ")).collect()
}

#[test]
fn regression_every_message_that_operations_explains_exists() {
    let text = document("docs/operations.md");
    let section = text.split("## What to do when").nth(1).and_then(|rest| rest.split("\n## ").next());
    // A message is a list item's first line; its meaning stands in the lines that are indented below it.
    let messages = section.expect("the list of messages").lines().filter_map(|line| line.strip_prefix("- "));
    let code = messages_of_the_code().replace([';', ':', ','], "");
    let mut checked = 0;
    for message in messages {
        for part in quoted(message).flat_map(fixed_parts) {
            assert!(code.contains(&part), "no message of the code says {part:?}");
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} parts of messages");
}
