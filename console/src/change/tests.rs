use serde_json::{Value, json};

use crate::api::features::Role;
use crate::fixtures::{Sent, api};

const TASK: &str = r#"{"task":"photos","source":{"location":"/a"},"destination":{"location":"/b"}}"#;
const TOML: &str =
    "task = \"films\"\nschedule = \"every 6h\"\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n";

fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_task_is_created_in_json_or_toml_under_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let (router, _) = api(folder.path()).await;
    let ada = Sent { router: &router, role: Some(Role::Admin) };
    let (status, headers, made) = ada.send("POST /api/v1/tasks", &[("idempotency-key", "1")], TASK).await;
    assert_eq!((status, made["task"].as_str(), made["version"].as_u64()), (201, Some("photos"), Some(1)));
    assert_eq!(headers["location"], "/api/v1/tasks/photos");
    assert!(headers.contains_key("etag"));
    let (status, _, again) = ada.send("POST /api/v1/tasks", &[("idempotency-key", "1")], TASK).await;
    assert_eq!((status, again), (201, made));
    let (status, _, refused) = ada.send("POST /api/v1/tasks", &[("idempotency-key", "2")], TASK).await;
    assert_eq!((status, code(&refused)), (409, "task-exists"));
    let other = TASK.replace("\"/b\"", "\"/c\"");
    let (status, _, refused) = ada.send("POST /api/v1/tasks", &[("idempotency-key", "1")], &other).await;
    assert_eq!((status, code(&refused)), (422, "key-reused"));
    let toml = [("content-type", "application/toml")];
    let (status, _, made) = ada.send("POST /api/v1/tasks", &toml, TOML).await;
    assert_eq!((status, made["next_due"].is_string()), (201, true));
}

#[tokio::test]
async fn of_two_edits_of_one_version_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (router, _) = api(folder.path()).await;
    let ada = Sent { router: &router, role: Some(Role::Admin) };
    let (_, headers, _) = ada.send("POST /api/v1/tasks", &[], TASK).await;
    let edited = |text: &str| TASK.replace("{\"task\"", &format!("{{\"description\":\"{text}\",\"task\""));
    let put = "PUT /api/v1/tasks/photos";
    let (status, _, refused) = ada.send(put, &[], &edited("a")).await;
    assert_eq!((status, code(&refused)), (428, "if-match-required"));
    let first = [("if-match", headers["etag"].to_str().unwrap())];
    let texts = [edited("a"), edited("b")];
    let both = tokio::join!(ada.send(put, &first, &texts[0]), ada.send(put, &first, &texts[1]));
    let mut statuses = [both.0.0, both.1.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 412]);
    let (status, _, refused) = ada.send(put, &first, &edited("c")).await;
    assert_eq!((status, code(&refused)), (412, "changed"));
    let (status, _, made) = ada.send(put, &[("if-match", "*")], &edited("c")).await;
    assert_eq!((status, made["version"].as_u64()), (202, Some(3)));
    let (status, _, refused) = ada.send(put, &[("if-match", "*")], &TASK.replace("\"/b\"", "\"/c\"")).await;
    assert_eq!((status, code(&refused), refused["setting"].as_str()), (422, "fixed-setting", Some("destination")));
}

#[tokio::test]
async fn regression_limits_and_other_tasks_make_a_tag_stale() {
    let folder = tempfile::tempdir().unwrap();
    let (router, _) = api(folder.path()).await;
    let ada = Sent { router: &router, role: Some(Role::Admin) };
    let (_, headers, _) = ada.send("POST /api/v1/tasks", &[], TASK).await;
    let seen = [("if-match", headers["etag"].to_str().unwrap())];
    ada.send("PATCH /api/v1/tasks/photos/limits", &[], r#"{"bandwidth":1048576}"#).await;
    let (status, _, refused) = ada.send("PUT /api/v1/tasks/photos", &seen, TASK).await;
    assert_eq!((status, code(&refused)), (412, "changed"), "the limit stays");
    assert_eq!(ada.send("DELETE /api/v1/tasks/photos", &[], "").await.0, 202);
    ada.send("POST /api/v1/tasks", &[], TASK).await;
    let (status, _, refused) = ada.send("DELETE /api/v1/tasks/photos", &seen, "").await;
    assert_eq!((status, code(&refused)), (412, "changed"), "another task of the name");
}

#[tokio::test]
async fn a_run_is_begun_once_cancelled_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (router, _) = api(folder.path()).await;
    let admin = Sent { router: &router, role: Some(Role::Admin) };
    admin.send("POST /api/v1/tasks", &[], TASK).await;
    let bob = Sent { router: &router, role: Some(Role::Operator) };
    let runs = "POST /api/v1/tasks/photos/runs";
    let options = r#"{"overrides":{"compare":"size","delete":false}}"#;
    let (status, _, first) = bob.send(runs, &[("idempotency-key", "1")], options).await;
    assert_eq!(status, 202, "{first}");
    let (status, _, again) = bob.send(runs, &[("idempotency-key", "1")], options).await;
    assert_eq!((status, &again["run"]), (202, &first["run"]));
    let (status, _, refused) = bob.send(runs, &[], "").await;
    assert_eq!((status, code(&refused)), (409, "run-live"));
    let (status, _, anew) = bob.send(runs, &[], r#"{"supersede":true}"#).await;
    assert_eq!((status, &anew["superseded"]), (202, &first["run"]));
    let run = anew["run"].as_str().unwrap();
    let cancel = format!("POST /api/v1/runs/{run}/cancel");
    for _ in 0..2 {
        let (status, _, cancelled) = bob.send(&cancel, &[], "").await;
        assert_eq!((status, cancelled["task"].as_str()), (202, Some("photos")));
    }
    let (status, _, refused) = bob.send("POST /api/v1/runs/no-run/cancel", &[], "").await;
    assert_eq!((status, code(&refused)), (404, "no-such-run"));
    let (status, _, refused) = bob.send(&format!("POST /api/v1/runs/{run}/retry"), &[], "").await;
    assert_eq!((status, code(&refused)), (409, "nothing-failed"));
    let (status, _, refused) = bob.send(runs, &[], r#"{"overrides":{"compare":"smell"}}"#).await;
    assert_eq!((status, code(&refused)), (422, "invalid-setting"));
}

#[tokio::test]
async fn a_task_is_limited_paused_resumed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let (router, _) = api(folder.path()).await;
    let ada = Sent { router: &router, role: Some(Role::Admin) };
    ada.send("POST /api/v1/tasks", &[], TASK).await;
    let limits = "PATCH /api/v1/tasks/photos/limits";
    let (status, _, limited) = ada.send(limits, &[], r#"{"bandwidth":1048576,"machines":2}"#).await;
    assert_eq!((status, &limited["bandwidth"]), (202, &json!(1 << 20)));
    let (_, _, limited) = ada.send(limits, &[], r#"{"bandwidth":null}"#).await;
    assert_eq!((&limited["bandwidth"], &limited["machines"]), (&Value::Null, &json!(2)));
    let (status, _, refused) = ada.send(limits, &[], r#"{"bandwidth":1}"#).await;
    assert_eq!((status, refused["setting"].as_str()), (422, Some("limits.bandwidth")));
    assert_eq!(ada.send("POST /api/v1/tasks/photos/pause", &[], "").await.0, 202);
    let (status, _, refused) = ada.send("POST /api/v1/tasks/photos/runs", &[], "").await;
    assert_eq!((status, code(&refused)), (409, "task-paused"));
    assert_eq!(ada.send("POST /api/v1/tasks/photos/resume", &[], "").await.0, 202);
    let (status, _, requested) =
        ada.send("POST /api/v1/tasks/photos/verifications", &[], r#"{"effort":"quick"}"#).await;
    assert_eq!((status, requested["task"].as_str()), (202, Some("photos")));
    assert_eq!(ada.send("DELETE /api/v1/tasks/photos?records=true", &[], "").await.0, 202);
    let (status, _, refused) = ada.send("POST /api/v1/tasks/photos/pause", &[], "").await;
    assert!(status == 404 || status == 409, "{refused}");
}

#[tokio::test]
async fn definitions_are_checked_planned_and_probed_uncreated() {
    let folder = tempfile::tempdir().unwrap();
    let (router, _) = api(folder.path()).await;
    let ada = Sent { router: &router, role: Some(Role::Admin) };
    let toml = [("content-type", "application/toml")];
    let (status, _, checked) = ada.send("POST /api/v1/definitions/check", &toml, TOML).await;
    assert_eq!((status, checked["due"].as_array().map(Vec::len)), (200, Some(3)));
    let wrong = TASK.replace("\"/b\"", "\"/b\",\"colour\":\"red\"");
    let (status, _, refused) = ada.send("POST /api/v1/definitions/check", &[], &wrong).await;
    assert_eq!((status, code(&refused)), (422, "invalid-definition"));
    for path in ["POST /api/v1/plans", "POST /api/v1/probes"] {
        let body = format!("{{\"definition\":{TASK}}}");
        let (status, _, first) = ada.send(path, &[("idempotency-key", "1")], &body).await;
        assert_eq!((status, &first["task"]), (202, &Value::Null), "{path}");
        let (_, _, again) = ada.send(path, &[("idempotency-key", "1")], &body).await;
        assert_eq!(again, first);
        let (status, _, refused) = ada.send(path, &[], "{}").await;
        assert_eq!((status, code(&refused)), (422, "invalid-request"));
        let (status, _, refused) = ada.send(path, &[], r#"{"task":"none"}"#).await;
        assert_eq!((status, code(&refused)), (404, "no-such-task"));
    }
    for (headers, body, wanted) in [
        (vec![("content-type", "text/plain")], TASK, 415),
        (vec![], "{", 400),
        (vec![], "[]", 422),
        (vec![("idempotency-key", "")], TASK, 400),
    ] {
        let (status, _, refused) = ada.send("POST /api/v1/tasks", &headers, body).await;
        assert_eq!(status, wanted, "{body}: {refused}");
    }
}
