//! `flotilla self-test`: whether this program works on this machine, as one that was built on another one.

use std::fs;
use std::path::Path;

use adapters::self_test;
use shared::digest::{CHECK_VALUES, Hasher};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use crate::args::{self, Command};
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;
use crate::sync;

/// Sizes of the copied files: none, one that is read at once, one of several buffers.
const SIZES: [usize; 3] = [0, 1_000, 3 << 20];

/// Prints one line for each check; fails with the first that fails. Needs no service, and leaves nothing behind.
pub async fn run() -> CommandResult {
    for (algorithm, expected) in CHECK_VALUES {
        let mut hasher = Hasher::new(algorithm).ok_or_else(|| failure(algorithm.as_str()))?;
        hasher.update(b"123456789");
        check(algorithm.as_str(), hasher.finish().to_hex() == expected)?;
    }
    check("signature", self_test::signs_as_published())?;
    check("compression", self_test::keeps_texts())?;
    let folder = std::env::temp_dir().join(format!("flotilla-self-test-{}", uuid::Uuid::now_v7()));
    let copied = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || copy_on_one_thread(&folder)
    });
    let copied = copied.await.map_err(Failure::midway);
    let _ = fs::remove_dir_all(&folder);
    check("database, and copy of a folder", copied??)?;
    Ok(Exit::InSync)
}

fn failure(what: &str) -> Failure {
    Failure::midway(format!("self-test: {what} failed: this program is not for this machine"))
}

fn check(what: &str, works: bool) -> Result<(), Failure> {
    if !works {
        return Err(failure(what));
    }
    stdout::line(format!("ok  {what}"))
}

/// Copies on a runtime of one thread, so that an emulator of another processor need not keep several in step.
fn copy_on_one_thread(folder: &Path) -> Result<bool, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::midway)?;
    runtime.block_on(copy(folder))
}

/// Syncs a folder, with the embedded queue and ledger, and compares both sides.
async fn copy(folder: &Path) -> Result<bool, Failure> {
    let (source, destination, state) = (folder.join("source"), folder.join("copy"), folder.join("state"));
    let refused = |error: std::io::Error| Failure::usage(format!("{}: {error}", folder.display()));
    fs::create_dir_all(&source).map_err(refused)?;
    let content = |size: usize| (0..size).map(|at| (at % 251) as u8).collect::<Vec<u8>>();
    for size in SIZES {
        fs::write(source.join(size.to_string()), content(size)).map_err(refused)?;
    }
    let words =
        ["flotilla".into(), "sync".into(), source.into(), destination.clone().into(), "--state".into(), state.into()];
    let parsed = args::parse(words).map_err(Failure::usage)?;
    let Command::Sync(args) = parsed.command else { return Ok(false) };
    let exit = sync::run(&args, CancellationToken::new()).await?;
    let is_equal = |size: usize| fs::read(destination.join(size.to_string())).is_ok_and(|read| read == content(size));
    Ok(exit == Exit::InSync && SIZES.into_iter().all(is_equal))
}
