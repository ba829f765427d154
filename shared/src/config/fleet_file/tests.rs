use super::*;

const SMALL: &str = "name = \"main\"\n[ledger]\ntable = \"flotilla\"\n";

fn parse(text: &str) -> FleetFile {
    FleetFile::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_small_fleet_file_takes_the_defaults() {
    let fleet = parse(SMALL);
    assert_eq!(fleet.work, MachineWork::default());
    assert_eq!(fleet.work.concurrency, MachineSettings::default().concurrency);
    assert_eq!(fleet.operations_queue(), "main--operations");
    let names = QueueNames {
        jobs: "main--photos".into(),
        events: "main--photos--events".into(),
        dead: "main--photos--dead".into(),
    };
    assert_eq!(fleet.queues_of("photos"), names);
    assert_eq!(parse("name = \"main\"\nstate = \"/s\""), FleetFile::of_folder("main", "/s"));
}

#[test]
fn the_longest_names_make_a_legal_queue_name() {
    let fleet = FleetFile::of_folder(&"f".repeat(20), "/s");
    fleet.check().unwrap();
    assert!(fleet.queues_of(&"t".repeat(40)).events.len() <= 80);
}

#[test]
fn each_refusal_names_the_setting_and_the_remedy_in_one_line() {
    for (text, parts) in [
        (SMALL.replace("main", "Main"), &["name: \"Main\" is not a fleet name"][..]),
        (SMALL.replace("main", &"x".repeat(21)), &["name: ", "too long", "1 to 20"]),
        ("name = \"main\"".to_owned(), &["ledger: there is no ledger", "state for one machine"]),
        (format!("state = \"/s\"\n{SMALL}"), &["state: state is for the embedded ledger"]),
        ("name = \"m\"\nstate = \"/s\"\n[queue]\nregion = \"x\"".to_owned(), &["queue: [queue] needs [ledger]"]),
        (format!("{SMALL}[queue]\nname = \"q\""), &["\"name\" in [queue]", "named by fleet and task"]),
        (format!("{SMALL}[queue]\nregion = \"eu west\""), &["queue.region", "is not a region"]),
        (format!("{SMALL}endpoint-url = \"localhost\""), &["ledger.endpoint-url", "http://"]),
        (format!("{SMALL}[source]\nlocation = \"s3://a\""), &["\"source\"", "the task's definition"]),
        (format!("{SMALL}[work]\npart-size = 1"), &["\"part-size\" in [work]", "[work] of the task's definition"]),
        (format!("{SMALL}[work]\nconcurency = 1"), &["\"concurency\" in [work]", "did you mean \"concurrency\""]),
        (format!("{SMALL}[work]\nconcurrency = 0"), &["concurrency: 0 is out of bounds: give 1 to 1024"]),
        (format!("{SMALL}[work]\nmemory-limit = \"63MiB\""), &["memory-limit: 63MiB", "64MiB"]),
        (format!("{SMALL}[work]\nlease = \"1s\""), &["lease: 1s", "5s to 12h"]),
        (format!("{SMALL}[work]\nidle-exit = \"1s\""), &["idle-exit: 1s", "1m to 1day"]),
        (format!("public-url = \"https://u:p@h\"\n{SMALL}"), &["public-url: give scheme and host alone"]),
        (format!("public-url = \"flotilla.example.com\"\n{SMALL}"), &["public-url: give scheme and host alone"]),
    ] {
        let error = FleetFile::parse(&text).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = FleetFile::read(Path::new("/nowhere/fleet.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read config file /nowhere/fleet.toml"), "{error}");
}

#[test]
fn the_public_url_is_a_scheme_and_a_host() {
    for url in ["https://flotilla.example.com", "http://127.0.0.1:7300/", "https://[::1]:7300"] {
        let fleet = parse(&format!("public-url = {url:?}\n{SMALL}"));
        assert_eq!(fleet.public_url.as_deref(), Some(url));
    }
}
