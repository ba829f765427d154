//! Usage that is refused before anything is done, in one line and with exit code 2.

use std::process::Command;
use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ACCESS_KEY, credentials_file, weed};
use flotilla_tests::proxy::Proxy;

use crate::sandbox::{LIMIT, Sandbox};

/// Command lines, and what the one line about each says.
const MISTAKES: &[(&str, &str)] = &[
    ("sync ftp://x/y @/d", "unknown scheme \"ftp\""),
    ("sync s3:// @/d", "bucket is missing"),
    ("sync @/source", "<DESTINATION>"),
    ("sync @/missing @/d", "does not exist"),
    ("sync @/source @/source/sub", "flotilla: destination: "),
    ("sync @/source @/source/sub", "overlap"),
    ("sync @/source @/d --concurrency many", "give a whole number"),
    ("sync @/source @/d --restore-days 70000", "too large"),
    ("sync @/source @/d --min-age yesterday", "not a time: give one like 30s or 1h"),
    ("sync @/source @/d --compare mtime", "give one of auto, size-mtime, size, etag, checksum, always"),
    ("sync @/source s3://b --destination-credentials profile:flotilla-none", "no credentials in this profile"),
    ("sync @/source @/d --part-size 1", "part-size: 1 is out of bounds: give 64KiB to 5GiB"),
    ("sync @/source s3://b --part-size 1MiB", "give 5MiB to 5GiB"),
    ("sync @/source @/d --part-size many", "not a size"),
    ("sync @/source @/d --concurrency 0", "concurrency: 0 is out of bounds: give 1 to 1024"),
    ("sync @/source @/d --memory-limit 1MiB", "memory-limit: 1MiB"),
    ("sync @/source @/d --attempts 0", "attempts: 0"),
    ("sync @/source @/d --every 0s", "give at least 1s"),
    ("sync @/source @/d --state @/source/state", "the state folder lies within the source"),
    ("sync oss://bucket @/d", "give --source-region, such as cn-beijing, or --source-endpoint-url"),
    ("sync @/source r2://bucket", "give --destination-endpoint-url, https://{ACCOUNT_ID}.r2.cloudflarestorage.com"),
    ("sync @/source @/d --min-size 2 --max-size 1", "min-size: 2"),
    ("sync @/source @/d --prefix-list @/missing", "missing"),
    ("sync @/source @/d --metrics-addr nonsense", "HOST:PORT"),
    ("sync @/source @/d --source-region x", "is a folder and has no region: leave it out"),
    ("sync @/source @/d --region x", "--region: every location here is a folder and has no region: leave --region out"),
    ("sync @/source", "see flotilla sync --help"),
    ("ls @/missing", "does not exist"),
    ("ls @/source -q -v", "cannot be used with"),
    ("sync @/source s3://b --destination-endpoint-url http://u:p@h", "no user"),
    ("sync @/source s3://b --destination-credentials bogus", "env:PREFIX"),
    ("sync @/source @/d --state @/d", "the state folder lies within the destination"),
    ("sync @/source @/d --bogus", "--bogus"),
    ("watch s3://b @/d", "give --events-queue NAME"),
    ("watch @/source @/d --events-queue q", "leave --events-queue out"),
    ("watch @/source @/d --events-queue-region x", "--events-queue"),
    ("watch @/source @/d --outage-limit 1m", "leave --outage-limit out"),
    ("watch @/source @/d --every 0s", "give at least 1s"),
    ("watch @/missing @/d", "does not exist"),
    ("watch @/source @/source/sub", "overlap"),
    ("plan @/missing @/d", "does not exist"),
    ("verify @/source @/absent", "does not exist"),
    ("init --config @/broken.toml", "line 1"),
    ("init --config @/typo.toml", "did you mean \"state\"?"),
    ("init --config @/missing.toml", "cannot read config file"),
    ("status --state @/missing", "--state"),
    ("retry --state @/missing", "--state"),
];

#[tokio::test]
async fn a_mistake_is_one_line_and_exit_2() {
    let sandbox = Sandbox::new();
    sandbox.write("broken.toml", "task = [");
    sandbox.write("typo.toml", "task = \"t\"\nstaet = \"/s\"");
    for (arguments, part) in MISTAKES {
        let ended = sandbox.run(arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("flotilla: ") && ended.stderr.contains(part), "{arguments}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{arguments}: {}", ended.stdout);
    }
}

#[tokio::test]
async fn a_closed_port_is_one_line_and_exit_2() {
    let sandbox = Sandbox::new();
    let mut process = Process::start(
        &binaries::flotilla(),
        [
            "sync",
            &sandbox.text("source"),
            "s3://b",
            "--destination-endpoint-url",
            "http://127.0.0.1:1",
            "--destination-credentials",
            "env:T",
        ],
        [
            ("T_ACCESS_KEY_ID", "a".into()),
            ("T_SECRET_ACCESS_KEY", "b".into()),
            ("XDG_STATE_HOME", sandbox.text("state")),
        ],
    );
    let ended = process.wait(LIMIT).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("endpoint-url"), "{}", ended.stderr);
}

#[tokio::test]
async fn regression_the_version_names_the_target() {
    let sandbox = Sandbox::new();
    let version = sandbox.run("--version").await.stdout;
    assert!(version.starts_with(&format!("flotilla {}", shared::VERSION)), "{version}");
    assert!(version.contains(&format!("{}-", std::env::consts::ARCH)) && version.contains("linux"), "{version}");
}

#[tokio::test]
async fn regression_each_program_calls_itself_by_its_name() {
    for (program, name) in [(binaries::finder(), "finder"), (binaries::worker(), "worker")] {
        let ended = Process::start(&program, ["--version"], Vec::<(&'static str, String)>::new()).wait(LIMIT).await;
        assert!(ended.stdout.starts_with(&format!("{name} {}", shared::VERSION)), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn regression_failures_before_any_run_request_no_given_option() {
    let sandbox = Sandbox::new();
    let text = format!(
        "task = \"early\"\nstate = \"{0}state\"\nsource.location = \"{0}source\"\ndestination.location = \"{0}d\"\n",
        sandbox.text("")
    );
    sandbox.write("task.toml", &text);
    let ended = sandbox.run("failures --config @/task.toml").await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
    assert!(ended.stderr.contains("task early has no runs"), "{}", ended.stderr);
}

#[tokio::test]
async fn without_a_home_the_state_folder_must_be_named() {
    let sandbox = Sandbox::new();
    for (command, code) in [("sync", 2), ("verify", 1)] {
        let arguments = [command, &sandbox.text("source"), &sandbox.text("source2")];
        std::fs::create_dir_all(sandbox.path("source2")).expect("a folder");
        let env = [("XDG_STATE_HOME", String::new()), ("HOME", String::new())];
        let ended = Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await;
        assert_eq!(ended.code, Some(code), "{command}: {}", ended.stderr);
        assert_eq!(ended.stderr.contains("give --state DIR"), code == 2, "{command}: {}", ended.stderr);
    }
}

/// Credentials that do not exist are named in one line, soon: nothing is tried again for them.
#[tokio::test(flavor = "multi_thread")]
async fn regression_credentials_that_do_not_exist_are_one_line() {
    let sandbox = Sandbox::new();
    let proxy = Proxy::start(&weed().endpoint).await;
    let bucket = weed().create_bucket("bucket").await;
    let unknown = credentials_file("nobody-has-this-key", "nor-its-secret").display().to_string();
    let wrong = credentials_file(ACCESS_KEY, "not-its-secret").display().to_string();
    let missing = sandbox.text("missing");
    let aws_config = [("AWS_CONFIG_FILE", missing.clone()), ("AWS_SHARED_CREDENTIALS_FILE", missing.clone())];
    for (credentials, says, requests) in [
        (Some("env:NONE".to_owned()), "configure env:NONE: environment variable NONE_ACCESS_KEY_ID is not set", 0),
        (Some("profile:none".to_owned()), "configure profile:none: no credentials in this profile", 0),
        (Some(format!("file:{missing}")), "No such file or directory", 0),
        (None, "no AWS credentials found (environment, profile, container, instance): set", 0),
        (Some(format!("file:{unknown}")), "InvalidAccessKeyId", 2),
        (Some(format!("file:{wrong}")), "SignatureDoesNotMatch", 4),
    ] {
        proxy.reset();
        let location = format!("s3://{bucket}");
        let mut arguments = vec!["sync".to_owned(), sandbox.text("source"), location];
        arguments.push(format!("--destination-endpoint-url={}", proxy.endpoint));
        arguments.extend(credentials.as_ref().map(|credentials| format!("--destination-credentials={credentials}")));
        let env = aws_config.clone().into_iter().chain([("XDG_STATE_HOME", sandbox.text("state"))]);
        let began = Instant::now();
        let ended = Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await;
        let case = format!("{credentials:?} after {:?}: {}", began.elapsed(), ended.stderr);
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{case}");
        assert!(ended.stderr.starts_with("flotilla: destination: ") && ended.stderr.contains(says), "{case}");
        assert!(proxy.counts().values().sum::<u64>() <= requests, "{:?}: {case}", proxy.counts());
        assert!(began.elapsed() < Duration::from_secs(20), "{case}");
    }
}

/// The build script, as a release build runs it.
fn version_of_a_release(commit: Option<&str>) -> String {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/build.rs");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("build");
    let compiled = Command::new("rustc").args(["--edition", "2024", source, "-o"]).arg(&script).status();
    assert!(compiled.expect("tests are built by rustc").success());
    let mut run = Command::new(script);
    run.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    run.envs([("PROFILE", "release"), ("TARGET", "the-target"), ("CARGO_PKG_VERSION", "1.2.3")]);
    run.env_remove("FLOTILLA_COMMIT").envs(commit.map(|commit| ("FLOTILLA_COMMIT", commit)));
    let written = String::from_utf8(run.output().expect("it runs").stdout).expect("UTF-8");
    let version = written.lines().find_map(|line| line.strip_prefix("cargo:rustc-env=FLOTILLA_VERSION="));
    version.expect("it gives a version").to_owned()
}

#[test]
fn regression_a_releases_version_names_the_commit() {
    assert_eq!(version_of_a_release(Some("0123abcd")), "1.2.3 (0123abcd, the-target)");
    let mut git = Command::new("git");
    git.args(["rev-parse", "--short=12", "HEAD"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let commit = git.output().ok().filter(|output| output.status.success());
    let built = match commit.map(|output| String::from_utf8(output.stdout).expect("UTF-8")) {
        Some(commit) => format!("1.2.3 ({}", commit.trim()),
        None => "1.2.3 (the-target)".to_owned(),
    };
    let version = version_of_a_release(None);
    assert!(version.starts_with(&built) && version.ends_with("the-target)"), "{version}, not {built}");
}

#[tokio::test]
async fn a_program_that_works_passes_its_self_test() {
    let mut process = Process::start(&binaries::flotilla(), ["self-test"], [("TOKIO_WORKER_THREADS", "1".to_owned())]);
    let ended = process.wait(Duration::from_secs(60)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().filter(|line| line.starts_with("ok  ")).count(), 8, "{}", ended.stdout);
}
