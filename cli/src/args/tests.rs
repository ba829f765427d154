mod documents;

use super::*;
use shared::config::Connection;
use shared::config::{Compare, Config, Find, MachineSettings, Side, Work, keys};

fn parse_words(words: &str) -> Result<Cli, clap::Error> {
    parse(words.split_whitespace().map(Into::into))
}

fn sync(options: &str) -> Config {
    match parse_words(&format!("flotilla sync /a /b --state /s {options}")).unwrap().command {
        Command::Sync(args) => args.task.config().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_command_line_is_consistent_in_itself() {
    command().debug_assert();
}

#[test]
fn without_options_the_settings_have_their_defaults() {
    let config = sync("");
    assert_eq!((config.objects.find, config.objects.work), (Find::default(), Work::default()));
    assert_eq!(config.machine, MachineSettings::default());
}

#[test]
fn includes_and_excludes_keep_their_order_across_both() {
    let config = sync("--exclude a --include b --include c --exclude=d --delete --include e");
    assert_eq!(config.objects.find.filters, ["- a", "+ b", "+ c", "- d", "+ e"]);
    assert!(sync("").objects.find.filters.is_empty());
}

#[test]
fn every_setting_has_an_option_of_its_name() {
    let command = Cli::command();
    let sync = command.find_subcommand("sync").unwrap();
    let options: Vec<&str> = sync.get_arguments().filter_map(|arg| arg.get_long()).collect();
    for key in keys::of("find").iter().chain(keys::of("work")) {
        let spelled: &[&str] = match *key {
            "filters" => &["include", "exclude"],
            // Of a fleet's task; the lines of a prefix list stand in its definition.
            "prefixes" => &["prefix-list"],
            "server-side-copy" => &["no-server-side-copy"],
            "tags" => &["no-tags"],
            // The ledger of one process has a record of each object.
            "records" => &[],
            // In one process it is known who else is at the same objects.
            "look-again" => &[],
            key => &[key],
        };
        assert!(spelled.iter().all(|name| options.contains(name)), "{key}");
    }
    for key in keys::of("source").iter().filter(|key| **key != "location") {
        for side in ["source", "destination"] {
            assert!(options.contains(&&*format!("{side}-{key}")), "{side}-{key}");
        }
    }
}

#[test]
fn options_of_the_command_itself_stand_under_no_others_heading() {
    let command = Cli::command();
    for name in ["sync", "plan", "verify", "status", "failures", "outcome", "retry", "init"] {
        let arguments = command.find_subcommand(name).unwrap().get_arguments();
        let general =
            ["state", "config", "json", "force", "every", "report", "dry_run", "metrics_addr", "deep", "quick"];
        for argument in arguments.filter(|argument| general.contains(&argument.get_id().as_str())) {
            let heading = argument.get_help_heading();
            assert!(matches!(heading, None | Some(RUNNING)), "{name} {}: {heading:?}", argument.get_id());
        }
    }
}

#[test]
fn options_become_settings() {
    let config = sync(
        "--compare checksum --delete --max-delete 5 --part-size 8MiB --lease 2m --no-server-side-copy --min-age 1h",
    );
    assert_eq!(config.objects.find.compare, Compare::Checksum);
    assert_eq!((config.objects.find.delete, config.objects.find.max_delete), (true, Some(5)));
    assert_eq!(config.objects.work.part_size, Some(8 << 20));
    assert_eq!(config.machine.lease.as_secs(), 120);
    assert!(!config.objects.work.server_side_copy);
    assert_eq!(config.objects.find.min_age.unwrap().as_secs(), 3600);
}

#[test]
fn one_pair_of_places_is_one_task() {
    let name = |words: &str| match parse_words(&format!("flotilla sync --state /s {words}")).unwrap().command {
        Command::Sync(args) => args.task.config().unwrap().task,
        other => panic!("{other:?}"),
    };
    assert_eq!(name("s3://a /b"), name("s3://a /b/ --delete"));
    assert_ne!(name("s3://a /b"), name("s3://a /c"));
    assert_ne!(name("s3://a /b"), name("s3://a /b --source-endpoint-url http://h"));
    assert_ne!(
        name("s3://a s3://b --source-endpoint-url http://h"),
        name("s3://a s3://b --destination-endpoint-url http://h")
    );
}

/// The sides of a sync with these options.
fn sides(words: &str) -> (Side, Side) {
    match parse_words(&format!("flotilla sync --state /s {words}")).unwrap().command {
        Command::Sync(args) => {
            args.task.config().map(|config| (config.objects.source, config.objects.destination)).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn regression_options_for_both_sides_yield_to_a_sides_own() {
    let both = "--endpoint-url http://both --region eu-1 --credentials env:BOTH";
    let (source, destination) = sides(&format!("s3://a s3://b {both} --destination-region eu-2"));
    assert_eq!(source.connection.endpoint_url.as_deref(), Some("http://both"));
    assert_eq!(source.connection.region.as_deref(), Some("eu-1"));
    assert_eq!(source.connection.credentials.as_deref(), Some("env:BOTH"));
    let region = Some("eu-2".to_owned());
    assert_eq!(destination.connection, Connection { region, ..source.connection });
    let (folder, bucket) = sides(&format!("/a s3://b {both}"));
    assert_eq!(
        (folder.connection.endpoint_url, bucket.connection.endpoint_url.as_deref()),
        (None, Some("http://both"))
    );
    let refused = match parse_words("flotilla sync --state /s /a /b --region x").unwrap().command {
        Command::Sync(args) => args.task.config().unwrap_err().message,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused, "--region: every location here is a folder and has no region: leave --region out");
}

#[test]
fn regression_a_mistake_names_the_commands_own_help() {
    let command = |words: &str| command_of(words.split_whitespace().map(Into::into));
    assert_eq!(command("flotilla sync /a"), "flotilla sync");
    assert_eq!(command("flotilla --log json watch"), "flotilla watch");
    assert_eq!(command("flotilla task create t /a /b --every 1m"), "flotilla task create");
    assert_eq!(command("flotilla task"), "flotilla task");
    assert_eq!(command("flotilla"), "flotilla");
}

#[test]
fn a_mistake_is_explained() {
    for (words, part) in [
        ("flotilla sync", "<SOURCE>"),
        ("flotilla sync ftp://a /b", "unknown scheme"),
        ("flotilla sync /a /b --part-size x", "not a size"),
        ("flotilla sync /a /b --compare mtime", "size-mtime"),
        ("flotilla sync /a /b --max-delete 3", "--delete"),
        ("flotilla sync /a /b --concurency 3", "--concurrency"),
        ("flotilla status --state /s --config /c", "cannot be used with"),
    ] {
        let line = shared::terminal::one_line(&parse_words(words).unwrap_err().to_string());
        assert!(line.contains(part), "{words}: {line}");
        assert!(!line.contains('\n'), "{line}");
    }
}
