//! `docs/architecture.md` against the code: what it names exists, and the crates depend as it draws.

use std::collections::BTreeSet;

use flotilla_tests::sources::{crates, files, quoted, text};

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

/// Tests of what knows no service link none either.
#[test]
fn only_adapters_know_a_service() {
    for name in crates().iter().filter(|name| !["adapters", "tests"].contains(&name.as_str())) {
        let manifest = manifest(name);
        for section in ["dependencies", "dev-dependencies"] {
            let is_service = |used: &String| {
                used.starts_with("aws-") || used == "rusqlite" || used == "flotilla-adapters" && name != "cli"
            };
            let wrong: Vec<_> = dependencies(&manifest, section).into_iter().filter(|used| is_service(used)).collect();
            assert!(wrong.is_empty(), "{name}, {section}: {wrong:?}");
        }
    }
}
