use super::*;
use crate::acl::CannedAcl;
use crate::config::{Addressing, Compare, Records, Sse};
use crate::store::Tier;
use std::time::Duration;

const SMALL: &str = r#"
task = "photos"
[source]
location = "s3://photos/2026"
[destination]
location = "s3://backup/photos"
region = "eu-west-1"
"#;

/// With lines at the top level, and sections after them.
fn with(top: &str, sections: &str) -> String {
    format!("{top}\n{SMALL}{sections}\n")
}

fn parse(text: &str) -> TaskDefinition {
    TaskDefinition::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// With every setting given that a definition has, each of another value than its default.
fn full() -> TaskDefinition {
    let mut definition = parse(SMALL);
    definition.description = "Photos, to Ireland".into();
    definition.schedule = Some("cron 0 3 * * mon-fri Europe/Berlin".parse().unwrap());
    definition.events = FollowedEvents::CreateDelete;
    definition.events_queue = Some("http://127.0.0.1:4566/1/q".into());
    definition.source.addressing_style = Addressing::Path;
    definition.source.connection.credentials = Some("env:X".into());
    definition.source.connection.endpoint_url = Some("http://127.0.0.1:9000".into());
    definition.source.requester_pays = true;
    definition.find = Find {
        compare: Compare::Checksum,
        metadata: true,
        tags: false,
        strict: true,
        delete: true,
        max_delete: Some(1),
        filters: vec!["- *.tmp".into(), "+ a/**".into()],
        min_size: Some(1),
        max_size: Some(1 << 60),
        min_age: Some(Duration::from_secs(90)),
        max_age: Some(Duration::from_secs(86_400)),
        prefix_list: Some("prefixes.txt".into()),
        prefixes: Vec::new(),
        only_key: None,
        list_concurrency: 3,
        job_objects: 7,
        job_bytes: 1 << 20,
    };
    definition.work = Work {
        part_size: Some(8 << 20),
        multipart_threshold: Some(5 << 20),
        giant_threshold: 1 << 30,
        attempts: 5,
        retry_delay: Duration::from_secs(7),
        server_side_copy: false,
        storage_class: Some("STANDARD_IA".into()),
        canned_acl: Some(CannedAcl::BucketOwnerFullControl),
        tags: false,
        sse: Some(Sse::Kms),
        sse_kms_key_id: Some("key".into()),
        strict: true,
        restore: Some(Tier::Bulk),
        restore_days: 3,
        records: Records::Each,
        ..Work::default()
    };
    definition.limits = TaskLimits { machines: Some(3), bandwidth: Some(1 << 20), requests: Some(500) };
    definition.notify = Notify {
        topic: Some("arn:aws-cn:sns:cn-north-1:123456789012:runs".into()),
        webhook: Some("https://example.net/hooks/1".into()),
        on: NotifyOn::Failures,
    };
    definition
}

#[test]
fn a_definition_survives_being_printed_and_read() {
    let mut with_lists = full();
    (with_lists.work.acl, with_lists.work.canned_acl) = (true, None);
    for definition in [parse(SMALL), full(), with_lists] {
        let text = definition.to_toml().unwrap();
        assert_eq!(parse(&text), definition, "{text}");
        assert_eq!(parse(&text).to_toml().unwrap(), text);
    }
}

#[test]
fn what_has_its_default_is_not_printed() {
    let text = parse(&with("description = \"\"", "[work]\nattempts = 3\n[find]\ndelete = false")).to_toml().unwrap();
    for absent in
        ["work", "find", "limits", "notify", "description", "schedule", "events", "addressing-style", "requester-pays"]
    {
        assert!(!text.contains(absent), "{text}");
    }
}

#[test]
fn every_setting_of_a_definition_is_printed_and_read() {
    let text = full().to_toml().unwrap();
    for key in [
        "part-size",
        "giant-threshold",
        "compare",
        "prefix-list",
        "max-age",
        "machines",
        "topic",
        "restore-days",
        "records",
        "canned-acl",
        "events-queue",
    ] {
        assert!(text.contains(&format!("\n{key} = ")), "{key} is missing in\n{text}");
    }
    for key in MACHINE_KEYS.iter().chain(&SINGLE_KEYS) {
        assert!(!text.contains(&format!("\n{key} = ")), "{key} is no task's\n{text}");
    }
}

#[test]
fn regression_a_definition_in_json_has_settings_of_files_alone() {
    let text = "task = \"t\"\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n";
    let json = TaskDefinition::parse(text).unwrap().to_json().unwrap();
    let work = json["work"].as_object().unwrap();
    assert!(work.contains_key("attempts") && !work.contains_key("storage-class") && !json.contains_key("schedule"));
    for key in MACHINE_KEYS.iter().chain(&SINGLE_KEYS) {
        assert!(!work.contains_key(*key), "{key} is no task's");
    }
    let read_back = toml::to_string(&json).unwrap();
    assert!(TaskDefinition::parse(&read_back).is_ok(), "{read_back}");
}

#[test]
fn each_refusal_names_the_setting_and_the_remedy_in_one_line() {
    for (top, sections, parts) in [
        ("shedule = \"once\"", "", &["\"shedule\"", "did you mean \"schedule\""][..]),
        ("schedule = \"hourly\"", "", &["line 1", "is not a schedule", "every 6h"]),
        ("events = \"all\"", "", &["line 1", "create-delete"]),
        ("events-queue = \"https://h/q\"", "", &["events-queue: the task follows no events"]),
        ("events = \"create\"\nevents-queue = \"q\"", "", &["events-queue: \"q\" is not the URL", "amazonaws.com/"]),
        ("description = \"a\\nb\"", "", &["description: give one line"]),
        ("state = \"/s\"", "", &["\"state\"", "put it into the fleet file"]),
        ("", "[queue]\nname = \"q\"", &["\"queue\"", "put it into the fleet file"]),
        ("", "[work]\nconcurrency = 3", &["\"concurrency\" in [work]", "section [work] of the fleet file"]),
        ("", "[work]\nlease = \"1m\"", &["\"lease\" in [work]", "fleet file"]),
        ("", "[work]\nlook-again = true", &["\"look-again\" in [work]", "always look again"]),
        ("", "[work]\noutage-limit = \"1m\"", &["\"outage-limit\"", "for ever"]),
        ("", "[work]\nbandwidth-limit = 1", &["\"bandwidth-limit\"", "section [limits]"]),
        ("", "[find]\npart-size = 3", &["\"part-size\" in [find]", "put it into section [work]"]),
        ("", "[work]\npart-size = 1", &["part-size: 1 is out of bounds: give 5MiB to 5GiB"]),
        ("", "[find]\njob-objects = 0", &["job-objects: 0 is out of bounds: give 1 to 1000"]),
        ("", "[work]\nacl = true\ncanned-acl = \"private\"", &["canned-acl: acl copies the source's lists", "leave"]),
        ("", "[work]\ncanned-acl = \"mine\"", &["line ", "bucket-owner-full-control"]),
        ("", "[limits]\nmachines = 10001", &["limits.machines: 10001", "0 to 10000"]),
        ("", "[limits]\nbandwidth = \"1KiB\"", &["limits.bandwidth: 1KiB", "64KiB"]),
        ("", "[limits]\nrequests = 0", &["limits.requests: 0", "1 to 1000000"]),
        ("", "[notify]\ntopic = \"runs\"", &["notify.topic: \"runs\" is not a topic", "arn:aws:sns"]),
        ("", "[notify]\nwebhook = \"ftp://h/x\"", &["notify.webhook: not a URL", "https://HOST/PATH"]),
        ("", "[notify]\nemail = \"me\"", &["\"email\" in [notify]", "topic, webhook"]),
    ] {
        let error = TaskDefinition::parse(&with(top, sections)).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        for part in parts {
            assert!(error.contains(part), "{top}{sections}: {error}");
        }
    }
}

#[test]
fn a_secret_in_a_webhook_is_not_repeated() {
    for webhook in ["https://me:secret@example.net/x", "slack:secret"] {
        let text = with("", &format!("[notify]\nwebhook = {webhook:?}"));
        let error = TaskDefinition::parse(&text).unwrap_err().to_string();
        assert!(error.starts_with("notify.webhook") && !error.contains("secret"), "{error}");
    }
    for webhook in ["env:HOOK", "file:/etc/hook", "https://example.net/hooks/1?a=b"] {
        parse(&with("", &format!("[notify]\nwebhook = {webhook:?}")));
    }
}

#[test]
fn a_name_that_makes_illegal_queue_names_is_refused() {
    for name in ["Photos", "a--b", "-a", "a_b", &"x".repeat(41), "operations"] {
        let text = SMALL.replace("\"photos\"", &format!("{name:?}"));
        let error = TaskDefinition::parse(&text).unwrap_err().to_string();
        assert!(error.starts_with("task: ") && error.contains("is not a task name"), "{error}");
    }
}

#[test]
fn only_a_fleet_of_one_machine_follows_a_folders_changes() {
    let text = with("events = \"create\"", "").replace("s3://photos/2026", "/photos");
    let definition = parse(&text);
    let fleet = FleetFile::parse("name = \"main\"\n[ledger]\ntable = \"flotilla\"").unwrap();
    let error = definition.check_on(&fleet).unwrap_err().to_string();
    assert!(error.starts_with("events: the source is a folder"), "{error}");
    definition.check_on(&FleetFile::of_folder("local", "/s")).unwrap();
    parse(SMALL).check_on(&fleet).unwrap();
    let error = full().check_on(&fleet).unwrap_err().to_string();
    assert!(error.starts_with("events-queue: the fleet makes a queue"), "{error}");
    full().check_on(&FleetFile::of_folder("local", "/s")).unwrap();
    let error = TaskDefinition { events_queue: None, ..full() }.check_on(&fleet).unwrap_err().to_string();
    assert!(error.starts_with("find.prefix-list: each machine"), "{error}");
    let text = with("events = \"create\"\nevents-queue = \"https://h/q\"", "").replace("s3://photos/2026", "/photos");
    assert!(TaskDefinition::parse(&text).unwrap_err().to_string().contains("the source is a folder"));
}

#[test]
fn a_fleets_task_has_the_machines_settings_and_own_queues() {
    let fleet = "name = \"main\"\nmetrics-addr = \"127.0.0.1:9100\"\n[queue]\nregion = \"eu-west-1\"\n\
                 [ledger]\ntable = \"flotilla\"\n[work]\nconcurrency = 64\nlease = \"2m\"";
    let config = full().on(&FleetFile::parse(fleet).unwrap(), "id");
    config.check().unwrap();
    assert_eq!((config.task.as_str(), config.name.as_str()), ("id", "photos"));
    let queue = config.queue.as_ref().unwrap();
    assert_eq!((queue.name.as_str(), queue.dead_letter_name().as_str()), ("main--photos", "main--photos--dead"));
    assert_eq!(config.events_queue().unwrap().name, "main--photos--events");
    assert_eq!((config.machine.concurrency, config.machine.lease), (64, Duration::from_secs(120)));
    assert_eq!((config.objects.work.attempts, config.objects.work.giant_threshold), (5, 1 << 30));
    assert!(config.looks_again() && config.objects.find.strict && !config.objects.find.tags);
    assert_eq!(config.ledger.unwrap().table, "flotilla");
    let config = full().on(&FleetFile::of_folder("main", "/state"), "id");
    config.check().unwrap();
    assert!(config.queue.is_none() && config.events.is_none());
}

#[test]
fn the_queue_of_events_is_in_the_region_of_a_bucket_at_amazon() {
    let mut definition = parse(SMALL);
    assert_eq!(definition.events_region(), None);
    definition.source.connection.region = Some("eu-west-1".into());
    assert_eq!(definition.events_region().as_deref(), Some("eu-west-1"));
    definition.source.location = "r2://photos".parse().unwrap();
    assert_eq!(definition.events_region(), None);
}

#[test]
fn the_outline_says_what_lists_and_the_controller_need() {
    let kept = full().kept().unwrap();
    assert_eq!(parse(&kept.text), full());
    let expected = Outline {
        description: "Photos, to Ireland".into(),
        source: "s3://photos/2026/".into(),
        destination: "s3://backup/photos/".into(),
        schedule: "cron 0 3 * * mon-fri Europe/Berlin".into(),
        events: true,
        // The source is not at Amazon: its region does not decide where the queue is.
        events_region: None,
        notify: true,
    };
    assert_eq!(kept.outline, expected);
    kept.outline.check().unwrap();
    assert_eq!(parse(SMALL).kept().unwrap().outline.schedule, "");
}
