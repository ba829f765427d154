//! `flotilla task` over a state folder that nobody serves: what the commands record, and what they refuse.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use serde_json::Value;
use shared::job::Origin;
use shared::ledger::{NO_FENCE, Outcome, Phase, RunStart, Settlement, State};
use shared::object::Timestamp;
use tempfile::TempDir;

struct Fleet {
    folder: TempDir,
}

impl Fleet {
    /// A fleet with the task `photos`.
    async fn new(options: &[&str]) -> Fleet {
        let fleet = Fleet { folder: tempfile::tempdir().expect("a readable answer or file") };
        fleet.answer(&[&["create", "photos", "/photos", "/backup"][..], options].concat()).await;
        fleet
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    async fn task_with(&self, arguments: &[&str], env: &[(&'static str, String)]) -> Ended {
        let mut all = vec!["task".to_owned()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        all.extend(["--state".to_owned(), self.state().display().to_string()]);
        let env = env.iter().map(|(name, value)| (*name, value.clone()));
        Process::start(&binaries::flotilla(), all, env.chain([("USER", "ada".to_owned())]))
            .wait(Duration::from_secs(60))
            .await
    }

    /// Of a command that succeeds.
    async fn answer(&self, arguments: &[&str]) -> String {
        let ended = self.task_with(arguments, &[]).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    /// Of a command that is refused in one line.
    async fn refusal(&self, arguments: &[&str]) -> String {
        let ended = self.task_with(arguments, &[]).await;
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{arguments:?}: {}", ended.stderr);
        ended.stderr
    }

    async fn shown(&self, name: &str) -> Value {
        serde_json::from_str(&self.answer(&["show", name, "--json"]).await).expect("a readable answer or file")
    }

    /// Edits `photos` with a script as the editor; its first argument is the file.
    async fn edit(&self, script: &str) -> Ended {
        let editor = self.folder.path().join("editor");
        fs::write(&editor, format!("#!/bin/sh\n{script}\n")).expect("a readable answer or file");
        fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).expect("a readable answer or file");
        let env = [("EDITOR", editor.display().to_string()), ("TMPDIR", self.drafts().display().to_string())];
        fs::create_dir_all(self.drafts()).expect("a readable answer or file");
        self.task_with(&["edit", "photos"], &env).await
    }

    fn drafts(&self) -> PathBuf {
        self.folder.path().join("drafts")
    }

    /// The text of the only draft that was kept.
    fn kept(&self, says: &str) -> String {
        let files: Vec<PathBuf> = fs::read_dir(self.drafts())
            .expect("a readable answer or file")
            .map(|file| file.expect("a readable answer or file").path())
            .collect();
        let [file] = &files[..] else { panic!("{files:?}") };
        assert!(says.contains(file.to_str().expect("a readable answer or file")), "{says}");
        fs::read_to_string(file).expect("a readable answer or file")
    }
}

#[tokio::test]
async fn options_change_the_settings_they_name_alone() {
    let fleet = Fleet::new(&["--schedule", "every 6h", "--delete", "--bandwidth-limit", "2MiB"]).await;
    let said = fleet.answer(&["edit", "photos", "--metadata", "--description", "Photos", "--reset", "delete"]).await;
    assert_eq!(
        said,
        "changed task photos, version 2: description, find.delete, find.metadata; from the next run on, limits at once\n"
    );
    let toml = fleet.answer(&["show", "photos", "--toml"]).await;
    for (line, is_there) in [
        ("description = \"Photos\"", true),
        ("metadata = true", true),
        ("delete", false),
        ("schedule = \"every 6h\"", true),
        ("bandwidth = 2097152", true),
    ] {
        assert_eq!(toml.contains(line), is_there, "{line}: {toml}");
    }
    let ended = fleet.task_with(&["edit", "photos", "--metadata"], &[]).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(0), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("not changed"), "{}", ended.stderr);
    for (arguments, part) in [
        (
            &["edit", "photos", "--source", "/other"][..],
            "--source: the locations of a task stay: use flotilla task clone photos NEW",
        ),
        (&["edit", "photos", "--reset", "source"], "--reset: \"source\" is no setting that has a default"),
        (&["edit", "photos", "--concurrency", "3"], "machines have it"),
        (&["edit", "films", "--metadata"], "has no task \"films\""),
        (&["edit", "photos", "--max-age", "1s", "--min-age", "1h"], "age"),
    ] {
        let refused = fleet.refusal(arguments).await;
        assert!(refused.contains(part), "{arguments:?}: {refused}");
    }
    let changes = fleet.answer(&["history", "photos", "--changes"]).await;
    let lines: Vec<Vec<&str>> = changes.lines().map(|line| line.split('\t').skip(1).collect()).collect();
    assert_eq!(lines, [vec!["ada", "edit 2", "description, find.delete, find.metadata"], vec!["ada", "create"]]);
}

#[tokio::test]
async fn a_clone_takes_everything_but_name_and_locations() {
    let fleet = Fleet::new(&["--schedule", "every 6h", "--exclude", "*.tmp"]).await;
    fleet.answer(&["limit", "photos", "--requests", "50"]).await;
    let said = fleet
        .answer(&["clone", "photos", "films", "--source", "/films", "--destination", "s3://films", "--delete"])
        .await;
    assert!(said.starts_with("created task films"), "{said}");
    let toml = fleet.answer(&["show", "films", "--toml"]).await;
    for line in [
        "task = \"films\"",
        "schedule = \"every 6h\"",
        "delete = true",
        "\"- *.tmp\"",
        "location = \"s3://films\"",
        "location = \"/films\"",
        "requests = 50",
    ] {
        assert!(toml.contains(line), "{line}: {toml}");
    }
    assert!(fleet.refusal(&["clone", "photos", "films"]).await.contains("has a task \"films\""));
    assert!(fleet.refusal(&["clone", "photos", "a--b"]).await.contains("queue names use --"));
    assert!(
        fleet.refusal(&["clone", "photos", "new", "--from", "/x"]).await.contains("use flotilla task create --from")
    );
}

#[tokio::test]
async fn an_editor_changes_a_definition_and_gets_a_refused_text_again() {
    let fleet = Fleet::new(&["--schedule", "every 6h"]).await;
    // The first time it breaks the text, the second time it mends it, if the reason stands above.
    let script = "if grep -q '^#: refused: .*schedule' \"$1\"; then sed -i 's/hourly/every 1h/' \"$1\"; \
                  else sed -i 's/every 6h/hourly/' \"$1\"; fi";
    let ended = fleet.edit(script).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("changed task photos, version 2: schedule"), "{}", ended.stdout);
    assert!(fleet.answer(&["show", "photos", "--toml"]).await.contains("every 1h"));
    assert_eq!(fs::read_dir(fleet.drafts()).unwrap().count(), 0);
    // A text that stays refused is kept.
    let ended = fleet.edit("sed -i 's/every 1h/hourly/' \"$1\"").await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
    assert!(fleet.kept(&ended.stderr).contains("schedule = \"hourly\""));
    fs::remove_dir_all(fleet.drafts()).unwrap();
    // And one of an editor that fails.
    let ended = fleet.edit("echo '# mine' >>\"$1\"; exit 3").await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("nothing is changed") && fleet.kept(&ended.stderr).contains("# mine"),
        "{}",
        ended.stderr
    );
    fs::remove_dir_all(fleet.drafts()).unwrap();
    let ended = fleet.edit("true").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("not changed"), "{}", ended.stderr);
    assert_eq!(fleet.shown("photos").await["version"], 2);
}

#[tokio::test]
async fn the_second_editor_gets_a_conflict_and_keeps_the_text() {
    let fleet = Fleet::new(&["--schedule", "every 6h"]).await;
    let other = format!(
        "{} task edit photos --description other --state {} >/dev/null || exit 9\nsed -i 's/every 6h/every 1h/' \"$1\"",
        binaries::flotilla().display(),
        fleet.state().display()
    );
    let ended = fleet.edit(&other).await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
    assert!(ended.stderr.contains("somebody else has changed task \"photos\": version 1 is now 2"), "{}", ended.stderr);
    assert!(fleet.kept(&ended.stderr).contains("every 1h"));
    let toml = fleet.answer(&["show", "photos", "--toml"]).await;
    assert!(toml.contains("every 6h") && toml.contains("other"), "{toml}");
}

#[tokio::test]
async fn a_text_cannot_change_what_stays() {
    let fleet = Fleet::new(&[]).await;
    for (script, part) in [
        ("s/\"photos\"/\"films\"/", "keeps its name"),
        ("s#\"/backup/*\"#\"/other\"#", "destination: task \"photos\" keeps its location"),
    ] {
        let ended = fleet
            .edit(&format!(
                "grep -q '^#: refused' \"$1\" && {{ grep '^#:' \"$1\" >&2; exit 0; }}\nsed -i '{script}' \"$1\""
            ))
            .await;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains(part) && ended.stderr.contains("task clone photos NEW"),
            "{script}: {}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn a_run_is_begun_superseded_and_cancelled() {
    let fleet = Fleet::new(&[]).await;
    let begun: Value =
        serde_json::from_str(&fleet.answer(&["run", "photos", "--json", "--delete", "--exclude", "*.tmp"]).await)
            .unwrap();
    let first = begun["run"].as_str().unwrap().to_owned();
    let shown = fleet.shown("photos").await;
    assert_eq!(
        (shown["run"]["id"].as_str(), shown["queues"]["Ok"]["ready"].as_u64()),
        (Some(&*first), Some(1)),
        "{shown}"
    );
    let request: Value = serde_json::from_str(shown["operations"][0]["request"].as_str().unwrap()).unwrap();
    assert_eq!(request, serde_json::json!({"delete": true, "filters": ["- *.tmp"]}));
    let listed = fleet.answer(&["list"]).await;
    assert!(listed.starts_with(&format!("photos\tactive, run {} queued\t", &first[28..])), "{listed}");
    let refused = fleet.refusal(&["run", "photos"]).await;
    assert!(refused.contains("has not ended") && refused.contains("--supersede"), "{refused}");
    let said = fleet.answer(&["run", "photos", "--supersede"]).await;
    assert!(said.starts_with("began run "), "{said}");
    let second = fleet.shown("photos").await["run"]["id"].as_str().unwrap().to_owned();
    assert!(second > first);
    for _ in 0..2 {
        let said = fleet.answer(&["cancel", "photos"]).await;
        assert!(said.starts_with(&format!("cancelling run {} of task photos", &second[28..])), "{said}");
    }
    let shown = fleet.shown("photos").await;
    assert_eq!(shown["cancelled"], serde_json::json!([first, second]), "{shown}");
    let runs = fleet.answer(&["history", "photos"]).await;
    assert_eq!(runs.lines().count(), 2);
    assert!(runs.starts_with(&second[28..]) && runs.contains("\tby ada\tqueued"), "{runs}");
    let refused = fleet.refusal(&["run", "photos", "--max-delete", "x", "--supersede"]).await;
    assert!(refused.contains("--max-delete"), "{refused}");
}

#[tokio::test]
async fn a_paused_task_runs_after_it_is_resumed() {
    let fleet = Fleet::new(&["--schedule", "every 6h"]).await;
    for _ in 0..2 {
        assert!(fleet.answer(&["pause", "photos"]).await.starts_with("paused task photos"));
    }
    assert!(fleet.answer(&["list"]).await.starts_with("photos\tpaused\t"));
    let refused = fleet.refusal(&["run", "photos"]).await;
    assert!(refused.contains("is paused: run flotilla task resume photos first"), "{refused}");
    assert!(fleet.refusal(&["cancel", "photos"]).await.contains("has no run to cancel"));
    for _ in 0..2 {
        assert!(fleet.answer(&["resume", "photos"]).await.starts_with("resumed task photos: next run 2"));
    }
    fleet.answer(&["run", "photos"]).await;
}

#[tokio::test]
async fn limits_change_one_by_one_and_survive_an_edit() {
    let fleet = Fleet::new(&["--machines", "4"]).await;
    assert_eq!(
        fleet.answer(&["limit", "photos", "--bandwidth", "2MiB"]).await,
        "task photos: at most bandwidth 2.00 MiB/s, 4 machines\n"
    );
    fleet.answer(&["limit", "photos", "--machines", "none", "--requests", "70"]).await;
    fleet.answer(&["edit", "photos", "--metadata"]).await;
    let shown = fleet.shown("photos").await;
    assert_eq!(shown["limits"], serde_json::json!({"bandwidth": 2 << 20, "requests": 70}), "{shown}");
    for (arguments, part) in [
        (&["limit", "photos"][..], "give --bandwidth, --requests or --machines"),
        (&["limit", "photos", "--bandwidth", "1B"], "is out of bounds"),
        (&["limit", "photos", "--bandwidth", "lots"], "give a number, or none"),
    ] {
        let refused = fleet.refusal(arguments).await;
        assert!(refused.contains(part), "{arguments:?}: {refused}");
    }
}

#[tokio::test]
async fn a_deleted_task_that_ran_is_left_to_its_server() {
    let fleet = Fleet::new(&[]).await;
    fleet.answer(&["run", "photos"]).await;
    for _ in 0..2 {
        let said = fleet.answer(&["delete", "photos", "--yes"]).await;
        assert!(said.starts_with("task photos is being deleted: its runs are cancelled"), "{said}");
    }
    for command in
        [&["run", "photos"][..], &["pause", "photos"], &["resume", "photos"], &["edit", "photos", "--metadata"]]
    {
        let refused = fleet.refusal(command).await;
        assert!(refused.contains("is being deleted: create another one"), "{command:?}: {refused}");
    }
    assert!(fleet.refusal(&["create", "photos", "/a", "/b"]).await.contains("give another name"));
}

#[tokio::test]
async fn hostile_definitions_are_refused_in_one_line() {
    let fleet = Fleet::new(&[]).await;
    let write = |name: &str, text: &str| {
        let file = fleet.folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let with =
        |line: &str| format!("task = \"new\"\n{line}\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n");
    let cases = [
        (with("description = \"a\\u001b[2Jb\""), "description: give one line"),
        (with(&format!("description = \"{}\"", "x".repeat(1 << 20))), "at most 200 characters"),
        (with("notify.webhook = \"https://ada:secret@example.com/\""), "not a URL without user and password"),
        (
            with("").replace("\"/a\"", "\"s3://a\"\nendpoint-url = \"https://ada:secret@host\""),
            "no user, query or fragment",
        ),
        (with("\u{0}"), "line 2"),
        (with("").replace("\"/a\"", &format!("\"/{}\"", "x".repeat(20_000))), "bytes"),
        (with(&format!("find.filters = [\"- {}\"]", "x".repeat(2 << 20))), ""),
    ];
    for (text, part) in &cases {
        let file = write("hostile.toml", text);
        let refused = fleet.refusal(&["create", "--from", &file]).await;
        assert!(
            refused.contains(part) && !refused.contains("secret") && refused.len() < 2_000,
            "{part}: {refused:.300}"
        );
        assert!(!refused.contains('\u{1b}'), "{refused}");
    }
    let missing = Path::new("/nowhere").display().to_string();
    assert!(fleet.refusal(&["edit", "photos", "--from", &missing]).await.contains("/nowhere"));
}

#[tokio::test]
async fn a_cancelled_run_is_marked_where_workers_read_it() {
    let fleet = Fleet::new(&[]).await;
    let begun: Value = serde_json::from_str(&fleet.answer(&["run", "photos", "--json"]).await).unwrap();
    let run = begun["run"].as_str().unwrap();
    let shown = fleet.shown("photos").await;
    let task = shown["task"]["id"].as_str().unwrap().to_owned();
    let ledger = adapters::open::embedded_ledger(&fleet.state()).unwrap();
    let start = RunStart {
        id: run.to_owned(),
        task: task.clone(),
        source: "/photos".to_owned(),
        destination: "/backup".to_owned(),
        options: Default::default(),
        started: Timestamp(1),
    };
    ledger.start_run(&start, NO_FENCE).await.unwrap();
    let failed = Outcome { error: Some("no luck".to_owned()), ..Outcome::new("a.txt".to_owned(), State::Failed) };
    let (origin, outcomes) = (Origin { id: "m-1".to_owned(), items: 1 }, [(0, failed)]);
    ledger
        .settle(&Settlement { task: &task, run, origin: &origin, reasons: &[], outcomes: &outcomes, span: None })
        .await
        .unwrap();
    // All commands that look at runs take the task's name.
    let of_task = async |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let state = ["--state".to_owned(), fleet.state().display().to_string()];
        let none: [(&str, String); 0] = [];
        let all = words.into_iter().chain(state);
        let ended = Process::start(&binaries::flotilla(), all, none).wait(Duration::from_secs(60)).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    assert!(of_task(&["status", "photos"]).await.starts_with(&run[28..]));
    assert_eq!(of_task(&["failures", "photos"]).await, "a.txt\t1 attempt\tno luck\n");
    assert!(of_task(&["outcome", "photos", "a.txt"]).await.starts_with("a.txt\tfailed\t"));
    let all = of_task(&["status"]).await;
    assert!(all.starts_with("photos\tactive, run ") && all.contains("listing, "), "{all}");
    for _ in 0..2 {
        fleet.answer(&["cancel", "photos"]).await;
        assert_eq!(ledger.run_state(run).await.unwrap().unwrap().phase, Phase::Cancelling);
    }
    let known = ledger.run(run).await.unwrap().unwrap();
    assert_eq!(known.error.as_deref(), Some("cancelled by ada"));
}
