//! The workspace's own files, for tests that measure or read them.

use std::path::{Path, PathBuf};

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file's text, by its path in the workspace.
///
/// # Panics
/// If it cannot be read.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The workspace's crates: folders with a `Cargo.toml`.
pub fn crates() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(root())
        .expect("the workspace is a folder")
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

/// Paths of all files of the crates, of all documents, and of `deploy` and `terraform`, in order. Hidden folders and
/// `node_modules` are left out: programs keep downloads there.
pub fn files() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        crates().into_iter().chain(["docs", "deploy", "terraform"].map(str::to_owned)).map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder of the workspace").flatten() {
            let path = folder.join(entry.file_name());
            if entry.file_name() == "node_modules" || entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => folders.push(path),
                false => found.extend(path.to_str().map(str::to_owned)),
            }
        }
    }
    found.extend(["README.md", "CHANGELOG.md"].map(str::to_owned));
    found.sort_unstable();
    found
}

/// The texts between backticks, line by line, in order.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// A function of a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// The line of its `fn`, from 0.
    pub at: usize,
    /// Its lines, from `fn` to its closing brace.
    pub lines: usize,
    /// Whether it is a test.
    pub is_test: bool,
}

/// The functions of a source file that rustfmt has formatted: a body ends with a brace below its `fn`.
pub fn functions(source: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let is_end = |line: &&str| {
            let rest = line.strip_prefix(indent);
            rest.is_some_and(|rest| rest == "}" || rest.starts_with([')', '}']) && rest.ends_with([';', '}']))
        };
        let is_one_line = line.ends_with(['}', ';']);
        let length = if is_one_line { Some(0) } else { lines[at + 1..].iter().position(is_end).map(|rest| rest + 1) };
        let attributes = lines[..at].iter().rev().map(|line| line.trim()).take_while(|line| line.starts_with("#["));
        let is_test = attributes.into_iter().any(|line| line.contains("test]") || line.contains("test("));
        found.extend(length.map(|length| Function { name, at, lines: length + 1, is_test }));
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    while let Some((word, later)) = rest.split_once(' ') {
        match word {
            "fn" => return later.split(['(', '<']).next(),
            "async" | "const" | "unsafe" => {}
            _ if word.starts_with("pub") => {}
            _ => return None,
        }
        rest = later;
    }
    None
}
