//! The user's editor.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use shared::tasks::MAX_TEXT_BYTES;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;

/// Begins the lines above a text that are not the user's.
const REMARK: &str = "#: ";

/// A file with a text for the user's editor. It stays until [`remove`](Draft::remove): whatever goes wrong, the text is
/// not lost.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
}

impl Draft {
    /// A new file that only this user reads.
    pub fn new(name: &str, text: &str) -> Result<Draft, Failure> {
        let path = std::env::temp_dir().join(format!("flotilla-{name}-{}.toml", uuid::Uuid::now_v7().simple()));
        let draft = Draft { path };
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&draft.path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|why| draft.failed("write", &why))?;
        Ok(draft)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Has the user edit the file. Returns its text without remarks.
    pub async fn edit(&self) -> Result<String, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let editor = variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_else(|| "vi".to_owned());
        // Ctrl-C is the editor's. Registered, the signal no longer ends this process.
        let _interrupts = signal(SignalKind::interrupt()).map_err(Failure::usage)?;
        let (path, command) = (self.path.clone(), editor.clone());
        // The variable may have arguments, as `code --wait`: a shell splits it.
        let run = move || Command::new("sh").arg("-c").arg(format!("{command} \"$1\"")).arg("sh").arg(path).status();
        let status = tokio::task::spawn_blocking(run).await.unwrap_or_else(|why| Err(io::Error::other(why)));
        let kept = format!("the text is kept in {}", self.path.display());
        match status {
            Ok(status) if status.success() => self.text(),
            Ok(status) => {
                Err(Failure::usage(format!("editor {editor:?} ended with {status}: nothing is changed; {kept}")))
            }
            Err(why) => Err(Failure::usage(format!("editor {editor:?}: {why}: set EDITOR; {kept}"))),
        }
    }

    /// The text without remarks.
    fn text(&self) -> Result<String, Failure> {
        let bytes = fs::metadata(&self.path).map_err(|why| self.failed("read", &why))?.len();
        if bytes > MAX_TEXT_BYTES as u64 {
            let why = format!("{} has {bytes} bytes, and a definition at most {MAX_TEXT_BYTES}", self.path.display());
            return Err(Failure::usage(why));
        }
        let text = fs::read_to_string(&self.path).map_err(|why| self.failed("read", &why))?;
        Ok(text.lines().filter(|line| !line.starts_with(REMARK)).fold(String::new(), |text, line| text + line + "\n"))
    }

    /// Replaces the text, with a remark above it.
    pub fn remark(&self, remark: &str, text: &str) -> Result<(), Failure> {
        let remark: String = remark.lines().map(|line| format!("{REMARK}{line}\n")).collect();
        fs::write(&self.path, remark + text).map_err(|why| self.failed("write", &why))
    }

    /// Removes the file.
    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }

    fn failed(&self, verb: &str, why: &io::Error) -> Failure {
        Failure::usage(format!("cannot {verb} {}: {why}", self.path.display()))
    }
}
