//! The API over a state folder, and over SQS and DynamoDB: the same requests have the same answers.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use adapters::open::{self, FleetBackend};
use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, ministack, unique_name};
use serde_json::Value;
use shared::config::FleetFile;
use shared::queue::Outgoing;
use tokio::time::sleep;

use super::browser::{Answer, Browser};
use super::records::failures;
use crate::sandbox::{LIMIT, Sandbox};

/// Failures of the run that is looked at.
const FAILED: u32 = 500;

/// Dead letters of the task.
const DEAD: u64 = 3;

/// A console at work over an empty fleet.
struct Served {
    sandbox: Sandbox,
    /// The option that names the fleet.
    fleet: &'static str,
    backend: FleetBackend,
    browser: Browser,
    _console: Process,
}

impl Served {
    async fn in_folder() -> Served {
        let sandbox = Sandbox::new();
        let file = FleetFile::of_folder("local", sandbox.path("state"));
        Served::of(sandbox, "--state @/state", &file).await
    }

    async fn over_services() -> Served {
        let (sandbox, name) = (Sandbox::new(), unique_name("api"));
        let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
        let service = format!(
            "endpoint-url = \"{}\"\nregion = \"us-east-1\"\ncredentials = \"file:{}\"\n",
            ministack().endpoint,
            keys.display()
        );
        let text = format!("name = \"{name}\"\n[queue]\n{service}[ledger]\ntable = \"{name}\"\n{service}");
        sandbox.write("fleet.toml", &text);
        let made = sandbox.run("init --fleet @/fleet.toml").await;
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        Served::of(sandbox, "--fleet @/fleet.toml", &FleetFile::parse(&text).expect("a fleet file")).await
    }

    async fn of(sandbox: Sandbox, fleet: &'static str, file: &FleetFile) -> Served {
        let backend = FleetBackend::open(file).await.expect("the fleet opens");
        let mut console = sandbox.start(&format!("console {fleet} --listen 127.0.0.1:0"));
        let mut browser = Browser::of(&mut console).await;
        browser.sign_in().await;
        Served { sandbox, fleet, backend, browser, _console: console }
    }

    fn definition(&self, description: &str) -> String {
        let side = |name: &str| format!("{{\"location\":{:?}}}", self.sandbox.text(name));
        let sides = format!("\"source\":{},\"destination\":{}", side("source"), side("destination"));
        format!("{{\"task\":\"t\",\"description\":{description:?},{sides}}}")
    }

    async fn post(&self, path: &str, body: &str, key: &str) -> Answer {
        let headers = [("idempotency-key", key)];
        self.browser.send("POST", &format!("/api/v1{path}"), body, &headers).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.browser.get(&format!("/api/v1{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// Waits for an answer that is as a test wants it.
    async fn until(&self, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(path).await;
            if is_wanted(&answer) {
                return answer;
            }
            assert!(began.elapsed() < LIMIT, "{path}: {answer}");
            sleep(Duration::from_millis(300)).await;
        }
    }
}

async fn walk(served: &Served) {
    tasks_are_made_and_edited_once(served).await;
    a_stream_resumes(served).await;
    runs_are_begun_once(served).await;
    failures_come_in_groups_and_pages(served).await;
    dead_letters_are_moved(served).await;
    records_are_shown(served).await;
    each_path_answers(served).await;
}

async fn tasks_are_made_and_edited_once(served: &Served) {
    let made = served.post("/tasks", &served.definition(""), "1").await;
    assert_eq!(made.status, 201, "{}", made.body);
    let again = served.post("/tasks", &served.definition(""), "1").await;
    assert_eq!((again.status, again.json()), (201, made.json()), "repeated by its key");
    let other = served.post("/tasks", &served.definition("other"), "1").await;
    assert_eq!((other.status, other.json()["code"].as_str()), (422, Some("key-reused")));
    let other = served.post("/tasks", &served.definition(""), "2").await;
    assert_eq!((other.status, other.json()["code"].as_str()), (409, Some("task-exists")));
    let tag = made.header("etag").expect("a tag").to_owned();
    let (seen, edits) = ([("if-match", tag.as_str())], ["a", "b"].map(|text| served.definition(text)));
    let put = |body| served.browser.send("PUT", "/api/v1/tasks/t", body, &seen);
    let (first, second) = tokio::join!(put(&edits[0]), put(&edits[1]));
    assert_eq!(BTreeSet::from([first.status, second.status]), BTreeSet::from([202, 412]), "{}", second.body);
    assert_eq!(put(&edits[0]).await.status, 412, "of an old version");
}

async fn a_stream_resumes(served: &Served) {
    let path = "/api/v1/stream?tasks=t";
    let first = served.browser.events(path, "", 1).await;
    let mut last = first.last().expect("an event").id.clone();
    for (action, state) in [("pause", "paused"), ("resume", "active")] {
        assert_eq!(served.post(&format!("/tasks/t/{action}"), "", action).await.status, 202);
        let next = served.browser.events(path, &last, 1).await;
        let task: Value = serde_json::from_str(&next[0].data).expect("JSON");
        assert_eq!(task["state"], state);
        last.clone_from(&next[0].id);
    }
}

async fn runs_are_begun_once(served: &Served) {
    let first = served.post("/tasks/t/runs", "{}", "run").await;
    assert_eq!(first.status, 202, "{}", first.body);
    let again = served.post("/tasks/t/runs", "{}", "run").await;
    assert_eq!((again.status, again.json()), (202, first.json()));
    assert_eq!(served.post("/tasks/t/runs", "{}", "other").await.status, 409);
    let id = first.json()["run"].as_str().expect("a run").to_owned();
    assert_eq!(served.get(&format!("/runs/{id}")).await["state"], "queued");
    for _ in 0..2 {
        let cancelled = served.post(&format!("/runs/{id}/cancel"), "", "cancel").await;
        assert_eq!(cancelled.status, 202, "{}", cancelled.body);
    }
    assert_eq!(served.get("/tasks/t/runs").await["items"][0]["id"], id.as_str());
}

async fn failures_come_in_groups_and_pages(served: &Served) {
    let task = served.get("/tasks/t").await["id"].as_str().expect("an id").to_owned();
    failures(&served.backend, &task, "failed-run", FAILED).await;
    let groups = served.get("/runs/failed-run/failures?group=cause").await;
    assert_eq!((&groups["failed"], &groups["groups"][0]["objects"]), (&FAILED.into(), &FAILED.into()));
    let (mut keys, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = served.get(&format!("/runs/failed-run/failures?limit=200{cursor}")).await;
        let items = page["items"].as_array().expect("failures");
        assert!(items.len() <= 200);
        keys.extend(items.iter().map(|item| item["key"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(keys.len(), FAILED as usize, "each failure is on one page");
    assert_eq!(served.browser.lines("/api/v1/runs/failed-run/report").await, FAILED as usize);
    let wrong = served.browser.get("/api/v1/runs/failed-run/failures?cursor=of-no-list").await;
    assert!([200, 400].contains(&wrong.status), "{}", wrong.body);
}

async fn dead_letters_are_moved(served: &Served) {
    let summary = served.backend.tasks.summary("t").await.expect("the task is read").expect("there is the task");
    let queues = open::task_queues(served.backend.fleet(), &summary).await.expect("the queues open");
    let dead_letter_all = async || {
        let mut moved = 0;
        while moved < DEAD {
            for message in queues.events.receive(1, Duration::from_secs(1), LIMIT).await.expect("received") {
                queues.events.dead_letter(&message, "no worker understands it").await.expect("kept");
                moved += 1;
            }
        }
    };
    for action in ["redrive", "purge"] {
        if action == "redrive" {
            let messages: Vec<Outgoing> = (0..DEAD).map(|i| Outgoing::now(format!("{{\"event\":{i}}}"))).collect();
            queues.events.send(&messages).await.expect("sent");
        }
        dead_letter_all().await;
        let shown = served.until("/tasks/t/dead-letters", |shown| shown["count"] == DEAD).await;
        let letter = shown["items"][0].clone();
        assert_eq!(letter["reason"], "no worker understands it", "{letter}");
        let looks = [(); 3].map(|()| served.get("/tasks/t/dead-letters"));
        for look in futures::future::join_all(looks).await {
            assert_eq!(look["items"].as_array().map(Vec::len), Some(DEAD as usize), "each look shows all: {look}");
        }
        let (began, mut moved) = (Instant::now(), 0);
        while moved < DEAD {
            let answer = served.post(&format!("/tasks/t/dead-letters/{action}"), "", &moved.to_string()).await;
            assert_eq!(answer.status, 202, "{}", answer.body);
            moved += answer.json()["moved"].as_u64().expect("a number");
            assert!(began.elapsed() < LIMIT, "{action}: {moved}");
            sleep(Duration::from_millis(300)).await;
        }
        served.until("/tasks/t/dead-letters", |shown| shown["count"] == 0).await;
    }
    assert_eq!(queues.depth().await.expect("the queues answer").dead, 0);
}

async fn records_are_shown(served: &Served) {
    let pass = served.sandbox.run(&format!("controller --once {}", served.fleet)).await;
    assert_eq!(pass.code, Some(0), "{}", pass.stderr);
    let samples = served.get("/tasks/t/samples").await;
    assert!(samples["ready"].as_array().is_some_and(|ready| ready.iter().any(Value::is_u64)), "{samples}");
    let audit = served.get("/audit?task=t").await;
    let actions: BTreeSet<&str> =
        audit["items"].as_array().expect("changes").iter().filter_map(|item| item["action"].as_str()).collect();
    for action in ["create", "edit", "pause", "resume", "run", "cancel", "redrive", "purge"] {
        assert!(actions.contains(action), "{action} is not in {actions:?}");
    }
    let (first, all) = (served.get("/audit?limit=3").await, served.get("/audit").await);
    let rest = served.get(&format!("/audit?cursor={}", first["next"].as_str().expect("more"))).await;
    let items = |page: &Value| page["items"].as_array().cloned().unwrap_or_default();
    assert_eq!([items(&first), items(&rest)].concat(), items(&all), "all tasks, in pages");
    assert_eq!(items(&all), items(&audit), "there is one task");
    let who = all["items"][0]["who"].as_str().expect("a person").to_uppercase();
    assert_eq!(items(&served.get(&format!("/audit?who={who}")).await), items(&all), "one person made them");
    let nobody = served.get("/audit?who=nobody&limit=1").await;
    assert_eq!((items(&nobody), &nobody["next"]), (vec![], &Value::Null), "looked through to the end");
}

async fn each_path_answers(served: &Served) {
    let document = served.get("/openapi.json").await;
    let paths = document["paths"].as_object().expect("paths");
    for (path, _) in paths.iter().filter(|(path, item)| item.get("get").is_some() && !path.ends_with("/stream")) {
        let path = path.replace("{task}", "t").replace("{run}", "failed-run").replace("{operation}", "none");
        let answer = served.browser.get(&format!("{path}?key=k&task=t")).await;
        assert!(answer.status < 500, "{path}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_over_a_folder_changes_what_it_shows() {
    walk(&Served::in_folder().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_over_services_changes_what_it_shows() {
    let served = Served::over_services().await;
    walk(&served).await;
    let file = served.sandbox.path("fleet.toml");
    let _workers = ["w1", "w2"].map(|name| worker(&file, name));
    let shown = served.until("/workers", |shown| shown["items"].as_array().is_some_and(|all| all.len() == 2)).await;
    for (item, name) in [(0, "w1-"), (1, "w2-")] {
        let worker = shown["items"][item]["worker"].as_str().expect("a name");
        assert!(worker.starts_with(name), "{worker}");
    }
}

fn worker(file: &Path, name: &str) -> Process {
    let words = ["--fleet", file.to_str().expect("UTF-8"), "--name", name];
    let none: [(&str, String); 0] = [];
    Process::start(&binaries::worker(), words, none)
}
