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

// What the next test runs in a process of its own.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn starts_a_process_from_a_thread_that_ends() {
    let child = std::thread::spawn(|| Process::start(Path::new("/bin/sleep"), ["1000"], []));
    let child = child.join().unwrap();
    println!("pid={}", child.pid());
    std::future::pending().await
}

#[tokio::test]
async fn processes_end_with_the_test_process_not_with_its_thread() {
    let name = "binaries::starts_a_process_from_a_thread_that_ends";
    let mut test = Process::start(&std::env::current_exe().unwrap(), ["--ignored", "--nocapture", "--exact", name], []);
    let child = wait_for(|| test.stdout().lines().find_map(|line| line.split("pid=").nth(1)?.parse().ok())).await;
    let child = rustix::process::Pid::from_raw(child).unwrap();
    assert!(is_running(child), "the thread's end does not end it");
    test.kill();
    test.wait(LIMIT).await;
    wait_for(|| (!is_running(child)).then_some(())).await;
}

async fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let started = tokio::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < LIMIT, "nothing after {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

// A process that is dead but not reaped by its new parent is not running.
fn is_running(pid: rustix::process::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
