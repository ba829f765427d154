//! `flotilla console` and the console of `flotilla serve`, with the real program.

mod backends;
mod browser;
mod counted;
mod many;
mod opens;
mod records;

use std::time::Duration;

use serde_json::Value;

use crate::sandbox::Sandbox;
use browser::Browser;

/// A value that only the environment of the program has.
const SECRET: &str = "x9-only-the-environment-has-this";

async fn console(sandbox: &Sandbox) -> (flotilla_tests::binaries::Process, Browser) {
    assert_eq!(sandbox.run("task create t --state @/state @/source @/destination").await.code, Some(0));
    let mut process = sandbox.start("console --state @/state --listen 127.0.0.1:0");
    let browser = Browser::of(&mut process).await;
    (process, browser)
}

#[tokio::test]
async fn a_console_answers_its_own_page_alone() {
    let sandbox = Sandbox::new();
    let (_process, mut browser) = console(&sandbox).await;
    let own = format!("http://{}", browser.address);
    let code = |answer: &browser::Answer| answer.json()["code"].as_str().unwrap_or_default().to_owned();
    let answer = browser.get("/api/v1/tasks").await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "signed-out"));
    let token = browser.token.clone();
    let login = |token: &str| format!("{{\"token\":\"{token}\"}}");
    let foreign = [("origin", "http://evil.example")];
    let answer = browser.send("POST", "/api/v1/login", &login(&token), &foreign).await;
    assert_eq!((answer.status, code(&answer).as_str()), (403, "wrong-origin"), "a form of another site");
    let answer = browser.send("POST", "/api/v1/login", &login("wrong"), &[("origin", &own)]).await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "wrong-token"));
    browser.sign_in().await;
    assert_eq!(browser.get("/api/v1/tasks").await.json()["counts"]["all"], 1);
    for host in ["evil.example", "evil.example:7300", "127.0.0.1"] {
        let answer = browser.send("GET", "/api/v1/tasks", "", &[("host", host)]).await;
        assert_eq!((answer.status, code(&answer).as_str()), (421, "wrong-host"), "a name that leads here: {host}");
    }
    for (name, value) in [("origin", "null"), ("origin", "https://127.0.0.1"), ("sec-fetch-site", "cross-site")] {
        let answer = browser.send("POST", "/api/v1/tasks/t/pause", "", &[(name, value)]).await;
        assert_eq!((answer.status, code(&answer).as_str()), (403, "wrong-origin"), "{name}: {value}");
    }
    let answer = browser.send("POST", "/api/v1/tasks/t/pause", "", &[("x-flotilla-session", "another")]).await;
    assert_eq!((answer.status, code(&answer).as_str()), (401, "signed-out"), "the secret of another page");
    let answer = browser.get("/tasks/t").await;
    assert_eq!(answer.status, 200, "each address of the page is the page");
    for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY")] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert!(answer.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'self'")));
    assert_eq!(browser.send("POST", "/api/v1/logout", "", &[]).await.status, 204);
    assert_eq!(browser.get("/api/v1/tasks").await.status, 401, "signed out");
}

#[tokio::test]
async fn regression_a_cookie_alone_changes_nothing() {
    let sandbox = Sandbox::new();
    let (_process, mut browser) = console(&sandbox).await;
    browser.sign_in().await;
    let (session, pause) = (browser.session.take(), "/api/v1/tasks/t/pause");
    for (method, path) in [("POST", pause), ("DELETE", "/api/v1/tasks/t"), ("POST", "/api/v1/definitions/check")] {
        let answer = browser.send(method, path, "", &[]).await;
        assert_eq!((answer.status, &answer.json()["code"]), (401, &Value::from("signed-out")), "{method} {path}");
    }
    let empty = [("x-flotilla-session", "")];
    assert_eq!(browser.send("POST", pause, "", &empty).await.status, 401);
    assert_eq!(browser.get("/api/v1/tasks/t").await.status, 200, "streams and links of a page have a cookie alone");
    assert_eq!(browser.send("GET", "/api/v1/me", "", &empty).await.status, 401, "a page that lost its secret asks");
    assert_eq!(browser.send("GET", "/api/v1/features", "", &empty).await.status, 200, "how to sign in");
    browser.session = session;
    assert_eq!(browser.send("POST", pause, "", &[]).await.status, 202);
    let other = format!("flotilla-{}=of-another-server", browser.address.rsplit_once(':').unwrap().1);
    assert_eq!(browser.send("POST", pause, "", &[("cookie", &other)]).await.status, 202, "which sets cookies too");
    browser.session = None;
    assert_eq!(browser.send("POST", "/api/v1/logout", "", &[]).await.status, 204);
    assert_eq!(browser.get("/api/v1/tasks/t").await.status, 401, "a page that lost its secret signs out");
}

#[tokio::test]
async fn a_stream_goes_on_after_its_last_event() {
    let sandbox = Sandbox::new();
    let (_process, mut browser) = console(&sandbox).await;
    browser.sign_in().await;
    let path = "/api/v1/stream?tasks=t,none";
    let first = browser.events(path, "", 2).await;
    let mut names: Vec<&str> = first.iter().map(|event| event.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["gone", "task"]);
    let last = first.last().expect("an event").id.clone();
    let paused = sandbox.run("task pause t --state @/state").await;
    assert_eq!(paused.code, Some(0), "{}", paused.stderr);
    let next = browser.events(path, &last, 1).await;
    let task: Value = serde_json::from_str(&next[0].data).expect("JSON");
    assert_eq!((next[0].name.as_str(), &task["state"]), ("task", &Value::from("paused")), "what changed, and no more");
    let all = browser.events(path, "of-another-process-7", 2).await;
    assert_eq!(all.len(), 2, "a program that was started again sends everything");
}

#[tokio::test]
async fn no_answer_of_a_console_has_a_secret() {
    let sandbox = Sandbox::new();
    let created = "task create remote --state @/state s3://b/p @/copy --source-credentials env:CONSOLE_TEST";
    assert_eq!(sandbox.run(created).await.code, Some(0));
    let env = [("CONSOLE_TEST_ACCESS_KEY_ID", SECRET), ("CONSOLE_TEST_SECRET_ACCESS_KEY", SECRET)];
    let mut process = sandbox.start_with("console --state @/state --listen 127.0.0.1:0", &env);
    let mut browser = Browser::of(&mut process).await;
    browser.sign_in().await;
    let document = browser.get("/api/v1/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths");
    let mut asked = 0;
    for path in paths.iter().filter(|(_, item)| item.get("get").is_some()).map(|(path, _)| path) {
        if path.ends_with("/stream") {
            continue;
        }
        let path = path.replace("{task}", "remote").replace("{run}", "r").replace("{operation}", "o");
        let answer = browser.get(&format!("{path}?key=k&task=remote")).await;
        assert!(answer.status < 500, "{path}: {}", answer.body);
        assert!(!answer.body.contains(SECRET) && !answer.body.contains(&browser.token), "{path}");
        asked += 1;
    }
    assert!(asked > 15, "{asked}");
    let credentials = browser.get("/api/v1/credentials").await.json();
    assert_eq!(credentials["items"][0]["origin"], "env:CONSOLE_TEST", "their origin is shown");
    assert_eq!(credentials["items"][0]["used_by"][0]["side"], "source");
}

#[tokio::test]
async fn a_served_task_is_shown_until_its_objects_are_copied() {
    let sandbox = Sandbox::new();
    let created = "task create t --state @/state @/source @/destination --schedule once";
    assert_eq!(sandbox.run(created).await.code, Some(0));
    let mut process = sandbox.start("serve --state @/state --console 127.0.0.1:0");
    let mut browser = Browser::of(&mut process).await;
    browser.sign_in().await;
    let copied = async {
        loop {
            let object = browser.get("/api/v1/tasks/t/objects?key=sub/c.jpg").await;
            if object.status == 200 {
                return object.json();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let object = tokio::time::timeout(crate::sandbox::LIMIT, copied).await.expect("in time");
    assert_eq!((&object["state"], &object["size"]), (&Value::from("copied"), &Value::from(3)));
    let runs = browser.get("/api/v1/tasks/t/runs").await.json();
    let id = runs["items"][0]["id"].as_str().expect("a run").to_owned();
    let run = browser.get(&format!("/api/v1/runs/{id}")).await.json();
    assert_eq!((&run["task"], &run["settled"]["copied"]), (&Value::from("t"), &Value::from(3)));
    let definition = browser.get(&format!("/api/v1/runs/{id}/definition")).await.json();
    assert_eq!(definition["definition"]["task"], "t");
    let features = browser.get("/api/v1/features").await.json();
    assert_eq!((&features["mode"], &features["serves_tasks"]), (&Value::from("folder"), &Value::from(true)));
}
