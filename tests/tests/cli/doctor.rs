//! Findings of `flotilla doctor`, with the real program.

use std::path::PathBuf;
use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder, ministack, unique_name};
use flotilla_tests::proxy::{Fault, Proxy, Rule};
use serde_json::Value;

async fn flotilla(words: &[&str]) -> Ended {
    Process::start(&binaries::flotilla(), words.iter().copied(), [("USER", "ada".to_owned())])
        .wait(Duration::from_secs(180))
        .await
}

/// The findings of a command, and its exit code.
async fn findings(words: &[&str]) -> (Vec<Value>, Option<i32>) {
    let ended = flotilla(&[&["doctor", "--json"], words].concat()).await;
    let lines = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a finding"));
    let found: Vec<Value> = lines.collect();
    assert!(!found.is_empty(), "{}", ended.stderr);
    (found, ended.code)
}

fn of<'a>(found: &'a [Value], level: &str) -> Vec<&'a str> {
    found.iter().filter(|finding| finding["level"] == level).filter_map(|finding| finding["what"].as_str()).collect()
}

#[tokio::test]
async fn a_state_folder_is_examined() {
    let root = fresh_folder("doctor");
    let at = |name: &str| root.join(name).display().to_string();
    std::fs::create_dir(root.join("from")).expect("a folder");
    let (state, from, to, away) = (at("state"), at("from"), at("to"), at("away"));
    for not_made in [&state, &from] {
        let missing = flotilla(&["doctor", "--state", not_made]).await;
        assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    }
    assert_eq!(std::fs::read_dir(&from).expect("a folder").count(), 0, "nothing is made");
    for (name, source) in [("good", &from), ("bad", &away)] {
        let created = flotilla(&["task", "create", name, source, &to, "--state", &state]).await;
        assert_eq!(created.code, Some(0), "{}", created.stderr);
    }
    let (found, code) = findings(&["--state", &state]).await;
    assert_eq!(code, Some(1), "{found:?}");
    let errors = of(&found, "error");
    assert!(errors.len() == 1 && errors[0].contains("task bad, source") && errors[0].contains("away"), "{errors:?}");
    let warnings = of(&found, "warning");
    assert!(warnings.contains(&"workers: none"), "{warnings:?}");
    assert!(of(&found, "ok").iter().any(|what| what.contains("task good, source") && what.ends_with("answers")));
    std::fs::create_dir(root.join("away")).expect("a folder");
    assert_eq!(findings(&["--state", &state]).await.1, Some(0), "warnings alone");
}

#[tokio::test]
async fn a_config_file_is_examined() {
    let root = fresh_folder("doctor");
    let at = |name: &str| root.join(name).display().to_string();
    let (file, state, from, to) = (at("task.toml"), at("state"), at("from"), at("to"));
    let text =
        format!("task = \"t\"\nstate = {state:?}\n[source]\nlocation = {from:?}\n[destination]\nlocation = {to:?}\n");
    std::fs::write(&file, text).expect("a file");
    let (found, code) = findings(&["--config", &file]).await;
    assert_eq!(code, Some(1), "{found:?}");
    let errors = of(&found, "error");
    assert!(errors.len() == 1 && errors[0].contains("task t, source") && errors[0].contains("/from"), "{errors:?}");
    assert!(!root.join("state").exists(), "nothing is made");
    std::fs::create_dir(root.join("from")).expect("a folder");
    let (found, code) = findings(&["--config", &file]).await;
    assert_eq!(code, Some(0), "{found:?}");
    assert!(of(&found, "ok").iter().any(|what| what.contains("task t, source") && what.ends_with("answers")));
    std::fs::write(&file, "task = 1").expect("a file");
    assert_eq!(flotilla(&["doctor", "--config", &file]).await.code, Some(2));
}

/// A fleet file over a proxy before the emulator of queues and table.
async fn fleet() -> (Proxy, PathBuf) {
    let (proxy, root) = (Proxy::start(&ministack().endpoint).await, fresh_folder("doctor"));
    let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
    let name: String = unique_name("f").chars().rev().filter(char::is_ascii_alphanumeric).take(12).collect();
    let name = format!("f{}", name.to_lowercase());
    let service = format!(
        "endpoint-url = {:?}\nregion = \"us-east-1\"\ncredentials = \"file:{}\"\n",
        proxy.endpoint,
        keys.display()
    );
    let file = root.join("fleet.toml");
    let text = format!("name = \"{name}\"\n[queue]\n{service}[ledger]\ntable = \"{name}\"\n{service}");
    std::fs::write(&file, text).expect("a file");
    (proxy, file)
}

#[tokio::test]
async fn rights_that_a_fleet_lacks_are_named() {
    let (proxy, file) = fleet().await;
    let file = file.to_str().expect("UTF-8");
    let (found, code) = findings(&["--fleet", file]).await;
    assert_eq!(code, Some(1), "there is no table: {found:?}");
    assert_eq!(of(&found, "error").len(), 1, "the error is printed once: {found:?}");
    assert!(of(&found, "error").iter().any(|what| what.contains("does not exist")), "{found:?}");

    assert_eq!(flotilla(&["init", "--fleet", file]).await.code, Some(0));
    let (found, code) = findings(&["--fleet", file]).await;
    assert_eq!((code, of(&found, "error").len()), (Some(0), 0), "{found:?}");
    for part in ["on demand", "expired items are removed", "clock: ", "group: none", "0 tasks"] {
        assert!(of(&found, "ok").iter().any(|what| what.contains(part)), "{part}: {found:?}");
    }

    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not authorized"}"#;
    for call in ["UpdateItem", "Scan"] {
        proxy.inject(Rule::always(Fault::Respond(400, denied.into())).containing(&format!("DynamoDB_20120810.{call}")));
    }
    let (found, code) = findings(&["--fleet", file]).await;
    assert_eq!(code, Some(1), "{found:?}");
    let lacks = |level: &str, right: &str| {
        let remedy = format!("allow dynamodb:{right} on the table");
        found.iter().any(|finding| {
            finding["level"] == level && finding["remedy"].as_str().is_some_and(|text| text.starts_with(&remedy))
        })
    };
    assert!(lacks("error", "UpdateItem") && lacks("warning", "Scan"), "{found:?}");
    assert_eq!(of(&found, "error").len(), 1, "{found:?}");
}

#[tokio::test]
async fn rights_on_queues_that_a_fleet_lacks_are_named() {
    let (proxy, file) = fleet().await;
    let (file, root) = (file.to_str().expect("UTF-8"), fresh_folder("doctor"));
    assert_eq!(flotilla(&["init", "--fleet", file]).await.code, Some(0));
    let folder = root.to_str().expect("UTF-8");
    let (from, to) = (format!("{folder}/from"), format!("{folder}/to"));
    std::fs::create_dir(&from).expect("a folder");
    let created = flotilla(&["task", "create", "photos", &from, &to, "--fleet", file]).await;
    assert_eq!(created.code, Some(0), "{}", created.stderr);
    let (found, code) = findings(&["--fleet", file]).await;
    assert_eq!((code, of(&found, "error").len()), (Some(0), 0), "{found:?}");
    let ready = "queues of task photos: 0 ready, 0 leased, 0 delayed";
    assert!(of(&found, "ok").contains(&ready), "{found:?}");

    let denied = r#"{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"not authorized"}"#;
    for call in ["SendMessageBatch", "ReceiveMessage", "ChangeMessageVisibilityBatch", "DeleteMessageBatch"] {
        proxy.inject(Rule::always(Fault::Respond(400, denied.into())).containing(&format!("AmazonSQS.{call}")));
    }
    let (found, code) = findings(&["--fleet", file]).await;
    assert_eq!(code, Some(1), "{found:?}");
    for right in ["SendMessage", "ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage"] {
        let remedy = format!("allow sqs:{right} on the queue");
        let named = found.iter().filter(|finding| finding["level"] == "error" && finding["remedy"] == remedy.as_str());
        assert_eq!(named.count(), 2, "{right} on both queues: {found:?}");
    }
    assert!(of(&found, "ok").contains(&ready), "nothing was sent: {found:?}");
}

/// Nobody listens at the endpoint, or somebody who never answers.
#[tokio::test]
async fn services_that_do_not_answer_are_named_in_time() {
    let (proxy, file) = fleet().await;
    let file = file.to_str().expect("UTF-8");
    proxy.inject(Rule::always(Fault::Stall));
    let begun = std::time::Instant::now();
    let (found, code) = findings(&["--fleet", file]).await;
    assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", begun.elapsed());
    assert_eq!(code, Some(1), "{found:?}");
    assert!(found.iter().all(|finding| finding["level"] == "ok" || finding["remedy"].is_string()), "{found:?}");
    assert!(of(&found, "error").iter().any(|what| what.contains("no answer within")), "{found:?}");
}
