//! Opens the console's page in the browser of the person who started the program.
//!
//! All users of a machine see the command lines of its programs, so the token stands on none. The browser opens a file that
//! its owner alone may read, and the file leads to the address with the token. The file is removed once somebody has signed
//! in, after a minute, or when the console ends.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// A browser that starts takes some seconds.
const FILE_KEPT: Duration = Duration::from_secs(60);

/// How often it is asked whether somebody has signed in.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The program that opens a file or an address by its kind.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Whether somebody looks at this terminal, on a machine with a display.
pub fn has_viewer() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && (cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"))
}

/// What a browser opens.
#[derive(Debug)]
pub enum Page {
    /// An address without a secret.
    Address(String),
    /// An address with one, by a file in a folder.
    Secret {
        /// The address.
        address: String,
        /// The folder.
        folder: PathBuf,
    },
}

/// A page that is being opened. Dropped, its file is removed.
pub struct Opening(JoinHandle<()>);

impl Opening {
    /// Has the browser open a page. `is_used`: whether somebody has signed in. A browser that does not open is no error:
    /// the address was printed.
    pub fn begin(page: Page, is_used: impl Fn() -> bool + Send + 'static) -> Opening {
        Opening(tokio::spawn(async move {
            if let Err(why) = open(page, is_used).await {
                tracing::info!(%why, "the browser could not be opened: open the printed address");
            }
        }))
    }

    /// Ends it, and waits until its file is removed.
    pub async fn end(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn open(page: Page, is_used: impl Fn() -> bool) -> io::Result<()> {
    match page {
        Page::Address(address) => start(address.as_ref()).await,
        Page::Secret { address, folder } => {
            let redirect = Redirect::write(&folder, &address)?;
            start(&redirect.0).await?;
            let began = Instant::now();
            while began.elapsed() < FILE_KEPT && !is_used() {
                sleep(LOOK_EVERY).await;
            }
            Ok(())
        }
    }
}

/// Starts the opener. It may go on as the browser itself, so nobody waits for its end.
async fn start(what: &Path) -> io::Result<()> {
    let mut command = Command::new(OPENER);
    command.arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    tokio::spawn(async move { child.wait().await });
    Ok(())
}

/// A file that leads to an address. Dropped, it is removed.
struct Redirect(PathBuf);

impl Redirect {
    fn write(folder: &Path, address: &str) -> io::Result<Redirect> {
        let name = ::console::session::secret().map_err(|why| io::Error::other(why.to_string()))?;
        let path = folder.join(format!("console-{}.html", &name[..16]));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let redirect = Redirect(path);
        let page = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>Flotilla</title>\
             <meta http-equiv=\"refresh\" content=\"0;url={address}\">\n"
        );
        file.write_all(page.as_bytes())?;
        Ok(redirect)
    }
}

impl Drop for Redirect {
    fn drop(&mut self) {
        // Without the process its token is of no use.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_redirect_is_its_owners_alone_and_goes_with_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let redirect = Redirect::write(folder.path(), "http://127.0.0.1:7300/#token=abc").unwrap();
        let mode = std::fs::metadata(&redirect.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&redirect.0).unwrap();
        assert!(text.contains("0;url=http://127.0.0.1:7300/#token=abc\""), "{text}");
        drop(redirect);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
