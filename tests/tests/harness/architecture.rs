//! `docs/architecture.md` against the code: the named paths exist, and the crates depend as it draws.

use std::collections::BTreeSet;

use flotilla_tests::sources::{crates, files, functions, quoted, text};

const DOCUMENT: &str = "docs/architecture.md";

/// Words between slashes that are no paths.
const NO_PATHS: &[&str] = &["target/PROFILE/deps"];

/// The crates that a section of a manifest names.
fn dependencies(manifest: &str, section: &str) -> BTreeSet<String> {
    let sections = manifest.split("\n[").filter(|part| part.starts_with(&format!("{section}]")));
    let lines = sections.flat_map(|part| part.lines().skip(1));
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn manifest(name: &str) -> String {
    text(&format!("{name}/Cargo.toml"))
}

/// The crates of the drawing, those that others depend on first: `a ← b, c ← d`.
fn layers() -> Vec<Vec<String>> {
    let document = text(DOCUMENT);
    let drawing = quoted(&document).find(|quote| quote.contains(" ← ")).expect("a drawing of the crates").to_owned();
    drawing.split(" ← ").map(|layer| layer.split(", ").map(str::to_owned).collect()).collect()
}

#[test]
fn every_path_that_the_architecture_names_exists() {
    let document = text(DOCUMENT);
    let (files, crates) = (files(), crates());
    // A path begins at the workspace if it begins with a crate or a folder there, else anywhere.
    let exists = |path: &str| {
        let bare = path.trim_end_matches('/');
        let is_at_root = bare.split_once('/').is_some_and(|(first, _)| crates.iter().any(|name| name == first));
        let ends = |file: &str| match (is_at_root, path.ends_with(".rs")) {
            (true, _) => file == bare || file.starts_with(&format!("{bare}/")),
            (false, true) => file.ends_with(&format!("/{bare}")),
            (false, false) => {
                format!("/{file}").contains(&format!("/{bare}/")) || format!("/{file}").contains(&format!("/{bare}.rs"))
            }
        };
        flotilla_tests::sources::root().join(bare).exists() || files.iter().any(|file| ends(file))
    };
    let is_path = |quote: &&str| {
        let is_word = !quote.contains([' ', ':', '(']) && !NO_PATHS.contains(quote);
        is_word && (quote.contains('/') || quote.ends_with(".rs"))
    };
    let named: BTreeSet<&str> = quoted(&document).filter(is_path).collect();
    assert!(named.len() > 30, "only {named:?}");
    let missing: Vec<_> = named.into_iter().filter(|path| !exists(path)).collect();
    assert!(missing.is_empty(), "{DOCUMENT} names {missing:?}");
}

/// The rows of the table "From a lease to its outcome": file and function of each step.
fn steps_of_a_lease() -> Vec<(String, String)> {
    let document = text(DOCUMENT);
    let section = document.split("### From a lease to its outcome").nth(1).expect("the section");
    let section = section.split("\n**").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`"));
    let step = |row: &str| {
        let mut quotes = quoted(row);
        let file = format!("worker/src/{}", quotes.next().expect("a file"));
        (file, quotes.next().expect("a function").to_owned())
    };
    rows.map(step).collect()
}

#[test]
fn a_lease_reaches_its_outcome_in_20_steps_and_8_files() {
    let steps = steps_of_a_lease();
    assert!((10..=20).contains(&steps.len()), "{} steps", steps.len());
    let files: BTreeSet<&String> = steps.iter().map(|(file, _)| file).collect();
    assert!(files.len() <= 8, "{files:?}");
    let missing: Vec<_> = steps.iter().filter(|(file, function)| lines_of(file, function).is_none()).collect();
    assert!(missing.is_empty(), "{DOCUMENT} names functions that do not exist: {missing:?}");
}

/// The lines of a function; of several with its name, of the first.
fn lines_of(file: &str, function: &str) -> Option<String> {
    let source = text(file);
    let found = functions(&source).into_iter().find(|found| found.name == function)?;
    Some(source.lines().skip(found.at).take(found.lines).collect::<Vec<_>>().join("\n"))
}

/// A function that is put in between belongs into the table.
#[test]
fn each_step_of_a_lease_is_called_by_an_earlier_one() {
    // Step and caller. Results go back to 7, verdicts to 4, the end of the job to 1.
    const BACK: [(usize, usize); 4] = [(13, 7), (14, 4), (16, 4), (20, 1)];
    let steps = steps_of_a_lease();
    for step in 2..=steps.len() {
        let caller = BACK.iter().find(|(back, _)| *back == step).map_or(step - 1, |(_, caller)| *caller);
        let ((file, name), (_, called)) = (&steps[caller - 1], &steps[step - 1]);
        let lines = lines_of(file, name).unwrap_or_default();
        assert!(
            lines.contains(&format!("{called}(")),
            "{file}: {name} (step {caller}) does not call {called} (step {step})"
        );
    }
}

#[test]
fn the_architecture_names_every_crate_and_its_main_path() {
    let document = text(DOCUMENT);
    for name in crates() {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{name}/` |")));
        assert!(row.is_some(), "{DOCUMENT} has no row for {name}/");
        for path in quoted(row.unwrap_or_default()).skip(1).filter(|quote| quote.ends_with(".rs")) {
            let is_there = [format!("{name}/src/{path}"), format!("{name}/{path}")];
            assert!(is_there.iter().any(|path| files().contains(path)), "{DOCUMENT}: {name}/ has no {path}");
        }
    }
}

#[test]
fn crates_depend_as_the_architecture_draws() {
    let layers = layers();
    let drawn: Vec<&String> = layers.iter().flatten().collect();
    let missing: Vec<String> = crates().into_iter().filter(|name| name != "tests" && !drawn.contains(&name)).collect();
    assert!(missing.is_empty(), "{DOCUMENT} does not draw {missing:?}");
    for (depth, layer) in layers.iter().enumerate() {
        let below: BTreeSet<String> = layers[..depth].iter().flatten().map(|name| format!("flotilla-{name}")).collect();
        for name in layer {
            let used = dependencies(&manifest(name), "dependencies");
            let wrong: Vec<_> =
                used.iter().filter(|used| used.starts_with("flotilla-") && !below.contains(*used)).collect();
            assert!(wrong.is_empty(), "{name} depends on {wrong:?}");
        }
    }
}

/// The crates that open ports from a configuration.
const OPENERS: [&str; 3] = ["control", "console", "cli"];

/// Tests of what knows no service link none either.
#[test]
fn only_adapters_know_a_service() {
    for name in crates().iter().filter(|name| !["adapters", "tests"].contains(&name.as_str())) {
        let manifest = manifest(name);
        for section in ["dependencies", "dev-dependencies"] {
            let is_service = |used: &String| {
                let is_port = used == "flotilla-adapters" && !OPENERS.contains(&name.as_str());
                used.starts_with("aws-") || used == "rusqlite" || is_port
            };
            let wrong: Vec<_> = dependencies(&manifest, section).into_iter().filter(|used| is_service(used)).collect();
            assert!(wrong.is_empty(), "{name}, {section}: {wrong:?}");
        }
    }
}
