//! Where the real components are installed.

use std::path::{Path, PathBuf};

/// The program of that name in the folder that `FLOTILLA_TEST_BIN` names, else in
/// `target/test-venv/bin`.
///
/// # Panics
/// If it is not there, saying how to install it.
pub fn find(name: &str) -> PathBuf {
    let folder = std::env::var_os("FLOTILLA_TEST_BIN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-venv/bin"), PathBuf::from);
    let program = folder.join(name);
    assert!(
        program.exists(),
        "{} is not installed: run tests/run, which installs it, or name its folder in FLOTILLA_TEST_BIN",
        program.display()
    );
    program
}
