//! The meaning of a file system's errors, and blocking calls with a limit of time.

use std::io::{self, ErrorKind as Io};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use shared::retry::STALL_SECONDS;
use shared::{Error, ErrorKind, Result};

/// Limit of one blocking call of bounded work, such as writing 1 MiB. A network mount that hangs
/// longer is a `Timeout`; the call's thread is left behind, for nothing can stop it.
pub(super) const CALL: Duration = Duration::from_secs(STALL_SECONDS);

/// Limit of reading one page of a listing, which may mean to read the names of 10 million files.
pub(super) const PAGE: Duration = Duration::from_secs(10 * STALL_SECONDS);

/// `EMFILE`: too many open files in the process, on Linux, macOS and the BSDs.
const EMFILE: i32 = 24;
/// `ENFILE`: too many open files in the system.
const ENFILE: i32 = 23;

/// How often a file could not be opened because too many were open, in this process.
static OUT_OF_FILES: AtomicU64 = AtomicU64::new(0);

/// See [`OUT_OF_FILES`]. Each time the worker transfers less at once: files are closed again, unlike a full disk.
pub(super) fn times_out_of_files() -> u64 {
    OUT_OF_FILES.load(Relaxed)
}

fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// `ELOOP` of Linux, and of macOS and the BSDs: too many links in a row.
const ELOOP: [i32; 2] = [40, 62];

/// Whether links lead in a circle.
pub(super) fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|errno| ELOOP.contains(&errno))
}

/// The meaning of an I/O error.
pub(super) fn kind_of(error: &io::Error) -> ErrorKind {
    if is_out_of_files(error) {
        return ErrorKind::Throttled;
    }
    if is_loop(error) {
        return ErrorKind::Unrepresentable;
    }
    match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Denied,
        Io::StorageFull | Io::QuotaExceeded | Io::OutOfMemory => ErrorKind::Exhausted,
        // A file in the place of a folder, or the other way round; a name or a size that the file
        // system does not take (EINVAL: characters that FAT forbids).
        Io::NotADirectory
        | Io::IsADirectory
        | Io::DirectoryNotEmpty
        | Io::InvalidFilename
        | Io::InvalidInput
        | Io::FileTooLarge => ErrorKind::Unrepresentable,
        Io::Unsupported => ErrorKind::Unsupported,
        Io::TimedOut => ErrorKind::Timeout,
        // EIO, a stale network handle and all others: a fault of the disk, perhaps only for a moment.
        _ => ErrorKind::Unavailable,
    }
}

/// The error of a failed system call.
pub(super) fn fault(operation: &'static str, subject: impl Into<String>, error: io::Error) -> Error {
    let message = match kind_of(&error) {
        ErrorKind::Unrepresentable if error.kind() == Io::NotADirectory => {
            "a file or a link stands where the key needs a folder: remove it, or sync with --delete".to_owned()
        }
        ErrorKind::Unrepresentable if error.kind() == Io::IsADirectory => {
            "a folder stands where the key needs a file: remove it, or sync with --delete".to_owned()
        }
        ErrorKind::Throttled => {
            OUT_OF_FILES.fetch_add(1, Relaxed);
            format!("{error}: raise the limit of open files (ulimit -n), or lower --concurrency")
        }
        ErrorKind::Exhausted => format!("{error}: free space, or raise the limit, and run again"),
        _ => error.to_string(),
    };
    Error::new(kind_of(&error), operation, subject, message).with_source(error)
}

/// Runs `work` on a thread that may block, and waits at most `limit`. After that, or if the caller is dropped, the
/// work still runs to its end without a reader of its result: it must be harmless then.
pub(super) async fn blocking<T: Send + 'static>(
    limit: Duration,
    operation: &'static str,
    subject: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => {
            Err(Error::new(ErrorKind::Cancelled, operation, subject, "the call was cancelled").with_source(error))
        }
        Err(_) => {
            let message = format!("the file system did not answer within {} s", limit.as_secs());
            Err(Error::new(ErrorKind::Timeout, operation, subject, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table, by the names of Linux's errno(3).
    #[test]
    fn each_errno_has_its_meaning() {
        for (errno, kind) in [
            (2, ErrorKind::NotFound),         // ENOENT
            (13, ErrorKind::Denied),          // EACCES
            (1, ErrorKind::Denied),           // EPERM
            (30, ErrorKind::Denied),          // EROFS
            (28, ErrorKind::Exhausted),       // ENOSPC
            (122, ErrorKind::Exhausted),      // EDQUOT
            (24, ErrorKind::Throttled),       // EMFILE
            (23, ErrorKind::Throttled),       // ENFILE
            (40, ErrorKind::Unrepresentable), // ELOOP
            (20, ErrorKind::Unrepresentable), // ENOTDIR
            (21, ErrorKind::Unrepresentable), // EISDIR
            (36, ErrorKind::Unrepresentable), // ENAMETOOLONG
            (27, ErrorKind::Unrepresentable), // EFBIG
            (5, ErrorKind::Unavailable),      // EIO
            (116, ErrorKind::Unavailable),    // ESTALE
        ] {
            assert_eq!(kind_of(&io::Error::from_raw_os_error(errno)), kind, "errno {errno}");
        }
    }

    #[test]
    fn regression_too_many_open_files_are_no_full_disk() {
        let before = times_out_of_files();
        let error = fault("put", "/x", io::Error::from_raw_os_error(EMFILE));
        assert!(error.is_retryable() && error.to_string().contains("ulimit -n"), "{error}");
        assert!(times_out_of_files() > before, "the worker transfers less at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_system_that_hangs_is_a_timeout() {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let call = blocking(CALL, "head", "/x", move || {
            let _ = wait.recv();
            Ok(())
        });
        // A paused clock does not run on by itself while a blocking call is out.
        let (answer, ()) = tokio::join!(call, tokio::time::advance(CALL + Duration::from_secs(1)));
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Timeout);
        drop(done);
    }
}
