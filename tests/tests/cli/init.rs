//! `flotilla init`.

use std::collections::BTreeSet;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators;
use flotilla_tests::proxy::Proxy;

use crate::sandbox::{LIMIT, Sandbox};

async fn init(sandbox: &Sandbox, env: impl IntoIterator<Item = (&'static str, String)>) -> Ended {
    let arguments = ["init", "--config", &sandbox.text("task.toml")];
    Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn init_reports_what_it_made_and_what_was_there() {
    let sandbox = Sandbox::new();
    let emulator = emulators::ministack();
    let name = emulators::unique_name("init");
    let connection = emulator.connection();
    let endpoint = connection.endpoint_url.expect("an emulator has an endpoint");
    let reached = format!("endpoint-url = \"{endpoint}\"\nregion = \"us-east-1\"\ncredentials = \"env:T\"\n");
    let config = format!(
        "task = \"t\"\nsource.location = \"/a\"\ndestination.location = \"/b\"\n\
         [queue]\nname = \"{name}\"\n{reached}[ledger]\ntable = \"{name}\"\n{reached}"
    );
    sandbox.write("task.toml", &config);
    let ready = format!("queue {name} and table {name} are ready");
    for lines in [
        [format!("created queue {name}-dead"), format!("created queue {name}"), format!("created table {name}")],
        [format!("queue {name}-dead exists"), format!("queue {name} exists"), format!("table {name} exists")],
    ] {
        let env = [("T_ACCESS_KEY_ID", "test".to_owned()), ("T_SECRET_ACCESS_KEY", "test".to_owned())];
        let ended = init(&sandbox, env).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let said: Vec<&str> = ended.stdout.lines().collect();
        assert!(lines.iter().all(|line| said.contains(&&**line)), "{}", ended.stdout);
        let different: BTreeSet<&str> = said.iter().copied().collect();
        assert_eq!((different.len(), said.last()), (said.len(), Some(&&*ready)), "{}", ended.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_init_without_valid_credentials_makes_nothing() {
    let sandbox = Sandbox::new();
    let proxy = Proxy::start(&emulators::ministack().endpoint).await;
    let name = emulators::unique_name("init");
    let reached = |credentials: &str| {
        format!("endpoint-url = \"{}\"\nregion = \"us-east-1\"\ncredentials = \"{credentials}\"\n", proxy.endpoint)
    };
    for (side, services, says) in [
        ("env:T", "env:NONE", "environment variable NONE_ACCESS_KEY_ID is not set"),
        ("env:T", "profile:none", "no credentials in this profile"),
        ("profile:none", "env:T", "source: configure profile:none: no credentials in this profile"),
    ] {
        let config = format!(
            "task = \"t\"\ndestination.location = \"/b\"\n[source]\nlocation = \"s3://b\"\n{}\
             [queue]\nname = \"{name}\"\n{}[ledger]\ntable = \"{name}\"\n{}",
            reached(side),
            reached(services),
            reached(services)
        );
        sandbox.write("task.toml", &config);
        let env = ["T_ACCESS_KEY_ID", "T_SECRET_ACCESS_KEY"].map(|name| (name, "test".to_owned()));
        let ended = init(&sandbox, env.into_iter().chain([("AWS_CONFIG_FILE", sandbox.text("none"))])).await;
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
        assert!(ended.stderr.starts_with("flotilla: ") && ended.stderr.contains(says), "{}", ended.stderr);
        assert_eq!(&*ended.stdout, "");
    }
    assert_eq!(proxy.counts().values().sum::<u64>(), 0, "{:?}", proxy.counts());
}
