//! Processes can be watched and ended.

use std::path::Path;
use std::time::Duration;

use flotilla_tests::binaries::Process;

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_process_gives_its_code_and_output() {
    let script = ["-c", "echo \"$WORD\"; echo err >&2; exit 3"];
    let mut process = Process::start(Path::new("/bin/sh"), script, [("WORD", "out".to_owned())]);
    let ended = process.wait(LIMIT).await;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(3), "out\n", "err\n"));
}

#[tokio::test]
async fn a_process_can_be_killed_and_is_reaped_when_dropped() {
    let mut process = Process::start(Path::new("/bin/sleep"), ["1000"], []);
    process.kill();
    assert_eq!(process.wait(LIMIT).await.signal, Some(9));

    let process = Process::start(Path::new("/bin/sleep"), ["1000"], []);
    let pid = process.pid();
    drop(process);
    assert!(rustix::process::test_kill_process(pid).is_err());
}
