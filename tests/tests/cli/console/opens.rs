//! The page in a browser at the start of the program, by an opener of the test's own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use tokio::time::sleep;

use super::browser::Browser;
use crate::sandbox::{LIMIT, Sandbox};

/// Runs a program in a terminal of its own, and ends with its exit code.
const IN_TERMINAL: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// A folder with an opener that copies what it is given, and the mode of that file.
fn opener(sandbox: &Sandbox) -> PathBuf {
    let folder = sandbox.path("bin");
    std::fs::create_dir(&folder).expect("a new folder");
    let name = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let text = "#!/bin/sh\ncp -p \"$1\" \"${0%/*}/page\"; printf %s \"$*\" > \"${0%/*}/arguments\"\n";
    std::fs::write(folder.join(name), text).expect("written");
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).expect("executable");
    folder
}

/// Starts a command, in a terminal or without one.
fn start(sandbox: &Sandbox, bin: &Path, command: &str, terminal: bool, display: &str) -> Process {
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"));
    let env = [("PATH", path), ("DISPLAY", display.to_owned()), ("WAYLAND_DISPLAY", String::new())];
    let words = command.split_whitespace().map(|word| word.replace("@/", &sandbox.text("")));
    if !terminal {
        return Process::start(&binaries::flotilla(), words, env);
    }
    let before = ["-c".to_owned(), IN_TERMINAL.to_owned(), binaries::flotilla().display().to_string()];
    Process::start(&python(), before.into_iter().chain(words), env)
}

fn python() -> PathBuf {
    let folders = std::env::var_os("PATH").expect("a path");
    let found = std::env::split_paths(&folders).map(|folder| folder.join("python3")).find(|program| program.exists());
    found.expect("python3 is installed")
}

fn redirects(folder: &Path) -> usize {
    let names = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".html")).count()
}

async fn until(what: &str, reached: impl Fn() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < LIMIT, "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_page_opens_without_the_token_on_a_command_line() {
    let sandbox = Sandbox::new();
    let bin = opener(&sandbox);
    assert_eq!(sandbox.run("task create t --state @/state @/source @/destination").await.code, Some(0));
    for command in ["serve --state @/state --console 127.0.0.1:0", "console --state @/state --listen 127.0.0.1:0"] {
        let mut process = start(&sandbox, &bin, command, true, ":0");
        let mut browser = Browser::of(&mut process).await;
        let (arguments, page) = (bin.join("arguments"), bin.join("page"));
        until("the opener is called", || arguments.exists()).await;
        let given = std::fs::read_to_string(&arguments).unwrap();
        assert!(given.starts_with(&sandbox.text("state")) && !given.contains(&browser.token), "{given}");
        let text = std::fs::read_to_string(&page).unwrap();
        let address = format!("url=http://{}/#token={}\"", browser.address, browser.token.trim_end());
        assert!(text.contains(&address), "{text}");
        assert_eq!(std::fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600, "its owner's alone");
        assert_eq!(redirects(&sandbox.path("state")), 1);
        browser.token = browser.token.trim_end().to_owned();
        browser.sign_in().await;
        until("the file is removed once somebody signed in", || redirects(&sandbox.path("state")) == 0).await;
        drop(process);
        std::fs::remove_file(&arguments).unwrap();
        std::fs::remove_file(&page).unwrap();
    }
}

#[tokio::test]
async fn no_browser_opens_where_nobody_would_see_it() {
    let sandbox = Sandbox::new();
    let bin = opener(&sandbox);
    assert_eq!(sandbox.run("task create t --state @/state @/source @/destination").await.code, Some(0));
    let plain = "console --state @/state --listen 127.0.0.1:0";
    for (command, terminal, display) in
        [(plain, false, ":0"), (plain, true, ""), (&format!("{plain} --no-open") as &str, true, ":0")]
    {
        let mut process = start(&sandbox, &bin, command, terminal, display);
        let mut browser = Browser::of(&mut process).await;
        browser.token = browser.token.trim_end().to_owned();
        // The opener would have been called before the first answer.
        browser.sign_in().await;
        assert!(!bin.join("arguments").exists(), "{command} in a terminal: {terminal}, display {display:?}");
        assert_eq!(redirects(&sandbox.path("state")), 0);
    }
}
