//! `flotilla verify`.

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::cloud::{Algorithm, Cloud, Profile, StoredPart, Sum};
use flotilla_tests::emulators;

use crate::sandbox::{LIMIT, Sandbox, json};

#[tokio::test]
async fn a_difference_is_listed_and_exit_1() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a.txt", "A");
    sandbox.write("d/extra", "x");
    let ended = sandbox.run("verify @/source @/d").await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "a.txt\tcrc64nvme differs",
            "b.jpg\tmissing at the destination",
            "extra\tmissing at the source",
            "sub/c.jpg\tmissing at the destination"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_verified_by_the_buckets_checksum() {
    let sandbox = Sandbox::new();
    let emulator = emulators::weed();
    let bucket = emulator.create_bucket("verify").await;
    let run = async |command: &str| {
        let location = format!("s3://{bucket}");
        let arguments = [
            command,
            &sandbox.text("source"),
            &location,
            "--destination-endpoint-url",
            &emulator.endpoint,
            "--destination-credentials",
            "env:T",
            "--json",
        ];
        let env = [
            ("T_ACCESS_KEY_ID", emulators::ACCESS_KEY.to_owned()),
            ("T_SECRET_ACCESS_KEY", emulators::SECRET_KEY.to_owned()),
            ("XDG_STATE_HOME", sandbox.text("state")),
        ];
        Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await
    };
    assert_eq!(run("sync").await.code, Some(0));
    let verified = run("verify").await;
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    let tally = json(&verified);
    assert_eq!((&tally["same"], &tally["size_only"], &tally["by"]["size"]), (&3.into(), &0.into(), &().into()));
}

/// Tags of parts are of the parts: cut otherwise, equal bytes have other tags.
#[tokio::test]
async fn verify_does_not_take_another_cut_for_other_bytes() {
    let cloud = Cloud::start(Profile::MINIO).await;
    let (from, to) = (cloud.create_bucket("from"), cloud.create_bucket("to"));
    let put = |bucket: &str, key: &str, bytes: &'static str, tag: char, first: usize| {
        let part = |number, bytes: &'static str| StoredPart {
            number,
            bytes: bytes.into(),
            etag: String::new(),
            modified: Default::default(),
            checksum: None,
        };
        cloud.put_as(bucket, key, bytes, |object| {
            object.etag = format!("{}-2", tag.to_string().repeat(32));
            object.parts = vec![part(1, &bytes[..first]), part(2, &bytes[first..])];
            object.checksum = Some(Sum::of(Algorithm::Crc64Nvme, bytes.as_bytes()));
        });
    };
    for (key, theirs, tag, first) in [
        ("alike", "abcdef", 'a', 4),
        ("cut-otherwise", "abcdef", 'b', 3),
        ("other", "abcdeX", 'c', 3),
        ("tag", "abcdeX", 'd', 4),
    ] {
        put(&from, key, "abcdef", 'a', 4);
        put(&to, key, theirs, tag, first);
    }
    let sandbox = Sandbox::new();
    let keys = emulators::credentials_file(emulators::ACCESS_KEY, emulators::SECRET_KEY).display().to_string();
    let side = |side: &str| format!("--{side}-endpoint-url {} --{side}-credentials file:{keys}", cloud.endpoint);
    let arguments = format!("verify s3://{from} s3://{to} --json {} {}", side("source"), side("destination"));
    let ended = sandbox.run(&arguments).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let lines: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let different: Vec<&str> = lines.iter().filter_map(|line| line["key"].as_str()).collect();
    assert_eq!(different, ["other", "tag"], "{}", ended.stdout);
}
