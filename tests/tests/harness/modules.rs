//! The modules of the worker: their dependencies have no cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folder whose modules are looked at.
const FOLDER: &str = "worker/src";

/// The modules that must form no circle. Those of the engine have one: its executor port names its context.
const CHECKED: &str = "objects";

type Graph = BTreeMap<String, BTreeSet<String>>;

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| match path.is_dir() {
        true => rust_files(&path),
        false => vec![path],
    });
    files.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// The paths of `use crate::…` in a source, without its tests; each path of a group by itself.
fn used(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let statements = source.split("use crate::").skip(1).filter_map(|rest| rest.split(';').next());
    let each = statements.flat_map(|path| match path.split_once("::{") {
        Some((front, group)) => {
            let names = group.trim_end_matches('}').split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(|name| format!("{front}::{name}")).collect()
        }
        None => vec![path.to_owned()],
    });
    each.collect()
}

/// Each module with the modules that it uses.
fn graph(folder: &Path) -> Graph {
    let name = |path: &Path| {
        let path = path.strip_prefix(folder).unwrap().with_extension("");
        path.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>().join("::")
    };
    let sources: BTreeMap<String, String> =
        rust_files(folder).iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect();
    let module_of = |path: &str| {
        let ends = path.match_indices("::").map(|(at, _)| at).chain([path.len()]);
        ends.map(|end| &path[..end]).filter(|front| sources.contains_key(*front)).last().map(str::to_owned)
    };
    let uses = |source: &str| used(source).iter().filter_map(|path| module_of(path)).collect();
    sources.iter().map(|(name, source)| (name.clone(), uses(source))).collect()
}

/// The modules that are left when those are removed again and again that use no remaining module: circles, and what
/// leads to them.
fn circles(mut graph: Graph) -> Graph {
    loop {
        let names: BTreeSet<String> = graph.keys().cloned().collect();
        let before = graph.len();
        graph.retain(|name, used| used.iter().any(|used| used != name && names.contains(used)));
        if graph.len() == before {
            return graph;
        }
    }
}

#[test]
fn the_workers_modules_of_objects_form_no_circle() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FOLDER);
    let mut graph = graph(&folder);
    graph.retain(|name, _| name.starts_with(CHECKED));
    assert!(graph.len() > 30 && graph["objects::context"].len() > 5, "only {:?}", graph.keys());
    assert_eq!(circles(graph), Graph::new());
}

#[test]
fn the_workers_engine_names_no_kind_of_data() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(FOLDER);
    let mut graph = graph(&folder);
    graph.retain(|name, _| name.starts_with("engine"));
    assert!(graph.len() > 10, "only {:?}", graph.keys());
    for (name, used) in graph {
        assert!(used.iter().all(|used| used.starts_with("engine")), "{name} uses {used:?}");
    }
}

#[test]
fn a_circle_of_modules_is_found() {
    let uses = |name: &str, used: &[&str]| (name.to_owned(), used.iter().map(|used| (*used).to_owned()).collect());
    let chain = [uses("a", &["b", "c"]), uses("b", &["c"]), uses("c", &["c"])];
    assert_eq!(circles(Graph::from(chain.clone())), Graph::new());
    let circle = Graph::from([uses("b", &["c"]), uses("c", &["b"])]);
    assert_eq!(circles(chain.into_iter().chain(circle).collect()).len(), 3, "two, and the one that uses them");
}
