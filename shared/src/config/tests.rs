use super::*;
use crate::acl::CannedAcl;
use crate::store::Tier;
use std::time::Duration;

const SMALL: &str = r#"
task = "photos"
state = "/var/lib/flotilla"
[source]
location = "s3://photos/2026"
[destination]
location = "/backup/photos"
"#;

fn with(text: &str) -> String {
    format!("{SMALL}{text}\n")
}

/// Every setting that tasks of objects have.
fn objects(source: Side, destination: Side) -> ObjectsConfig {
    let find = Find {
        max_delete: Some(1),
        min_size: Some(1),
        max_size: Some(2),
        min_age: Some(Duration::from_secs(1)),
        max_age: Some(Duration::from_secs(2)),
        prefix_list: Some("p".into()),
        prefixes: vec!["p/".into()],
        ..Find::default()
    };
    let work = Work {
        look_again: Some(true),
        part_size: Some(5 << 20),
        multipart_threshold: Some(5 << 20),
        storage_class: Some("STANDARD_IA".into()),
        canned_acl: Some(CannedAcl::BucketOwnerFullControl),
        sse: Some(Sse::Kms),
        sse_kms_key_id: Some("key".into()),
        restore: Some(Tier::Bulk),
        ..Work::default()
    };
    ObjectsConfig { source, destination, find, work }
}

/// A config with every setting given.
fn full() -> Config {
    let connection = Connection {
        endpoint_url: Some("http://127.0.0.1:9000".into()),
        region: Some("us-east-1".into()),
        credentials: Some("env:X".into()),
    };
    let side = |location: &str| Side {
        location: location.parse().unwrap(),
        connection: connection.clone(),
        addressing_style: Addressing::Path,
        requester_pays: true,
    };
    Config {
        task: "t".into(),
        name: "t".into(),
        kind: Kind::OBJECTS,
        queue: Some(QueueConfig { name: "q".into(), dead_letter: Some("d".into()), connection: connection.clone() }),
        events: Some(EventsConfig { queue: "e".into() }),
        ledger: Some(LedgerConfig::new("l", connection.clone())),
        state: Some("/s".into()),
        fleet: Some(FleetConfig {
            group: "g".into(),
            lifecycle_hook: Some("h".into()),
            metadata_url: Some("http://127.0.0.1:1".into()),
            connection: connection.clone(),
        }),
        metrics_addr: Some("127.0.0.1:9100".into()),
        machine: MachineSettings { concurrency: 3, bandwidth_limit: Some(1 << 20), ..MachineSettings::default() },
        objects: objects(side("s3://a"), side("s3://b")),
    }
}

#[test]
fn a_small_config_takes_the_defaults() {
    let config = Config::parse(SMALL).unwrap();
    assert_eq!((config.objects.find, config.objects.work), (Find::default(), Work::default()));
    assert_eq!(config.machine, MachineSettings::default());
}

#[test]
fn a_task_replicates_objects_unless_a_kind_is_given() {
    assert_eq!(Config::parse(SMALL).unwrap().kind, Kind::OBJECTS);
    assert_eq!(Config::parse(&format!("kind = \"objects\"\n{SMALL}")).unwrap(), Config::parse(SMALL).unwrap());
}

#[test]
fn an_unknown_kind_is_refused_before_its_settings_are() {
    let refusal = "kind: this release does not know \"streams\": give objects";
    for text in [format!("kind = \"streams\"\n{SMALL}"), "kind = \"streams\"\n[topics]\nname = \"t\"".to_owned()] {
        assert_eq!(Config::parse(&text).unwrap_err().to_string(), refusal);
    }
    let mut stored = serde_json::to_value(full()).unwrap();
    stored["kind"] = "streams".into();
    assert!(serde_json::from_value::<Config>(stored).unwrap_err().to_string().starts_with(refusal));
    let error = Config::parse(&format!("kind = 1\n{SMALL}")).unwrap_err().to_string();
    assert!(error.starts_with("line 1: "), "{error}");
}

#[test]
fn a_setting_has_one_level_in_files_and_in_json() {
    let written = serde_json::to_value(full()).unwrap();
    let mut sections: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
    sections.sort_unstable();
    let mut known = keys::of("").to_vec();
    known.sort_unstable();
    assert_eq!(sections, known);
    let error = serde_json::from_str::<Config>("{\"objects\": {}}").unwrap_err().to_string();
    assert!(error.contains("unknown field `objects`"), "{error}");
}

#[test]
fn the_known_keys_are_those_that_a_config_has() {
    let written = serde_json::to_value(full()).unwrap();
    for (section, value) in written.as_object().unwrap() {
        assert!(keys::of("").contains(&section.as_str()), "{section}");
        let Some(object) = value.as_object() else { continue };
        let written: Vec<&str> = object.keys().map(String::as_str).collect();
        let mut known = keys::of(section).to_vec();
        known.sort_unstable();
        assert_eq!(known, written, "[{section}]");
    }
}

#[test]
fn a_config_survives_being_stored() {
    let config = full();
    let stored = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&stored).unwrap(), config);
}

#[test]
fn sizes_and_durations_are_read_as_people_write_them() {
    let config =
        Config::parse(&with("[work]\npart-size = \"8MiB\"\nmemory-limit = 134217728\nlease = \"2m\"")).unwrap();
    assert_eq!(config.objects.work.part_size, Some(8 << 20));
    assert_eq!(config.machine.memory_limit, 128 << 20);
    assert_eq!(config.machine.lease, Duration::from_secs(120));
}

#[test]
fn each_refusal_names_the_setting_and_the_remedy_in_one_line() {
    for (text, parts) in [
        ("[work]\nconcurency = 3", &["\"concurency\" in [work]", "did you mean \"concurrency\""][..]),
        ("[find]\nconcurrency = 3", &["\"concurrency\" in [find]", "put it into section [work]"]),
        ("[find]\npart-size = 3", &["\"part-size\" in [find]", "put it into section [work]"]),
        ("[queue]\nname = \"q\"\nregoin = \"x\"", &["\"regoin\" in [queue]", "\"region\""]),
        ("[works]\nconcurrency = 3", &["unknown setting \"works\"", "\"work\""]),
        ("[work]\nconcurrency = 0", &["concurrency: 0 is out of bounds: give 1 to 1024"]),
        ("[work]\nconcurrency = -1", &["line 9", "-1"]),
        ("[work]\nmemory-limit = \"63MiB\"", &["memory-limit: 63MiB", "64MiB"]),
        ("[work]\npart-size = 1", &["part-size: 1 is", "64KiB to 5GiB"]),
        ("[work]\npart-size = \"5 apples\"", &["line 9", "not a size"]),
        ("[work]\nmultipart-threshold = \"6GiB\"", &["multipart-threshold: 6GiB", "5GiB"]),
        ("[work]\nbandwidth-limit = 1", &["bandwidth-limit: 1 is", "64KiB"]),
        ("[work]\nlease = \"1s\"", &["lease: 1s", "5s to 12h"]),
        ("[work]\nlease = 5", &["line 9"]),
        ("[work]\nattempts = 21", &["attempts: 21", "1 to 20"]),
        ("[find]\njob-objects = 0", &["job-objects: 0", "1 to 1000"]),
        ("[find]\nmin-size = 2\nmax-size = 1", &["min-size: 2 is more than max-size 1"]),
        ("[find]\nfilters = [\"*.jpg\"]", &["filters: \"*.jpg\"", "+ GLOB"]),
        ("[find]\ncompare = \"mtime\"", &["line 9", "size-mtime"]),
        ("[queue]\nname = \"q\"", &["ledger: [queue] needs [ledger]"]),
        ("[queue]\nname = \"q\"\ndead-letter = \"q\"", &["queue.dead-letter: q is also the job queue"]),
        ("[queue]\nname = \"q\"\n[ledger]\ntable = \"l\"", &["state: state is for the embedded"]),
        ("this is not toml", &["line 8"]),
    ] {
        let error = Config::parse(&with(text)).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

#[test]
fn endpoints_and_regions_are_checked_without_showing_secrets() {
    for (setting, part) in [
        ("endpoint-url = \"ftp://h\"", "begins neither with http"),
        ("endpoint-url = \"localhost:9000\"", "begins neither with http"),
        ("endpoint-url = \"http://\"", "is not a URL"),
        ("endpoint-url = \"http://h:99999\"", "port"),
        ("endpoint-url = \"http://user:secret@h\"", "no user"),
        ("endpoint-url = \"http://h?X-Amz-Signature=secret\"", "no user, query"),
        ("region = \"eu west\"", "is not a region"),
        ("region = \"\"", "is not a region"),
        ("addressing-style = \"dns\"", "virtual"),
    ] {
        let text = SMALL.replace("[destination]", &format!("{setting}\n[destination]"));
        let error = Config::parse(&text).unwrap_err().to_string();
        assert!(error.contains(part), "{setting}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_part_for_a_bucket_has_at_least_5_mib() {
    let text = with("[work]\npart-size = \"1MiB\"");
    Config::parse(&text).unwrap();
    let error = Config::parse(&text.replace("/backup/photos", "s3://other")).unwrap_err().to_string();
    assert!(error.contains("part-size: 1MiB is out of bounds: give 5MiB to 5GiB"), "{error}");
}

#[test]
fn nested_locations_of_one_service_are_refused() {
    let one = SMALL.replace("/backup/photos", "s3://photos");
    let error = Config::parse(&one).unwrap_err().to_string();
    assert!(error.contains("overlap"), "{error}");
    Config::parse(&one.replace("[destination]", "[destination]\nendpoint-url = \"https://example.net\"")).unwrap();
}

#[test]
fn one_bucket_by_two_schemes_is_still_one() {
    let oss =
        SMALL.replace("location = \"s3://photos/2026\"", "location = \"oss://photos/2026\"\nregion = \"cn-beijing\"");
    let with_endpoint =
        |url: &str| oss.replace("\"/backup/photos\"", &format!("\"s3://photos\"\nendpoint-url = \"{url}\""));
    let error = Config::parse(&with_endpoint("https://S3.oss-cn-beijing.aliyuncs.com/")).unwrap_err().to_string();
    assert!(error.contains("overlap"), "{error}");
    Config::parse(&with_endpoint("https://s3.oss-cn-hangzhou.aliyuncs.com")).unwrap();
}

#[test]
fn a_task_name_is_safe_in_file_names() {
    for name in ["", "a/b", "..", "a b", ".hidden"] {
        let error = Config::parse(&SMALL.replace("\"photos\"", &format!("{name:?}"))).unwrap_err().to_string();
        assert!(error.contains("is not a task name"), "{error}");
    }
}

#[test]
fn every_sample_config_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/config");
    let mut samples = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        Config::read(&path).unwrap_or_else(|error| panic!("{error}"));
        samples += 1;
    }
    assert!(samples >= 2);
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::read(Path::new("/nowhere/task.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read config file /nowhere/task.toml"), "{error}");
}
